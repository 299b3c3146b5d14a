//! How many events a task has committed in the last hour, two minutes by two.

use std::collections::VecDeque;

use jiff::Timestamp;

/// Counts by the time of their commit; old ones are dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct History(VecDeque<(i64, u64)>);

/// What was committed in an hour: one count for each two minutes, oldest first.
pub type Hour = [u64; SLOTS];

const SLOTS: usize = 30;
const SLOT_SECONDS: i64 = 120;

// === impl History ===

impl History {
    pub(super) fn add(&mut self, at: Timestamp, events: u64) {
        let slot = slot(at);
        match self.0.back_mut() {
            Some((last, count)) if *last >= slot => *count = count.saturating_add(events),
            _ => {
                if self.0.len() == SLOTS {
                    self.0.pop_front();
                }
                self.0.push_back((slot, events));
            }
        }
    }

    /// The hour before `now`, oldest count first.
    pub(super) fn hour(&self, now: Timestamp) -> Hour {
        let mut hour = Hour::default();
        let newest = slot(now);
        for (slot, events) in &self.0 {
            let age = usize::try_from(newest.saturating_sub(*slot)).unwrap_or(0);
            if let Some(count) = SLOTS.checked_sub(age + 1).map(|place| &mut hour[place]) {
                *count += events;
            }
        }
        hour
    }
}

fn slot(at: Timestamp) -> i64 {
    at.as_second().div_euclid(SLOT_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn an_hour_ends_now_and_what_is_older_is_gone() {
        let mut history = History::default();
        for (at, events) in [(0, 7), (60, 1), (61, 2), (100, 0), (119, 5)] {
            history.add(minute(at), events);
        }
        let hour = history.hour(minute(119));
        assert_eq!((hour[0], hour[29], hour.iter().sum()), (3, 5, 8_u64));
        let hour = history.hour(minute(121));
        assert_eq!((hour[28], hour.iter().sum()), (5, 5_u64));
        assert_eq!(history.hour(minute(300)), Hour::default());
        assert_eq!(History::default().hour(minute(1)), Hour::default());
    }

    #[test]
    fn it_stays_short_and_bears_clocks_that_differ() {
        let mut history = History::default();
        for at in 0..1000 {
            history.add(minute(at), 1);
        }
        assert_eq!(history.0.len(), SLOTS);
        history.add(minute(5), 1);
        assert_eq!(history.hour(minute(999)).iter().sum::<u64>(), 61);
        assert_eq!(history.hour(minute(990))[29], 10 + 1);
    }
}
