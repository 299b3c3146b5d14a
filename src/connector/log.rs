//! The control log, as one worker writes it.
//!
//! Every turn ends with a record that says whose turn it was. When that comes back through this worker's own reader, so
//! has everything before it: what was decided from is what the log says, and what was answered can be read.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as Turns, watch},
    time::{sleep, timeout},
};

use super::{
    Desired, Refusal,
    record::{Written, sign},
};
use crate::{
    backoff::Backoff,
    clock::Clock,
    kafka::{Cluster, Entry, Error, Pen},
};

/// The connectors topic, for those who change what is wanted.
#[derive(Debug)]
pub(super) struct ControlLog {
    desired: Arc<Mutex<Desired>>,
    pen: Arc<Mutex<Pen>>,
    topic: String,
    writer: String,
    clock: Clock,
    /// One change at a time.
    turns: Turns<Turn>,
}

/// This worker's turns to write.
#[derive(Debug)]
struct Turn {
    last: u64,
    /// The last one that has come back.
    seen: watch::Receiver<u64>,
}

/// How long a change may take, as in Kafka Connect (`RestServer`, 90 s).
const PATIENCE: Duration = Duration::from_secs(90);

// === impl ControlLog ===

impl ControlLog {
    pub(super) fn new(desired: Arc<Mutex<Desired>>, cluster: &Cluster, clock: Clock) -> Self {
        let (writer, seen) = lock(&desired).turns();
        Self {
            desired,
            pen: Arc::new(Mutex::new(Pen::new(cluster.clone()))),
            topic: cluster.topics().connectors(),
            writer,
            clock,
            turns: Turns::new(Turn { last: 0, seen }),
        }
    }

    /// Writes what `decide` makes of all that is wanted by now. Somebody else may write meanwhile: then it decides anew.
    pub(super) async fn change<T>(
        &self,
        decide: &(impl Fn(&Desired) -> Result<(Vec<Written>, T), Refusal> + Sync),
    ) -> Result<T, Refusal> {
        let changed = timeout(PATIENCE, async {
            let mut turn = self.turns.lock().await;
            self.decide(&mut turn, decide).await
        });
        let late = Refusal::Unavailable("Request timed out: Kafka does not answer".to_owned());
        changed.await.unwrap_or(Err(late))
    }

    async fn decide<T>(
        &self,
        turn: &mut Turn,
        decide: &(impl Fn(&Desired) -> Result<(Vec<Written>, T), Refusal> + Sync),
    ) -> Result<T, Refusal> {
        let (first, longest) = (Duration::from_millis(20), Duration::from_secs(1));
        let mut backoff = Backoff::new(first, longest, fastrand::Rng::new());
        loop {
            let written = match self.catch_up(turn).await {
                Ok(()) => {
                    let (records, answer) = decide(&lock(&self.desired))?;
                    if records.is_empty() {
                        return Ok(answer);
                    }
                    self.write(turn, records).await.map(|()| answer)
                }
                Err(error) => Err(error),
            };
            match written {
                // Whatever was begun is rolled back.
                Err(Error::Fenced) => sleep(backoff.next_wait()).await,
                result => return result.map_err(|error| unavailable(&error)),
            }
        }
    }

    /// Makes sure that nobody else writes, and that all that anybody has written is known.
    async fn catch_up(&self, turn: &mut Turn) -> Result<(), Error> {
        if lock(&self.pen).is_held() {
            return Ok(());
        }
        self.with_pen(Pen::take).await?;
        self.write(turn, Vec::new()).await
    }

    async fn write(&self, turn: &mut Turn, mut records: Vec<Written>) -> Result<(), Error> {
        turn.last += 1;
        records.push(sign(&self.writer, turn.last));
        let (topic, timestamp) = (self.topic.clone(), (self.clock)().as_millisecond());
        let write = move |pen: &mut Pen| {
            let entries: Vec<_> = records
                .iter()
                .map(|(key, value)| Entry {
                    topic: &topic,
                    partition: 0,
                    key,
                    value: value.as_deref().map(str::as_bytes),
                    timestamp,
                })
                .collect();
            pen.write(&entries)
        };
        self.with_pen(write).await?;
        let last = turn.last;
        let seen = turn.seen.wait_for(|seen| *seen >= last).await;
        seen.expect("what is desired is told for as long as there is a log");
        Ok(())
    }

    /// The pen's calls block.
    async fn with_pen(
        &self,
        call: impl FnOnce(&mut Pen) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let pen = Arc::clone(&self.pen);
        let called = tokio::task::spawn_blocking(move || call(&mut lock(&pen)));
        called.await.expect("writing does not panic")
    }
}

fn unavailable(error: &Error) -> Refusal {
    Refusal::Unavailable(format!(
        "{error}: whether this was done is not known, look at the connector"
    ))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
