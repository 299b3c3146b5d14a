//! The one place that asks what time it is; everything else is told.

use jiff::Timestamp;

/// A source of the current time, passed to whatever needs it.
pub type Clock = fn() -> Timestamp;

/// The system's clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
