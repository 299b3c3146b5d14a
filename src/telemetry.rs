//! The log: one line per fact on standard error, for people on a terminal and as JSON everywhere else.
//!
//! `RUST_LOG` filters it, in `tracing`'s syntax. A panic is logged and ends the process: a worker with a task missing
//! must not look alive.

use std::{
    io::{self, IsTerminal},
    panic, process,
};

use tracing_subscriber::{EnvFilter, fmt};

const DEFAULT_FILTER: &str = "info";

/// Starts logging.
///
/// # Errors
///
/// When `RUST_LOG` cannot be understood.
pub fn start() -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.trim().is_empty() => EnvFilter::try_new(filter)?,
        Ok(_) | Err(_) => EnvFilter::new(DEFAULT_FILTER),
    };
    let log = fmt().with_env_filter(filter).with_writer(io::stderr);
    if io::stderr().is_terminal() {
        log.with_target(false).init();
    } else {
        log.json().flatten_event(true).with_ansi(false).init();
    }
    panic::set_hook(Box::new(|panic| {
        tracing::error!(
            location = panic.location().map(tracing::field::display),
            "panic: {}",
            message(panic)
        );
        process::abort();
    }));
    Ok(())
}

fn message<'a>(panic: &'a panic::PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("no message")
}
