//! The worker: runs each shard that the group gives it, and gives it back in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Connectors, Context, shard::Shard};
use crate::kafka::Ownership;

/// All shards of one worker.
#[derive(Debug)]
pub struct Worker {
    context: Arc<Context>,
    connectors: watch::Receiver<Connectors>,
    running: BTreeMap<u32, Running>,
    /// Dropped when what the group takes back is closed: it waits for that, also at the end.
    waiting: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
struct Running {
    lost: CancellationToken,
    shard: JoinHandle<()>,
}

/// How long closing every shard may take at the end.
const CLOSE: Duration = Duration::from_secs(15);

// === impl Worker ===

impl Worker {
    /// A worker that owns nothing yet. Its shards follow what is wanted of their `connectors`.
    #[must_use]
    pub fn new(context: Context, connectors: watch::Receiver<Connectors>) -> Self {
        Self {
            context: Arc::new(context),
            connectors,
            running: BTreeMap::new(),
            waiting: None,
        }
    }

    /// Follows the group's decisions until `shutdown`, then closes every shard. `ready` is called after each decision.
    pub async fn run(
        mut self,
        mut decisions: mpsc::UnboundedReceiver<Ownership>,
        shutdown: CancellationToken,
        ready: impl Fn() + Send,
    ) {
        let following = self.follow(&mut decisions, ready);
        shutdown.run_until_cancelled(following).await;
        let all = self.running.keys().copied().collect();
        if timeout(CLOSE, lose(&mut self.running, all)).await.is_err() {
            tracing::warn!(
                "a shard cannot be closed in time; its next owner's fence rolls back what it has open"
            );
        }
    }

    async fn follow(
        &mut self,
        decisions: &mut mpsc::UnboundedReceiver<Ownership>,
        ready: impl Fn() + Send,
    ) {
        while let Some(decision) = decisions.recv().await {
            match decision {
                Ownership::Gained(shards) => {
                    tracing::info!(?shards, "the group gives shards to this worker");
                    for shard in shards {
                        self.gain(shard);
                    }
                    self.context.metrics.rebalanced();
                }
                Ownership::Lost { shards, closed } => {
                    tracing::info!(?shards, "the group takes shards back");
                    self.context.metrics.rebalancing();
                    self.waiting = Some(closed);
                    lose(&mut self.running, shards).await;
                    self.waiting = None;
                }
            }
            ready();
        }
    }

    fn gain(&mut self, number: u32) {
        let lost = CancellationToken::new();
        let shard = Shard {
            number,
            connectors: self.connectors.clone(),
            context: Arc::clone(&self.context),
            shown: BTreeSet::new(),
            altered: BTreeMap::new(),
        };
        let shard = tokio::spawn(shard.run(lost.clone()));
        self.running.insert(number, Running { lost, shard });
    }
}

/// Closes shards, all at the same time. After a wait that was given up it may be asked again.
async fn lose(running: &mut BTreeMap<u32, Running>, numbers: Vec<u32>) {
    for number in &numbers {
        if let Some(running) = running.get(number) {
            running.lost.cancel();
        }
    }
    for number in numbers {
        if let Some(closing) = running.get_mut(&number) {
            (&mut closing.shard).await.expect("a shard does not panic");
            running.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    #[tokio::test]
    async fn a_shard_is_waited_for_again_where_a_wait_was_given_up() {
        let lost = CancellationToken::new();
        let (end, ended) = oneshot::channel();
        let shard = tokio::spawn(async { ended.await.unwrap() });
        let mut running = BTreeMap::from([(3, Running { lost, shard })]);
        tokio::select! {
            biased;
            () = lose(&mut running, vec![3]) => panic!("it is not closed"),
            () = ready(()) => {}
        }
        assert!(running[&3].lost.is_cancelled());
        end.send(()).unwrap();
        lose(&mut running, vec![3]).await;
        assert!(running.is_empty());
    }
}
