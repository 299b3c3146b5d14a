//! What can go wrong between a shard and the brokers, and what each asks for.

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    types::RDKafkaErrorCode as Code,
};

use super::{Resource, Right};
use crate::disposition::Disposition;

/// A failure of Kafka, sorted by what must be done about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else has fenced this shard's producer: whatever it had in hand is void.
    #[error(
        "another worker has taken this shard over, or the broker has timed its transaction out"
    )]
    Fenced,
    /// Records that the broker does not take, by their number within the transaction.
    #[error("the broker refuses {} records as too large for their topic", .0.len())]
    TooLarge(Vec<usize>),
    /// Records that the broker does not take for another reason.
    #[error("the broker has not taken {} records: {cause}", numbers.len())]
    Rejected {
        /// Their numbers within the transaction.
        numbers: Vec<usize>,
        /// The reason.
        cause: KafkaError,
    },
    /// Records that this user may not write, by their numbers within the transaction as far as they are known.
    #[error("{}", needed(right))]
    Unwritable {
        /// Their numbers.
        numbers: Vec<usize>,
        /// What would allow it.
        right: Right,
    },
    /// The transaction cannot be committed, but the producer is sound.
    #[error("the transaction must be rolled back: {0}")]
    Abort(KafkaError),
    /// The producer is of no more use.
    #[error("the producer failed: {0}")]
    Producer(KafkaError),
    /// Nothing is wrong but the connection, or the time it took.
    #[error("Kafka does not answer: {0}")]
    Unavailable(KafkaError),
    /// There is no connection, and a change of settings or credentials is needed for one.
    #[error("no connection to Kafka: {0}")]
    Unconnected(String),
    /// A right that this user does not have.
    #[error("{}", needed(.0))]
    Forbidden(Right),
    /// Wrong properties, or something that is not allowed.
    #[error("Kafka refuses: {0}")]
    Refused(KafkaError),
}

// === impl Error ===

impl Error {
    /// What to do about it.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Fenced | Self::Producer(_) => Disposition::Rebuild,
            Self::TooLarge(_)
            | Self::Rejected { .. }
            | Self::Unwritable { .. }
            | Self::Abort(_) => Disposition::Abort,
            Self::Unavailable(_) | Self::Unconnected(_) | Self::Forbidden(_) | Self::Refused(_) => {
                Disposition::Retry(None)
            }
        }
    }

    /// Whether Kafka has answered that it will not.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Forbidden(_) | Self::Refused(_))
    }

    /// Within a transaction whose records need `right`.
    pub(super) fn writing(self, right: &Right) -> Self {
        let (numbers, cause) = match self {
            Self::Rejected { numbers, cause } => (numbers, cause),
            Self::Abort(cause) => (Vec::new(), cause),
            other => return other,
        };
        if forbidden(&cause) == Some(Resource::Topic) {
            let right = right.clone();
            return Self::Unwritable { numbers, right };
        }
        if numbers.is_empty() {
            return Self::Abort(cause);
        }
        Self::Rejected { numbers, cause }
    }

    /// Whether it is nobody's fault but the connection's, or a broker's that is away.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        let (Self::Rejected { cause: error, .. } | Self::Abort(error)) = self else {
            return false;
        };
        code(error).is_some_and(is_of_outage)
    }

    /// Sorts an error of a transactional call.
    pub(super) fn in_transaction(error: KafkaError) -> Self {
        if code(&error).is_some_and(is_fenced) {
            return Self::Fenced;
        }
        match &error {
            KafkaError::Transaction(cause) if cause.is_fatal() => Self::Producer(error),
            KafkaError::Transaction(cause) if cause.txn_requires_abort() => Self::Abort(error),
            KafkaError::Transaction(cause) if cause.is_retriable() => Self::Unavailable(error),
            KafkaError::Transaction(_)
            | KafkaError::MessageProduction(Code::Fatal | Code::State) => Self::Producer(error),
            KafkaError::MessageProduction(_) | KafkaError::Flush(_) => Self::Abort(error),
            _ => Self::outside(error),
        }
    }

    /// Sorts an error of a call outside any transaction.
    pub(super) fn outside(error: KafkaError) -> Self {
        let refused = match &error {
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => true,
            // What is asked of the cluster itself is asked once: there is an answer, or an outage.
            KafkaError::AdminOp(code) => !is_of_outage(*code),
            error => matches!(
                code(error),
                Some(
                    Code::TopicAuthorizationFailed
                        | Code::GroupAuthorizationFailed
                        | Code::ClusterAuthorizationFailed
                        | Code::TransactionalIdAuthorizationFailed
                        | Code::SaslAuthenticationFailed
                        | Code::Authentication
                        | Code::UnsupportedSASLMechanism
                )
            ),
        };
        if refused {
            Self::Refused(error)
        } else {
            Self::Unavailable(error)
        }
    }
}

fn needed(right: &Right) -> String {
    format!(
        "this Kafka user needs {right}; `onepassword-kafka acls` prints the commands that allow it"
    )
}

/// On what kind of resource this user may not do what it has tried.
pub(super) fn forbidden(error: &KafkaError) -> Option<Resource> {
    match code(error)? {
        Code::TopicAuthorizationFailed => Some(Resource::Topic),
        Code::GroupAuthorizationFailed => Some(Resource::Group),
        Code::TransactionalIdAuthorizationFailed => Some(Resource::TransactionalId),
        _ => None,
    }
}

/// rdkafka has none for the answers to an admin client.
fn code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    }
}

const fn is_of_outage(code: Code) -> bool {
    matches!(
        code,
        Code::MessageTimedOut
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::TimedOutQueue
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::NetworkException
            | Code::KafkaStorageError
            | Code::ThrottlingQuotaExceeded
            | Code::NotController
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator
            | Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
    )
}

pub(super) const fn is_fenced(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_an_admin_client_is_a_refusal_but_silence_is_none() {
        let error = |code| Error::outside(KafkaError::AdminOp(code));
        for code in [
            Code::ClusterAuthorizationFailed,
            Code::PolicyViolation,
            Code::InvalidReplicationFactor,
            Code::UnsupportedVersion,
        ] {
            assert!(error(code).is_refusal(), "{code:?}");
        }
        for code in [
            Code::OperationTimedOut,
            Code::BrokerTransportFailure,
            Code::NotController,
            Code::ThrottlingQuotaExceeded,
        ] {
            assert!(!error(code).is_refusal(), "{code:?}");
        }
    }
}
