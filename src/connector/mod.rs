//! A connector: one 1Password account's integration, as Kafka Connect knows connectors.

mod control;
mod desired;
mod ignored;
mod log;
mod offsets;
mod record;
mod refusal;
mod settings;
mod start;
mod status;
mod table;

pub use self::{
    control::{Control, Info, Offset, Parts, Put},
    desired::{Declared, Desired},
    offsets::Offsets,
    record::Properties,
    refusal::Refusal,
    settings::{Allowed, Settings, check_name, is_class},
    status::{State, Status, Statuses, Teller},
    table::{TABLE, TOKEN},
};

pub use crate::relay::{Key, Start};

/// The version of the one connector that there is: Kafka Connect's, whose interface it has, and its own.
pub const VERSION: &str = concat!("4.1.0-", env!("CARGO_PKG_VERSION"));
/// The value of `connector.class`.
pub const CLASS: &str = "OnePasswordEventsSource";

#[cfg(test)]
mod tests;
