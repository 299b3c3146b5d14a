//! How connectors and their states are written as JSON: Kafka Connect's members, in its order.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    connector::{Info, Properties, State, Status},
    event::{Position, Stream},
};

/// A connector: `ConnectorInfo`.
#[derive(Debug, Serialize)]
pub(super) struct InfoBody {
    name: String,
    config: Properties,
    tasks: Vec<TaskId>,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// What it does: `ConnectorStateInfo`.
#[derive(Debug, Serialize)]
pub(super) struct StatusBody {
    name: String,
    connector: StateBody,
    tasks: Vec<TaskState>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// What a task does.
#[derive(Debug, Serialize)]
pub(super) struct TaskState {
    id: u32,
    #[serde(flatten)]
    state: StateBody,
}

/// A task and its settings: `TaskInfo`.
#[derive(Debug, Serialize)]
pub(super) struct TaskBody {
    id: TaskId,
    config: Properties,
}

/// A connector in a list, with what was asked for.
#[derive(Debug, Serialize)]
pub(super) struct Expanded {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<StatusBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) info: Option<InfoBody>,
}

/// Where the streams of a connector are read next: `ConnectorOffsets`.
#[derive(Debug, Serialize)]
pub(super) struct OffsetsBody {
    offsets: Vec<OffsetBody>,
}

#[derive(Debug, Serialize)]
struct OffsetBody {
    partition: BTreeMap<&'static str, Stream>,
    offset: Option<Position>,
}

#[derive(Debug, Serialize)]
struct TaskId {
    connector: String,
    task: u32,
}

#[derive(Debug, Serialize)]
struct StateBody {
    state: String,
    worker_id: String,
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

/// The only type of connectors that there is.
pub(super) const KIND: &str = "source";

// === impl InfoBody ===

impl From<Info> for InfoBody {
    fn from(info: Info) -> Self {
        let ids = info.tasks.iter().map(|task| TaskId {
            connector: info.name.clone(),
            task: *task,
        });
        Self {
            tasks: ids.collect(),
            name: info.name,
            config: info.config,
            kind: KIND,
        }
    }
}

// === impl StatusBody ===

impl From<Status> for StatusBody {
    fn from(status: Status) -> Self {
        Self {
            name: status.name,
            connector: status.connector.into(),
            tasks: status.tasks.into_iter().map(TaskState::from).collect(),
            kind: KIND,
            notes: status.notes,
        }
    }
}

// === impl TaskState ===

impl From<(u32, State)> for TaskState {
    fn from((id, state): (u32, State)) -> Self {
        let state = state.into();
        Self { id, state }
    }
}

// === impl StateBody ===

impl From<State> for StateBody {
    fn from(state: State) -> Self {
        Self {
            state: state.state,
            worker_id: state.worker_id,
            version: state.version,
            trace: state.trace,
        }
    }
}

/// The tasks of `connector`.
pub(super) fn tasks(connector: &str, tasks: BTreeMap<u32, Properties>) -> Vec<TaskBody> {
    let task = |(task, config)| TaskBody {
        id: TaskId {
            connector: connector.to_owned(),
            task,
        },
        config,
    };
    tasks.into_iter().map(task).collect()
}

/// Where the streams of a connector are read next.
pub(super) fn offsets(offsets: BTreeMap<Stream, Option<Position>>) -> OffsetsBody {
    let offset = |(stream, offset)| OffsetBody {
        partition: BTreeMap::from([("stream", stream)]),
        offset,
    };
    OffsetsBody {
        offsets: offsets.into_iter().map(offset).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(state: &str, version: Option<&str>, trace: Option<&str>) -> State {
        State {
            state: state.to_owned(),
            trace: trace.map(str::to_owned),
            worker_id: "w:8083".to_owned(),
            version: version.map(str::to_owned),
        }
    }

    fn text(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn a_connector_is_written_as_connect_writes_it() {
        let config = BTreeMap::from([
            ("name".to_owned(), Some("c1".to_owned())),
            ("x".to_owned(), None),
        ]);
        let info = Info {
            name: "c1".to_owned(),
            config: config.clone(),
            tasks: vec![0],
        };
        assert_eq!(
            text(&InfoBody::from(info)),
            r#"{"name":"c1","config":{"name":"c1","x":null},"tasks":[{"connector":"c1","task":0}],"type":"source"}"#
        );
        assert_eq!(
            text(&tasks("c1", BTreeMap::from([(0, config)]))),
            r#"[{"id":{"connector":"c1","task":0},"config":{"name":"c1","x":null}}]"#
        );
    }

    #[test]
    fn a_state_has_a_version_always_a_trace_when_it_failed_and_notes_where_there_are_any() {
        let status = Status {
            name: "c1".to_owned(),
            connector: state("UNASSIGNED", None, None),
            tasks: BTreeMap::from([(2, state("FAILED", Some("4.1.0-1"), Some("why")))]),
            notes: Vec::new(),
        };
        let noted = Status {
            notes: vec!["note".to_owned()],
            ..status.clone()
        };
        assert!(text(&StatusBody::from(noted)).ends_with(r#","type":"source","notes":["note"]}"#));
        assert_eq!(
            text(&StatusBody::from(status)),
            r#"{"name":"c1","connector":{"state":"UNASSIGNED","worker_id":"w:8083","version":null},"tasks":[{"id":2,"state":"FAILED","worker_id":"w:8083","version":"4.1.0-1","trace":"why"}],"type":"source"}"#
        );
    }
}
