//! The API's bookmark: where in a stream's order a client stands, and what it asked for when it began.
//!
//! It is stateless: everything is inside, so it never expires and may be replayed. The text is base64url of a JSON
//! object `{limit, start_ms, end_ms, search_after_ms, tie_breaker, stream, renewals}`. (The real service wraps the same fields
//! in another encoding; to clients the text is opaque.)

use serde::{Deserialize, Serialize};

use super::{base64url, stream::Stream};

/// A decoded cursor; times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    pub(super) limit: usize,
    pub(super) start_ms: i64,
    pub(super) end_ms: Option<i64>,
    pub(super) search_after_ms: Option<i64>,
    pub(super) tie_breaker: Option<String>,
    pub(super) stream: Stream,
    /// Only so that the text is another one.
    #[serde(default)]
    pub(super) renewals: u32,
}

// === impl Cursor ===

impl Cursor {
    pub(super) fn encode(&self) -> String {
        let json = serde_json::to_vec(self).expect("a cursor holds only text and numbers");
        base64url::encode(&json)
    }

    /// `None` if the text is not one of our cursors, or one of another stream.
    pub(super) fn decode(text: &str, stream: Stream) -> Option<Self> {
        Self::read(text).filter(|cursor| cursor.stream == stream)
    }

    /// Another cursor for the same place.
    pub(super) fn renewed(text: &str) -> Option<String> {
        let cursor = Self::read(text)?;
        let renewals = cursor.renewals.wrapping_add(1);
        Some(Self { renewals, ..cursor }.encode())
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_slice(&base64url::decode(text)?).ok()
    }

    /// Whether an event with this key was served already.
    pub(super) fn is_past(&self, ms: i64, tie: &str) -> bool {
        let served = (self.search_after_ms, self.tie_breaker.as_deref());
        let (Some(after), tie_breaker) = served else {
            return false;
        };
        (ms, tie) <= (after, tie_breaker.unwrap_or_default())
    }
}
