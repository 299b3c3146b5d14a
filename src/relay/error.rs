//! Why a task does not go on, and what it does about it: the one place where every error's decision is made.

use super::{connector::WouldVanish, handover::Refused, source::SourceError};
use crate::{
    avro::RegistryError,
    disposition::Disposition,
    kafka,
    onepassword::{ApiError, Outcome},
};

/// Why a poll has not reached the end.
#[derive(Debug, thiserror::Error)]
pub(super) enum TaskError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    #[error("the token does not cover {0}: issue one that does, or leave {0} out of `streams`")]
    NotCovered(&'static str),
    #[error("the token does not cover this stream, which is therefore not read")]
    Unassigned,
    #[error(
        "the API says that there is more but does not move on from its cursor; reading on would go round in circles. \
         If it stays so, tell 1Password's support, or move the position past this point"
    )]
    Stuck,
    #[error(
        "the position in partition {shard} of {topic} cannot be read ({why}): stop the connector and alter its offsets, or \
         reset them to begin at start.time"
    )]
    UnreadablePosition {
        topic: String,
        shard: u32,
        why: String,
    },
    #[error(transparent)]
    WouldVanish(#[from] WouldVanish),
    #[error("the shard is lost")]
    ShardLost,
}

// === impl TaskError ===

impl TaskError {
    /// What to do about it. Whatever is not worth an immediate retry fails the task.
    pub(super) fn disposition(&self) -> Disposition {
        match self {
            Self::Source(error) => error.disposition(),
            Self::Registry(error) => error.disposition(),
            Self::Kafka(error) => error.disposition(),
            Self::ShardLost => Disposition::Rebuild,
            _ => Disposition::Fail,
        }
    }

    /// Whether 1Password wants to be asked more rarely.
    pub(super) fn is_throttling(&self) -> bool {
        matches!(self, Self::Source(SourceError::Api(error)) if error.outcome() == Outcome::Throttled)
    }
}

impl From<ApiError> for TaskError {
    fn from(error: ApiError) -> Self {
        Self::Source(error.into())
    }
}
