//! How the process is asked to end: SIGTERM or Ctrl-C once for an orderly end, a second time for an immediate one.

use std::{io, process};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// With the second signal's number, the exit status that a shell gives a process that the signal itself has ended.
const SIGNALLED: i32 = 128;

/// Watches for signals from now on. The token is cancelled at the first one; the second one ends the process.
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
        let impatient = either(&mut terminate, &mut interrupt).await;
        process::exit(SIGNALLED + impatient.as_raw_value());
    });
    Ok(shutdown)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> SignalKind {
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate(),
        _ = interrupt.recv() => SignalKind::interrupt(),
    }
}
