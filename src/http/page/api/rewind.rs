//! `/ui/api/rewind`: `GET` says what a rewind would cause, and `POST` does it, with `{"connector":"…","from":"…"}`.
//!
//! Kafka Connect's way is to stop a connector, alter its offsets and resume it. Who does this and goes away in the middle
//! leaves it stopped; so there is one step for it here.

use axum::{http::StatusCode, response::Response};

use crate::http::{
    answer::{Failure, empty, json},
    body::{self, members, scalar},
    query,
    rest::Call,
};

/// What it would cause.
pub(super) async fn reckon(call: Call<'_>) -> Result<Response, Failure> {
    let parameter = |name: &str| {
        let values = query::values(&call.head.uri, name);
        values.into_iter().rfind(|value| !value.is_empty())
    };
    let wanted = |name: &str| {
        let value = parameter(name);
        value.ok_or_else(|| Failure::invalid(format!("{name} is missing")))
    };
    let (connector, from) = (wanted("connector")?, wanted("from")?);
    let stream = parameter("stream");
    let rewound = call.control.rewound(&connector, stream.as_deref(), &from);
    Ok(json(StatusCode::OK, &rewound.await?))
}

/// Does it, and answers when it is settled.
pub(super) async fn begin(call: Call<'_>) -> Result<Response, Failure> {
    let body = body::read(&call.head.headers, call.body).await?;
    let mut members = members(body::json(&body)?, "the body")?;
    let mut wanted = |name: &str| {
        let value = members.remove(name).map(|raw| scalar(raw, name));
        let value = value.transpose()?.flatten();
        value.ok_or_else(|| Failure::invalid(format!("{name} is missing")))
    };
    let (connector, from) = (wanted("connector")?, wanted("from")?);
    if let Some(unknown) = members.into_keys().next() {
        return Err(Failure::invalid(format!(
            "the body may have connector and from, not '{unknown}'"
        )));
    }
    call.control.rewind(&connector, &from).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
