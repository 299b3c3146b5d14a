//! What clients asked for: counts that are complete, and the last requests one by one.

use std::collections::{BTreeMap, VecDeque};

use axum::http::{HeaderName, header, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything that was asked of a simulator, without its control endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// How many requests were answered, for each path and status. A request whose connection was reset before the answer
    /// counts with status 0.
    pub counts: Vec<Count>,
    /// The last ten thousand requests, oldest first.
    pub recent: Vec<Request>,
}

/// How many requests for a path were answered with a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The path, such as `/api/v2/auditevents`.
    pub path: String,
    /// The status code; 0 where there was no answer.
    pub status: u16,
    /// How many.
    pub count: u64,
}

/// One request, as far as it tells how a client behaves; the token itself is not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path.
    pub path: String,
    /// `None` until it is answered; 0 where the connection was reset before.
    pub status: Option<u16>,
    /// The body, if it was JSON; else `null`.
    pub body: Value,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Accept-Encoding` header.
    pub accept_encoding: Option<String>,
    /// Whether there was an `Authorization: Bearer` header.
    pub bearer: bool,
}

/// Keeps [`Requests`] while they happen.
#[derive(Debug, Default)]
pub(super) struct Journal {
    counts: BTreeMap<(String, u16), u64>,
    recent: VecDeque<Request>,
    forgotten: usize,
}

const KEPT: usize = 10_000;

// === impl Requests ===

impl Requests {
    /// How many requests for a path were answered with a status.
    #[must_use]
    pub fn count(&self, path: &str, status: u16) -> u64 {
        let wanted = |count: &&Count| count.path == path && count.status == status;
        self.counts
            .iter()
            .find(wanted)
            .map_or(0, |count| count.count)
    }

    /// How many requests were answered in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|count| count.count).sum()
    }

    /// The recent requests for a path, oldest first.
    pub fn to(&self, path: &str) -> impl Iterator<Item = &Request> {
        self.recent
            .iter()
            .filter(move |request| request.path == path)
    }
}

// === impl Request ===

impl Request {
    /// The cursor that it asked to go on from, if it did.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.body["cursor"].as_str()
    }

    pub(super) fn of(parts: &Parts, body: &[u8]) -> Self {
        let text = |name: HeaderName| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            status: None,
            body: serde_json::from_slice(body).unwrap_or_default(),
            user_agent: text(header::USER_AGENT),
            content_type: text(header::CONTENT_TYPE),
            accept_encoding: text(header::ACCEPT_ENCODING),
            bearer: text(header::AUTHORIZATION).is_some_and(|value| value.starts_with("Bearer ")),
        }
    }
}

// === impl Journal ===

impl Journal {
    /// Notes a request; gives the number by which to note its answer.
    pub(super) fn arrived(&mut self, request: Request) -> usize {
        if self.recent.len() == KEPT {
            self.recent.pop_front();
            self.forgotten += 1;
        }
        self.recent.push_back(request);
        self.forgotten + self.recent.len() - 1
    }

    pub(super) fn answered(&mut self, number: usize, path: &str, status: u16) {
        let kept = number.checked_sub(self.forgotten);
        if let Some(request) = kept.and_then(|index| self.recent.get_mut(index)) {
            request.status = Some(status);
        }
        *self.counts.entry((path.to_owned(), status)).or_default() += 1;
    }

    pub(super) fn requests(&self) -> Requests {
        let count = |((path, status), count): (&(String, u16), &u64)| Count {
            path: path.clone(),
            status: *status,
            count: *count,
        };
        Requests {
            counts: self.counts.iter().map(count).collect(),
            recent: self.recent.iter().cloned().collect(),
        }
    }
}
