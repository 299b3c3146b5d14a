//! What it took to get events into Kafka.

use serde::{Deserialize, Serialize};

/// What it took to get some events into Kafka.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) events: u32,
    /// From the first request, or the first transaction, to the last commit.
    pub(crate) seconds: f64,
    /// Seconds of CPU time within these.
    pub(crate) cpu: f64,
    /// The most memory that the process has ever had, in 10^6 bytes.
    pub(crate) peak_mb: f64,
}

// === impl Measured ===

impl Measured {
    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.events) / self.seconds
    }

    pub(crate) fn cpu_per_million(&self) -> f64 {
        self.cpu / f64::from(self.events) * 1e6
    }

    /// The median of each figure over `rounds`, of which there is one at least.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let median = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure));
        Self {
            events: rounds[0].events,
            seconds: median(|m| m.seconds),
            cpu: median(|m| m.cpu),
            peak_mb: median(|m| m.peak_mb),
        }
    }
}

/// The middle one of `figures`, of which there is one at least.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
