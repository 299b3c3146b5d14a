//! What the worker serves over HTTP. Health and metrics have a port of their own, without credentials.

mod access;
mod answer;
mod body;
mod caller;
mod connect;
mod gzip;
mod monitoring;
mod origin;
mod page;
mod path;
mod query;
pub mod rest;
mod server;
mod settings;
mod stream;
mod tls;

pub use self::{
    access::{CREDENTIAL_TABLE, PasswordHash, TokenHash, User},
    monitoring::{Readiness, serve},
    server::Limits,
    settings::{Rest, Settings},
    tls::{TlsError, TlsFiles},
};
