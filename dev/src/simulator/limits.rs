//! The rate limiter: so many requests a minute and an hour for each token.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::options::RateLimits;

/// Counts requests per token within fixed windows.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    tokens: HashMap<String, [Window; 2]>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    length: Duration,
    taken: u32,
}

// === impl Limiter ===

impl Limiter {
    /// Counts one request; if there were too many, says after how many whole seconds the window ends.
    pub(super) fn admit(
        &mut self,
        token: &str,
        limits: RateLimits,
        now: Instant,
    ) -> Result<(), u32> {
        let windows = self.tokens.entry(token.to_owned()).or_insert_with(|| {
            [Duration::from_mins(1), Duration::from_hours(1)].map(|length| Window {
                since: now,
                length,
                taken: 0,
            })
        });
        let caps = [limits.per_minute, limits.per_hour];
        for (window, cap) in windows.iter_mut().zip(caps) {
            window.turn(now);
            if window.taken >= cap {
                return Err(window.rest(now));
            }
        }
        for window in windows {
            window.taken += 1;
        }
        Ok(())
    }
}

// === impl Window ===

impl Window {
    fn turn(&mut self, now: Instant) {
        if now.duration_since(self.since) >= self.length {
            self.since = now;
            self.taken = 0;
        }
    }

    fn rest(&self, now: Instant) -> u32 {
        let rest = self.length.saturating_sub(now.duration_since(self.since));
        u32::try_from(rest.as_millis().div_ceil(1000)).expect("a window is at most an hour")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_fills_and_empties_for_each_token_alone() {
        let limits = RateLimits {
            per_minute: 2,
            per_hour: 3,
            ..RateLimits::default()
        };
        let mut limiter = Limiter::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(limiter.admit("a", limits, at(0)), Ok(()));
        assert_eq!(limiter.admit("a", limits, at(1)), Ok(()));
        assert_eq!(limiter.admit("a", limits, at(2)), Err(58));
        assert_eq!(limiter.admit("b", limits, at(2)), Ok(()));
        assert_eq!(limiter.admit("a", limits, at(60)), Ok(()));
        assert_eq!(limiter.admit("a", limits, at(61)), Err(3539));
    }
}
