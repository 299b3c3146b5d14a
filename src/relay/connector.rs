//! A connector as the relay needs it: settings that have been judged.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    event::{Place, Stream, TaskId},
    secret::Template,
};

/// One account's integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// Its name, unique in the workers' group.
    pub name: String,
    /// The token, read anew before each poll.
    pub token: Template,
    /// Where the Events API is; otherwise the token says so.
    pub url: Option<Url>,
    /// What to read; otherwise all that the token covers.
    pub streams: Option<Vec<Stream>>,
    /// The pause after a poll that has reached the end.
    pub poll_interval: Duration,
    /// Events in one answer, 1 to 1000. The API keeps to the limit that a reading began with.
    pub page_limit: u16,
    /// Where a task without a position begins.
    pub start: Start,
    /// What records are keyed by.
    pub key: Key,
}

/// What somebody wants of a connector; Kafka Connect's target states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Read, and publish.
    Running,
    /// Keep its tasks, but do not poll.
    Paused,
    /// Give its tasks up.
    Stopped,
}

/// A connector, and what it is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The connector, or what is wrong with its settings.
    pub connector: Result<Arc<Connector>, String>,
    /// Its target state.
    pub target: Target,
    /// How often it was to be stopped and started: once more, and it is.
    pub restarts: u64,
    /// What was last to become of its positions.
    pub alteration: Option<Arc<Alteration>>,
}

/// What is to become of a connector's positions, before it runs again. It is carried out once: one whose number is not
/// above that of the last one that was is done, or out of date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alteration {
    /// Which one it is of all that the connector ever had.
    pub number: u64,
    /// Where each stream is to be read next; one without a place begins anew.
    #[serde(rename = "offsets")]
    pub places: BTreeMap<Stream, Option<Place>>,
}

/// A connector that is to run, from its latest restart or alteration on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) connector: Arc<Connector>,
    pub(super) alteration: Option<Arc<Alteration>>,
    restarts: u64,
}

/// The connectors of one shard, by name.
pub(super) type Own = BTreeMap<String, Wanted>;

/// All connectors of the group, by name, whoever runs them.
pub type Connectors = Arc<BTreeMap<String, Wanted>>;

/// Where a task without a position begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// As far back as the API keeps events: 120 days.
    Earliest,
    /// Now.
    Latest,
    /// At this time.
    At(Timestamp),
    /// This long ago.
    Ago(SignedDuration),
}

/// What would be read from a place vanishes at once: the topic does not keep it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "reading would begin at {start}, but the topic keeps records for {kept:#} only, by their own time: older events would \
     vanish at once. Raise the topic's retention.ms, or set a later start.time"
)]
pub struct WouldVanish {
    start: Timestamp,
    kept: SignedDuration,
}

/// What records are keyed by, and so what is kept in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The user who acted, or the event where there is none.
    User,
    /// The event.
    Event,
    /// The account.
    Account,
    /// The connector.
    Connector,
}

/// How long 1Password keeps events (Events API documentation, "Introduction").
const API_RETENTION: SignedDuration = SignedDuration::from_hours(120 * 24);

// === impl Wanted ===

impl Wanted {
    /// What is to run of it.
    pub(super) fn run(&self) -> Option<Run> {
        let connector = self.connector.clone().ok()?;
        (self.target == Target::Running).then_some(Run {
            connector,
            alteration: self.alteration.clone(),
            restarts: self.restarts,
        })
    }

    /// What is still to become of its positions, where the alteration of number `done` was the last one carried out.
    pub(super) fn to_be_altered(&self, done: Option<&u64>) -> Option<&Alteration> {
        let alteration = self.alteration.as_deref();
        alteration.filter(|alteration| Some(&alteration.number) > done)
    }
}

// === impl Start ===

impl Start {
    /// The time to begin at, in whole seconds, which is what the API is asked in.
    #[must_use]
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        let time = match self {
            Self::Earliest => now - API_RETENTION,
            Self::Latest => now,
            Self::At(time) => time,
            Self::Ago(back) => now - back,
        };
        Timestamp::from_second(time.as_second()).expect("a time's own seconds are in range")
    }
}

// === impl WouldVanish ===

impl WouldVanish {
    /// Refuses to begin at a time that is too long ago for a topic, when that is `decided`.
    ///
    /// # Errors
    ///
    /// Where the topic does not keep what there is from then on.
    pub fn check(start: Timestamp, decided: Timestamp, kept: Option<Duration>) -> Result<(), Self> {
        // There is nothing from before 1Password's own memory.
        let start = start.max(Start::Earliest.resolve(decided));
        match kept.map(SignedDuration::try_from) {
            Some(Ok(kept)) if decided.duration_since(start) > kept => Err(Self { start, kept }),
            _ => Ok(()),
        }
    }
}

impl Connector {
    /// The tasks that it may have.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> {
        let streams = self.streams.as_deref().unwrap_or(&Stream::ALL);
        streams.iter().map(|stream| TaskId {
            connector: self.name.clone(),
            stream: *stream,
        })
    }
}
