//! A page as Kafka records: what a task hands to its shard.
//!
//! Every byte of a sealed page lies in one buffer, and its entries are ranges of it: a page of a thousand events is two
//! allocations, and sending it again after a roll-back costs nothing.

use std::{ops::Range, sync::Arc, time::Instant};

use jiff::Timestamp;
use serde_json::value::RawValue;
use url::Url;

use super::{Connector, Key};
use crate::{
    avro::{SchemaId, encode::encode},
    event::{API_VERSION, Event, Origin, Position, Stream},
    kafka::{Cluster, Record},
};

/// What every record of one task has in common.
#[derive(Debug)]
pub(super) struct Envelope {
    topic: String,
    dead_letters: String,
    origin: Origin,
    stream: Stream,
    key: Key,
    schema_id: SchemaId,
    source: String,
    kind: String,
    /// An event whose value is longer keeps its JSON beside it: the broker may refuse it, and a dead letter is raw.
    alone_above: usize,
}

/// A page as records: what a task hands over.
#[derive(Debug)]
pub(super) struct Sealed {
    envelope: Arc<Envelope>,
    /// When the API had answered.
    pub(super) fetched: Instant,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// One item, either an event or a dead letter.
#[derive(Debug)]
struct Entry {
    key: Option<Range<usize>>,
    value: Range<usize>,
    uuid: Range<usize>,
    time: Range<usize>,
    raw: Range<usize>,
    timestamp: i64,
    dead: Option<String>,
}

/// Bytes of a record with what goes beside it, to begin with.
const TYPICAL_RECORD: usize = 512;
const TOO_LARGE: &str =
    "the broker refuses the event as too large for its topic (max.message.bytes)";

// === impl Envelope ===

impl Envelope {
    pub(super) fn new(
        connector: &Connector,
        stream: Stream,
        cluster: &Cluster,
        schema_id: SchemaId,
        base_url: &Url,
        account_uuid: Option<String>,
    ) -> Self {
        let base_url = base_url.as_str().trim_end_matches('/');
        Self {
            topic: cluster.topics().events(stream),
            dead_letters: cluster.topics().dead_letters(),
            origin: Origin {
                connector: connector.name.clone(),
                account_uuid,
            },
            stream,
            key: connector.key,
            schema_id,
            source: format!("{base_url}/api/{API_VERSION}/{stream}"),
            kind: format!("com.1password.events.{API_VERSION}.{stream}"),
            alone_above: cluster.batch_size(),
        }
    }

    /// Turns the items of a page into records. `now` is the record time of events whose own time no broker would take:
    /// Kafka has no time before 1970, and refuses records from the future (`message.timestamp.after.max.ms`).
    pub(super) fn seal(
        self: &Arc<Self>,
        items: &[&RawValue],
        now: Timestamp,
        fetched: Instant,
    ) -> Sealed {
        let now = now.as_millisecond();
        let mut sealed = Sealed {
            envelope: Arc::clone(self),
            fetched,
            bytes: Vec::with_capacity(items.len() * TYPICAL_RECORD),
            entries: Vec::with_capacity(items.len()),
        };
        for item in items {
            let entry = match Event::read(self.stream, item, &self.origin) {
                Ok(event) => self.event(&event, item, now, &mut sealed.bytes),
                Err(error) => dead_letter(item, error.to_string(), now, &mut sealed.bytes),
            };
            sealed.entries.push(entry);
        }
        sealed
    }

    fn event(&self, event: &Event<'_>, item: &RawValue, now: i64, bytes: &mut Vec<u8>) -> Entry {
        let begin = bytes.len();
        bytes.push(0);
        bytes.extend_from_slice(&self.schema_id.0.to_be_bytes());
        encode(event, bytes).expect("every field of an event has a place in its schema");
        let value = begin..bytes.len();
        let time = event.time();
        let timestamp = if (0..=now).contains(&time.millis()) {
            time.millis()
        } else {
            now
        };
        let raw = if value.len() > self.alone_above {
            append(bytes, item.get())
        } else {
            0..0
        };
        Entry {
            key: self.key_of(event).map(|key| append(bytes, key)),
            uuid: append(bytes, event.uuid()),
            time: append(bytes, time.text),
            value,
            raw,
            timestamp,
            dead: None,
        }
    }

    fn key_of<'e>(&'e self, event: &'e Event<'_>) -> Option<&'e str> {
        match self.key {
            Key::User => event.user_uuid().or_else(|| Some(event.uuid())),
            Key::Event => Some(event.uuid()),
            Key::Account => event.account_uuid(),
            Key::Connector => Some(&self.origin.connector),
        }
    }
}

// === impl Sealed ===

impl Sealed {
    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Moves `position` behind this page's events.
    pub(super) fn advance(&self, position: &mut Position) {
        position.events_total += u64::try_from(self.len()).unwrap_or(u64::MAX);
        if let Some(last) = self.entries.iter().rfind(|entry| entry.dead.is_none()) {
            position.last_event_time = Some(self.text(&last.time));
            position.last_event_uuid = Some(self.text(&last.uuid));
        }
    }

    fn text(&self, range: &Range<usize>) -> String {
        String::from_utf8_lossy(&self.bytes[range.clone()]).into_owned()
    }

    pub(super) fn dead_letters(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.dead.is_some())
            .count()
    }

    /// Makes entry `number`, which the broker refuses, a dead letter. `false`: there is none, it is one already, or what
    /// was refused cannot have been this entry alone.
    pub(super) fn divert(&mut self, number: usize) -> bool {
        let Some(entry) = self.entries.get_mut(number) else {
            return false;
        };
        if entry.dead.is_some() || entry.raw.is_empty() {
            return false;
        }
        entry.value = entry.raw.clone();
        entry.dead = Some(TOO_LARGE.to_owned());
        true
    }

    /// Gives every record to `send`, in order, until one is not taken.
    pub(super) fn each<E>(
        &self,
        mut send: impl FnMut(&Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let envelope = &self.envelope;
        let stream = envelope.stream.name().as_bytes();
        let connector = envelope.origin.connector.as_bytes();
        for entry in &self.entries {
            let at = |range: &Range<usize>| &self.bytes[range.clone()];
            let key = entry.key.as_ref().map(at);
            match &entry.dead {
                None => send(&Record {
                    topic: &envelope.topic,
                    key,
                    value: at(&entry.value),
                    timestamp: entry.timestamp,
                    headers: &[
                        ("ce_specversion", b"1.0"),
                        ("ce_id", at(&entry.uuid)),
                        ("ce_source", envelope.source.as_bytes()),
                        ("ce_type", envelope.kind.as_bytes()),
                        ("ce_time", at(&entry.time)),
                        ("content-type", b"application/avro"),
                        ("onepassword.connector", connector),
                    ],
                })?,
                Some(reason) => send(&Record {
                    topic: &envelope.dead_letters,
                    key,
                    value: at(&entry.value),
                    timestamp: entry.timestamp,
                    headers: &[
                        ("content-type", b"application/json"),
                        ("onepassword.connector", connector),
                        ("onepassword.stream", stream),
                        ("onepassword.source", envelope.source.as_bytes()),
                        ("onepassword.reason", reason.as_bytes()),
                    ],
                })?,
            }
        }
        Ok(())
    }
}

fn dead_letter(item: &RawValue, reason: String, now: i64, bytes: &mut Vec<u8>) -> Entry {
    let value = append(bytes, item.get());
    Entry {
        key: None,
        value,
        uuid: 0..0,
        time: 0..0,
        raw: 0..0,
        timestamp: now,
        dead: Some(reason),
    }
}

fn append(bytes: &mut Vec<u8>, text: &str) -> Range<usize> {
    let begin = bytes.len();
    bytes.extend_from_slice(text.as_bytes());
    begin..bytes.len()
}
