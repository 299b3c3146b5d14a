//! The names of what the API serves: its three streams and its two versions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the three kinds of events, named as in the API's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Somebody signed in, or tried to.
    SignInAttempts,
    /// An item of a shared vault was used.
    ItemUsages,
    /// An administrative action.
    AuditEvents,
}

/// The version of the API that a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

// === impl Stream ===

impl Stream {
    /// The three streams, in the order of the connector's task ids.
    pub const ALL: [Self; 3] = [Self::SignInAttempts, Self::ItemUsages, Self::AuditEvents];

    /// The API's own name: `signinattempts`, `itemusages` or `auditevents`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignInAttempts => "signinattempts",
            Self::ItemUsages => "itemusages",
            Self::AuditEvents => "auditevents",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Version ===

impl Version {
    pub(super) const ALL: [Self; 2] = [Self::V1, Self::V2];
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        })
    }
}
