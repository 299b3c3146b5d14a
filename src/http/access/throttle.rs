//! How often somebody may try: after a few failures each next try has to wait, and longer each time.
//!
//! An asker is a name tried from an address, so that nobody can lock out another: neither the same name elsewhere nor
//! another name behind the same proxy waits. A try counts as failed from its begin, so that hanging up before the answer
//! gains nothing.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Who tries: a network, and a digest of what it tries as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Asker {
    network: IpAddr,
    digest: [u8; 32],
}

/// The failures of late.
#[derive(Debug, Default)]
pub(super) struct Throttle(HashMap<Asker, Failures>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    /// When the next try may be.
    next: Instant,
}

/// A few typing errors cost nothing.
const FREE: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// After this long without a try it begins anew.
const MEMORY: Duration = Duration::from_mins(15);
/// The most askers that are remembered.
const MOST: usize = 4096;

// === impl Asker ===

impl Asker {
    /// Who tries from `address`; a customer of IPv6 has at least a /64.
    pub(super) fn new(address: IpAddr, digest: [u8; 32]) -> Self {
        let network = match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address @ IpAddr::V4(_) => address,
        };
        Self { network, digest }
    }
}

// === impl Throttle ===

impl Throttle {
    /// How long somebody has to wait before the next try, if at all.
    pub(super) fn wait(&self, asker: Asker, now: Instant) -> Option<Duration> {
        let next = self.past(asker, now)?.next;
        next.checked_duration_since(now)
            .filter(|wait| !wait.is_zero())
    }

    /// Begins a try, or tells how long to wait with it.
    pub(super) fn begin(&mut self, asker: Asker, now: Instant) -> Result<(), Duration> {
        if let Some(wait) = self.wait(asker, now) {
            return Err(wait);
        }
        let before = self.past(asker, now);
        let count = before.map_or(0, |past| past.count).saturating_add(1);
        if before.is_none() {
            self.make_room(now);
        }
        let next = now + wait_after(count);
        self.0.insert(asker, Failures { count, next });
        Ok(())
    }

    /// The try was none to be counted.
    pub(super) fn forgive(&mut self, asker: Asker) {
        self.0.remove(&asker);
    }

    /// What somebody has done of late.
    fn past(&self, asker: Asker, now: Instant) -> Option<Failures> {
        let past = self.0.get(&asker).copied();
        past.filter(|past| past.next + MEMORY > now)
    }

    /// Forgets what is old, or, where nothing is, whoever waits least.
    fn make_room(&mut self, now: Instant) {
        if self.0.len() < MOST {
            return;
        }
        self.0.retain(|_, past| past.next + MEMORY > now);
        let least = self
            .0
            .iter()
            .min_by_key(|(_, past)| (past.count, past.next));
        if let Some((asker, _)) = least
            && self.0.len() >= MOST
        {
            let asker = *asker;
            self.0.remove(&asker);
        }
    }
}

fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        Some(more) => LONGEST_WAIT.min(FIRST_WAIT * 2_u32.saturating_pow(more)),
        None => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(address: &str, who: u8) -> Asker {
        Asker::new(address.parse().unwrap(), [who; 32])
    }

    /// The waits after each of `count` tries that are made as soon as possible.
    fn waits(throttle: &mut Throttle, asker: Asker, now: &mut Instant, count: usize) -> Vec<u64> {
        (0..count)
            .map(|_| {
                throttle.begin(asker, *now).unwrap();
                let wait = wait_after(throttle.0[&asker].count);
                *now += wait;
                wait.as_secs()
            })
            .collect()
    }

    #[test]
    fn waits_grow_up_to_a_bearable_one() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        let alice = asker("192.0.2.1", 1);
        let waits = waits(&mut throttle, alice, &mut now, 10);
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn asking_again_too_early_is_refused_and_makes_nothing_worse() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let alice = asker("192.0.2.1", 1);
        for _ in 0..FREE {
            throttle.begin(alice, now).unwrap();
        }
        for _ in 0..9 {
            assert_eq!(throttle.begin(alice, now), Err(FIRST_WAIT));
        }
        assert_eq!(throttle.begin(alice, now + FIRST_WAIT), Ok(()));
    }

    #[test]
    fn nobody_waits_for_another() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        let start = now;
        waits(&mut throttle, asker("192.0.2.1", 1), &mut now, 8);
        for other in [asker("192.0.2.1", 2), asker("192.0.2.2", 1)] {
            assert_eq!(throttle.begin(other, start), Ok(()));
        }
    }

    #[test]
    fn a_network_is_one_asker() {
        assert_eq!(asker("2001:db8::1", 1), asker("2001:db8::ffff:1", 1));
        assert_ne!(asker("2001:db8::1", 1), asker("2001:db8:0:1::1", 1));
        assert_eq!(asker("::ffff:192.0.2.1", 1), asker("192.0.2.1", 1));
    }

    #[test]
    fn it_begins_anew_after_a_while_or_a_success() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        let alice = asker("192.0.2.1", 1);
        waits(&mut throttle, alice, &mut now, 8);
        now += MEMORY;
        assert_eq!(waits(&mut throttle, alice, &mut now, 3), [0, 0, 1]);
        throttle.forgive(alice);
        assert_eq!(waits(&mut throttle, alice, &mut now, 3), [0, 0, 1]);
    }

    #[test]
    fn no_more_than_so_many_are_remembered_and_the_worst_longest() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        let worst = asker("192.0.2.1", 1);
        waits(&mut throttle, worst, &mut now, 8);
        for other in 0..2 * u32::try_from(MOST).unwrap() {
            let address = Ipv6Addr::from_bits(u128::from(other) << 64);
            let other = Asker::new(address.into(), [0; 32]);
            throttle.begin(other, now).unwrap();
        }
        assert_eq!(throttle.0.len(), MOST);
        assert_eq!(throttle.0[&worst].count, 8);
    }
}
