//! Answers: JSON, and errors in Kafka Connect's form.

use axum::{
    body::Body,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::connector::Refusal;

/// Why a request is not answered as it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It has not passed a gate. Connect's framework says this itself, and leaves the Content-Type out.
    Gate(StatusCode),
    /// Its resource refuses, in these words.
    Refused(StatusCode, String),
}

#[derive(Serialize)]
struct Wrong<'a> {
    error_code: u16,
    message: &'a str,
}

// === impl Failure ===

impl Failure {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, message.into())
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::Refused(StatusCode::NOT_FOUND, message.into())
    }

    /// The words of a gate, where a resource was found before.
    pub(super) fn late(status: StatusCode) -> Self {
        Self::Refused(status, gate(status))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound(message) => Self::Refused(StatusCode::NOT_FOUND, message),
            Refusal::Conflict(message) => Self::Refused(StatusCode::CONFLICT, message),
            Refusal::Invalid(message) => Self::Refused(StatusCode::BAD_REQUEST, message),
            Refusal::Busy(message) => Self::Refused(StatusCode::SERVICE_UNAVAILABLE, message),
            Refusal::Unavailable(message) => {
                Self::Refused(StatusCode::INTERNAL_SERVER_ERROR, message)
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(status, message) => json(status, &wrong(status, &message)),
            Self::Gate(status) => {
                let text = text(&wrong(status, &gate(status)));
                (status, Response::new(Body::from(text))).into_response()
            }
        }
    }
}

/// An answer with `value` as its body.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], text(value)).into_response()
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    (status, Response::new(Body::empty())).into_response()
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("an answer has texts as keys")
}

fn gate(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    format!("HTTP {} {reason}", status.as_u16())
}

fn wrong(status: StatusCode, message: &str) -> Wrong<'_> {
    Wrong {
        error_code: status.as_u16(),
        message,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn read(failure: Failure) -> (u16, bool, String) {
        let (head, body) = failure.into_response().into_parts();
        let body = to_bytes(body, 1 << 10).await.unwrap();
        (
            head.status.as_u16(),
            head.headers.contains_key(CONTENT_TYPE),
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn only_what_a_resource_says_has_a_content_type() {
        assert_eq!(
            read(Failure::Gate(StatusCode::METHOD_NOT_ALLOWED)).await,
            (
                405,
                false,
                r#"{"error_code":405,"message":"HTTP 405 Method Not Allowed"}"#.to_owned()
            )
        );
        assert_eq!(
            read(Failure::late(StatusCode::UNSUPPORTED_MEDIA_TYPE)).await,
            (
                415,
                true,
                r#"{"error_code":415,"message":"HTTP 415 Unsupported Media Type"}"#.to_owned()
            )
        );
        let refusal = Refusal::Conflict("Connector c1 already exists".to_owned());
        assert_eq!(
            read(refusal.into()).await,
            (
                409,
                true,
                r#"{"error_code":409,"message":"Connector c1 already exists"}"#.to_owned()
            )
        );
    }
}
