//! The process itself, in the names that all of Prometheus' client libraries use.

use std::{fmt, time::Duration};

use procfs::{
    ProcResult, WithCurrentSystemInfo,
    process::{LimitValue, Process as Own},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

/// Reads `/proc` at each scrape.
#[derive(Debug)]
pub(super) struct Process;

struct Sample {
    cpu_seconds: f64,
    start_time_seconds: f64,
    resident_memory_bytes: u64,
    open_fds: u64,
    max_fds: u64,
}

// === impl Process ===

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        // Nothing is shown where /proc is hidden from the process.
        let Ok(sample) = Sample::take() else {
            return Ok(());
        };
        let mut show = |name: &str, help: &str, metric: &dyn EncodeMetric| {
            let described = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
            metric.encode(described)
        };
        show(
            "process_cpu_seconds",
            "User and system CPU time spent.",
            &ConstCounter::new(sample.cpu_seconds),
        )?;
        show(
            "process_start_time_seconds",
            "When the process was started.",
            &ConstGauge::new(sample.start_time_seconds),
        )?;
        show(
            "process_resident_memory_bytes",
            "Memory that the process has in RAM.",
            &ConstGauge::new(sample.resident_memory_bytes),
        )?;
        show(
            "process_open_fds",
            "Open file descriptors, connections among them.",
            &ConstGauge::new(sample.open_fds),
        )?;
        show(
            "process_max_fds",
            "How many file descriptors may be open.",
            &ConstGauge::new(sample.max_fds),
        )
    }
}

// === impl Sample ===

impl Sample {
    fn take() -> ProcResult<Self> {
        let own = Own::myself()?;
        let stat = own.stat()?;
        let per_second = procfs::ticks_per_second();
        let seconds = |ticks: u64| Duration::from_millis(ticks * 1000 / per_second).as_secs_f64();
        let limits = own.limits()?;
        Ok(Self {
            cpu_seconds: seconds(stat.utime + stat.stime),
            start_time_seconds: seconds(stat.starttime + procfs::boot_time_secs()? * per_second),
            resident_memory_bytes: stat.rss_bytes().get(),
            open_fds: u64::try_from(own.fd_count()?).unwrap_or(u64::MAX),
            max_fds: match limits.max_open_files.soft_limit {
                LimitValue::Value(most) => most,
                LimitValue::Unlimited => u64::MAX,
            },
        })
    }
}
