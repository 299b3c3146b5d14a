//! How the process is asked to end: SIGTERM or Ctrl-C once for an orderly end, a second time for an immediate one.

use std::{io, process};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit status of a process that was asked to end twice: 128 and the number of SIGINT.
const IMPATIENT: i32 = 130;

/// Watches for signals from now on. The token is cancelled at the first one.
///
/// # Errors
///
/// When the system does not let the process handle signals.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("ending in order, a second signal ends at once");
        token.cancel();
        either(&mut terminate, &mut interrupt).await;
        process::exit(IMPATIENT);
    });
    Ok(shutdown)
}

async fn either(first: &mut Signal, second: &mut Signal) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
    }
}
