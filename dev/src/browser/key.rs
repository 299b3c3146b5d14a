//! Keys that are no letters, as `WebDriver` writes them.

/// To the next element.
pub const TAB: &str = "\u{e004}";
/// To the element before: the shift key and the tabulator.
pub const BACK_TAB: &str = "\u{e008}\u{e004}";
/// The enter key.
pub const ENTER: &str = "\u{e007}";
/// The escape key.
pub const ESCAPE: &str = "\u{e00c}";
/// The arrow down.
pub const DOWN: &str = "\u{e015}";
/// The arrow up.
pub const UP: &str = "\u{e013}";
/// Selects all that is in a field, and deletes it.
pub(super) const INSTEAD: &str = "\u{e009}a\u{e000}\u{e003}";
