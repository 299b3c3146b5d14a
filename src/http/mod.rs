//! What the worker serves over HTTP. Health and metrics have a port of their own, without credentials.

mod access;
pub mod connect;
mod monitoring;
mod server;
mod settings;
mod tls;

pub use self::{
    access::{CREDENTIAL_TABLE, PasswordHash, TokenHash, User},
    monitoring::{Readiness, serve},
    server::Limits,
    settings::{Rest, Settings},
    tls::{TlsError, TlsFiles},
};
