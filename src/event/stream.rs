//! The three kinds of events, under the API's own names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One of the three kinds of events that the Events API reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Attempts to sign in, successful or not.
    SignInAttempts,
    /// Uses of items in shared vaults.
    ItemUsages,
    /// What administrators and members changed.
    AuditEvents,
}

/// A task: one stream of one connector. Its position is kept under this name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// The connector's name.
    pub connector: String,
    /// The stream.
    pub stream: Stream,
}

/// A name that is none of the three streams.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no stream: there are signinattempts, itemusages and auditevents")]
pub struct UnknownStream(pub String);

// === impl Stream ===

impl Stream {
    /// All streams, in the order of their task ids.
    pub const ALL: [Self; 3] = [Self::SignInAttempts, Self::ItemUsages, Self::AuditEvents];

    /// The API's own name: the last segment of its path, the token's feature, the end of the topic's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignInAttempts => "signinattempts",
            Self::ItemUsages => "itemusages",
            Self::AuditEvents => "auditevents",
        }
    }

    /// The id of the task that reads it.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::SignInAttempts => 0,
            Self::ItemUsages => 1,
            Self::AuditEvents => 2,
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stream {
    type Err = UnknownStream;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|stream| stream.name() == name)
            .ok_or_else(|| UnknownStream(name.to_owned()))
    }
}
