//! Whose metric it is, and what the values of its labels are.

use prometheus_client::encoding::EncodeLabelSet;

use crate::event::{Stream, TaskId};

/// What a task does, in Kafka Connect's words where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// It reads, or waits for its next poll.
    Running,
    /// It cannot reach something, and tries again by itself.
    Retrying,
    /// It needs somebody; it tries again by itself, ever more rarely.
    Failed,
    /// The token does not cover this stream, and nobody asked for it by name.
    Unassigned,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TaskLabels {
    connector: String,
    stream: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabels {
    connector: String,
    stream: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) connector: String,
    pub(super) request: &'static str,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ConnectorLabels {
    connector: String,
}

/// The one request that is not for a stream.
pub const INTROSPECT: &str = "introspect";

// === impl TaskState ===

impl TaskState {
    /// Every state.
    pub const ALL: [Self; 4] = [
        Self::Running,
        Self::Retrying,
        Self::Failed,
        Self::Unassigned,
    ];

    /// The state's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Retrying => "RETRYING",
            Self::Failed => "FAILED",
            Self::Unassigned => "UNASSIGNED",
        }
    }
}

// === impl TaskLabels ===

impl TaskLabels {
    pub(super) fn of(task: &TaskId) -> Self {
        Self {
            connector: task.connector.clone(),
            stream: task.stream.name(),
        }
    }
}

// === impl StateLabels ===

impl StateLabels {
    pub(super) fn of(task: &TaskId, state: TaskState) -> Self {
        Self {
            connector: task.connector.clone(),
            stream: task.stream.name(),
            state: state.name(),
        }
    }
}

// === impl RequestLabels ===

impl RequestLabels {
    /// Those of all requests that a connector can have made.
    pub(super) fn all(connector: &str, outcomes: &[&'static str]) -> impl Iterator<Item = Self> {
        let streams = Stream::ALL.map(Stream::name);
        let requests = streams.into_iter().chain([INTROSPECT]);
        requests.flat_map(move |request| {
            outcomes.iter().map(move |outcome| Self {
                connector: connector.to_owned(),
                request,
                outcome,
            })
        })
    }
}

// === impl ConnectorLabels ===

impl ConnectorLabels {
    pub(super) fn of(connector: &str) -> Self {
        Self {
            connector: connector.to_owned(),
        }
    }
}
