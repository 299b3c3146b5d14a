//! A shard's thread: it alone holds the shard's producer, and commits what the tasks hand over.
//!
//! One transaction takes every page that is waiting or comes while records are on their way, from any of the shard's
//! tasks, up to a bound. So a busy shard makes few large transactions, and a quiet one commits at once.
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

/// A page on its way into Kafka, with the position behind it.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) task: Arc<TaskId>,
    pub(super) page: Sealed,
    pub(super) position: Position,
    pub(super) lane: Lane,
    /// Told when it is committed, or refused; dropped when the shard is lost.
    pub(super) done: oneshot::Sender<Result<(), Refused>>,
}

/// The order of a task's pages: once broken, nothing more of it is committed.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane(Arc<OnceLock<Refused>>);

/// Why a page is not taken.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Kafka does not take this page: {0}")]
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
/// Pages in one transaction at most.
const PAGES: usize = 16;

// === impl Writer ===

impl Writer {
    pub(super) fn start(shard: u32, producer: Producer, context: Arc<Context>) -> Self {
        let (queue, receiver) = mpsc::channel(PAGES);
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
            let mut pages = vec![first];
            let mut refusals = 0;
            while let Err(error) = self.attempt(&mut pages) {
                if error.disposition() != Disposition::Abort || self.is_closing() {
                    return Err(error);
                }
                self.context.metrics.aborted();
                tracing::warn!(%error, pages = pages.len(), "the transaction was rolled back");
                refusals += u32::from(!error.is_outage());
                mend(&error, refusals, &mut pages);
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

    /// Commits `pages` and what else comes in time. After an error they are all still there.
    fn attempt(&mut self, pages: &mut Vec<Handover>) -> Result<(), Error> {
        let begun = Instant::now();
        *pages = pages.drain(..).filter_map(open).collect();
        let mut transaction = self.producer.begin()?;
        let now = (self.context.clock)().as_millisecond();
        if let Err(error) = fill(&mut transaction, pages, &mut self.queue, &self.cursors, now) {
            return transaction.fail(error);
        }
        transaction.commit()?;
        self.context.metrics.transaction(begun.elapsed());
        for page in pages.drain(..) {
            page.committed(&self.context);
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

// === impl Handover ===

impl Handover {
    /// Sends its records and, as the last one, the position behind them.
    fn send(
        &self,
        transaction: &mut Transaction<'_>,
        cursors: &Cursors,
        now: i64,
    ) -> Result<(), Error> {
        self.page.each(|record| transaction.send(record))?;
        cursors.store(transaction, &self.task, &self.position, now)
    }

    fn committed(self, context: &Context) {
        let metrics = &context.metrics;
        let (all, dead) = (self.page.len(), self.page.dead_letters());
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        if all > 0 {
            metrics.committed(&self.task, count(all - dead), count(dead));
            metrics.delivered(self.page.fetched.elapsed());
            context.board.published(&self.task);
        }
        // A task that is gone does not mind.
        let _ = self.done.send(Ok(()));
    }
}

/// Sends `pages`, and what else is handed over while records are on their way: the coordinator keeps a transaction waiting
/// for some 20 ms while it ends the one before, in which a backfill's next pages come.
fn fill(
    transaction: &mut Transaction<'_>,
    pages: &mut Vec<Handover>,
    queue: &mut mpsc::Receiver<Handover>,
    cursors: &Cursors,
    now: i64,
) -> Result<(), Error> {
    for page in &*pages {
        page.send(transaction, cursors, now)?;
    }
    while pages.len() < PAGES && transaction.is_under_way() {
        let Ok(page) = queue.try_recv() else {
            transaction.breathe();
            continue;
        };
        if let Some(page) = open(page) {
            let sent = page.send(transaction, cursors, now);
            pages.push(page);
            sent?;
        }
    }
    Ok(())
}

/// Answers a page whose lane is broken; any other is still to be sent.
fn open(page: Handover) -> Option<Handover> {
    let Some(refused) = page.lane.0.get().cloned() else {
        return Some(page);
    };
    // A task that is gone does not mind.
    let _ = page.done.send(Err(refused));
    None
}

/// Turns what was refused as too large into dead letters. What is refused for another reason again and again breaks the
/// lane of its task or, where nobody says whose it is, the oldest: the guilty one is found in turn, the others come back.
fn mend(error: &Error, refusals: u32, pages: &mut [Handover]) {
    match error {
        Error::TooLarge(numbers) => {
            for number in numbers {
                if let Some((page, at)) = sent_as(*number, pages)
                    && !page.page.divert(at)
                {
                    page.lane.break_for(TOO_LARGE.to_owned());
                }
            }
        }
        _ if refusals < REFUSALS => {}
        Error::Rejected { numbers, .. } => {
            for number in numbers {
                if let Some((page, _)) = sent_as(*number, pages) {
                    page.lane.break_for(error.to_string());
                }
            }
        }
        _ => {
            if let Some(page) = pages.first() {
                page.lane.break_for(error.to_string());
            }
        }
    }
}

/// The page whose record was sent as `number` of its transaction, and the record's number within the page; the one behind
/// its entries is its position.
fn sent_as(number: usize, pages: &mut [Handover]) -> Option<(&mut Handover, usize)> {
    let mut before = 0;
    for page in pages {
        let at = number - before;
        if at <= page.page.len() {
            return Some((page, at));
        }
        before += page.page.len() + 1;
    }
    None
}
