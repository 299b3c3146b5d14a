//! 1Password's Events API, as its client sees it: one token, three streams, one page at a time.
//!
//! Reading order: [`Token`] says where to ask, [`Limits`] when, [`Client`] asks, and [`ApiError`] says what a
//! refusal means.

mod advice;
mod client;
mod error;
mod host;
mod limits;
mod settings;
mod token;

pub use self::{
    client::{Account, Answer, Client, ConnectError, Shared, http_client},
    error::{ApiError, Outcome},
    host::{AllowedHosts, EntryError, HostError},
    limits::{Limit, Limits},
    settings::Settings,
    token::{Claims, Token, TokenError},
};
pub use crate::outbound::{ClientError, Timeouts};
