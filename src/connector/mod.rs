//! A connector: one 1Password account's integration, as Kafka Connect knows connectors.

mod desired;
mod ignored;
mod record;
mod settings;
mod start;
mod table;

pub use self::{
    desired::Desired,
    record::Properties,
    settings::{Allowed, Settings, check_name},
    table::{TABLE, TOKEN},
};

pub use crate::relay::{Key, Start};

/// The value of `connector.class`.
pub const CLASS: &str = "OnePasswordEventsSource";

#[cfg(test)]
mod tests;
