//! The log: one line per fact on standard error, for people on a terminal and as JSON everywhere else. And traces, where
//! somebody collects them.
//!
//! `RUST_LOG` says what each part of the program logs, until somebody sets its logger. A panic is logged and ends the
//! process: a worker with a task missing must not look alive.

use std::{
    io::{self, IsTerminal},
    panic, process,
};

use tracing_subscriber::{
    Layer, Registry,
    filter::{FilterExt, ParseError, Targets, filter_fn},
    fmt,
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

mod loggers;
mod traces;

pub use self::{
    loggers::{AUDIT, END, Level, Logger, Loggers, NoRoom, UnknownLevel},
    traces::{Traces, TracesError, count},
};

/// What the environment asks for and cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Of the log.
    #[error("RUST_LOG cannot be understood")]
    Filter(#[from] ParseError),
    /// Of the traces.
    #[error(transparent)]
    Traces(#[from] TracesError),
}

const DEFAULT_FILTER: &str = "info";

/// Starts logging, as the loggers that it gives say, and tracing.
///
/// # Errors
///
/// When `RUST_LOG` or a variable of `OpenTelemetry` cannot be understood.
pub fn start() -> Result<(Loggers, Traces), TelemetryError> {
    let filter = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = match filter.trim() {
        "" => DEFAULT_FILTER,
        filter => filter,
    };
    let targets: Targets = filter.parse()?;
    let log = fmt::layer().with_writer(io::stderr);
    let log: Box<dyn Layer<Registry> + Send + Sync> = if io::stderr().is_terminal() {
        log.with_target(false).boxed()
    } else {
        log.json().flatten_event(true).with_ansi(false).boxed()
    };
    let (filter, changes) = reload::Layer::new(loggers::unsilenced(targets.clone()));
    let lines = filter_fn(|about| !about.is_span());
    let traces = Traces::start()?;
    tracing_subscriber::registry()
        .with(log.with_filter(filter.and(lines)))
        .with(traces.layer())
        .init();
    // Crates that log through `log` are asked what level they may have once only.
    log::set_max_level(log::LevelFilter::Trace);
    panic::set_hook(Box::new(|panic| {
        tracing::error!(
            target: END,
            location = panic.location().map(tracing::field::display),
            "panic: {}",
            message(panic)
        );
        process::abort();
    }));
    let loggers = Loggers::new(&targets, move |targets| {
        let reloaded = changes.reload(targets);
        reloaded.expect("the log lives as long as the program");
    });
    Ok((loggers, traces))
}

fn message<'a>(panic: &'a panic::PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("no message")
}
