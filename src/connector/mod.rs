//! A connector: one 1Password account's integration, as Kafka Connect knows connectors.

mod ignored;
mod settings;
mod start;
mod table;

pub use self::{
    settings::{Key, Settings, check_name},
    start::Start,
    table::{TABLE, TOKEN},
};

/// The value of `connector.class`.
pub const CLASS: &str = "OnePasswordEventsSource";

#[cfg(test)]
mod tests;
