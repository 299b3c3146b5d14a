//! The records of the connectors topic: those of Kafka Connect's config topic that mean something here.
//!
//! | key | value |
//! | --- | --- |
//! | `connector-<name>` | `{"properties":{…}}`, the connector's settings |
//! | `target-state-<name>` | `{"state":"RUNNING"}`, or PAUSED or STOPPED |
//! | `offsets-<name>` | `{"number":7,"offsets":{"<stream>":…}}`: what is to become of its positions, also after it was deleted |
//! | `logger-cluster-<name>` | `{"level":"DEBUG"}`, a logger's level from now on, on every worker that runs |
//! | `restart-connector-<name>` | `{"include-tasks":true}`: it is to be stopped and started |
//! | `writer` | who has written last, and how often: how a worker knows that it has read what it wrote |
//!
//! `state.v2`, where it is there, says more than `state`: Connect before 3.5 (KIP-875) does not know STOPPED, and is told
//! PAUSED. Members that nobody here knows are left alone.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::{
    relay::{Alteration, Target},
    telemetry::Level,
};

/// A connector's settings, as somebody has written them. In Kafka Connect a value may be `null`.
pub type Properties = BTreeMap<String, Option<String>>;

/// What one record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// These are the connector's settings; without any it is deleted.
    Properties(String, Option<Properties>),
    /// That is its target state; without one it runs.
    Target(String, Option<Target>),
    /// That is to become of its positions.
    Alteration(String, Option<Alteration>),
    /// A logger has this level from now on.
    Logger(String, Level),
    /// It is to be stopped and started, with its tasks or without.
    Restart(String, bool),
    /// A worker has written.
    Writer {
        /// Which.
        writer: String,
        /// How often by now.
        turn: u64,
    },
    /// Something of Kafka Connect's own that has no meaning here.
    Foreign,
}

/// A record as it is written: its key, and its value where it has one.
pub(super) type Written = (String, Option<String>);

/// Why a record says nothing. It quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(&'static str);

/// What Kafka Connect keeps beside the connectors.
const FOREIGN: [&str; 4] = ["task-", "commit-", "tasks-fencing-", "session-key"];

/// The key under which workers write their turns.
const WRITER: &str = "writer";

#[derive(Deserialize)]
struct PropertiesValue {
    properties: Properties,
}

#[derive(Deserialize)]
struct LevelValue {
    level: String,
}

#[derive(Deserialize)]
struct RestartValue {
    #[serde(rename = "include-tasks")]
    include_tasks: bool,
}

#[derive(Deserialize)]
struct WriterValue {
    writer: String,
    turn: u64,
}

#[derive(Deserialize)]
struct TargetValue {
    state: String,
    #[serde(rename = "state.v2")]
    state_v2: Option<String>,
}

// === impl Record ===

impl Record {
    pub(super) fn read(key: &[u8], value: Option<&[u8]>) -> Result<Self, Unreadable> {
        let key = str::from_utf8(key).map_err(|_| Unreadable("its key is not UTF-8"))?;
        if let Some(name) = key.strip_prefix("connector-") {
            let properties = value.map(properties).transpose()?;
            return Ok(Self::Properties(name.to_owned(), properties));
        }
        if let Some(name) = key.strip_prefix("target-state-") {
            let target = value.map(target).transpose()?;
            return Ok(Self::Target(name.to_owned(), target));
        }
        if let Some(name) = key.strip_prefix("offsets-") {
            let alteration = value.map(alteration).transpose()?;
            return Ok(Self::Alteration(name.to_owned(), alteration));
        }
        if let Some(name) = key.strip_prefix("logger-cluster-") {
            let Some(value) = value else {
                return Ok(Self::Foreign);
            };
            return Ok(Self::Logger(name.to_owned(), level(value)?));
        }
        if let Some(name) = key.strip_prefix("restart-connector-") {
            let Some(value) = value else {
                return Ok(Self::Foreign);
            };
            return Ok(Self::Restart(name.to_owned(), includes_tasks(value)?));
        }
        if key == WRITER {
            return value.map_or(Ok(Self::Foreign), writer);
        }
        if FOREIGN.iter().any(|foreign| key.starts_with(foreign)) {
            return Ok(Self::Foreign);
        }
        Err(Unreadable("its key is none that this version knows"))
    }
}

/// Declares a connector, or takes it back.
pub(super) fn declare(name: &str, properties: Option<&Properties>) -> Written {
    let value = properties.map(|properties| json!({ "properties": properties }).to_string());
    (format!("connector-{name}"), value)
}

/// Sets a target state, or takes back what was set.
pub(super) fn set_target(name: &str, target: Option<Target>) -> Written {
    let value = target.map(|target| {
        // Kafka Connect before 3.5 does not know STOPPED.
        let (old, new) = match target {
            Target::Running => ("STARTED", "STARTED"),
            Target::Paused => ("PAUSED", "PAUSED"),
            Target::Stopped => ("PAUSED", "STOPPED"),
        };
        json!({ "state": old, "state.v2": new }).to_string()
    });
    (format!("target-state-{name}"), value)
}

/// Alters a connector's positions.
pub(super) fn alter(name: &str, alteration: &Alteration) -> Written {
    (
        format!("offsets-{name}"),
        Some(json!(alteration).to_string()),
    )
}

/// Sets a logger's level on all workers.
pub(super) fn set_level(logger: &str, level: Level) -> Written {
    let value = json!({ "level": level.to_string() });
    (format!("logger-cluster-{logger}"), Some(value.to_string()))
}

/// Has a connector stopped and started, with its tasks or without.
pub(super) fn restart(name: &str, tasks: bool) -> Written {
    let value = json!({ "include-tasks": tasks, "only-failed": false });
    (format!("restart-connector-{name}"), Some(value.to_string()))
}

/// Says that `writer` has written, for the `turn`th time.
pub(super) fn sign(writer: &str, turn: u64) -> Written {
    let value = json!({ "writer": writer, "turn": turn });
    (WRITER.to_owned(), Some(value.to_string()))
}

fn properties(value: &[u8]) -> Result<Properties, Unreadable> {
    let value: PropertiesValue = serde_json::from_slice(value).map_err(|_| {
        Unreadable("its value is not {\"properties\":{…}} with texts as properties")
    })?;
    Ok(value.properties)
}

fn alteration(value: &[u8]) -> Result<Alteration, Unreadable> {
    serde_json::from_slice(value)
        .map_err(|_| Unreadable("its value is not {\"number\":…,\"offsets\":{…}}"))
}

fn level(value: &[u8]) -> Result<Level, Unreadable> {
    let value: Option<LevelValue> = serde_json::from_slice(value).ok();
    value
        .and_then(|LevelValue { level }| level.parse().ok())
        .ok_or(Unreadable(
            "its value is not {\"level\":\"…\"} with one of Log4j's levels",
        ))
}

fn includes_tasks(value: &[u8]) -> Result<bool, Unreadable> {
    let value: RestartValue = serde_json::from_slice(value)
        .map_err(|_| Unreadable("its value is not {\"include-tasks\":…}"))?;
    Ok(value.include_tasks)
}

fn writer(value: &[u8]) -> Result<Record, Unreadable> {
    let WriterValue { writer, turn } = serde_json::from_slice(value)
        .map_err(|_| Unreadable("its value is not {\"writer\":\"…\",\"turn\":…}"))?;
    Ok(Record::Writer { writer, turn })
}

fn target(value: &[u8]) -> Result<Target, Unreadable> {
    let value: TargetValue = serde_json::from_slice(value)
        .map_err(|_| Unreadable("its value is not {\"state\":\"…\"}"))?;
    match value.state_v2.unwrap_or(value.state).as_str() {
        "RUNNING" | "STARTED" => Ok(Target::Running),
        "PAUSED" => Ok(Target::Paused),
        "STOPPED" => Ok(Target::Stopped),
        _ => Err(Unreadable(
            "its state is none of RUNNING, PAUSED and STOPPED",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cursor, Place, Stream};

    fn read(key: &str, value: Option<&str>) -> Result<Record, String> {
        Record::read(key.as_bytes(), value.map(str::as_bytes)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_kafka_connect_writes_is_read() {
        let properties = BTreeMap::from([
            ("tasks.max".to_owned(), Some("1".to_owned())),
            ("topic".to_owned(), None),
        ]);
        assert_eq!(
            read(
                "connector-a-b",
                Some(r#"{"properties":{"tasks.max":"1","topic":null}}"#)
            ),
            Ok(Record::Properties("a-b".to_owned(), Some(properties)))
        );
        assert_eq!(
            read("connector-a/b", None),
            Ok(Record::Properties("a/b".to_owned(), None))
        );
        for (value, target) in [
            (r#"{"state":"STARTED"}"#, Target::Running),
            (r#"{"state":"PAUSED","state.v2":"PAUSED"}"#, Target::Paused),
            (
                r#"{"state":"PAUSED","state.v2":"STOPPED"}"#,
                Target::Stopped,
            ),
        ] {
            assert_eq!(
                read("target-state-acme", Some(value)),
                Ok(Record::Target("acme".to_owned(), Some(target)))
            );
        }
        for key in ["task-acme-0", "commit-acme", "session-key"] {
            assert_eq!(read(key, Some("{}")), Ok(Record::Foreign), "{key}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let acme = || "acme".to_owned();
        let properties = BTreeMap::from([("a".to_owned(), None)]);
        let target = |target| Record::Target(acme(), target);
        let start = Place::Start("2026-11-24T10:00:00Z".parse().unwrap());
        let cursor = Place::After(Cursor::new("c".to_owned()).unwrap());
        let places = [Some(start), None, Some(cursor)];
        let alteration = Alteration {
            number: 7,
            places: Stream::ALL.into_iter().zip(places).collect(),
        };
        for ((key, value), record) in [
            (
                declare("acme", Some(&properties)),
                Record::Properties(acme(), Some(properties.clone())),
            ),
            (declare("acme", None), Record::Properties(acme(), None)),
            (
                set_target("acme", Some(Target::Stopped)),
                target(Some(Target::Stopped)),
            ),
            (
                set_target("acme", Some(Target::Running)),
                target(Some(Target::Running)),
            ),
            (set_target("acme", None), target(None)),
            (
                alter("acme", &alteration),
                Record::Alteration(acme(), Some(alteration.clone())),
            ),
            (
                set_level("acme", Level::Debug),
                Record::Logger(acme(), Level::Debug),
            ),
            (restart("acme", true), Record::Restart(acme(), true)),
            (
                sign("acme", 7),
                Record::Writer {
                    writer: acme(),
                    turn: 7,
                },
            ),
        ] {
            assert_eq!(read(&key, value.as_deref()), Ok(record));
        }
    }

    #[test]
    fn what_a_newer_version_adds_is_left_alone() {
        let value = r#"{"properties":{},"owner":"ann"}"#;
        assert_eq!(
            read("connector-acme", Some(value)),
            Ok(Record::Properties("acme".to_owned(), Some(BTreeMap::new())))
        );
    }

    #[test]
    fn what_cannot_be_read_says_so_without_its_content() {
        for (key, value) in [
            ("connector-acme", "hidden"),
            ("connector-acme", r#"{"properties":{"a":{"b":"hidden"}}}"#),
            ("connector-acme", r#"{"hidden":{}}"#),
            ("target-state-acme", r#"{"state":"hidden"}"#),
            ("target-state-acme", "{}"),
            (
                "offsets-acme",
                r#"{"number":1,"offsets":{"itemusages":"hidden"}}"#,
            ),
            ("offsets-acme", r#"{"number":1,"offsets":{"hidden":null}}"#),
            ("logger-cluster-a", r#"{"level":"hidden"}"#),
            ("hidden", "{}"),
        ] {
            let error = read(key, Some(value)).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
