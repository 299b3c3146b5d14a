//! The records of the cursors topic.
//!
//! Key and value have the shape of Kafka Connect's offsets topic, so that its runbooks work.
//!
//! | key | value |
//! | --- | --- |
//! | `["<connector>",{"stream":"<stream>"}]` | a JSON position; a tombstone resets |
//! | `["<connector>",{}]` | `{"alteration":7}`, the number of the alteration of the connector's positions that was carried out last |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::event::{Position, TaskId};

/// What one record keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// A task's position, or that it has none.
    Position(TaskId, Option<Stored>),
    /// The number of the alteration of a connector's positions that was carried out last.
    Alteration(String, Option<u64>),
}

/// A position as the topic has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// A position.
    Position(Position),
    /// A value that is none; the task must not guess.
    Unreadable(String),
}

#[derive(Serialize, Deserialize)]
struct AlterationValue {
    alteration: u64,
}

// === impl Kept ===

impl Kept {
    /// Reads a record; `None` for one whose key is not ours.
    #[must_use]
    pub fn read(key: &[u8], value: Option<&[u8]>) -> Option<Self> {
        let (connector, partition): (String, BTreeMap<String, String>) =
            serde_json::from_slice(key).ok()?;
        if partition.is_empty() {
            let value = value.and_then(|value| serde_json::from_slice(value).ok());
            let number = value.map(|AlterationValue { alteration }| alteration);
            return Some(Self::Alteration(connector, number));
        }
        let stream = partition.get("stream")?.parse().ok()?;
        let task = TaskId { connector, stream };
        Some(Self::Position(task, value.map(Stored::read)))
    }
}

// === impl Stored ===

impl Stored {
    fn read(value: &[u8]) -> Self {
        match serde_json::from_slice(value) {
            Ok(position) => Self::Position(position),
            Err(error) => Self::Unreadable(describe(&error)),
        }
    }
}

/// The record of a task's position, or of its having none.
pub(super) fn position(task: &TaskId, position: Option<&Position>) -> (String, Option<String>) {
    let key = json!([task.connector, { "stream": task.stream.name() }]);
    let value = position.map(written);
    (key.to_string(), value)
}

/// The record of an alteration that is carried out.
pub(super) fn alteration(connector: &str, number: u64) -> (String, String) {
    let key = json!([connector, {}]);
    let value = AlterationValue { alteration: number };
    (key.to_string(), written(&value))
}

fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it is plain data")
}

/// `serde_json` may quote a value, and what somebody has written there is nobody's business.
fn describe(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => "it is neither a cursor nor a start_time".to_owned(),
        _ => "it is not JSON".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Stream;

    fn task() -> TaskId {
        TaskId {
            connector: "acme \"eu\"".to_owned(),
            stream: Stream::AuditEvents,
        }
    }

    #[test]
    fn what_is_written_is_shaped_like_kafka_connects_and_read_again() {
        let start = Position::start(
            "2026-11-24T00:00:00Z".parse().unwrap(),
            "2026-11-24T10:00:00Z".parse().unwrap(),
        );
        let (key, value) = position(&task(), Some(&start));
        assert_eq!(key, r#"["acme \"eu\"",{"stream":"auditevents"}]"#);
        let value = value.unwrap();
        assert!(
            value.starts_with(r#"{"start_time":"2026-11-24T00:00:00Z""#),
            "{value}"
        );
        let read = Kept::read(key.as_bytes(), Some(value.as_bytes()));
        assert_eq!(
            read,
            Some(Kept::Position(task(), Some(Stored::Position(start))))
        );

        assert_eq!(position(&task(), None), (key.clone(), None));
        assert_eq!(
            Kept::read(key.as_bytes(), None),
            Some(Kept::Position(task(), None))
        );

        let (key, value) = alteration("acme", 7);
        assert_eq!((&*key, &*value), (r#"["acme",{}]"#, r#"{"alteration":7}"#));
        let read = |value| Kept::read(key.as_bytes(), value);
        let altered = |number| Some(Kept::Alteration("acme".to_owned(), number));
        assert_eq!(read(Some(value.as_bytes())), altered(Some(7)));
        assert_eq!(read(Some(b"{}")), altered(None));
        assert_eq!(read(None), altered(None));
    }

    #[test]
    fn a_key_of_something_else_is_not_ours() {
        for key in [
            "",
            "acme",
            "[]",
            r#"["acme"]"#,
            r#"["acme",{"stream":"x"}]"#,
            r#"["acme",{"file":"x"}]"#,
        ] {
            assert_eq!(Kept::read(key.as_bytes(), None), None, "{key}");
        }
    }

    #[test]
    fn a_position_that_cannot_be_read_is_told_without_its_content() {
        let (key, _) = position(&task(), None);
        for (value, what) in [
            ("hidden", "it is not JSON"),
            (r#"{"hidden":1}"#, "it is neither a cursor nor a start_time"),
        ] {
            let stored = Stored::Unreadable(what.to_owned());
            let read = Kept::read(key.as_bytes(), Some(value.as_bytes()));
            assert_eq!(read, Some(Kept::Position(task(), Some(stored))));
        }
    }
}
