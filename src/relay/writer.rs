//! A shard's thread: it alone holds the shard's producer, and commits what the tasks hand over.
//!
//! One transaction takes every page that is waiting or comes while records are on their way, from any of the shard's
//! tasks, up to a bound. So a busy shard makes few large transactions, and a quiet one commits at once.
//!
//! What becomes of a connector's positions otherwise, an alteration, is handed over as pages are.
//!
//! A roll-back sends the same pages again. A page that can never be committed breaks its lane: it and everything that
//! its task handed over after it is refused, for a later position must not overtake it.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{Context, sealed::Sealed};
use crate::{
    backoff::Backoff,
    disposition::Disposition,
    event::{Position, TaskId},
    kafka::{Cursors, Error, Producer, Transaction},
};

/// Something on its way into Kafka.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) load: Load,
    pub(super) lane: Lane,
    /// Told when it is committed, or refused; dropped when the shard is lost.
    pub(super) done: oneshot::Sender<Result<(), Refused>>,
}

/// What is handed over: all of it is committed, or nothing.
#[derive(Debug)]
pub(super) enum Load {
    /// A task's page, with the position behind it.
    Page {
        task: Arc<TaskId>,
        page: Sealed,
        position: Position,
    },
    /// A connector's new positions, with the id of the alteration that has made them.
    Alteration {
        connector: String,
        id: String,
        positions: Vec<(TaskId, Option<Position>)>,
    },
}

/// The order of a task's pages: once broken, nothing more of it is committed.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane(Arc<OnceLock<Refused>>);

/// Why a handover is not taken.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Kafka does not take this: {0}")]
pub(super) struct Refused(String);

/// The thread, as its shard sees it. Dropping it lets the thread end after what it has in hand.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) queue: mpsc::Sender<Handover>,
    closing: Arc<AtomicBool>,
    /// The thread's end, until it has been told.
    ended: Option<oneshot::Receiver<Result<(), Error>>>,
}

struct Thread {
    producer: Producer,
    cursors: Cursors,
    queue: mpsc::Receiver<Handover>,
    closing: Arc<AtomicBool>,
    context: Arc<Context>,
}

/// How often a transaction is refused before a lane is broken.
const REFUSALS: u32 = 5;
/// How often a pause looks whether the shard is to be closed.
const LOOK: Duration = Duration::from_millis(100);
const TOO_LARGE: &str = "its records are too large, also as dead letters: raise max.message.bytes of the event and \
                         dead-letter topics, above kafka.batch.size at least";
/// Handovers in one transaction at most.
const TOGETHER: usize = 16;

// === impl Writer ===

impl Writer {
    pub(super) fn start(shard: u32, producer: Producer, context: Arc<Context>) -> Self {
        let (queue, receiver) = mpsc::channel(TOGETHER);
        let (end, ended) = oneshot::channel();
        let closing = Arc::new(AtomicBool::new(false));
        let thread = Thread {
            producer,
            cursors: Cursors::of(&context.cluster, shard),
            queue: receiver,
            closing: Arc::clone(&closing),
            context,
        };
        thread::Builder::new()
            .name(format!("shard-{shard}"))
            .spawn(move || {
                // Nobody listens when the shard was given up meanwhile.
                let _ = end.send(thread.run());
            })
            .expect("the system has a thread to give");
        Self {
            queue,
            closing,
            ended: Some(ended),
        }
    }

    /// Waits until the thread has ended by itself, which it does only for an error.
    pub(super) async fn failed(&mut self) -> Error {
        let ended = self.ended.as_mut().expect("a thread ends once").await;
        self.ended = None;
        match ended.expect("a shard's thread does not panic") {
            Err(error) => error,
            Ok(()) => unreachable!("the thread goes on while its queue is open"),
        }
    }

    /// Takes no more pages, and waits until those that were taken are committed or rolled back.
    pub(super) async fn close(self) {
        self.closing.store(true, Ordering::Relaxed);
        drop(self.queue);
        if let Some(ended) = self.ended {
            // An error comes too late to matter: the fence of the next owner settles it.
            let _ = ended.await;
        }
    }
}

// === impl Thread ===

impl Thread {
    fn run(mut self) -> Result<(), Error> {
        let mut backoff = Backoff::new(
            Duration::from_millis(100),
            Duration::from_secs(30),
            fastrand::Rng::new(),
        );
        while let Some(first) = self.queue.blocking_recv() {
            let mut handed = vec![first];
            let mut refusals = 0;
            while let Err(error) = self.attempt(&mut handed) {
                if error.disposition() != Disposition::Abort || self.is_closing() {
                    return Err(error);
                }
                self.context.metrics.aborted();
                tracing::warn!(%error, handovers = handed.len(), "the transaction was rolled back");
                refusals += u32::from(!error.is_outage());
                mend(&error, refusals, &mut handed);
                self.pause(backoff.next_wait());
            }
            backoff.reset();
        }
        Ok(())
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Waits, but not when the shard is to be closed.
    fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        while !self.is_closing() && Instant::now() < until {
            self.producer.pause(LOOK.min(wait));
        }
    }

    /// Commits what is `handed` over, and what else comes in time. After an error all of it is still there.
    fn attempt(&mut self, handed: &mut Vec<Handover>) -> Result<(), Error> {
        let begun = Instant::now();
        *handed = handed.drain(..).filter_map(open).collect();
        let mut transaction = self.producer.begin()?;
        let now = (self.context.clock)().as_millisecond();
        if let Err(error) = fill(
            &mut transaction,
            handed,
            &mut self.queue,
            &self.cursors,
            now,
        ) {
            return transaction.fail(error);
        }
        transaction.commit()?;
        self.context.metrics.transaction(begun.elapsed());
        for handover in handed.drain(..) {
            handover.load.committed(&self.context);
            // A task that is gone does not mind.
            let _ = handover.done.send(Ok(()));
        }
        Ok(())
    }
}

// === impl Lane ===

impl Lane {
    /// Breaks it, unless it is broken already.
    fn break_for(&self, reason: String) {
        // The first reason is the one that counts.
        let _ = self.0.set(Refused(reason));
    }
}

// === impl Load ===

impl Load {
    /// Sends its records: those of the cursors topic are the last.
    fn send(
        &self,
        transaction: &mut Transaction<'_>,
        cursors: &Cursors,
        now: i64,
    ) -> Result<(), Error> {
        match self {
            Self::Page {
                task,
                page,
                position,
            } => {
                page.each(|record| transaction.send(record))?;
                cursors.store(transaction, task, Some(position), now)
            }
            Self::Alteration {
                connector,
                id,
                positions,
            } => {
                for (task, position) in positions {
                    cursors.store(transaction, task, position.as_ref(), now)?;
                }
                cursors.store_alteration(transaction, connector, id, now)
            }
        }
    }

    /// How many records it sends.
    const fn records(&self) -> usize {
        match self {
            Self::Page { page, .. } => page.len() + 1,
            Self::Alteration { positions, .. } => positions.len() + 1,
        }
    }

    /// Turns the entry that was sent as its record `at` into a dead letter, if that is what it was.
    fn divert(&mut self, at: usize) -> bool {
        match self {
            Self::Page { page, .. } => page.divert(at),
            Self::Alteration { .. } => false,
        }
    }

    fn committed(&self, context: &Context) {
        let Self::Page { task, page, .. } = self else {
            return;
        };
        let metrics = &context.metrics;
        let (all, dead) = (page.len(), page.dead_letters());
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        if all > 0 {
            metrics.committed(task, count(all - dead), count(dead));
            metrics.delivered(page.fetched.elapsed());
            context.board.published(task);
        }
    }
}

/// Sends what is `handed` over, and what else comes while records are on their way: the coordinator keeps a transaction
/// waiting for some 20 ms while it ends the one before, in which a backfill's next pages come.
fn fill(
    transaction: &mut Transaction<'_>,
    handed: &mut Vec<Handover>,
    queue: &mut mpsc::Receiver<Handover>,
    cursors: &Cursors,
    now: i64,
) -> Result<(), Error> {
    for handover in &*handed {
        handover.load.send(transaction, cursors, now)?;
    }
    while handed.len() < TOGETHER && transaction.is_under_way() {
        let Ok(handover) = queue.try_recv() else {
            transaction.breathe();
            continue;
        };
        if let Some(handover) = open(handover) {
            let sent = handover.load.send(transaction, cursors, now);
            handed.push(handover);
            sent?;
        }
    }
    Ok(())
}

/// Answers a handover whose lane is broken; any other is still to be sent.
fn open(handover: Handover) -> Option<Handover> {
    let Some(refused) = handover.lane.0.get().cloned() else {
        return Some(handover);
    };
    // A task that is gone does not mind.
    let _ = handover.done.send(Err(refused));
    None
}

/// Turns what was refused as too large into dead letters. What is refused for another reason again and again breaks the
/// lane of its task or, where nobody says whose it is, the oldest: the guilty one is found in turn, the others come back.
fn mend(error: &Error, refusals: u32, handed: &mut [Handover]) {
    match error {
        Error::TooLarge(numbers) => {
            for number in numbers {
                if let Some((handover, at)) = sent_as(*number, handed)
                    && !handover.load.divert(at)
                {
                    handover.lane.break_for(TOO_LARGE.to_owned());
                }
            }
        }
        _ if refusals < REFUSALS => {}
        Error::Rejected { numbers, .. } => {
            for number in numbers {
                if let Some((handover, _)) = sent_as(*number, handed) {
                    handover.lane.break_for(error.to_string());
                }
            }
        }
        _ => {
            if let Some(handover) = handed.first() {
                handover.lane.break_for(error.to_string());
            }
        }
    }
}

/// Whose record was sent as `number` of its transaction, and the record's number within it.
fn sent_as(number: usize, handed: &mut [Handover]) -> Option<(&mut Handover, usize)> {
    let mut before = 0;
    for handover in handed {
        let at = number - before;
        let records = handover.load.records();
        if at < records {
            return Some((handover, at));
        }
        before += records;
    }
    None
}
