//! The worker: runs each shard that the group gives it, and gives it back in order.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{Connector, Context, shard::Shard};
use crate::kafka::Ownership;

/// All shards of one worker.
#[derive(Debug)]
pub struct Worker {
    context: Arc<Context>,
    connectors: Vec<Arc<Connector>>,
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
    /// A worker that owns nothing yet.
    #[must_use]
    pub fn new(context: Context, connectors: Vec<Connector>) -> Self {
        Self {
            context: Arc::new(context),
            connectors: connectors.into_iter().map(Arc::new).collect(),
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
                }
                Some(Ownership::Lost { shards, closed }) => {
                    tracing::info!(?shards, "the group takes shards back");
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

    /// Runs a shard, unless it has no connector: it would hold a producer for nothing.
    fn gain(&mut self, number: u32) {
        let cluster = &self.context.cluster;
        let own = self
            .connectors
            .iter()
            .filter(|connector| cluster.shard_of(&connector.name) == number);
        let connectors: Vec<_> = own.cloned().collect();
        if connectors.is_empty() {
            return;
        }
        let lost = CancellationToken::new();
        let shard = Shard {
            number,
            connectors,
            context: Arc::clone(&self.context),
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
