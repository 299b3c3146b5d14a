//! What the page needs beside Kafka Connect's API.

mod csv;
mod live;
mod rewind;
mod seal;
mod search;
mod test;

use axum::{http::Method, response::Response};

use crate::http::{answer::Failure, rest::Call};

/// What a path below `/ui/api` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Api {
    /// What changes in a view.
    Live,
    /// A rewind, and before that what it would cause.
    Rewind,
    /// A token, sealed.
    Seal,
    /// Events, searched for and as they come.
    Search,
    /// What 1Password says of a token.
    Test,
}

// === impl Api ===

impl Api {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "live" => Some(Self::Live),
            "rewind" => Some(Self::Rewind),
            "seal" => Some(Self::Seal),
            "search" => Some(Self::Search),
            "test" => Some(Self::Test),
            _ => None,
        }
    }

    pub(super) fn methods(self) -> &'static [Method] {
        match self {
            Self::Live | Self::Search => &[Method::GET],
            Self::Rewind => &[Method::GET, Method::POST],
            Self::Seal | Self::Test => &[Method::POST],
        }
    }
}

/// What the resource answers.
pub(super) async fn answer(call: Call<'_>, api: Api) -> Result<Response, Failure> {
    match api {
        Api::Live => live::answer(&call),
        Api::Rewind if call.head.method == Method::POST => rewind::begin(call).await,
        Api::Rewind => rewind::reckon(call).await,
        Api::Seal => seal::answer(call).await,
        Api::Search => search::answer(&call),
        Api::Test => test::answer(call).await,
    }
}
