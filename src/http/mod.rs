//! What the worker serves over HTTP. Health and metrics have a port of their own, without credentials.

pub mod connect;
mod monitoring;

pub use self::monitoring::{Readiness, serve};
