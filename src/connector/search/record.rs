//! A record as it is found, and as it is shown.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{next::Mark, terms::Terms};
use crate::{
    avro::{Registry, SchemaId, Shape, decode, unframe},
    event::Stream,
    kafka::Seen,
};

/// A record as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// The stream of its topic.
    pub stream: Stream,
    /// Its topic.
    pub topic: String,
    /// Its partition there.
    pub partition: i32,
    /// Its place in that.
    pub offset: i64,
    /// Its time.
    pub timestamp: Timestamp,
    /// Its key, as text.
    pub key: Option<String>,
    /// Its headers, in their order.
    pub headers: Vec<Header>,
    /// What it says; none where it is empty or cannot be decoded.
    pub value: Option<Box<RawValue>>,
    /// Why it cannot be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// Its value in Base64, where it cannot be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

/// A header of a record.
#[derive(Debug, Clone, Serialize)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value, as text.
    pub value: String,
}

/// A record that is kept while older ones may still turn out to be newer.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) mark: Mark,
    key: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    value: Option<Vec<u8>>,
}

/// Decodes records, with schemas each of which is asked for once.
pub(super) struct Decoder {
    registry: Arc<Registry>,
    runtime: Handle,
    shutdown: CancellationToken,
    shapes: HashMap<SchemaId, Result<Shape, String>>,
    scratch: Vec<u8>,
}

/// The header with the connector's name.
const CONNECTOR: &str = "onepassword.connector";
/// The longest value that is shown although it cannot be decoded.
const LONGEST_RAW: usize = 64 << 10;
/// The schemas that one search asks for; events are written with a few.
const MOST_SCHEMAS: usize = 100;

/// Whether the record is of this connector.
pub(super) fn is_of(seen: &Seen<'_>, connector: &str) -> bool {
    seen.headers()
        .any(|(name, value)| name == CONNECTOR && value == connector.as_bytes())
}

/// Where the record is in time.
pub(super) fn mark(seen: &Seen<'_>) -> Mark {
    Mark {
        millis: seen.millis(),
        partition: seen.partition,
        offset: seen.offset(),
    }
}

// === impl Kept ===

impl Kept {
    pub(super) fn of(seen: &Seen<'_>) -> Self {
        Self {
            mark: mark(seen),
            key: seen.key().map(<[u8]>::to_vec),
            headers: seen
                .headers()
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect(),
            value: seen.value().map(<[u8]>::to_vec),
        }
    }

    /// What it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| name.len() + value.len());
        let of = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
        of(&self.key) + of(&self.value) + headers.sum::<usize>()
    }

    #[cfg(test)]
    pub(super) fn example(mark: Mark, bytes: usize) -> Self {
        Self {
            mark,
            key: None,
            headers: Vec::new(),
            value: Some(vec![0; bytes]),
        }
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.mark == other.mark
    }
}

impl Eq for Kept {}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.mark.cmp(&other.mark)
    }
}

// === impl Decoder ===

impl Decoder {
    /// One for a thread that may block, of the runtime of `runtime`. From `shutdown` on it asks for nothing.
    pub(super) fn new(
        registry: Arc<Registry>,
        runtime: Handle,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            registry,
            runtime,
            shutdown,
            shapes: HashMap::new(),
            scratch: Vec::new(),
        }
    }

    /// Whether a record has all of `terms`. One that cannot be decoded has them where its bytes have.
    pub(super) fn finds(&mut self, terms: &Terms, value: Option<&[u8]>) -> bool {
        if terms.is_empty() {
            return true;
        }
        let value = value.unwrap_or_default();
        let Ok((id, body)) = unframe(value) else {
            return terms.lie_in(value);
        };
        self.learn(id);
        let Some(Ok(shape)) = self.shapes.get(&id) else {
            return terms.lie_in(value);
        };
        if !terms.may_be_in(body, shape.shows_what_is_there(), &mut self.scratch) {
            return false;
        }
        match decode(shape, body) {
            Ok(event) => terms.are_in(&event),
            Err(_) => terms.lie_in(value),
        }
    }

    /// The record as it is shown, which is of the topic of this stream.
    pub(super) fn show(&mut self, kept: &Kept, stream: Stream, topic: &str) -> Record {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let mut record = Record {
            stream,
            topic: topic.to_owned(),
            partition: kept.mark.partition.number,
            offset: kept.mark.offset,
            timestamp: Timestamp::from_millisecond(kept.mark.millis).unwrap_or_default(),
            key: kept.key.as_ref().map(text),
            headers: kept
                .headers
                .iter()
                .map(|(name, value)| Header {
                    name: name.clone(),
                    value: text(value),
                })
                .collect(),
            value: None,
            unreadable: None,
            raw: None,
        };
        let Some(value) = &kept.value else {
            return record;
        };
        match self.read(value) {
            Ok(json) => record.value = Some(json),
            Err(why) => {
                record.unreadable = Some(why);
                record.raw = Some(STANDARD.encode(&value[..value.len().min(LONGEST_RAW)]));
            }
        }
        record
    }

    fn read(&mut self, value: &[u8]) -> Result<Box<RawValue>, String> {
        let (id, body) = unframe(value).map_err(|error| error.to_string())?;
        self.learn(id);
        let shape = self.shapes.get(&id).ok_or_else(|| {
            format!(
                "its schema, of id {}, is one of more than {MOST_SCHEMAS}",
                id.0
            )
        })?;
        let shape = shape.as_ref().map_err(String::clone)?;
        let event = decode(shape, body).map_err(|error| error.to_string())?;
        to_raw_value(&event).map_err(|error| error.to_string())
    }

    /// Makes sure that the schema of `id`, or why there is none, is known, unless too many were asked for.
    fn learn(&mut self, id: SchemaId) {
        if self.shapes.contains_key(&id) || self.shapes.len() >= MOST_SCHEMAS {
            return;
        }
        let asking = self.shutdown.run_until_cancelled(self.registry.schema(id));
        // Whoever waits for longer than the runtime lives panics, and that ends the process at once.
        let shape = match self.runtime.block_on(asking) {
            Some(Ok(Some(schema))) => Shape::parse(&schema).map_err(|error| error.to_string()),
            Some(Ok(None)) => Err(format!("the schema registry has no schema of id {}", id.0)),
            Some(Err(error)) => Err(format!("its schema, of id {}, is not known: {error}", id.0)),
            None => Err(format!(
                "its schema, of id {}, is not known: the worker ends",
                id.0
            )),
        };
        self.shapes.insert(id, shape);
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        avro::{Access, Registration, Timeouts},
        clock,
    };

    #[tokio::test]
    async fn a_registry_that_is_silent_holds_no_end_up() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let access = Access {
            urls: vec![url.parse().unwrap()],
            credentials: None,
            ca_file: None,
            client_certificate: None,
            timeouts: Timeouts::default(),
        };
        let registry = Registry::new(access, Registration::ByHand, clock::now).unwrap();
        let shutdown = CancellationToken::new();
        let mut decoder = Decoder::new(Arc::new(registry), Handle::current(), shutdown.clone());
        let reading = tokio::task::spawn_blocking(move || decoder.read(&[0, 0, 0, 0, 7, 0]));
        let _asked = silent.accept().await.unwrap();
        shutdown.cancel();
        let why = reading.await.unwrap().unwrap_err();
        assert_eq!(why, "its schema, of id 7, is not known: the worker ends");
    }
}
