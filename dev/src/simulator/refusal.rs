//! Answers that are no pages: the service's own refusals, and the errors that faults ask for.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use jiff::SignedDuration;
use serde_json::json;

use super::{
    clock,
    faults::{ErrorShape, RateLimitHeaders, RetryAfter, StatusFault},
    query::Complaint,
    stream::Version,
};

/// Why a request gets no page.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No token, not a good one, or one without the stream's feature.
    Unauthorized,
    /// A body that the API does not take.
    BadRequest(Complaint),
    /// Too many requests in a window.
    TooMany(Option<RetryAfter>),
}

/// What the service's router says of an unknown path.
pub(super) fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// An error body in the given shape.
pub(super) fn error(
    status: StatusCode,
    message: &str,
    shape: ErrorShape,
    version: Version,
) -> Response {
    let json = |value: serde_json::Value| {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (status, kind, value.to_string()).into_response()
    };
    match (shape, version) {
        (ErrorShape::Spec, _) | (ErrorShape::ByVersion, Version::V1) => {
            json(json!({"Error": {"Message": message}}))
        }
        (ErrorShape::Documented, _) | (ErrorShape::ByVersion, Version::V2) => {
            json(json!({"status": status.as_u16(), "message": message}))
        }
        (ErrorShape::Html, _) => {
            let page = format!(
                "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
            );
            (status, Html(page)).into_response()
        }
        (ErrorShape::Text, _) => (status, format!("{status}\n")).into_response(),
        (ErrorShape::Empty, _) => status.into_response(),
    }
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn answer(&self, shape: ErrorShape, version: Version) -> Response {
        match *self {
            Self::Unauthorized => error(
                StatusCode::UNAUTHORIZED,
                "Unauthorized access",
                shape,
                version,
            ),
            Self::BadRequest(complaint) => {
                let message = format!("Bad Request: {complaint}");
                error(StatusCode::BAD_REQUEST, &message, shape, version)
            }
            Self::TooMany(retry_after) => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let mut answer = error(status, "Too Many Requests", shape, version);
                advise(&mut answer, retry_after);
                answer
            }
        }
    }
}

// === impl StatusFault ===

impl StatusFault {
    pub(super) fn answer(&self, general: ErrorShape, version: Version) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let shape = match self.shape {
            ErrorShape::ByVersion => general,
            particular => particular,
        };
        let phrase = status.canonical_reason().unwrap_or("Error");
        let message = self.message.as_deref().unwrap_or(phrase);
        let mut answer = error(status, message, shape, version);
        advise(&mut answer, self.retry_after);
        if let Some(limits) = self.rate_limit {
            limits.add_to(&mut answer);
        }
        answer
    }
}

// === impl RateLimitHeaders ===

impl RateLimitHeaders {
    fn add_to(self, answer: &mut Response) {
        for (name, value) in [
            ("ratelimit-limit", self.limit),
            ("ratelimit-remaining", self.remaining),
            ("ratelimit-reset", self.reset),
        ] {
            let name = HeaderName::from_static(name);
            answer.headers_mut().insert(name, HeaderValue::from(value));
        }
    }
}

fn advise(answer: &mut Response, retry_after: Option<RetryAfter>) {
    let value = match retry_after {
        None => return,
        Some(RetryAfter::Seconds(seconds)) => HeaderValue::from(seconds),
        Some(RetryAfter::HttpDate(seconds)) => {
            let date = clock::now() + SignedDuration::from_secs(seconds.into());
            let text = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            HeaderValue::try_from(text).expect("a date is ASCII")
        }
    };
    answer.headers_mut().insert(header::RETRY_AFTER, value);
}
