//! The events of one stream of one account, in the order in which the API serves them.
//!
//! Every event has a unique key: milliseconds, and what breaks ties. By event time that is the event's time and uuid;
//! an event whose key is smaller than a client's cursor is never seen by that client, as with the real service. By
//! insertion time it is the time of insertion and a running number.
//!
//! Events published "now" always get keys beyond those of all earlier ones, so that without late arrivals nothing hides
//! from a cursor.

use std::time::Duration;

use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{author::Author, cursor::Cursor, millis, options::Order, query};

/// When the events of one publication happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// From now on, a microsecond apart; never before the call, so that whoever began to read before it misses nothing.
    #[default]
    Now,
    /// Now, all in the same millisecond.
    OneMillisecond,
    /// So long ago (in JSON: milliseconds), a microsecond apart, but known to the API only now: late arrivals.
    Late(#[serde(with = "millis")] Duration),
    /// So far in the future, by a client's wrong clock.
    Ahead(#[serde(with = "millis")] Duration),
    /// Over the time until now, and known to the API as they happened.
    Spread(#[serde(with = "millis")] Duration),
}

/// A sorted log, and the author who writes its events.
#[derive(Debug)]
pub(super) struct Log {
    order: Order,
    author: Author,
    entries: Vec<Entry>,
    /// The newest time that was given to an event that happened "now".
    newest: Timestamp,
    inserted: u64,
}

/// A part of the log.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) items: Vec<Bytes>,
    pub(super) next: Cursor,
    pub(super) has_more: bool,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    json: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    ms: i64,
    tie: String,
}

const TICK: SignedDuration = SignedDuration::from_micros(1);
const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

// === impl Log ===

impl Log {
    pub(super) fn new(order: Order, author: Author) -> Self {
        Self {
            order,
            author,
            entries: Vec::new(),
            newest: Timestamp::UNIX_EPOCH,
            inserted: 0,
        }
    }

    /// Writes `count` events.
    pub(super) fn publish(&mut self, count: usize, when: When, now: Timestamp) {
        let number =
            i32::try_from(count).expect("a publication is at most two thousand million events");
        let floor = self.floor(when, now);
        let (first, step) = self.timing(number, when, now);
        let known = self.fresh(now);
        let old = self.entries.len();
        self.entries.reserve(count);
        for index in 0..number {
            let at = first + step * index + self.wobble(when, step);
            let written = self.author.write(at, floor);
            let key = match (self.order, when) {
                (Order::EventTime, _) => Key::new(written.at, written.uuid),
                (Order::InsertionTime, When::Late(_) | When::Ahead(_)) => self.arrival(known),
                (Order::InsertionTime, _) => self.arrival(at),
            };
            self.entries.push(Entry {
                key,
                json: written.json,
            });
        }
        self.newest = self.newest.max(match when {
            When::Late(_) | When::Ahead(_) => known,
            When::Now | When::OneMillisecond | When::Spread(_) => first + step * number,
        });
        self.settle(old);
    }

    /// Adds any JSON value. Its place is its `timestamp` and `uuid` if it has them; else it happened now.
    pub(super) fn insert(&mut self, item: &Value, now: Timestamp) {
        let stated = item["timestamp"].as_str().and_then(query::rfc3339);
        let known = self.fresh(now);
        self.newest = known;
        let at = stated.unwrap_or(known);
        let key = match self.order {
            Order::InsertionTime => self.arrival(known),
            Order::EventTime => self.unused(at, item["uuid"].as_str().unwrap_or_default()),
        };
        let json = item.to_string().into();
        let place = self.entries.partition_point(|entry| entry.key < key);
        self.entries.insert(place, Entry { key, json });
    }

    /// What follows a cursor; nothing before `floor`, where retention ends.
    pub(super) fn page(&self, cursor: &Cursor, floor: Timestamp) -> Page {
        let start = cursor.start_ms.max(floor.as_millisecond());
        let first = self.entries.partition_point(|entry| {
            let key = &entry.key;
            key.ms < start || cursor.is_past(key.ms, &key.tie)
        });
        let ended = |entry: &&Entry| cursor.end_ms.is_none_or(|end| entry.key.ms < end);
        let page: Vec<&Entry> = self.entries[first..]
            .iter()
            .take(cursor.limit)
            .take_while(ended)
            .collect();
        let mut next = cursor.clone();
        if let Some(last) = page.last() {
            next.search_after_ms = Some(last.key.ms);
            next.tie_breaker = Some(last.key.tie.clone());
        }
        Page {
            has_more: page.len() == cursor.limit,
            items: page.iter().map(|entry| entry.json.clone()).collect(),
            next,
        }
    }

    /// All items, in the API's order.
    pub(super) fn items(&self) -> Vec<Bytes> {
        self.entries
            .iter()
            .map(|entry| entry.json.clone())
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The oldest time that the next events may have without hiding from those who read already.
    fn floor(&self, when: When, now: Timestamp) -> Timestamp {
        match when {
            When::Now | When::OneMillisecond => self.fresh(now),
            When::Late(_) | When::Ahead(_) | When::Spread(_) => Timestamp::MIN,
        }
    }

    /// The time of the first event, and from each to the next.
    fn timing(&self, count: i32, when: When, now: Timestamp) -> (Timestamp, SignedDuration) {
        let signed = |length: Duration| {
            SignedDuration::try_from(length).expect("a duration of less than an age of the world")
        };
        match when {
            When::Now => (self.fresh(now), TICK),
            When::OneMillisecond => {
                let whole = self.fresh(now).as_millisecond();
                let at = Timestamp::from_millisecond(whole).expect("it was a time before");
                (at, SignedDuration::ZERO)
            }
            When::Late(by) => (now - signed(by), TICK),
            When::Ahead(by) => (now + signed(by), TICK),
            When::Spread(span) => (now - signed(span), signed(span) / count.max(1)),
        }
    }

    /// Events of the past did not happen by the clock.
    fn wobble(&mut self, when: When, step: SignedDuration) -> SignedDuration {
        match when {
            When::Spread(_) => self.author.delay(step),
            _ => SignedDuration::ZERO,
        }
    }

    /// Now, but in a later millisecond than all before.
    fn fresh(&self, now: Timestamp) -> Timestamp {
        now.max(self.newest + MILLISECOND)
    }

    fn arrival(&mut self, at: Timestamp) -> Key {
        self.inserted += 1;
        Key::new(at, format!("{:020}", self.inserted))
    }

    fn unused(&self, at: Timestamp, uuid: &str) -> Key {
        let taken = |key: &Key| {
            self.entries
                .binary_search_by(|entry| entry.key.cmp(key))
                .is_ok()
        };
        let mut key = Key::new(at, uuid.to_owned());
        let mut copy = 1;
        while taken(&key) {
            copy += 1;
            key.tie = format!("{uuid}~{copy}");
        }
        key
    }

    /// Puts what was pushed since the log had `old` entries where it belongs, which mostly is the end.
    fn settle(&mut self, old: usize) {
        let by_key = |a: &Entry, b: &Entry| a.key.cmp(&b.key);
        self.entries[old..].sort_by(by_key);
        let joint = old.saturating_sub(1);
        if !self.entries[joint..].is_sorted_by(|a, b| a.key <= b.key) {
            self.entries.sort_by(by_key);
        }
    }
}

// === impl Key ===

impl Key {
    fn new(at: Timestamp, tie: String) -> Self {
        let ms = at.as_millisecond();
        Self { ms, tie }
    }
}
