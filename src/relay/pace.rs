//! How often an account is asked: the configured poll interval, or a quarter of an hour while it is throttled.
//!
//! The service throttles with 429. One is answered by waiting; three within an hour mean that the interval is wrong.
//! It is then raised to 15 minutes, the advice that the service's own documentation gives, until there has been no
//! 429 for an hour. All streams of a connector share one pace, as they share one token.

use std::time::Duration;

use jiff::Timestamp;

/// The pace of one connector.
#[derive(Debug)]
pub(super) struct Pace {
    configured: Duration,
    /// The latest 429s, oldest first, as many as it takes.
    throttled: [Option<Timestamp>; 3],
    /// Told last.
    interval: Duration,
}

/// The interval while throttled.
pub(super) const THROTTLED: Duration = Duration::from_mins(15);
const HOUR: Duration = Duration::from_hours(1);

// === impl Pace ===

impl Pace {
    pub(super) const fn new(configured: Duration) -> Self {
        Self {
            configured,
            throttled: [None; 3],
            interval: configured,
        }
    }

    /// Notes a 429.
    pub(super) fn throttled(&mut self, now: Timestamp) {
        if self.throttled[2].is_some_and(|last| since(last, now) >= HOUR) {
            self.throttled = [None; 3];
        }
        self.throttled.rotate_left(1);
        self.throttled[2] = Some(now);
    }

    /// The interval in force. A change of it is logged.
    pub(super) fn interval(&mut self, now: Timestamp, connector: &str) -> Duration {
        let interval = if self.is_throttled(now) {
            self.configured.max(THROTTLED)
        } else {
            self.configured
        };
        if interval > self.interval {
            tracing::warn!(
                connector,
                interval = ?interval,
                "1Password throttles this account: it is polled more rarely until there was no 429 for an hour. Raise \
                 poll.interval.ms to 900000 if this happens often"
            );
        } else if interval < self.interval {
            tracing::info!(connector, interval = ?interval, "1Password has not throttled for an hour");
        }
        self.interval = interval;
        interval
    }

    /// Whether the latest three 429s came within an hour, and the last of them within the last hour.
    pub(super) fn is_throttled(&self, now: Timestamp) -> bool {
        let [Some(first), _, Some(last)] = self.throttled else {
            return false;
        };
        since(first, last) < HOUR && since(last, now) < HOUR
    }
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn three_429_within_an_hour_raise_the_interval_until_an_hour_is_quiet() {
        let configured = Duration::from_mins(5);
        let mut pace = Pace::new(configured);
        pace.throttled(minute(0));
        pace.throttled(minute(10));
        assert_eq!(pace.interval(minute(10), "acme"), configured);
        pace.throttled(minute(20));
        assert_eq!(pace.interval(minute(20), "acme"), THROTTLED);
        assert_eq!(pace.interval(minute(79), "acme"), THROTTLED);
        assert_eq!(pace.interval(minute(80), "acme"), configured);
        pace.throttled(minute(81));
        assert_eq!(pace.interval(minute(81), "acme"), configured);
    }

    #[test]
    fn rare_429_change_nothing_and_a_longer_interval_stays() {
        let mut pace = Pace::new(Duration::from_mins(5));
        for n in 0..10 {
            pace.throttled(minute(n * 31));
        }
        assert_eq!(pace.interval(minute(280), "acme"), Duration::from_mins(5));
        let mut pace = Pace::new(Duration::from_hours(2));
        for n in 0..3 {
            pace.throttled(minute(n));
        }
        assert_eq!(pace.interval(minute(3), "acme"), Duration::from_hours(2));
    }
}
