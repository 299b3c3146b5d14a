//! What the bodies of Kafka Connect's requests say.

use serde_json::value::RawValue;

use crate::{
    connector::{Offset, Properties},
    http::{
        answer::Failure,
        body::{items, json, members, object, properties_of, scalar},
    },
    relay::Target,
};

/// What somebody wants to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Creation {
    pub(super) name: String,
    pub(super) config: Properties,
    pub(super) target: Option<Target>,
}

/// `{"name": …, "config": {…}, "initial_state": …}`.
pub(super) fn creation(body: &[u8]) -> Result<Creation, Failure> {
    let mut members = members(json(body)?, "the body")?;
    let name = members.remove("name").map(|raw| scalar(raw, "name"));
    let config = members.remove("config");
    let target = members.remove("initial_state").map(target);
    if let Some(unknown) = members.into_keys().next() {
        return Err(Failure::invalid(format!(
            "the body may have name, config and initial_state, not '{unknown}'"
        )));
    }
    let config = config.ok_or_else(|| Failure::invalid("the body has no config"))?;
    Ok(Creation {
        name: trimmed(&name.transpose()?.flatten().unwrap_or_default()),
        config: properties_of(self::members(config, "config")?, "config")?,
        target: target.transpose()?.flatten(),
    })
}

/// `{"offsets": [{"partition": {…}, "offset": {…}}, …]}`.
pub(super) fn offsets(body: &[u8]) -> Result<Vec<Offset>, Failure> {
    let mut members = members(json(body)?, "the body")?;
    let offsets = members.remove("offsets").map(|raw| items(raw, "offsets"));
    if let Some(unknown) = members.into_keys().next() {
        return Err(Failure::invalid(format!(
            "the body may have offsets, not '{unknown}'"
        )));
    }
    let offsets = offsets.transpose()?.unwrap_or_default();
    if offsets.is_empty() {
        return Err(Failure::invalid(
            "Partitions / offsets need to be provided for an alter offsets request",
        ));
    }
    offsets.into_iter().map(offset).collect()
}

fn offset(raw: &RawValue) -> Result<Offset, Failure> {
    let mut members = members(raw, "an item of offsets")?;
    let partition = members
        .remove("partition")
        .map(|raw| object(raw, "partition"));
    let offset = members.remove("offset").map(|raw| object(raw, "offset"));
    if let Some(unknown) = members.into_keys().next() {
        return Err(Failure::invalid(format!(
            "an item of offsets may have partition and offset, not '{unknown}'"
        )));
    }
    Ok(Offset {
        partition: partition.transpose()?.flatten(),
        offset: offset.transpose()?.flatten(),
    })
}

fn target(raw: &RawValue) -> Result<Option<Target>, Failure> {
    let Some(state) = scalar(raw, "initial_state")? else {
        return Ok(None);
    };
    match state.to_uppercase().as_str() {
        "RUNNING" => Ok(Some(Target::Running)),
        "PAUSED" => Ok(Some(Target::Paused)),
        "STOPPED" => Ok(Some(Target::Stopped)),
        _ => Err(Failure::invalid(
            "initial_state must be RUNNING, PAUSED or STOPPED",
        )),
    }
}

/// Java's `trim`.
fn trimmed(name: &str) -> String {
    name.trim_matches(|c| c <= ' ').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::tests::{message, settings};

    #[test]
    fn a_creation_has_a_name_settings_and_a_state() {
        let read = |body: &str| creation(body.as_bytes()).unwrap();
        assert_eq!(
            read(r#"{"name":" lead ","config":{"a":"b"},"initial_state":"Paused"}"#),
            Creation {
                name: "lead".to_owned(),
                config: settings(&[("a", Some("b"))]),
                target: Some(Target::Paused),
            }
        );
        assert_eq!(read(r#"{"name":5,"config":{}}"#).name, "5");
        assert_eq!(read(r#"{"name":"c1","config":{},"name":"c2"}"#).name, "c2");
        let bare = read(r#"{"name":null,"config":{},"initial_state":null}"#);
        assert_eq!((bare.name.as_str(), bare.target), ("", None));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (body, what) in [
            ("", "the body must be an object, it is empty"),
            ("null", "the body must be an object, it is null"),
            ("[]", "the body must be an object, it is an array"),
            (r#""x""#, "the body must be an object, it is a text"),
            ("{}", "the body has no config"),
            (r#"{"name":"#, "the body is no JSON: line 1, column 8"),
            ("not json", "the body is no JSON: line 1, column 2"),
            (
                r#"{"config":{}} trailing"#,
                "the body is no JSON: line 1, column 15",
            ),
            (
                r#"{"name":"c1","config":null}"#,
                "config must be an object, it is null",
            ),
            (
                r#"{"name":{},"config":{}}"#,
                "name must be a text, a number or a boolean, it is an object",
            ),
            (
                r#"{"config":{"x":{"a":1}}}"#,
                "'x' in config must be a text, a number or a boolean, it is an object",
            ),
            (
                r#"{"config":{"x":"\ud800"}}"#,
                "'x' in config has an escape that is no character",
            ),
            (
                r#"{"config":{},"initial_state":"FAILED"}"#,
                "initial_state must be RUNNING, PAUSED or STOPPED",
            ),
            (
                r#"{"config":{},"unknown_field":1}"#,
                "the body may have name, config and initial_state, not 'unknown_field'",
            ),
        ] {
            assert_eq!(message(creation(body.as_bytes())), what, "{body}");
        }
    }

    #[test]
    fn no_value_is_quoted() {
        for body in [
            r#""hidden""#,
            r#"{"config":"hidden"}"#,
            r#"{"config":{"a":["hidden"]}}"#,
            r#"{"config":{},"initial_state":"hidden"}"#,
            r#"{"config":{"a":hidden}}"#,
        ] {
            let message = message(creation(body.as_bytes()));
            assert!(!message.contains("hidden"), "{message}");
        }
    }
}
