//! Kafka: the topics, a shard's transactional producer, its positions, and the group that divides the shards.

mod cluster;
mod cursors;
mod error;
mod group;
mod murmur2;
mod producer;
mod properties;
mod settings;
mod topics;

pub use self::{
    cluster::Cluster,
    cursors::{Misplaced, Positions, Stored, misplaced, restore},
    error::Error,
    group::{Membership, Ownership},
    producer::{Producer, Record, Transaction},
    settings::{Properties, TopicSettings},
    topics::{Found, Missing, TopicError, Unfit, ensure},
};
