//! Never more requests than 1Password allows: 600 a minute and 30,000 an hour (Events API, "Rate limits").
//!
//! One limiter keeps both. It is a token bucket (GCRA) that holds `b` requests and regains `r` a minute, so that at
//! most `b + r` requests fit into any minute and `b + 60 r` into any hour. With `r` = 490 and `b` = 100 these are
//! 590 and 29,500: below both limits, wherever the service's own windows may begin, and with room for the rare
//! request of somebody else. A lower `r` shrinks `b` in proportion.
//!
//! What is limited is the token: its three streams share the limiter, and so do connectors of one worker that were
//! given the same token. Workers do not share; a token belongs into one connector.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock};
use secrecy::{ExposeSecret, SecretString};

/// The limiters of all tokens that this worker has ever had: few bytes each, and what a token was told holds also when
/// nobody uses it for a moment.
#[derive(Debug, Clone)]
pub struct Limits {
    quota: Quota,
    /// By a keyed hash of the token, which says nothing about it. Two tokens with one hash would share a limiter,
    /// which does no harm.
    known: Arc<Mutex<HashMap<u64, Arc<Limit>>>>,
    hasher: RandomState,
}

/// The limiter of one token.
pub struct Limit {
    rate: DefaultDirectRateLimiter,
    /// The service has said that nothing is left before this time.
    held: Mutex<Option<Instant>>,
}

// === impl Limits ===

impl Limits {
    /// How many requests a minute are made at most, unless the settings say less.
    pub const PER_MINUTE: NonZeroU32 = NonZeroU32::new(490).expect("490 is not 0");

    /// Limits of so many requests a minute for each token.
    #[must_use]
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self {
            quota: quota(per_minute),
            known: Arc::default(),
            hasher: RandomState::new(),
        }
    }

    /// The limiter of `token`, shared with everybody who asks for the same.
    #[must_use]
    pub fn of(&self, token: &SecretString) -> Arc<Limit> {
        let key = self.hasher.hash_one(token.expose_secret());
        let mut known = lock(&self.known);
        let limit = known
            .entry(key)
            .or_insert_with(|| Arc::new(Limit::new(self.quota)));
        Arc::clone(limit)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(Self::PER_MINUTE)
    }
}

// === impl Limit ===

impl Limit {
    fn new(quota: Quota) -> Self {
        Self {
            rate: RateLimiter::direct(quota),
            held: Mutex::default(),
        }
    }

    /// Waits until one more request is allowed, and counts it.
    pub async fn until_ready(&self) {
        while let Err(wait) = self.take(Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Lets nothing through before `until`; an earlier time changes nothing.
    pub fn hold_until(&self, until: Instant) {
        let mut held = lock(&self.held);
        *held = (*held).max(Some(until));
    }

    /// Counts one request, or says how long to wait before asking again.
    fn take(&self, now: Instant) -> Result<(), Duration> {
        match lock(&self.held).map(|until| until.saturating_duration_since(now)) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => self
                .rate
                .check()
                .map_err(|not_until| not_until.wait_time_from(self.rate.clock().now())),
        }
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

fn quota(per_minute: NonZeroU32) -> Quota {
    let burst = per_minute.get().saturating_mul(100) / Limits::PER_MINUTE;
    let burst = NonZeroU32::new(burst.clamp(1, 100)).expect("at least 1");
    Quota::per_minute(per_minute).allow_burst(burst)
}

/// What is guarded here is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    /// When a client that always asks at once gets through, in milliseconds, within the first two hours.
    fn greedy(per_minute: u32) -> Vec<u64> {
        let clock = FakeRelativeClock::default();
        let quota = quota(NonZeroU32::new(per_minute).unwrap());
        let rate = RateLimiter::direct_with_clock(quota, clock.clone());
        let mut taken = Vec::new();
        for now in (0..7_200_000).step_by(20) {
            while rate.check().is_ok() {
                taken.push(now);
            }
            clock.advance(Duration::from_millis(20));
        }
        taken
    }

    fn most_within(taken: &[u64], window: u64) -> usize {
        (0..taken.len())
            .map(|first| taken.partition_point(|at| *at < taken[first] + window) - first)
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn any_minute_and_any_hour_stay_below_the_limits() {
        let taken = greedy(Limits::PER_MINUTE.get());
        let (minute, hour) = (most_within(&taken, 60_000), most_within(&taken, 3_600_000));
        assert!((580..=590).contains(&minute), "{minute}");
        assert!((29_400..=29_500).contains(&hour), "{hour}");
    }

    #[test]
    fn a_lower_limit_shrinks_the_burst_too() {
        for (per_minute, burst) in [(1, 1), (49, 10), (245, 50), (490, 100), (600, 100)] {
            let quota = quota(NonZeroU32::new(per_minute).unwrap());
            assert_eq!(quota.burst_size().get(), burst, "{per_minute}");
        }
    }

    #[test]
    fn a_token_keeps_its_limiter_also_when_nobody_uses_it_for_a_moment() {
        let limits = Limits::default();
        let (a, b) = (SecretString::from("a"), SecretString::from("b"));
        limits
            .of(&a)
            .hold_until(Instant::now() + Duration::from_hours(1));
        assert!(limits.clone().of(&a).take(Instant::now()).is_err());
        assert!(limits.of(&b).take(Instant::now()).is_ok());
    }

    #[test]
    fn a_hold_is_kept_until_it_is_over_and_never_shortened() {
        let limit = Limit::new(quota(Limits::PER_MINUTE));
        let now = Instant::now();
        limit.hold_until(now + Duration::from_mins(1));
        limit.hold_until(now + Duration::from_secs(30));
        assert_eq!(limit.take(now), Err(Duration::from_mins(1)));
        assert_eq!(limit.take(now + Duration::from_mins(1)), Ok(()));
    }
}
