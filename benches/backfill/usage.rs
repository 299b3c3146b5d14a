//! What a process has used, as `/proc` tells it (proc(5)).

use std::{fs, io};

use anyhow::Context as _;
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

/// The seconds of CPU time that process `id` has used so far, to a hundredth.
pub(crate) fn cpu_seconds(id: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The second field is the program's name, which may have blanks in it.
    let (_, fields) = stat.rsplit_once(')').context("a process has a name")?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || -> anyhow::Result<u32> {
        let field = fields.next().context("utime and stime are there")?;
        Ok(field.parse()?)
    };
    Ok(f64::from(ticks()? + ticks()?) / 100.0)
}

/// The most memory that process `id` has had, in 10^6 bytes.
pub(crate) fn peak_mb(id: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: f64 = kib
        .and_then(|kib| kib.parse().ok())
        .ok_or_else(|| io::Error::other("no VmHWM"))?;
    Ok(kib * 1024.0 / 1e6)
}
