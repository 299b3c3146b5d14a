//! What this program was built from. `build.rs` finds it out.

use std::sync::LazyLock;

use jiff::Timestamp;

/// The program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit, or `unknown`.
pub const COMMIT: &str = env!("BUILD_COMMIT");

/// When it was built (RFC 3339).
pub static TIME: LazyLock<String> = LazyLock::new(|| {
    let seconds = env!("BUILD_SECONDS").parse().ok();
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or_default().to_string()
});

/// All of it, for a person.
pub static IN_WORDS: LazyLock<String> =
    LazyLock::new(|| format!("{VERSION} (commit {COMMIT}, built at {})", *TIME));
