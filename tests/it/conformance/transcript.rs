//! What was asked of a Kafka Connect worker, and what it answered.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A request and its answer, as `tests/connect-4.1/README.md` describes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    pub(super) seq: u32,
    pub(super) section: String,
    #[serde(default)]
    pub(super) label: String,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) latin1: bool,
    pub(super) status: u16,
    #[serde(default)]
    pub(super) answer_headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) answer: Option<Value>,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) settle: bool,
    #[serde(default)]
    pub(super) volatile: Vec<String>,
}

/// All of them, in order.
pub(super) fn read() -> Vec<Exchange> {
    include_str!("../../connect-4.1/transcript.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

// === impl Exchange ===

impl Exchange {
    pub(super) fn body_has(&self, text: &str) -> bool {
        self.body.as_ref().is_some_and(|body| body.contains(text))
    }

    /// Its target without the query.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn reads(&self, what: &str) -> bool {
        self.method == "GET" && self.path().trim_end_matches('/').ends_with(what)
    }
}
