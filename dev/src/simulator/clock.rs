//! The simulator's clock: the one place that reads the time of day.

use jiff::Timestamp;

#[expect(
    clippy::disallowed_methods,
    reason = "the simulator plays the outside world, whose time is the real one"
)]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}
