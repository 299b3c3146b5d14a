//! The records of the connectors topic: those of Kafka Connect's config topic that mean something here.
//!
//! | key | value |
//! | --- | --- |
//! | `connector-<name>` | `{"properties":{…}}`, the connector's settings |
//! | `target-state-<name>` | `{"state":"RUNNING"}`, or PAUSED or STOPPED |
//!
//! `state.v2`, where it is there, says more than `state`: Connect before 3.5 (KIP-875) does not know STOPPED, and is told
//! PAUSED. Members that nobody here knows are left alone.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::relay::Target;

/// A connector's settings, as somebody has written them. In Kafka Connect a value may be `null`.
pub type Properties = BTreeMap<String, Option<String>>;

/// What one record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// These are the connector's settings; without any it is deleted.
    Properties(String, Option<Properties>),
    /// That is its target state; without one it runs.
    Target(String, Option<Target>),
    /// Something of Kafka Connect's own that has no meaning here.
    Foreign,
}

/// Why a record says nothing. It quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(&'static str);

/// What Kafka Connect keeps beside the connectors.
const FOREIGN: [&str; 7] = [
    "task-",
    "commit-",
    "tasks-fencing-",
    "restart-connector-",
    "logger-cluster-",
    "session-key",
    "offsets-",
];

#[derive(Deserialize)]
struct PropertiesValue {
    properties: Properties,
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
        if FOREIGN.iter().any(|foreign| key.starts_with(foreign)) {
            return Ok(Self::Foreign);
        }
        Err(Unreadable("its key is none that this version knows"))
    }
}

fn properties(value: &[u8]) -> Result<Properties, Unreadable> {
    let value: PropertiesValue = serde_json::from_slice(value).map_err(|_| {
        Unreadable("its value is not {\"properties\":{…}} with texts as properties")
    })?;
    Ok(value.properties)
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
        for key in [
            "task-acme-0",
            "commit-acme",
            "session-key",
            "restart-connector-acme",
        ] {
            assert_eq!(read(key, Some("{}")), Ok(Record::Foreign), "{key}");
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
            ("hidden", "{}"),
        ] {
            let error = read(key, Some(value)).unwrap_err();
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
