//! A shard's transactional producer. The types are the permission: only a fenced [`Producer`] begins a
//! transaction, only an open [`Transaction`] takes records and positions, and it ends once.
//!
//! Everything here blocks, so a producer lives on its shard's own thread. `commit` first waits, a millisecond at a time,
//! until nothing is in flight: rdkafka's own wait takes 100 ms each time, because its `poll` never returns early.

use std::{
    fmt,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
    util::IntoOpaque,
};

use super::{Cluster, Error, Operation, Resource, Right, cluster::quiet, error};
use crate::disposition::Disposition;

/// A producer that has fenced every earlier one of its shard.
pub struct Producer {
    inner: BaseProducer<Deliveries>,
    id: String,
    /// What its records need.
    write: Right,
}

/// An open transaction. Dropping it without an end leaves it to [`Producer`]'s fence or the broker's time-out.
#[derive(Debug)]
#[must_use = "a transaction that is not ended blocks its consumers until it times out"]
pub struct Transaction<'p> {
    producer: &'p mut Producer,
    records: usize,
}

/// A record on its way into a topic.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The key's bytes; without them the partition is random.
    pub key: Option<&'a [u8]>,
    /// The value's bytes.
    pub value: &'a [u8],
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Names and values, in order.
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// What a compacted topic is to keep under a key.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The topic.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// The key.
    pub key: &'a str,
    /// The value's bytes; without one the key is forgotten.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
}

/// Remembers which records of the open transaction were not delivered.
#[derive(Debug, Default)]
struct Deliveries {
    failed: Mutex<Vec<(usize, KafkaError)>>,
}

/// How long one call to the transaction coordinator may take before it is tried again.
const CALL: Duration = Duration::from_secs(5);
/// How long all tries together may take.
const PATIENCE: Duration = Duration::from_secs(30);

// === impl Producer ===

impl Producer {
    /// Creates the producer of `shard` and fences its predecessors: their open transaction is rolled back, and none
    /// of them can commit again.
    ///
    /// # Errors
    ///
    /// When the transaction coordinator cannot be reached, or refuses.
    pub fn fence(cluster: &Cluster, shard: u32) -> Result<Self, Error> {
        Self::fence_as(cluster, cluster.transactional_id(shard))
    }

    /// As [`Producer::fence`], for the producers of `id`.
    pub(super) fn fence_as(cluster: &Cluster, id: String) -> Result<Self, Error> {
        let inner = cluster
            .producer(&id)
            .create_with_context::<_, BaseProducer<_>>(Deliveries::default())
            .map_err(Error::outside)?;
        inner
            .init_transactions(PATIENCE)
            .map_err(|error| cluster.refusal(error, Operation::Write))?;
        Ok(Self {
            inner,
            id,
            write: cluster.right(Resource::Topic, Operation::Write),
        })
    }

    /// Opens a transaction.
    ///
    /// # Errors
    ///
    /// When this producer is of no more use.
    pub fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        self.inner
            .begin_transaction()
            .map_err(|error| self.sorted(error))?;
        self.inner.context().take();
        Ok(Transaction {
            producer: self,
            records: 0,
        })
    }

    /// Serves librdkafka's events, then waits a millisecond. `poll(1 ms)` would not wait but spin: it passes on what is
    /// left of its time-out in whole milliseconds, rounded down.
    fn breathe(&self) {
        self.inner.poll(Duration::ZERO);
        thread::park_timeout(Duration::from_millis(1));
    }

    /// Sorts an error of a call for its transaction.
    fn sorted(&self, error: KafkaError) -> Error {
        Error::in_transaction(error).writing(&self.write)
    }

    /// Serves librdkafka's events for `time`: a pause during which nothing is missed.
    pub fn pause(&self, time: Duration) {
        self.inner.poll(time);
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Producer {}", self.id)
    }
}

// === impl Transaction ===

impl Transaction<'_> {
    /// Adds a record. Records are numbered from 0 in the order of these calls.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take it.
    pub fn send(&mut self, record: &Record<'_>) -> Result<(), Error> {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in record.headers {
            headers = headers.insert(Header {
                key,
                value: Some(*value),
            });
        }
        let mut base = BaseRecord::with_opaque_to(record.topic, self.records)
            .payload(record.value)
            .timestamp(record.timestamp)
            .headers(headers);
        base.key = record.key;
        self.enqueue(base)
    }

    /// Sets what a compacted topic is to keep under a key.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take it.
    pub fn set(&mut self, entry: &Entry<'_>) -> Result<(), Error> {
        self.enqueue(entry.record(self.records))
    }

    /// Whether the broker has still to answer for some of its records.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.producer.inner.in_flight_count() > 0
    }

    /// Lets a millisecond pass.
    pub fn breathe(&self) {
        self.producer.breathe();
    }

    /// Makes everything visible at once.
    ///
    /// # Errors
    ///
    /// What is not delivered rolls the transaction back. When it is not known whether the commit took place the
    /// producer must be given up: the next fence decides, and the position that is read after it tells.
    pub fn commit(self) -> Result<(), Error> {
        self.drain();
        if let Some(error) = self.undelivered() {
            return self.fail(error);
        }
        match self.patiently(|inner| inner.commit_transaction(CALL)) {
            Err(error @ Error::Abort(_)) => self.fail(error),
            result => result,
        }
    }

    /// Rolls everything back.
    ///
    /// # Errors
    ///
    /// When that cannot be done either: the producer is of no more use.
    pub fn abort(self) -> Result<(), Error> {
        if self.is_under_way() {
            // This begins the roll-back and purges what is queued; it ends once those deliveries are served.
            let _ = self
                .producer
                .inner
                .abort_transaction(Duration::from_millis(100));
            self.drain();
        }
        self.patiently(|inner| inner.abort_transaction(CALL))
    }

    /// Waits until its records are delivered, or are not; then says why.
    pub(super) fn refused(&self) -> Option<Error> {
        self.drain();
        let is_delivered = self.producer.inner.context().is_empty();
        self.undelivered().or_else(|| {
            // What was given up before it was sent is not told of otherwise.
            let commit = || self.patiently(|inner| inner.commit_transaction(CALL)).err();
            (!is_delivered).then(commit).flatten()
        })
    }

    /// Makes a call again while it is not answered, as librdkafka wants it, but not for ever: then nobody knows how
    /// the transaction ended, and the next fence decides.
    fn patiently(
        &self,
        call: impl Fn(&BaseProducer<Deliveries>) -> Result<(), KafkaError>,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            let called = call(&self.producer.inner);
            match called.map_err(|error| self.producer.sorted(error)) {
                Err(Error::Unavailable(error)) if begun.elapsed() < PATIENCE => {
                    tracing::info!(%error, "the transaction's end is not answered yet");
                }
                Err(Error::Unavailable(error)) => return Err(Error::Producer(error)),
                result => return result,
            }
        }
    }

    /// Rolls back because of `error`, and answers with it or, when even that fails, with the worse one.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn fail(self, error: Error) -> Result<(), Error> {
        if error.disposition() == Disposition::Rebuild {
            return Err(error);
        }
        match (self.abort(), error) {
            (Ok(()), error) => Err(error),
            // A transaction of which no record was taken may not be known to be rolled back.
            (Err(_), Error::Unwritable { right, .. }) => Err(Error::Forbidden(right)),
            (Err(worse), _) => Err(worse),
        }
    }

    fn enqueue(&mut self, mut record: BaseRecord<'_, [u8], [u8], usize>) -> Result<(), Error> {
        let mut is_empty = false;
        loop {
            match self.producer.inner.send(record) {
                Ok(()) => break,
                // A queue that is full of nothing is too small for this record.
                Err((KafkaError::MessageProduction(Code::QueueFull), _)) if is_empty => {
                    return Err(Error::TooLarge(vec![self.records]));
                }
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) => {
                    is_empty = !self.is_under_way();
                    self.breathe();
                    record = back;
                }
                Err((KafkaError::MessageProduction(Code::MessageSizeTooLarge), _)) => {
                    return Err(Error::TooLarge(vec![self.records]));
                }
                // An earlier record has failed already, and its delivery says why.
                Err((error @ KafkaError::MessageProduction(Code::State), _)) => {
                    self.drain();
                    return Err(self.undelivered().unwrap_or_else(|| self.cause(error)));
                }
                Err((error, _)) => return Err(self.cause(error)),
            }
        }
        self.records += 1;
        Ok(())
    }

    /// Waits until every record has been delivered or has failed; librdkafka's message time-out bounds it.
    fn drain(&self) {
        while self.is_under_way() {
            self.breathe();
        }
    }

    fn undelivered(&self) -> Option<Error> {
        let failed = self.producer.inner.context().take();
        let too_large = |(_, error): &(usize, KafkaError)| {
            error.rdkafka_error_code() == Some(Code::MessageSizeTooLarge)
        };
        let refused: Vec<_> = failed
            .iter()
            .filter(|f| too_large(f))
            .map(|(number, _)| *number)
            .collect();
        if !refused.is_empty() {
            return Some(Error::TooLarge(refused));
        }
        // What was purged has failed because of something else, which the transaction's end tells.
        let purged = |error: &KafkaError| {
            let code = error.rdkafka_error_code();
            matches!(code, Some(Code::PurgeQueue | Code::PurgeInflight))
        };
        let (_, first) = failed.iter().find(|(_, error)| !purged(error))?.clone();
        let alike = failed.iter().filter(|(_, error)| *error == first);
        let numbers = alike.map(|(number, _)| *number).collect();
        match self.cause(first) {
            Error::Abort(cause) => {
                Some(Error::Rejected { numbers, cause }.writing(&self.producer.write))
            }
            worse => Some(worse),
        }
    }

    /// A producer that has been fenced fails its records with a code that does not say so.
    fn cause(&self, error: KafkaError) -> Error {
        match self.producer.inner.client().fatal_error() {
            Some((code, _)) if error::is_fenced(code) => Error::Fenced,
            Some((code, _)) => Error::Producer(KafkaError::MessageProduction(code)),
            None => Error::in_transaction(error),
        }
    }
}

// === impl Entry ===

impl<'a> Entry<'a> {
    /// As librdkafka takes it.
    pub(super) fn record<O: IntoOpaque>(&self, opaque: O) -> BaseRecord<'a, [u8], [u8], O> {
        let mut record = BaseRecord::with_opaque_to(self.topic, opaque)
            .key(self.key.as_bytes())
            .partition(self.partition)
            .timestamp(self.timestamp);
        record.payload = self.value;
        record
    }
}

// === impl Deliveries ===

impl Deliveries {
    fn is_empty(&self) -> bool {
        let failed = self.failed.lock();
        failed.expect("no holder of this lock panics").is_empty()
    }

    fn take(&self) -> Vec<(usize, KafkaError)> {
        std::mem::take(&mut self.failed.lock().expect("no holder of this lock panics"))
    }
}

quiet!(Deliveries);

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        if let Err((error, _)) = result {
            let mut failed = self.failed.lock().expect("no holder of this lock panics");
            failed.push((number, error.clone()));
        }
    }
}
