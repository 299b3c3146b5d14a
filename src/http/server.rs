//! Connections: TLS or not, HTTP/1.1, and no more of anything than a worker bears.
//!
//! A client has so long for the handshake, so long for each request's head, and so long for its body. A connection ends
//! after some minutes, also where its client does not read the answer. Where there are as many as there may be, the next
//! ones wait until one of them ends.

use std::{
    error::Error,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Extension, Router, body::Bytes};
use hyper::{
    body::{Body, Frame, SizeHint},
    server::conn::http1,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Sleep, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::tls::Certificate;

/// How much a client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many connections there may be.
    pub connections: usize,
    /// How long a handshake, a head and a body may take, each.
    pub request: Duration,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// A body that must be there in time.
struct Timely {
    body: axum::body::Body,
    end: Pin<Box<Sleep>>,
}

/// A body has not been there in time.
#[derive(Debug, thiserror::Error)]
#[error("the body takes too long")]
pub(super) struct Late;

/// The longest head of a request, as Kafka Connect's server has it.
const LONGEST_HEAD: usize = 8 << 10;
/// How long a connection is kept.
const LIFE: Duration = Duration::from_mins(5);
/// How long the last request on it may take then.
const LAST_REQUEST: Duration = Duration::from_mins(2);
/// How long nothing is accepted after that has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until `shutdown`, and then until the last answer.
pub(super) async fn serve(
    listener: TcpListener,
    certificate: Option<Arc<Certificate>>,
    limits: Limits,
    router: Router,
    shutdown: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let accepting = async {
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let place = place.expect("it is never closed");
            let (stream, peer) = accept(&listener).await;
            let router = router.clone().layer(Extension(Peer(peer)));
            let (certificate, shutdown) = (certificate.clone(), shutdown.clone());
            connections.spawn(async move {
                converse(stream, certificate.as_deref(), limits, router, shutdown).await;
                drop(place);
            });
        }
    };
    shutdown.run_until_cancelled(accepting).await;
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// `body`, which has `within` from now on.
pub(super) fn timely(body: axum::body::Body, within: Duration) -> axum::body::Body {
    axum::body::Body::new(Timely {
        body,
        end: Box::pin(sleep(within)),
    })
}

// === impl Timely ===

impl Body for Timely {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if self.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(Late.into())));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

// === impl Late ===

impl Late {
    /// Whether a body that could not be read has taken too long.
    pub(super) fn is_behind(error: &(dyn Error + 'static)) -> bool {
        error.is::<Self>() || error.source().is_some_and(Self::is_behind)
    }
}

/// The next connection. One that is gone already is no failure; too many open files may be, for a while.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error)
                if matches!(
                    error.kind(),
                    ConnectionAborted | ConnectionRefused | ConnectionReset
                ) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

/// One connection from handshake to end; how it ends is the client's business.
async fn converse(
    stream: TcpStream,
    certificate: Option<&Certificate>,
    limits: Limits,
    router: Router,
    shutdown: CancellationToken,
) {
    let Some(certificate) = certificate else {
        return speak(stream, limits, router, shutdown).await;
    };
    let handshake = timeout(limits.request, certificate.accept(stream));
    if let Some(Ok(Ok(stream))) = shutdown.run_until_cancelled(handshake).await {
        speak(stream, limits, router, shutdown).await;
    }
}

async fn speak<S>(stream: S, limits: Limits, router: Router, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request)
        .max_header_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shutdown.cancelled() => {}
        () = sleep(LIFE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _: Result<io::Result<()>, _> = timeout(LAST_REQUEST, async {
        connection.await.map_err(io::Error::other)
    })
    .await;
}

#[cfg(test)]
mod tests;
