//! Records that stand alone, outside of any transaction: what is told of connectors, not what they read.

use std::{fmt, time::Duration};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::DeliveryResult,
    producer::{Producer as _, ProducerContext, ThreadedProducer},
};

use super::{Cluster, Entry, Error, cluster::quiet};

/// Publishes records in order, each at least once until it is given up.
pub struct Publisher(ThreadedProducer<Complaints>);

/// Tells of what was not published.
struct Complaints;

// === impl Publisher ===

impl Publisher {
    /// A publisher to `cluster`.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take the properties.
    pub fn new(cluster: &Cluster) -> Result<Self, Error> {
        let producer = cluster.publisher().create_with_context(Complaints);
        Ok(Self(producer.map_err(Error::outside)?))
    }

    /// Publishes a record, soon. One that Kafka does not take in time is told of in the log.
    pub fn publish(&self, entry: &Entry<'_>) {
        if let Err((error, _)) = self.0.send(entry.record(())) {
            complain(&error);
        }
    }

    /// Waits for `time` at most until what was given to it is published. It blocks.
    pub fn flush(&self, time: Duration) {
        // What is left then is told of by its delivery.
        let _ = self.0.flush(time);
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Publisher")
    }
}

// === impl Complaints ===

quiet!(Complaints);

impl ProducerContext for Complaints {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            complain(error);
        }
    }
}

fn complain(error: &KafkaError) {
    // What is still waiting when the worker ends is given up with it.
    if error.rdkafka_error_code() != Some(Code::PurgeQueue) {
        tracing::warn!(%error, "what connectors do cannot be told in the status topic");
    }
}
