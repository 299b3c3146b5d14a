//! Bodies: read up to a limit, and taken apart with a word for everything that is wrong.
//!
//! As in Connect, numbers and booleans become the texts that they were written as, and the last of two members with the
//! same name holds. A message says what is wrong and where, and never the value: it could be a secret.

use std::collections::BTreeMap;

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use serde_json::{Map, Value, value::RawValue};

use super::{answer::Failure, server::Late};
use crate::connector::Properties;

/// The longest body that is read.
const LIMIT: usize = 1 << 20;

/// What a Content-Type says of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyType {
    Json,
    /// Nothing: it is not there, or has a `*` that takes in JSON.
    Open,
    Other,
}

pub(super) type Members<'a> = BTreeMap<String, &'a RawValue>;

// === impl BodyType ===

impl BodyType {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let Some(value) = headers.get(CONTENT_TYPE) else {
            return Ok(Self::Open);
        };
        let media_type = essence(value.to_str().unwrap_or_default());
        match media_type.as_str() {
            "application/json" => Ok(Self::Json),
            "*/*" | "application/*" => Ok(Self::Open),
            other => match other.split_once('/') {
                Some((kind, subtype)) if !kind.is_empty() && !subtype.is_empty() => Ok(Self::Other),
                _ => Err(Failure::invalid("the Content-Type is no media type")),
            },
        }
    }
}

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

/// The items of an array; `null` has none.
pub(super) fn items<'a>(raw: &'a RawValue, place: &str) -> Result<Vec<&'a RawValue>, Failure> {
    match kind(raw) {
        "null" => Ok(Vec::new()),
        "an array" => serde_json::from_str(raw.get()).map_err(|error| unreadable(&error)),
        other => Err(Failure::invalid(format!(
            "{place} must be an array, it is {other}"
        ))),
    }
}

pub(super) fn object(raw: &RawValue, place: &str) -> Result<Option<Map<String, Value>>, Failure> {
    match kind(raw) {
        "null" => Ok(None),
        "an object" => serde_json::from_str(raw.get()).map_err(|error| unreadable(&error)),
        other => Err(Failure::invalid(format!(
            "{place} must be an object or null, it is {other}"
        ))),
    }
}

pub(super) fn json(body: &[u8]) -> Result<&RawValue, Failure> {
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

pub(super) fn members<'a>(raw: &'a RawValue, place: &str) -> Result<Members<'a>, Failure> {
    match kind(raw) {
        "an object" => serde_json::from_str(raw.get()).map_err(|error| unreadable(&error)),
        other => Err(Failure::invalid(format!(
            "{place} must be an object, it is {other}"
        ))),
    }
}

pub(super) fn properties_of(members: Members<'_>, place: &str) -> Result<Properties, Failure> {
    members
        .into_iter()
        .map(|(name, raw)| {
            let value = scalar(raw, &format!("'{name}' in {place}"))?;
            Ok((name, value))
        })
        .collect()
}

/// A text, or a number or boolean as it is written.
pub(super) fn scalar(raw: &RawValue, place: &str) -> Result<Option<String>, Failure> {
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

/// A media type without its parameters.
pub(super) fn essence(media_type: &str) -> String {
    let bare = media_type.split(';').next().unwrap_or_default();
    bare.trim().to_ascii_lowercase()
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::http) fn message<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
        match result.unwrap_err() {
            Failure::Refused(StatusCode::BAD_REQUEST, message) => message,
            other => panic!("{other:?}"),
        }
    }

    pub(in crate::http) fn settings(pairs: &[(&str, Option<&str>)]) -> Properties {
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
    fn neither_depth_nor_bytes_are_a_danger() {
        let deep = format!("{{\"x\":{}", "[".repeat(500_000));
        assert!(message(properties(deep.as_bytes())).starts_with("the body is no JSON"));
        assert!(message(properties(b"{\"a\":\"\xff\"}")).starts_with("the body is no JSON"));
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
