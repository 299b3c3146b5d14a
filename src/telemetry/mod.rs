//! The log: one line per fact on standard error, for people on a terminal and as JSON everywhere else.
//!
//! `RUST_LOG` says what each part of the program logs, until somebody sets its logger. A panic is logged and ends the process: a worker with a task missing
//! must not look alive.

use std::{
    io::{self, IsTerminal},
    panic, process,
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, Registry,
    filter::{ParseError, Targets},
    fmt,
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

mod loggers;

pub use self::loggers::{AUDIT, Level, Logger, Loggers, UnknownLevel};

const DEFAULT_FILTER: &str = "info";

/// Starts logging, as the loggers that it gives say.
///
/// # Errors
///
/// When `RUST_LOG` cannot be understood.
pub fn start() -> Result<Loggers, ParseError> {
    let filter = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = match filter.trim() {
        "" => DEFAULT_FILTER,
        filter => filter,
    };
    let targets = filter
        .parse::<Targets>()?
        .with_target(AUDIT, LevelFilter::INFO);
    let log = fmt::layer().with_writer(io::stderr);
    let log: Box<dyn Layer<Registry> + Send + Sync> = if io::stderr().is_terminal() {
        log.with_target(false).boxed()
    } else {
        log.json().flatten_event(true).with_ansi(false).boxed()
    };
    let (filter, changes) = reload::Layer::new(targets.clone());
    tracing_subscriber::registry()
        .with(log.with_filter(filter))
        .init();
    // Crates that log through `log` are asked what level they may have once only.
    log::set_max_level(log::LevelFilter::Trace);
    panic::set_hook(Box::new(|panic| {
        tracing::error!(
            location = panic.location().map(tracing::field::display),
            "panic: {}",
            message(panic)
        );
        process::abort();
    }));
    Ok(Loggers::new(&targets, move |targets| {
        let reloaded = changes.reload(targets);
        reloaded.expect("the log lives as long as the program");
    }))
}

fn message<'a>(panic: &'a panic::PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("no message")
}
