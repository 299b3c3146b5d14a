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
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};
use tracing::field::Empty;

use super::{Context, handover::Handover};
use crate::{
    backoff::Backoff,
    disposition::Disposition,
    kafka::{Cursors, Error, Producer, Transaction},
    telemetry::count,
};

/// The thread, as its shard sees it. Dropping it lets the thread end after what it has in hand.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) queue: mpsc::Sender<Handover>,
    closing: Arc<AtomicBool>,
    /// The thread's end, until it has been told.
    ended: Option<oneshot::Receiver<Result<(), Error>>>,
}

struct Thread {
    shard: u32,
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
pub(super) const TOGETHER: usize = 16;

// === impl Writer ===

impl Writer {
    pub(super) fn start(shard: u32, producer: Producer, context: Arc<Context>) -> Self {
        let (queue, receiver) = mpsc::channel(TOGETHER);
        let (end, ended) = oneshot::channel();
        let closing = Arc::new(AtomicBool::new(false));
        let thread = Thread {
            shard,
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
                if mend(&error, refusals, &mut handed) {
                    // The others are innocent until they are refused as often.
                    refusals = 0;
                }
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
        *handed = handed.drain(..).filter_map(Handover::open).collect();
        let span = tracing::info_span!(
            "transaction",
            shard = i64::from(self.shard),
            records = Empty,
            otel.status_code = Empty
        );
        let result = span.in_scope(|| self.transact(handed));
        for poll in handed.iter().filter_map(Handover::poll) {
            span.follows_from(poll);
        }
        let records = handed.iter().map(Handover::records).sum();
        span.record("records", count(records));
        if result.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        result?;
        for handover in handed.drain(..) {
            handover.committed(&self.context);
        }
        Ok(())
    }

    fn transact(&mut self, handed: &mut Vec<Handover>) -> Result<(), Error> {
        let begun = Instant::now();
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
        Ok(())
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
        handover.send(transaction, cursors, now)?;
    }
    while handed.len() < TOGETHER && transaction.is_under_way() {
        let Ok(handover) = queue.try_recv() else {
            transaction.breathe();
            continue;
        };
        if let Some(handover) = handover.open() {
            let sent = handover.send(transaction, cursors, now);
            handed.push(handover);
            sent?;
        }
    }
    Ok(())
}

/// Turns what was refused as too large into dead letters. What is refused for another reason again and again breaks the
/// lane of its task or, where nobody says whose it is, the oldest: the guilty one is found in turn, the others come back.
/// Whether a lane is broken now.
fn mend(error: &Error, refusals: u32, handed: &mut [Handover]) -> bool {
    let mut is_broken = false;
    match error {
        Error::TooLarge(numbers) => {
            for number in numbers {
                if let Some((handover, at)) = sent_as(*number, handed)
                    && !handover.divert(at)
                {
                    is_broken |= handover.refuse(TOO_LARGE);
                }
            }
        }
        _ if refusals < REFUSALS => {}
        Error::Rejected { numbers, .. } | Error::Unwritable { numbers, .. }
            if !numbers.is_empty() =>
        {
            for number in numbers {
                if let Some((handover, _)) = sent_as(*number, handed) {
                    is_broken |= handover.refuse(&error.to_string());
                }
            }
        }
        _ => {
            let why = error.to_string();
            is_broken = handed.iter().any(|handover| handover.refuse(&why));
        }
    }
    is_broken
}

/// Whose record was sent as `number` of its transaction, and the record's number within it.
fn sent_as(number: usize, handed: &mut [Handover]) -> Option<(&mut Handover, usize)> {
    let mut before = 0;
    for handover in handed {
        let at = number - before;
        let records = handover.records();
        if at < records {
            return Some((handover, at));
        }
        before += records;
    }
    None
}
