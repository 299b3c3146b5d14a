//! Exponential back-off with full jitter.
//!
//! Each wait is drawn evenly from nothing to the current bound, and the bound doubles up to a limit: of all the
//! usual forms the one that spreads competing clients best (M. Brooker, "Exponential Backoff And Jitter", 2015).

use std::time::Duration;

/// The waits between tries of one operation.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    limit: Duration,
    next: Duration,
    random: fastrand::Rng,
}

// === impl Backoff ===

impl Backoff {
    /// Bounds that begin at `first` and double up to `limit`.
    #[must_use]
    pub const fn new(first: Duration, limit: Duration, random: fastrand::Rng) -> Self {
        Self {
            first,
            limit,
            next: first,
            random,
        }
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.next.mul_f64(self.random.f64());
        self.next = self.next.saturating_mul(2).min(self.limit);
        wait
    }

    /// Begins again at the first bound: call it after a success.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_below_a_bound_that_doubles_to_its_limit() {
        let (first, limit) = (Duration::from_secs(1), Duration::from_secs(8));
        let waits: Vec<_> = (0..200)
            .map(|seed| {
                let mut backoff = Backoff::new(first, limit, fastrand::Rng::with_seed(seed));
                [0; 6].map(|_| backoff.next_wait().as_secs_f64())
            })
            .collect();
        for (n, bound) in [1.0, 2.0, 4.0, 8.0, 8.0, 8.0].into_iter().enumerate() {
            let longest = waits.iter().map(|w| w[n]).fold(0.0, f64::max);
            let shortest = waits.iter().map(|w| w[n]).fold(f64::MAX, f64::min);
            assert!(longest <= bound && longest > bound * 0.9, "{n}: {longest}");
            assert!(shortest < bound * 0.1, "{n}: {shortest}");
        }
    }

    #[test]
    fn a_success_begins_again() {
        let mut backoff = Backoff::new(
            Duration::from_secs(1),
            Duration::from_mins(1),
            fastrand::Rng::with_seed(7),
        );
        for _ in 0..10 {
            backoff.next_wait();
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_secs(1));
    }
}
