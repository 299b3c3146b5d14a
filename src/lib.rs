//! 1Password sign-in attempts, item usages and audit events into Kafka: exactly once, as Avro.
//!
//! The modules are layers; each may use only those above it in this list, and `tests/tidy.rs` checks it.
//! `ARCHITECTURE.md` is the guide to them.

pub mod event;

pub mod backoff;
pub mod build;
pub mod clock;
pub mod disposition;
pub mod metrics;
pub mod outbound;
pub mod secret;
pub mod setting;
pub mod shutdown;
pub mod telemetry;

pub mod avro;
pub mod kafka;
pub mod onepassword;

pub mod relay;

pub mod connector;

pub mod http;

pub mod acls;
pub mod app;
pub mod check;
pub mod cli;
pub mod config;
pub mod credentials;
pub mod health;
pub mod schemas;
