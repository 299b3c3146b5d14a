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
    /// Whether the last one has come back, and the pen is held.
    is_certain: bool,
    /// The last one that has come back.
    seen: watch::Receiver<u64>,
}

const UNKNOWN: &str = "it may not be known whether this was done, look at the connector";
/// How long a request may take, as in Kafka Connect (`RestServer`, 90 s).
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

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
            turns: Turns::new(Turn {
                last: 0,
                is_certain: false,
                seen,
            }),
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
        let late = Refusal::Unavailable(format!(
            "Request timed out: Kafka does not answer: {UNKNOWN}"
        ));
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
            let error = match self.attempt(turn, decide).await {
                Ok(answer) => return answer,
                Err(error) => error,
            };
            // Whatever was begun is rolled back.
            if !matches!(error, Error::Fenced | Error::Abort(_)) {
                return Err(Refusal::Unavailable(format!("{error}: {UNKNOWN}")));
            }
            sleep(backoff.next_wait()).await;
        }
    }

    async fn attempt<T>(
        &self,
        turn: &mut Turn,
        decide: &(impl Fn(&Desired) -> Result<(Vec<Written>, T), Refusal> + Sync),
    ) -> Result<Result<T, Refusal>, Error> {
        let mut is_fresh = self.catch_up(turn).await?;
        loop {
            let decided = decide(&lock(&self.desired));
            match decided {
                Ok((records, answer)) if !records.is_empty() => {
                    self.write(turn, records, Pen::write).await?;
                    return Ok(Ok(answer));
                }
                decided if is_fresh => return Ok(decided.map(|(_, answer)| answer)),
                // Somebody else may have written since: whoever has the pen still can write, and knows all.
                _ => self.write(turn, Vec::new(), Pen::write).await?,
            }
            is_fresh = true;
        }
    }

    /// Makes sure that nobody else writes, and that all that anybody has written is known; `false` where that was so at the
    /// last turn. A turn that has not come back, because whoever asked did not wait for it, leaves neither sure.
    async fn catch_up(&self, turn: &mut Turn) -> Result<bool, Error> {
        if turn.is_certain {
            return Ok(false);
        }
        let take_and_write = |pen: &mut Pen, entries: &[Entry<'_>]| {
            pen.take()?;
            pen.write(entries)
        };
        self.write(turn, Vec::new(), take_and_write).await?;
        Ok(true)
    }

    async fn write(
        &self,
        turn: &mut Turn,
        mut records: Vec<Written>,
        write: impl FnOnce(&mut Pen, &[Entry<'_>]) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        turn.last += 1;
        turn.is_certain = false;
        records.push(sign(&self.writer, turn.last));
        let (topic, timestamp) = (self.topic.clone(), (self.clock)().as_millisecond());
        let pen = Arc::clone(&self.pen);
        let write = move || {
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
            write(&mut lock(&pen), &entries)
        };
        let written = tokio::task::spawn_blocking(write).await;
        written.expect("writing does not panic")?;
        let last = turn.last;
        let seen = turn.seen.wait_for(|seen| *seen == last).await;
        seen.expect("what is desired is told for as long as there is a log");
        turn.is_certain = true;
        Ok(())
    }
}

pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
