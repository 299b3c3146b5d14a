//! What can go wrong between a shard and the brokers, and what each asks for.

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    types::RDKafkaErrorCode as Code,
};

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
    #[error("the broker refuses {} records: {cause}", numbers.len())]
    Rejected {
        /// Their numbers within the transaction.
        numbers: Vec<usize>,
        /// The reason.
        cause: KafkaError,
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
    /// Wrong properties, or a right that is missing.
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
            Self::TooLarge(_) | Self::Rejected { .. } | Self::Abort(_) => Disposition::Abort,
            Self::Unavailable(_) | Self::Refused(_) => Disposition::Retry(None),
        }
    }

    /// Whether it is nobody's fault but the connection's, or a broker's that is away.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        let (Self::Rejected { cause: error, .. } | Self::Abort(error)) = self else {
            return false;
        };
        matches!(
            error.rdkafka_error_code(),
            Some(
                Code::MessageTimedOut
                    | Code::OperationTimedOut
                    | Code::RequestTimedOut
                    | Code::BrokerTransportFailure
                    | Code::AllBrokersDown
                    | Code::NotEnoughReplicas
                    | Code::NotEnoughReplicasAfterAppend
                    | Code::CoordinatorNotAvailable
                    | Code::NotCoordinator
                    | Code::NotLeaderForPartition
                    | Code::LeaderNotAvailable
            )
        )
    }

    /// Sorts an error of a transactional call.
    pub(super) fn in_transaction(error: KafkaError) -> Self {
        if error.rdkafka_error_code().is_some_and(is_fenced) {
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
        let refused = matches!(
            error.rdkafka_error_code(),
            Some(
                Code::TopicAuthorizationFailed
                    | Code::GroupAuthorizationFailed
                    | Code::ClusterAuthorizationFailed
                    | Code::TransactionalIdAuthorizationFailed
                    | Code::SaslAuthenticationFailed
                    | Code::Authentication
                    | Code::UnsupportedSASLMechanism
            )
        ) || matches!(
            error,
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_)
        );
        if refused {
            Self::Refused(error)
        } else {
            Self::Unavailable(error)
        }
    }
}

pub(super) const fn is_fenced(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch
    )
}
