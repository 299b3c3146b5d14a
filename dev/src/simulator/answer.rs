//! An answer with a page in it: the envelope, what faults do to it, and how its bytes are sent.

use std::{io::Write as _, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use flate2::{Compression as Level, write::GzEncoder};
use futures_util::stream;

use super::{cursor::Cursor, faults::Fault, options::Compression, server::Line, stream::Version};

/// The response body of all POST endpoints, before it is text.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) cursor: String,
    pub(super) has_more: bool,
    pub(super) items: Vec<Bytes>,
}

/// How the answer's bytes travel: what the client accepts, what the server does, and the connection itself.
#[derive(Debug)]
pub(super) struct Carriage {
    pub(super) line: Line,
    pub(super) compress: bool,
}

const WHITE: &[u8] = &[b' '; 64 * 1024];

// === impl Envelope ===

impl Envelope {
    /// Does what a fault about pages says; `asked` is the cursor where the page began.
    pub(super) fn suffer(&mut self, fault: &Fault, asked: &str) {
        match fault {
            Fault::EmptyWithMore | Fault::ItemsNull | Fault::ItemsAbsent => {
                asked.clone_into(&mut self.cursor);
                self.items.clear();
                self.has_more = *fault == Fault::EmptyWithMore;
            }
            Fault::CursorRenewed if self.items.is_empty() => {
                self.cursor = Cursor::renewed(asked).expect("it was encoded here");
            }
            Fault::CursorStuck => {
                asked.clone_into(&mut self.cursor);
                self.has_more = true;
            }
            Fault::DuplicateItems => {
                self.items = self
                    .items
                    .iter()
                    .flat_map(|item| [item.clone(), item.clone()])
                    .collect();
            }
            Fault::ReversedItems => self.items.reverse(),
            _ => {}
        }
    }

    /// The JSON text. v2 begins with the items and v1 with the cursor, since clients must not care.
    pub(super) fn render(&self, version: Version, fault: &Fault) -> Vec<u8> {
        let cursor = match fault {
            Fault::CursorMissing => None,
            Fault::CursorNull => Some("\"cursor\":null".to_owned()),
            Fault::CursorNumber => Some("\"cursor\":7".to_owned()),
            _ => Some(format!("\"cursor\":\"{}\"", self.cursor)),
        };
        let more = Some(format!("\"has_more\":{}", self.has_more));
        let items = match fault {
            Fault::ItemsAbsent => None,
            Fault::ItemsNull => Some(b"\"items\":null".to_vec()),
            _ => Some(self.list()),
        };
        let [cursor, more] = [cursor, more].map(|part| part.map(String::into_bytes));
        let parts = match version {
            Version::V1 => [cursor, more, items],
            Version::V2 => [items, cursor, more],
        };
        let members: Vec<Vec<u8>> = parts.into_iter().flatten().collect();
        [b"{", members.join(&b","[..]).as_slice(), b"}"].concat()
    }

    fn list(&self) -> Vec<u8> {
        let length: usize = self.items.iter().map(|item| item.len() + 1).sum();
        let mut text = Vec::with_capacity(length + 16);
        text.extend(b"\"items\":[");
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            text.extend_from_slice(item);
        }
        text.push(b']');
        text
    }
}

// === impl Carriage ===

impl Carriage {
    pub(super) fn new(line: Line, compression: Compression, headers: &HeaderMap) -> Self {
        let accepted = headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .any(|value| value.to_str().is_ok_and(|text| text.contains("gzip")));
        Self {
            line,
            compress: compression == Compression::Gzip && accepted,
        }
    }

    /// Sends JSON the way the fault says.
    pub(super) fn send(self, json: Vec<u8>, fault: &Fault) -> Response {
        match fault {
            Fault::SlowBody { chunk, pause } => plain(drip(json, *chunk, *pause)),
            Fault::StalledBody => plain(stall(half(json))),
            Fault::ResetMidBody => plain(tear(half(json), self.line)),
            Fault::ResetBeforeAnswer => {
                self.line.cut();
                plain(Body::empty())
            }
            Fault::TruncatedJson => plain(half(json).into()),
            Fault::Oversized { bytes } => plain(pad(json, *bytes)),
            Fault::NotJson => {
                Html("<html><body>Please sign in to the network.</body></html>").into_response()
            }
            Fault::ContentType { value } => labelled(json, value),
            Fault::GzipOn => zipped(gzip(&json)),
            Fault::GzipOff => plain(json.into()),
            Fault::GzipBroken => zipped(half(gzip(&json))),
            Fault::GzipFalse => zipped(json),
            _ if self.compress => zipped(gzip(&json)),
            _ => plain(json.into()),
        }
    }
}

fn plain(body: Body) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::OK, kind, body).into_response()
}

fn zipped(bytes: Vec<u8>) -> Response {
    let mut answer = plain(bytes.into());
    answer
        .headers_mut()
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    answer
}

fn labelled(json: Vec<u8>, kind: &str) -> Response {
    let mut answer = plain(json.into());
    let kind = HeaderValue::try_from(kind).unwrap_or(HeaderValue::from_static("text/plain"));
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("memory takes every write")
}

fn half(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() / 2);
    bytes
}

fn drip(bytes: Vec<u8>, chunk: usize, pause: Duration) -> Body {
    streamed(stream::unfold(
        Bytes::from(bytes),
        move |mut rest| async move {
            if rest.is_empty() {
                return None;
            }
            tokio::time::sleep(pause).await;
            let drop = rest.split_to(chunk.clamp(1, rest.len()));
            Some((drop, rest))
        },
    ))
}

fn stall(bytes: Vec<u8>) -> Body {
    streamed(stream::unfold(
        Some(Bytes::from(bytes)),
        |first| async move {
            match first {
                Some(first) => Some((first, None)),
                None => std::future::pending().await,
            }
        },
    ))
}

/// The pause lets the first half leave before the reset overtakes it.
fn tear(bytes: Vec<u8>, line: Line) -> Body {
    let first = Some(Bytes::from(bytes));
    streamed(stream::unfold((first, line), |(first, line)| async move {
        if let Some(first) = first {
            return Some((first, (None, line)));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        line.cut();
        Some((Bytes::from_static(b" "), (None, line)))
    }))
}

fn pad(json: Vec<u8>, bytes: u64) -> Body {
    let state = (bytes, Some(Bytes::from(json)));
    streamed(stream::unfold(state, |(left, json)| async move {
        if left == 0 {
            return json.map(|json| (json, (0, None)));
        }
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(WHITE.len());
        let sent = u64::try_from(length).expect("a chunk is small");
        Some((Bytes::from_static(&WHITE[..length]), (left - sent, json)))
    }))
}

fn streamed(chunks: impl stream::Stream<Item = Bytes> + Send + 'static) -> Body {
    Body::from_stream(stream::StreamExt::map(
        chunks,
        Ok::<_, std::convert::Infallible>,
    ))
}
