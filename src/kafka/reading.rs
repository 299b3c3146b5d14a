//! Topics read out of turn: any part of them, found by time or by offset. Only what is committed is seen.
//!
//! Whoever reads waits for records that may never come: the markers and the aborted records of transactions have offsets,
//! too. So a part ends with a record behind it, or with the end of its partition.

use std::{
    collections::BTreeMap,
    fmt,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::{BorrowedMessage, Headers},
    metadata::MetadataPartition,
};

use serde::{Deserialize, Serialize};

use super::{Cluster, Error, Operation, cluster::Quiet};

/// A reader of some topics. All of it blocks.
pub struct Reading {
    cluster: Cluster,
    reader: BaseConsumer<Quiet>,
    topics: Vec<String>,
    partitions: Vec<Partition>,
}

/// A partition of one of the topics that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Partition {
    /// The topic's number among those that are read.
    pub topic: usize,
    /// Its own number.
    pub number: i32,
}

/// A place in each of some partitions.
pub type Places = BTreeMap<Partition, i64>;

/// What a reader is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Parts that are there.
    Looking,
    /// What comes.
    Waiting,
}

/// A record as it is read.
#[derive(Clone, Copy)]
pub struct Seen<'r> {
    /// Where it is.
    pub partition: Partition,
    record: &'r BorrowedMessage<'r>,
}

/// How often the reader is told that it still waits.
const TICK: Duration = Duration::from_millis(100);
/// How long Kafka may take for an answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long it may bring nothing of what is there.
const SILENCE: Duration = Duration::from_secs(30);
/// As times that are asked for, these are the ends of a partition (Kafka's protocol, `ListOffsets`).
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

// === impl Reading ===

impl Reading {
    /// A reader of all partitions of `topics`.
    ///
    /// # Errors
    ///
    /// When Kafka does not answer in time, or refuses.
    pub fn open(cluster: &Cluster, topics: Vec<String>, purpose: Purpose) -> Result<Self, Error> {
        let reader = cluster.searcher(purpose).map_err(Error::outside)?;
        let mut partitions = Vec::new();
        for (topic, name) in topics.iter().enumerate() {
            let metadata = reader.fetch_metadata(Some(name), ANSWER);
            let metadata = metadata.map_err(Error::outside)?;
            for found in metadata.topics() {
                if let Some(code) = found.error() {
                    let error = KafkaError::MetadataFetch(code.into());
                    return Err(cluster.refusal(error, Operation::Read));
                }
                let numbers = found.partitions().iter().map(MetadataPartition::id);
                partitions.extend(numbers.map(|number| Partition { topic, number }));
            }
        }
        Ok(Self {
            cluster: cluster.clone(),
            reader,
            topics,
            partitions,
        })
    }

    /// The names of the topics, by their numbers.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    /// Where each partition begins.
    ///
    /// # Errors
    ///
    /// When Kafka does not answer in time, or refuses.
    pub fn begin(&self) -> Result<Places, Error> {
        self.places(EARLIEST)
    }

    /// Where what is committed ends in each partition.
    ///
    /// # Errors
    ///
    /// When Kafka does not answer in time, or refuses.
    pub fn end(&self) -> Result<Places, Error> {
        self.places(LATEST)
    }

    /// The first record of each partition whose time is `millis` or later: no earlier one's is. A partition that has none is
    /// left out.
    ///
    /// # Errors
    ///
    /// When Kafka does not answer in time, or refuses.
    pub fn since(&self, millis: i64) -> Result<Places, Error> {
        self.places(millis.max(0))
    }

    fn places(&self, time: i64) -> Result<Places, Error> {
        let asked = self.list(self.partitions.iter().map(|partition| (*partition, time)))?;
        let told = self.reader.offsets_for_times(asked, ANSWER);
        let told = told.map_err(Error::outside)?;
        let mut places = Places::new();
        for element in told.elements() {
            element.error().map_err(Error::outside)?;
            if let (Offset::Offset(offset), Some(partition)) = (
                element.offset(),
                self.partition(element.topic(), element.partition()),
            ) {
                places.insert(partition, offset);
            }
        }
        Ok(places)
    }

    /// Calls `each` with every record from `from` to before `to`, in each partition's order, until it breaks. Without a
    /// record it is called now and then, too.
    ///
    /// # Errors
    ///
    /// When Kafka brings nothing for long, or refuses.
    pub fn between<B>(
        &self,
        from: &Places,
        to: &Places,
        mut each: impl FnMut(Option<Seen<'_>>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Error> {
        // One topic after the other: librdkafka tells which partition has ended, and not of which topic.
        for topic in 0..self.topics.len() {
            let part = to.iter().filter_map(|(partition, end)| {
                let begin = from.get(partition).filter(|begin| *begin < end)?;
                (partition.topic == topic).then_some((*partition, (*begin, *end)))
            });
            let flow = self.of_one_topic(part.collect(), &mut each)?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn of_one_topic<B>(
        &self,
        mut open: BTreeMap<Partition, (i64, i64)>,
        each: &mut impl FnMut(Option<Seen<'_>>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Error> {
        let Some(topic) = open.keys().next().map(|partition| partition.topic) else {
            return Ok(ControlFlow::Continue(()));
        };
        self.assign(
            open.iter()
                .map(|(partition, (begin, _))| (*partition, *begin)),
        )?;
        let mut heard = Instant::now();
        while !open.is_empty() {
            let (ended, flow) = match self.reader.poll(TICK) {
                Some(Ok(record)) => {
                    heard = Instant::now();
                    let partition = Partition {
                        topic,
                        number: record.partition(),
                    };
                    match open.get(&partition) {
                        None => (None, ControlFlow::Continue(())),
                        Some((_, end)) if record.offset() >= *end => {
                            (Some(partition), ControlFlow::Continue(()))
                        }
                        Some((_, end)) => (
                            (record.offset() + 1 == *end).then_some(partition),
                            each(Some(Seen::new(partition, &record))),
                        ),
                    }
                }
                Some(Err(KafkaError::PartitionEOF(number))) => {
                    (Some(Partition { topic, number }), ControlFlow::Continue(()))
                }
                Some(Err(error)) => {
                    self.tolerate(error)?;
                    (None, each(None))
                }
                None if heard.elapsed() > SILENCE => {
                    return Err(Error::Unavailable(KafkaError::MessageConsumption(
                        Code::OperationTimedOut,
                    )));
                }
                None => (None, each(None)),
            };
            if flow.is_break() {
                return Ok(flow);
            }
            if let Some(partition) = ended
                && open.remove(&partition).is_some()
            {
                let done = self.list([(partition, 0)].into_iter())?;
                let unassigned = self.reader.incremental_unassign(&done);
                unassigned.map_err(Error::outside)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Calls `each` with every record from `from` on, in each partition's order, until it breaks. Without a record it is
    /// called now and then, too.
    ///
    /// # Errors
    ///
    /// When Kafka refuses.
    pub fn onward(
        &self,
        from: &Places,
        mut each: impl FnMut(Option<Seen<'_>>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.assign(from.iter().map(|(partition, begin)| (*partition, *begin)))?;
        loop {
            let flow = match self.reader.poll(TICK) {
                Some(Ok(record)) => match self.partition(record.topic(), record.partition()) {
                    Some(partition) => each(Some(Seen::new(partition, &record))),
                    None => ControlFlow::Continue(()),
                },
                Some(Err(KafkaError::PartitionEOF(_))) | None => each(None),
                Some(Err(error)) => {
                    self.tolerate(error)?;
                    each(None)
                }
            };
            if flow.is_break() {
                return Ok(());
            }
        }
    }

    /// A connection that is away comes back, and librdkafka goes on; a refusal does not.
    fn tolerate(&self, error: KafkaError) -> Result<(), Error> {
        match self.cluster.refusal(error, Operation::Read) {
            error if error.is_refusal() => Err(error),
            _ => Ok(()),
        }
    }

    fn assign(&self, from: impl Iterator<Item = (Partition, i64)>) -> Result<(), Error> {
        let list = self.list(from)?;
        self.reader.assign(&list).map_err(Error::outside)
    }

    fn list(
        &self,
        of: impl Iterator<Item = (Partition, i64)>,
    ) -> Result<TopicPartitionList, Error> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in of {
            let offset = match offset {
                LATEST => Offset::End,
                EARLIEST => Offset::Beginning,
                offset => Offset::Offset(offset),
            };
            list.add_partition_offset(&self.topics[partition.topic], partition.number, offset)
                .map_err(Error::outside)?;
        }
        Ok(list)
    }

    fn partition(&self, topic: &str, number: i32) -> Option<Partition> {
        let topic = self.topics.iter().position(|name| name == topic)?;
        Some(Partition { topic, number })
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

// === impl Seen ===

impl<'r> Seen<'r> {
    const fn new(partition: Partition, record: &'r BorrowedMessage<'r>) -> Self {
        Self { partition, record }
    }

    /// Its place in its partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.record.offset()
    }

    /// Its time, in milliseconds since 1970; 0 where it has none.
    #[must_use]
    pub fn millis(&self) -> i64 {
        self.record.timestamp().to_millis().unwrap_or_default()
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> Option<&'r [u8]> {
        self.record.key()
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> Option<&'r [u8]> {
        self.record.payload()
    }

    /// Its headers, in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&'r str, &'r [u8])> {
        let headers = self.record.headers().into_iter().flat_map(Headers::iter);
        headers.map(|header| (header.key, header.value.unwrap_or_default()))
    }
}

impl fmt::Debug for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("partition", &self.partition)
            .field("offset", &self.offset())
            .finish_non_exhaustive()
    }
}
