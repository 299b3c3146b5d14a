//! What is sent: a simulated account's events, as the API serves them and as the records that they become.

use std::collections::BTreeMap;

use axum::body::Bytes;
use onepassword_kafka::{
    avro::encode::encode,
    event::{Event, Origin, Stream},
};
use onepassword_kafka_dev::simulator::{Options, Simulator, TokenSpec};
use serde_json::value::RawValue;

/// Some thousands of events of each stream, as JSON; a backfill repeats them.
#[derive(Debug)]
pub(crate) struct Account(BTreeMap<Stream, Vec<String>>);

/// A record, ready to be sent.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) uuid: String,
    pub(crate) time: String,
    pub(crate) timestamp: i64,
}

/// Events in a page of a backfill.
pub(crate) const PAGE: usize = 1_000;
/// Pages before they repeat: their events fill many of librdkafka's batches, so that repetition helps no compression.
const PAGES: usize = 10;
/// Partitions of each topic of events, the connector's default.
pub(crate) const PARTITIONS: i32 = 6;
/// The name of the connector.
pub(crate) const CONNECTOR: &str = "bench";
/// What introspection tells.
pub(crate) const ACCOUNT: &str = TokenSpec::ACCOUNT;

// === impl Account ===

impl Account {
    /// Has the simulator make it up.
    pub(crate) async fn simulated() -> anyhow::Result<Self> {
        let simulator = Simulator::start(Options::default()).await?;
        let mut streams = BTreeMap::new();
        for stream in Stream::ALL {
            let theirs = onepassword_kafka_dev::simulator::Stream::ALL
                .into_iter()
                .find(|theirs| theirs.as_str() == stream.name())
                .expect("the simulator has every stream");
            let four_days = std::time::Duration::from_hours(96);
            simulator.history(ACCOUNT, theirs, PAGES * PAGE, four_days);
            let items = simulator.published(ACCOUNT, theirs);
            streams.insert(stream, items.iter().map(ToString::to_string).collect());
        }
        Ok(Self(streams))
    }

    /// The events of `stream`, each as its JSON.
    pub(crate) fn items(&self, stream: Stream) -> &[String] {
        &self.0[&stream]
    }

    /// Bytes of an item's JSON and of the record's value that it becomes, on average.
    pub(crate) fn sizes(&self, stream: Stream) -> anyhow::Result<(usize, usize)> {
        let items = self.items(stream);
        let (mut json, mut avro) = (0, 0);
        for item in items {
            json += item.len();
            avro += Ready::make(stream, item)?.value.len();
        }
        Ok((json / items.len(), avro / items.len()))
    }

    /// The same as lists of `size`.
    pub(crate) fn pages(&self, stream: Stream, size: usize) -> Vec<Bytes> {
        let pages = self.items(stream).chunks(size);
        pages
            .map(|items| format!("[{}]", items.join(",")).into())
            .collect()
    }
}

// === impl Ready ===

impl Ready {
    /// The record that the connector makes of an item, schema 1 assumed.
    pub(crate) fn make(stream: Stream, item: &str) -> anyhow::Result<Self> {
        let item: &RawValue = serde_json::from_str(item)?;
        let origin = Origin {
            connector: CONNECTOR.to_owned(),
            account_uuid: Some(ACCOUNT.to_owned()),
        };
        let event = Event::read(stream, item, &origin)?;
        let mut value = vec![0, 0, 0, 0, 1];
        encode(&event, &mut value)?;
        Ok(Self {
            key: event.user_uuid().unwrap_or(event.uuid()).to_owned(),
            value,
            uuid: event.uuid().to_owned(),
            time: event.time().text.to_owned(),
            timestamp: event.time().millis(),
        })
    }
}
