//! Kafka: the topics, a shard's transactional producer, its positions, the group that divides the shards, logs that are
//! followed and written, and topics that are searched.

mod attendant;
mod cluster;
mod creation;
mod cursors;
mod error;
mod follow;
mod group;
mod kept;
mod layout;
mod murmur2;
mod pen;
mod probe;
mod producer;
mod properties;
mod publisher;
mod reach;
mod reading;
mod rights;
mod settings;
mod topics;

pub use self::{
    cluster::Cluster,
    cursors::{Cursors, Misplaced, Positions, Restored, misplaced, restore},
    error::Error,
    follow::{Following, Logged},
    group::{Membership, Ownership, ask_coordinator},
    kept::{Kept, Stored},
    layout::Wanted,
    pen::Pen,
    producer::{Entry, Producer, Record, Transaction},
    publisher::Publisher,
    reading::{Partition, Places, Purpose, Reading, Seen},
    rights::{Operation, Pattern, Resource, Right},
    settings::{Properties, TopicSettings},
    topics::{Found, Missing, TopicError, Unfit, ensure},
};
