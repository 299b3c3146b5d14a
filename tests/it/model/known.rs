//! What the model knows of a connector.

use reqwest::StatusCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Paused,
    Stopped,
}

/// What is known of one name: of its connector, while there is one, and of its position, which stays.
pub(super) struct Known {
    /// The token's file.
    pub(super) token: String,
    pub(super) account: String,
    pub(super) state: Option<State>,
    /// Whether anything has become of its position since it was last reset, which only running can do.
    pub(super) is_reset: bool,
    /// How often each of its events is to be there, in their order.
    pub(super) copies: Vec<usize>,
    /// What `events_total` was at the last rewind: since then it has counted from the first event on.
    pub(super) base: u64,
}

// === impl State ===

impl State {
    pub(super) const ALL: [Self; 3] = [Self::Running, Self::Paused, Self::Stopped];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
        }
    }

    /// The request that leads there, and its answer.
    pub(super) const fn request(self) -> (&'static str, StatusCode) {
        match self {
            Self::Running => ("resume", StatusCode::ACCEPTED),
            Self::Paused => ("pause", StatusCode::ACCEPTED),
            Self::Stopped => ("stop", StatusCode::NO_CONTENT),
        }
    }
}
