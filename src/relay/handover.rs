//! What is handed over to a shard's thread: all of it is committed, or nothing.

use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;
use tracing::{Id, Span};

use super::{Context, sealed::Sealed};
use crate::{
    event::{Position, TaskId},
    kafka::{Cursors, Error, Transaction},
};

/// Something on its way into Kafka. Whoever waits for it is told; the sender is dropped when the shard is lost.
#[derive(Debug)]
pub(super) enum Handover {
    /// A task's page, with the position behind it. It may be refused.
    Page {
        task: Arc<TaskId>,
        page: Sealed,
        position: Position,
        lane: Lane,
        poll: Span,
        done: oneshot::Sender<Result<(), Refused>>,
    },
    /// A connector's new positions, with the number of the alteration that has made them.
    Alteration {
        connector: String,
        number: u64,
        positions: Vec<(TaskId, Option<Position>)>,
        done: oneshot::Sender<()>,
    },
}

/// The order of a task's pages: once broken, nothing more of it is committed.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane(Arc<OnceLock<Refused>>);

/// Why a page is not taken.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Kafka does not take this page: {0}")]
pub(super) struct Refused(String);

// === impl Handover ===

impl Handover {
    /// Sends its records: those of the cursors topic are the last.
    pub(super) fn send(
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
                ..
            } => {
                page.each(|record| transaction.send(record))?;
                cursors.store(transaction, task, Some(position), now)
            }
            Self::Alteration {
                connector,
                number,
                positions,
                ..
            } => {
                for (task, position) in positions {
                    cursors.store(transaction, task, position.as_ref(), now)?;
                }
                cursors.store_alteration(transaction, connector, *number, now)
            }
        }
    }

    /// The poll that it is of, if it is a page.
    pub(super) fn poll(&self) -> Option<Id> {
        match self {
            Self::Page { poll, .. } => poll.id(),
            Self::Alteration { .. } => None,
        }
    }

    /// How many records it sends.
    pub(super) const fn records(&self) -> usize {
        match self {
            Self::Page { page, .. } => page.len() + 1,
            Self::Alteration { positions, .. } => positions.len() + 1,
        }
    }

    /// Turns the entry that was sent as its record `at` into a dead letter, if that is what it was.
    pub(super) fn divert(&mut self, at: usize) -> bool {
        match self {
            Self::Page { page, .. } => page.divert(at),
            Self::Alteration { .. } => false,
        }
    }

    /// Breaks the lane of a page, if that is what it is. Without an alteration its connector cannot go on.
    pub(super) fn refuse(&self, why: &str) -> bool {
        match self {
            Self::Page { lane, .. } => {
                // The first reason is the one that counts.
                let _ = lane.0.set(Refused(why.to_owned()));
                true
            }
            Self::Alteration { .. } => false,
        }
    }

    /// Answers a page whose lane is broken; anything else is still to be sent.
    pub(super) fn open(self) -> Option<Self> {
        let refused = match &self {
            Self::Page { lane, .. } => lane.0.get().cloned(),
            Self::Alteration { .. } => None,
        };
        match (self, refused) {
            (Self::Page { done, .. }, Some(refused)) => {
                // A task that is gone does not mind.
                let _ = done.send(Err(refused));
                None
            }
            (other, _) => Some(other),
        }
    }

    /// Tells that it is committed.
    pub(super) fn committed(self, context: &Context) {
        // Whoever is gone does not mind.
        match self {
            Self::Page {
                task, page, done, ..
            } => {
                count(&task, &page, context);
                let _ = done.send(Ok(()));
            }
            Self::Alteration { done, .. } => {
                let _ = done.send(());
            }
        }
    }
}

fn count(task: &TaskId, page: &Sealed, context: &Context) {
    let metrics = &context.metrics;
    let (all, dead) = (page.len(), page.dead_letters());
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    if all > 0 {
        metrics.answered(task, (context.clock)());
        metrics.committed(task, count(all - dead), count(dead));
        metrics.delivered(page.fetched.elapsed());
        context.board.published(task);
    }
}
