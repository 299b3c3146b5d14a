//! Bodies that come bit by bit, for as long as somebody reads them.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// What is still to come.
struct Coming(mpsc::Receiver<Bytes>);

/// Bits that nobody has read yet; then the sender waits.
const UNREAD: usize = 8;

/// A body, and what it comes from. When nobody reads it any more, the sender is closed.
pub(super) fn body() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, receiver) = mpsc::channel(UNREAD);
    (sender, Body::new(Coming(receiver)))
}

// === impl Coming ===

impl hyper::body::Body for Coming {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|bit| bit.map(|bit| Ok(Frame::data(bit))))
    }
}
