//! A connector: one 1Password account's integration, as Kafka Connect knows connectors.

mod activity;
mod connect_metrics;
mod control;
mod desired;
mod history;
mod ignored;
mod log;
mod offsets;
mod overview;
mod probe;
mod record;
mod refusal;
mod search;
mod settings;
mod start;
mod status;
mod table;
mod teller;

pub use self::{
    activity::Activities,
    connect_metrics::ConnectMetrics,
    control::{Control, Info, Offset, Parts, Put},
    desired::{Declared, Desired},
    history::Hour,
    ignored::ignored,
    offsets::Offsets,
    overview::{EXPIRY_NOTICE, Light, Overview, StreamOverview, Verdict},
    probe::{Accepted, ProbeError, probe},
    record::Properties,
    refusal::{Refusal, shown_value},
    search::{Ended, Header, Progress, Query, Record, Rewound, Searches, Told, columns},
    settings::{Allowed, Settings, check_name, is_class},
    status::{State, Status, Statuses},
    table::{TABLE, TOKEN, URL},
    teller::Teller,
};

pub use crate::relay::{Activity, End, Key, Poll, Seen, Start, Target, TaskActivity, Trouble};

/// The version of the one connector that there is: Kafka Connect's, whose interface it has, and its own.
pub const VERSION: &str = concat!("4.1.0-", env!("CARGO_PKG_VERSION"));
/// The value of `connector.class`.
pub const CLASS: &str = "OnePasswordEventsSource";

#[cfg(test)]
mod tests;
