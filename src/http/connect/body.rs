//! Bodies: read up to a limit, and taken apart with a word for everything that is wrong.
//!
//! As in Connect, numbers and booleans become the texts that they were written as, and the last of two members with the
//! same name holds. A message says what is wrong and where, and never the value: it could be a secret.

use std::collections::BTreeMap;

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, StatusCode},
};
use serde_json::{Map, Value, value::RawValue};

use super::{answer::Failure, negotiation::BodyType};
use crate::{
    connector::{Offset, Properties},
    http::server::Late,
    relay::Target,
};

/// The longest body that is read.
const LIMIT: usize = 1 << 20;

/// What somebody wants to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Creation {
    pub(super) name: String,
    pub(super) config: Properties,
    pub(super) target: Option<Target>,
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// The whole body.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Failure> {
    let body = to_bytes(body, LIMIT).await.map_err(|error| {
        // Where it fails because the asker has gone, nobody is left to read the answer.
        Failure::late(if Late::is_behind(&error) {
            StatusCode::REQUEST_TIMEOUT
        } else {
            StatusCode::PAYLOAD_TOO_LARGE
        })
    })?;
    if !body.is_empty() && BodyType::of(headers)? != BodyType::Json {
        return Err(Failure::late(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    Ok(body)
}

/// A connector's settings, or changes of them.
pub(super) fn properties(body: &[u8]) -> Result<Properties, Failure> {
    let place = "the body";
    properties_of(members(json(body)?, place)?, place)
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

/// The items of an array; `null` has none.
fn items<'a>(raw: &'a RawValue, place: &str) -> Result<Vec<&'a RawValue>, Failure> {
    match kind(raw) {
        "null" => Ok(Vec::new()),
        "an array" => serde_json::from_str(raw.get()).map_err(|error| unreadable(&error)),
        other => Err(Failure::invalid(format!(
            "{place} must be an array, it is {other}"
        ))),
    }
}

fn object(raw: &RawValue, place: &str) -> Result<Option<Map<String, Value>>, Failure> {
    match kind(raw) {
        "null" => Ok(None),
        "an object" => serde_json::from_str(raw.get()).map_err(|error| unreadable(&error)),
        other => Err(Failure::invalid(format!(
            "{place} must be an object or null, it is {other}"
        ))),
    }
}

fn json(body: &[u8]) -> Result<&RawValue, Failure> {
    if body.is_empty() {
        return Err(Failure::invalid("the body must be an object, it is empty"));
    }
    serde_json::from_slice(body).map_err(|error| unreadable(&error))
}

/// What a parser says of a syntax error could quote a value: only the place is kept.
fn unreadable(error: &serde_json::Error) -> Failure {
    let (line, column) = (error.line(), error.column());
    Failure::invalid(format!("the body is no JSON: line {line}, column {column}"))
}

fn members<'a>(raw: &'a RawValue, place: &str) -> Result<Members<'a>, Failure> {
    match kind(raw) {
        "an object" => serde_json::from_str(raw.get()).map_err(|error| unreadable(&error)),
        other => Err(Failure::invalid(format!(
            "{place} must be an object, it is {other}"
        ))),
    }
}

fn properties_of(members: Members<'_>, place: &str) -> Result<Properties, Failure> {
    members
        .into_iter()
        .map(|(name, raw)| {
            let value = scalar(raw, &format!("'{name}' in {place}"))?;
            Ok((name, value))
        })
        .collect()
}

/// A text, or a number or boolean as it is written.
fn scalar(raw: &RawValue, place: &str) -> Result<Option<String>, Failure> {
    match kind(raw) {
        "null" => Ok(None),
        "a text" => serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| Failure::invalid(format!("{place} has an escape that is no character"))),
        "a number" | "a boolean" => Ok(Some(raw.get().to_owned())),
        other => Err(Failure::invalid(format!(
            "{place} must be a text, a number or a boolean, it is {other}"
        ))),
    }
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

fn kind(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a text",
        Some(b'n') => "null",
        Some(b't' | b'f') => "a boolean",
        _ => "a number",
    }
}

/// Java's `trim`.
fn trimmed(name: &str) -> String {
    name.trim_matches(|c| c <= ' ').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
        match result.unwrap_err() {
            Failure::Refused(StatusCode::BAD_REQUEST, message) => message,
            other => panic!("{other:?}"),
        }
    }

    fn settings(pairs: &[(&str, Option<&str>)]) -> Properties {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
            .collect()
    }

    #[test]
    fn numbers_and_booleans_become_texts_as_they_are_written() {
        let body = br#" {"t":"a\u00fc","i":1,"f":2.50,"big":123456789012345678901234567890,"b":true,"n":null,"t":"z"} "#;
        assert_eq!(
            properties(body),
            Ok(settings(&[
                ("b", Some("true")),
                ("big", Some("123456789012345678901234567890")),
                ("f", Some("2.50")),
                ("i", Some("1")),
                ("n", None),
                ("t", Some("z")),
            ]))
        );
    }

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
        assert!(message(properties(b"{\"a\":\"\xff\"}")).starts_with("the body is no JSON"));
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = format!("{{\"x\":{}", "[".repeat(500_000));
        assert!(message(properties(deep.as_bytes())).starts_with("the body is no JSON"));
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

    #[tokio::test]
    async fn a_body_is_limited_and_says_that_it_is_json() {
        let typed = HeaderMap::from_iter([(
            axum::http::header::CONTENT_TYPE,
            "application/json".parse().unwrap(),
        )]);
        let longest = || Body::from(vec![b' '; LIMIT]);
        assert_eq!(read(&typed, longest()).await.unwrap().len(), LIMIT);
        assert_eq!(
            read(&typed, Body::from(vec![b' '; LIMIT + 1])).await,
            Err(Failure::late(StatusCode::PAYLOAD_TOO_LARGE))
        );
        assert_eq!(
            read(&HeaderMap::new(), longest()).await,
            Err(Failure::late(StatusCode::UNSUPPORTED_MEDIA_TYPE))
        );
        assert!(read(&HeaderMap::new(), Body::empty()).await.is_ok());
    }
}
