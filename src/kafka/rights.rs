//! What the worker's Kafka user must be allowed, and what those who read its topics must: the one list of it.
//!
//! Kafka lets who may read or write a resource also describe it (the implied operations of `StandardAuthorizer`), so that
//! `Describe` stands nowhere here; and a transactional producer needs no right on the cluster, for it has one on its id.

use std::fmt;

use super::TopicSettings;
use crate::event::Stream;

/// One operation on one resource, or on all whose names begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// What kind of thing it is for.
    pub resource: Resource,
    /// Whether the name is whole.
    pub pattern: Pattern,
    /// The name, or its beginning.
    pub name: String,
    /// What may be done.
    pub operation: Operation,
    /// What it is needed for.
    pub why: &'static str,
}

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Topics.
    Topic,
    /// Consumer groups.
    Group,
    /// Ids of transactional producers.
    TransactionalId,
}

/// How a right names its resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// By the whole name.
    Literal,
    /// By what their names begin with.
    Prefixed,
}

/// What may be done, under Kafka's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Read records, or be a member of a group.
    Read,
    /// Write records, or be the producer of a transactional id.
    Write,
    /// Create topics.
    Create,
    /// Look at a topic's configs.
    DescribeConfigs,
}

// === impl Right ===

impl Right {
    /// All that the user of the workers of `group_id` needs, and nothing else.
    #[must_use]
    pub fn of_worker(topics: &TopicSettings, group_id: &str) -> Vec<Self> {
        use Operation::{Create, DescribeConfigs, Read, Write};
        let ours = format!("{}.", topics.prefix);
        let ours = |resource, operation, why| Self {
            resource,
            pattern: Pattern::Prefixed,
            name: ours.clone(),
            operation,
            why,
        };
        vec![
            ours(
                Resource::Topic,
                Read,
                "to find positions, connectors and states again; to search events",
            ),
            ours(
                Resource::Topic,
                Write,
                "to publish events, dead letters, positions, connectors and states",
            ),
            ours(
                Resource::Topic,
                Create,
                "to create missing topics; not needed where somebody else creates them all",
            ),
            ours(
                Resource::Topic,
                DescribeConfigs,
                "to see before any harm is done that a topic forgets positions, or events sooner than they are read",
            ),
            Self {
                resource: Resource::Group,
                pattern: Pattern::Literal,
                name: group_id.to_owned(),
                operation: Read,
                why: "to share the work with other workers",
            },
            ours(
                Resource::TransactionalId,
                Write,
                "to publish exactly once: one id for each shard, and one for the connectors topic",
            ),
        ]
    }

    /// All that a consumer of the events needs, which reads them as the group `group`.
    #[must_use]
    pub fn of_consumer(topics: &TopicSettings, group: &str) -> Vec<Self> {
        let read = |resource, name, why| Self {
            resource,
            pattern: Pattern::Literal,
            name,
            operation: Operation::Read,
            why,
        };
        let mut rights: Vec<_> = Stream::ALL
            .map(|stream| read(Resource::Topic, topics.events(stream), "to read the events"))
            .into();
        rights.push(read(
            Resource::Group,
            group.to_owned(),
            "to share partitions with others of its group, and to keep its offsets",
        ));
        rights
    }

    /// Whether it is for the same resources as `other`.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        (self.resource, self.pattern, &self.name) == (other.resource, other.pattern, &other.name)
    }
}

/// As messages ask for it.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            resource,
            pattern,
            name,
            operation,
            ..
        } = self;
        let what = match resource {
            Resource::Topic => "topic",
            Resource::Group => "group",
            Resource::TransactionalId => "transactional id",
        };
        match pattern {
            Pattern::Literal => write!(f, "{} on the {what} '{name}'", operation.name()),
            Pattern::Prefixed => write!(
                f,
                "{} on {what}s that begin with '{name}'",
                operation.name()
            ),
        }
    }
}

// === impl Operation ===

impl Operation {
    /// As Kafka's tools and Strimzi call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Create => "Create",
            Self::DescribeConfigs => "DescribeConfigs",
        }
    }
}
