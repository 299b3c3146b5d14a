//! What to do about an error: every adapter's error names one of these, and only the relay acts on them.

use std::time::Duration;

/// The decision that an error asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try the same again after a back-off; not before this time has passed, where the other side has named one.
    Retry(Option<Duration>),
    /// Roll the transaction back and send the same batch again.
    Abort,
    /// Give the producer up, and begin again with a new one from the last committed positions.
    Rebuild,
    /// Stop this task, say why, and try again much later; the others go on.
    Fail,
    /// The worker cannot do its work: end the process.
    Stop,
}
