//! A connector: one 1Password account's integration, as Kafka Connect knows connectors.

mod ignored;
mod settings;
mod start;
mod table;

pub use self::{
    settings::{Settings, check_name},
    table::{TABLE, TOKEN},
};

pub use crate::relay::{Key, Start};

/// The value of `connector.class`.
pub const CLASS: &str = "OnePasswordEventsSource";

#[cfg(test)]
mod tests;
