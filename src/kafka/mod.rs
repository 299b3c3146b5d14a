//! Kafka: the topics, a shard's transactional producer, its positions, the group that divides the shards, and logs that
//! are followed.

mod cluster;
mod cursors;
mod error;
mod follow;
mod group;
mod layout;
mod murmur2;
mod producer;
mod properties;
mod settings;
mod topics;

pub use self::{
    cluster::Cluster,
    cursors::{Misplaced, Positions, Stored, misplaced, restore},
    error::Error,
    follow::{Following, Logged},
    group::{Membership, Ownership},
    producer::{Producer, Record, Transaction},
    settings::{Properties, TopicSettings},
    topics::{Found, Missing, TopicError, Unfit, ensure},
};
