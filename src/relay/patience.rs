//! How long a task waits: for its next poll, after an error that passes, after one that needs somebody.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::time::sleep;

use super::{pace::THROTTLED, source::Source};
use crate::backoff::Backoff;

/// The waits of one task.
#[derive(Debug)]
pub(super) struct Patience {
    retries: Backoff,
    /// After a 429 in a row with others.
    throttles: Backoff,
    failures: u32,
    random: fastrand::Rng,
}

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_mins(1);
/// The longest wait of a task that has failed, or has nothing to read.
pub(super) const LONGEST: Duration = Duration::from_hours(1);
/// How often a task that has failed looks for a new token.
const LOOK: Duration = Duration::from_secs(2);

// === impl Patience ===

impl Patience {
    pub(super) fn new() -> Self {
        Self {
            retries: Backoff::new(FIRST_RETRY, LONGEST_RETRY, fastrand::Rng::new()),
            throttles: Backoff::new(FIRST_RETRY, THROTTLED, fastrand::Rng::new()),
            failures: 0,
            random: fastrand::Rng::new(),
        }
    }

    /// 1Password has answered with a page.
    pub(super) const fn answered(&mut self) {
        self.retries.reset();
        self.throttles.reset();
    }

    /// What was read is in Kafka: whatever was wrong is over.
    pub(super) const fn reset(&mut self) {
        self.answered();
        self.failures = 0;
    }

    /// The wait before the next poll: the interval, give or take a twentieth, so that many tasks do not poll in step.
    pub(super) fn interval(&mut self, interval: Duration) -> Duration {
        interval.mul_f64(0.95 + 0.1 * self.random.f64())
    }

    /// The wait after an error that passes by itself.
    pub(super) fn retry(&mut self, not_before: Option<Duration>) -> Duration {
        self.retries.next_wait().max(not_before.unwrap_or_default())
    }

    /// The wait after a 429: while they go on, the bound doubles up to the interval of a throttled account.
    pub(super) fn throttle(&mut self, not_before: Option<Duration>) -> Duration {
        let wait = self.throttles.next_wait();
        wait.max(not_before.unwrap_or_default())
    }

    /// The wait after an error that does not: the poll interval, doubled with each in a row, up to an hour.
    pub(super) fn failure(&mut self, poll_interval: Duration) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        poll_interval.saturating_mul(factor).min(LONGEST)
    }
}

/// Waits, but not longer than the token stays the one that was used: a rotated one is worth a try at once.
pub(super) async fn pause(wait: Duration, source: &Source, used: &SecretString) {
    let until = Instant::now() + wait;
    while !source.token_differs(used) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        sleep(left.min(LOOK)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_tried_again_ever_more_rarely_up_to_an_hour() {
        let mut patience = Patience::new();
        let minutes = [5, 10, 20, 40, 60, 60];
        for wanted in minutes {
            assert_eq!(
                patience.failure(Duration::from_mins(5)),
                Duration::from_mins(wanted)
            );
        }
        patience.reset();
        assert_eq!(
            patience.failure(Duration::from_mins(5)),
            Duration::from_mins(5)
        );
    }

    #[test]
    fn who_is_throttled_asks_ever_more_rarely_up_to_a_quarter_of_an_hour() {
        let longest = |waits: &dyn Fn(&mut Patience) -> Duration| {
            let mut patience = Patience::new();
            (0..200).map(|_| waits(&mut patience)).max().unwrap()
        };
        let throttled = longest(&|patience| patience.throttle(None));
        assert!(throttled > Duration::from_mins(10) && throttled <= THROTTLED);
        assert!(longest(&|patience| patience.retry(None)) <= LONGEST_RETRY);
        let mut patience = Patience::new();
        assert!(patience.throttle(Some(Duration::from_secs(7))) >= Duration::from_secs(7));
    }

    #[test]
    fn a_named_wait_is_kept_and_polls_are_spread() {
        let mut patience = Patience::new();
        assert!(patience.retry(Some(Duration::from_secs(7))) >= Duration::from_secs(7));
        let waits: Vec<_> = (0..100)
            .map(|_| patience.interval(Duration::from_secs(100)).as_secs_f64())
            .collect();
        assert!(waits.iter().all(|wait| (95.0..=105.0).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 97.0) && waits.iter().any(|wait| *wait > 103.0));
    }
}
