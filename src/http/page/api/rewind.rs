//! `GET /ui/api/rewind`: what a rewind would cause, before it is done.

use axum::{http::StatusCode, response::Response};

use crate::http::{
    answer::{Failure, json},
    query,
    rest::Call,
};

pub(super) async fn answer(call: Call<'_>) -> Result<Response, Failure> {
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
