//! The worker: runs each shard that the group gives it, and gives it back in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
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
        }
    }

    /// Follows the group's decisions until `shutdown`, then closes every shard. `ready` is called at the first one.
    pub async fn run(
        mut self,
        mut decisions: mpsc::UnboundedReceiver<Ownership>,
        shutdown: CancellationToken,
        ready: impl Fn() + Send,
    ) {
        loop {
            let decision = tokio::select! {
                () = shutdown.cancelled() => break,
                decision = decisions.recv() => decision,
            };
            match decision {
                Some(Ownership::Gained(shards)) => {
                    tracing::info!(?shards, "the group gives shards to this worker");
                    for shard in shards {
                        self.gain(shard);
                    }
                    self.context.metrics.rebalanced();
                }
                Some(Ownership::Lost { shards, closed }) => {
                    tracing::info!(?shards, "the group takes shards back");
                    self.context.metrics.rebalancing();
                    self.lose(shards).await;
                    drop(closed);
                }
                None => break,
            }
            ready();
        }
        let all = self.running.keys().copied().collect();
        if timeout(CLOSE, self.lose(all)).await.is_err() {
            tracing::warn!(
                "a shard cannot be closed in time; its next owner's fence rolls back what it has open"
            );
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

    /// Closes shards, all at the same time.
    async fn lose(&mut self, numbers: Vec<u32>) {
        let closing: Vec<_> = numbers
            .iter()
            .filter_map(|number| self.running.remove(number))
            .collect();
        for running in &closing {
            running.lost.cancel();
        }
        for running in closing {
            running.shard.await.expect("a shard does not panic");
        }
    }
}
