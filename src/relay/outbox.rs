//! A task's pages on their way into Kafka: handed over in order, a few ahead of the last commit.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::{mpsc, oneshot};
use tracing::Span;

use super::{
    error::TaskError,
    handover::{Handover, Lane, Refused},
    sealed::Sealed,
    writer::TOGETHER,
};
use crate::event::{Position, TaskId};

/// What a task has handed to its shard and not seen committed yet.
#[derive(Debug)]
pub(super) struct Outbox {
    task: Arc<TaskId>,
    shard: mpsc::Sender<Handover>,
    /// Oldest first.
    in_flight: VecDeque<(Position, oneshot::Receiver<Result<(), Refused>>)>,
    lane: Lane,
    /// The last position that Kafka has.
    committed: Option<Position>,
}

/// Pages in the hands of the shard before the next is fetched: enough to keep a backfill's transactions as large as can be.
const AHEAD: usize = TOGETHER;

// === impl Outbox ===

impl Outbox {
    pub(super) fn new(
        task: Arc<TaskId>,
        shard: mpsc::Sender<Handover>,
        committed: Option<Position>,
    ) -> Self {
        Self {
            task,
            shard,
            in_flight: VecDeque::new(),
            lane: Lane::default(),
            committed,
        }
    }

    /// The last position that Kafka has.
    pub(super) const fn committed(&self) -> Option<&Position> {
        self.committed.as_ref()
    }

    /// Gives a page to the shard, which commits it together with the position behind it.
    pub(super) async fn hand_over(
        &mut self,
        page: Sealed,
        position: Position,
    ) -> Result<(), TaskError> {
        self.settle(AHEAD - 1).await?;
        let (done, committed) = oneshot::channel();
        let handover = Handover::Page {
            task: Arc::clone(&self.task),
            page,
            position: position.clone(),
            lane: self.lane.clone(),
            poll: Span::current(),
            done,
        };
        self.shard
            .send(handover)
            .await
            .map_err(|_| TaskError::ShardLost)?;
        self.in_flight.push_back((position, committed));
        Ok(())
    }

    /// Waits until everything that was handed over is committed.
    pub(super) async fn drain(&mut self) -> Result<(), TaskError> {
        self.settle(0).await
    }

    /// Waits until no more than `ahead` pages are in the shard's hands. After a refusal nothing is, and the task must
    /// go back to the position that was committed last. It may be dropped at any time, and called again.
    async fn settle(&mut self, ahead: usize) -> Result<(), TaskError> {
        let mut refused = None;
        while (self.in_flight.len() > ahead || refused.is_some())
            && let Some((_, done)) = self.in_flight.front_mut()
        {
            let answer = done.await.map_err(|_| TaskError::ShardLost)?;
            let (position, _) = self.in_flight.pop_front().expect("its front was looked at");
            match answer {
                Ok(()) => self.committed = Some(position),
                Err(error) => refused = Some(error),
            }
        }
        let Some(error) = refused else { return Ok(()) };
        self.lane = Lane::default();
        Err(error.into())
    }
}
