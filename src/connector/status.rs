//! What the connectors and tasks of the group do: told in the status topic by whoever runs them, and read from there.
//!
//! The records are those of Kafka Connect's status topic: `status-connector-<name>` and `status-task-<name>-<id>` hold a
//! state, and `status-topic-<topic>:connector-<name>` says that a connector publishes to a topic. They are written when
//! something changes, and only then.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use serde::{Deserialize, Serialize};

use crate::{
    event::{Stream, TaskId},
    kafka::Logged,
    relay::Subject,
};

/// What is known of the group's connectors; clones know the same.
#[derive(Debug, Clone, Default)]
pub struct Statuses(Arc<RwLock<Known>>);

/// What a connector and its tasks do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its own state.
    pub connector: State,
    /// Those of its tasks, by id.
    pub tasks: BTreeMap<u32, State>,
    /// Which of its settings have no effect, and why.
    pub notes: Vec<String>,
}

/// The state of a connector or a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// RUNNING, PAUSED, STOPPED, FAILED, UNASSIGNED or RESTARTING.
    pub state: String,
    /// Why it has failed.
    #[serde(default)]
    pub trace: Option<String>,
    /// The worker that has it.
    pub worker_id: String,
    /// The version of that worker.
    #[serde(default)]
    pub version: Option<String>,
}

/// What is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Restarted {
    pub(super) connector: bool,
    pub(super) tasks: bool,
}

#[derive(Debug, Default)]
struct Known {
    states: BTreeMap<String, State>,
    /// The topics that each connector publishes to.
    topics: BTreeMap<String, BTreeSet<String>>,
}

// === impl Statuses ===

impl Statuses {
    /// Takes in what the status topic brings. A record that cannot be read is reported and skipped.
    pub fn follow(&self, logged: Logged<'_>) {
        let Logged::Record { offset, key, value } = logged else {
            return;
        };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.apply(key, value).is_none() {
            tracing::warn!(
                offset,
                "a record of the status topic cannot be read, it is skipped"
            );
        }
    }

    /// What a connector does; none where nobody has told yet.
    #[must_use]
    pub fn status(&self, connector: &str) -> Option<Status> {
        let known = self.known();
        let task = |stream: Stream| {
            let id = TaskId {
                connector: connector.to_owned(),
                stream,
            };
            let state = known.states.get(&key(&Subject::Task(id)))?;
            Some((stream.number(), state.clone()))
        };
        let subject = Subject::Connector(connector.to_owned());
        Some(Status {
            name: connector.to_owned(),
            connector: known.states.get(&key(&subject))?.clone(),
            tasks: Stream::ALL.into_iter().filter_map(task).collect(),
            notes: Vec::new(),
        })
    }

    /// The topics that a connector has published to since they were last forgotten.
    #[must_use]
    pub fn topics(&self, connector: &str) -> Vec<String> {
        let known = self.known();
        let topics = known.topics.get(connector);
        topics.map_or_else(Vec::new, |topics| topics.iter().cloned().collect())
    }

    pub(super) fn state(&self, subject: &Subject) -> Option<State> {
        self.known().states.get(&key(subject)).cloned()
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Status ===

impl Status {
    /// Makes RESTARTING what is to be restarted, and says whether that is the connector, and whether it is tasks.
    pub(super) fn restart(&mut self, tasks: bool, only_failed: bool) -> Restarted {
        let restart = |state: &mut State| {
            let chosen = !only_failed || state.state == "FAILED";
            if chosen {
                "RESTARTING".clone_into(&mut state.state);
            }
            chosen
        };
        let connector = restart(&mut self.connector);
        let chosen = self.tasks.values_mut().filter(|_| tasks);
        let tasks = chosen.map(restart).filter(|chosen| *chosen).count() > 0;
        Restarted { connector, tasks }
    }
}

// === impl Known ===

impl Known {
    /// `None` where it means nothing.
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> Option<()> {
        let key = str::from_utf8(key).ok()?;
        if let Some(rest) = key.strip_prefix("status-topic-") {
            // A topic's name has no colon in it.
            let (topic, connector) = rest.split_once(":connector-")?;
            let topics = self.topics.entry(connector.to_owned()).or_default();
            match value {
                Some(_) => topics.insert(topic.to_owned()),
                None => topics.remove(topic),
            };
        } else if key.starts_with("status-") {
            match value {
                Some(value) => {
                    let state = serde_json::from_slice(value).ok()?;
                    self.states.insert(key.to_owned(), state);
                }
                None => {
                    self.states.remove(key);
                }
            }
        }
        Some(())
    }
}

pub(super) fn key(subject: &Subject) -> String {
    match subject {
        Subject::Connector(name) => format!("status-connector-{name}"),
        Subject::Task(TaskId { connector, stream }) => {
            format!("status-task-{connector}-{}", stream.number())
        }
    }
}

pub(super) fn topic_key(topic: &str, connector: &str) -> String {
    format!("status-topic-{topic}:connector-{connector}")
}
