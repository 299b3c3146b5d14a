//! Records that stand alone, outside of any transaction: what is told of connectors, not what they read.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::DeliveryResult,
    producer::{BaseProducer, Producer as _, ProducerContext},
};

use super::{Cluster, Entry, Error, Operation, attendant::Attendant, cluster::quiet};

/// Publishes records in order, each at least once until it is given up.
pub struct Publisher {
    inner: Arc<BaseProducer<Complaints>>,
    /// Serves librdkafka's events. rdkafka's own thread would spin for a millisecond out of 100.
    _attendant: Attendant,
}

/// Tells of what was not published.
struct Complaints {
    cluster: Cluster,
}

/// How often events are served.
const TICK: Duration = Duration::from_millis(100);

// === impl Publisher ===

impl Publisher {
    /// A publisher to `cluster`.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take the properties.
    pub fn new(cluster: &Cluster) -> Result<Self, Error> {
        let inner = cluster.publisher().create_with_context(Complaints {
            cluster: cluster.clone(),
        });
        let inner: Arc<BaseProducer<_>> = Arc::new(inner.map_err(Error::outside)?);
        let attendant = Attendant::start("publisher", {
            let inner = Arc::clone(&inner);
            move |stop| {
                while !stop.load(Ordering::Relaxed) {
                    inner.poll(Duration::ZERO);
                    thread::park_timeout(TICK);
                }
            }
        });
        Ok(Self {
            inner,
            _attendant: attendant,
        })
    }

    /// Publishes a record, soon. One that Kafka does not take in time is told of in the log.
    pub fn publish(&self, entry: &Entry<'_>) {
        if let Err((error, _)) = self.inner.send(entry.record(())) {
            self.inner.context().complain(error);
        }
    }

    /// Waits for `time` at most until what was given to it is published. It blocks.
    pub fn flush(&self, time: Duration) {
        // What is left then is told of by its delivery.
        let _ = self.inner.flush(time);
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
            self.complain(error.clone());
        }
    }
}

impl Complaints {
    fn complain(&self, error: KafkaError) {
        // What is still waiting when the worker ends is given up with it.
        if error.rdkafka_error_code() != Some(Code::PurgeQueue) {
            let error = self.cluster.refusal(error, Operation::Write);
            tracing::warn!(%error, "what connectors do cannot be told in the status topic");
        }
    }
}
