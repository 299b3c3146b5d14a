//! `/admin/loggers`: what this worker logs, and how all of them are told to log more or less.

use std::collections::BTreeMap;

use axum::{
    http::{Method, StatusCode},
    response::Response,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    http::{
        answer::{Failure, empty, json},
        body,
        query::values,
        rest::Call,
    },
    telemetry::{Level, Logger, UnknownLevel},
};

/// A logger: `LoggerLevel`.
#[derive(Debug, Serialize)]
struct LoggerBody {
    level: String,
    last_modified: Option<i64>,
}

/// All loggers of this worker.
pub(super) fn all(call: &Call<'_>) -> Response {
    let loggers = call.control.loggers().into_iter();
    let loggers: BTreeMap<_, _> = loggers
        .map(|(name, logger)| (name, LoggerBody::from(logger)))
        .collect();
    json(StatusCode::OK, &loggers)
}

/// One logger, to be looked at or set.
pub(super) async fn one(call: Call<'_>, name: &str) -> Result<Response, Failure> {
    if call.head.method == Method::PUT {
        return set(call, name).await;
    }
    match call.control.logger(name) {
        Some(logger) => Ok(json(StatusCode::OK, &LoggerBody::from(logger))),
        None => Err(Failure::not_found(format!("Logger {name} not found."))),
    }
}

/// Of any other scope than the cluster, as in Connect, this worker is meant.
async fn set(call: Call<'_>, name: &str) -> Result<Response, Failure> {
    let Call {
        control,
        head,
        body,
        ..
    } = call;
    let body = body::read(&head.headers, body).await?;
    let level = body::properties(&body)?.remove("level").flatten();
    let level = level.ok_or_else(|| {
        Failure::invalid("Desired 'level' parameter was not specified in request.")
    })?;
    let level: Level = level
        .parse()
        .map_err(|unknown: UnknownLevel| Failure::not_found(unknown.to_string()))?;
    let scope = values(&head.uri, "scope").into_iter().next();
    if scope.is_some_and(|scope| scope.eq_ignore_ascii_case("cluster")) {
        control.set_level_everywhere(name, level).await?;
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    Ok(json(StatusCode::OK, &control.set_level(name, level)?))
}

// === impl LoggerBody ===

impl From<Logger> for LoggerBody {
    fn from(logger: Logger) -> Self {
        Self {
            level: logger.level.to_string(),
            last_modified: logger.last_modified.map(Timestamp::as_millisecond),
        }
    }
}
