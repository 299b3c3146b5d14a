//! The listener: TLS or not, HTTP/1.1, and connections that can be torn down in the middle of a sentence.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use openssl::ssl::{Ssl, SslAcceptor};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_openssl::SslStream;

/// The handle by which a handler cuts the connection that it answers on.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    cut: Arc<AtomicBool>,
}

/// A socket that obeys its [`Line`]: once cut, the next write resets the connection.
struct Socket {
    tcp: TcpStream,
    line: Line,
}

/// Accepts connections until it is dropped, and with it all of them.
pub(super) async fn serve(listener: TcpListener, tls: Option<SslAcceptor>, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    connections.spawn(converse(tcp, tls.clone(), router.clone()));
                }
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

// === impl Line ===

impl Line {
    /// From now on whatever is written to the connection resets it instead.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }
}

// === impl Socket ===

impl Socket {
    fn check(&self) -> io::Result<()> {
        if self.line.is_cut() {
            self.tcp.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// One connection from handshake to end; how it ends is the client's business.
async fn converse(tcp: TcpStream, tls: Option<SslAcceptor>, router: Router) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let line = Line::default();
    let router = router.layer(Extension(line.clone()));
    let socket = Socket { tcp, line };
    match tls {
        None => speak(socket, router).await,
        Some(acceptor) => {
            let mut stream = SslStream::new(Ssl::new(acceptor.context())?, socket)?;
            Pin::new(&mut stream)
                .accept()
                .await
                .map_err(io::Error::other)?;
            speak(stream, router).await
        }
    }
}

async fn speak<S>(stream: S, router: Router) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await
        .map_err(io::Error::other)
}
