//! The control plane: the logs, what follows and tells them, and the REST API before it.

use std::{
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{LAST_ANSWERS, last_answers};
use crate::{
    clock,
    connector::{
        self, Activities, Allowed, Control, Desired, Offsets, Parts, Searches, Statuses, Teller,
    },
    http,
    kafka::{Cluster, Following},
    relay::{Board, Connectors, Context},
    telemetry::Loggers,
};

/// A running control plane.
pub(super) struct ControlPlane {
    teller: Arc<Teller>,
    board: Arc<Board>,
    telling: JoinHandle<()>,
    serving: JoinHandle<()>,
    /// Dropped last, when nobody asks any more.
    _followed: [Following; 3],
}

// === impl ControlPlane ===

impl ControlPlane {
    /// Starts it. What is wanted of the connectors arrives on the channel.
    pub(super) fn start(
        (rest, settings): (TcpListener, http::Rest),
        declared: Vec<connector::Settings>,
        allowed: Allowed,
        loggers: Loggers,
        context: &Context,
        shutdown: CancellationToken,
    ) -> anyhow::Result<(Self, watch::Receiver<Connectors>)> {
        let cluster = &context.cluster;
        let address = rest.local_addr()?;
        let (desired, connectors) = Desired::new(declared, allowed, loggers.clone(), clock::now);
        let desired = Arc::new(Mutex::new(desired));
        let statuses = Statuses::default();
        let activities = Activities::default();
        let offsets = Offsets::default();
        let followed = follow(cluster, &desired, (&statuses, &activities), &offsets)?;
        let teller = Teller::new(
            cluster,
            worker_id(address),
            statuses.clone(),
            activities.clone(),
            clock::now,
        )?;
        let teller = Arc::new(teller);
        let telling = tokio::spawn({
            let (teller, board) = (Arc::clone(&teller), Arc::clone(&context.board));
            async move { teller.run(&board).await }
        });
        let control = Control::new(Parts {
            desired,
            statuses,
            activities,
            offsets,
            loggers,
            searches: Searches::new(cluster, Arc::clone(&context.registry), shutdown.clone()),
            teller: Arc::clone(&teller),
            keyring: context.keyring.clone(),
            api: context.api.clone(),
            cluster: cluster.clone(),
            found: context.found.clone(),
            clock: clock::now,
        });
        if settings.shows_passwords(address) {
            tracing::warn!(
                "passwords and tokens reach the REST API in the clear: set rest.tls.certificate.file, or let a proxy \
                 before it speak TLS"
            );
        }
        let serving = http::rest::serve(rest, control, settings, shutdown)?;
        tracing::info!(%address, "the REST API is served");
        let plane = Self {
            teller,
            board: Arc::clone(&context.board),
            telling,
            serving: tokio::spawn(serving),
            _followed: followed,
        };
        Ok((plane, connectors))
    }

    /// Ends it, after the shutdown and the last shard's close: the states that these have left are told.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.telling.abort();
        let (teller, board) = (self.teller, self.board);
        let telling = tokio::task::spawn_blocking(move || teller.finish(&board, LAST_ANSWERS));
        telling.await.context("telling the last states")?;
        last_answers(self.serving).await;
        Ok(())
    }
}

fn follow(
    cluster: &Cluster,
    desired: &Arc<Mutex<Desired>>,
    (statuses, activities): (&Statuses, &Activities),
    offsets: &Offsets,
) -> anyhow::Result<[Following; 3]> {
    let (desired, offsets) = (Arc::clone(desired), offsets.clone());
    let (statuses, activities) = (statuses.clone(), activities.clone());
    let topics = cluster.topics();
    let wanted = Following::start(cluster, &topics.connectors(), 1, move |logged| {
        let mut desired = desired.lock().unwrap_or_else(PoisonError::into_inner);
        desired.follow(logged);
    })?;
    let told = Following::start(cluster, &topics.status(), 1, move |logged| {
        statuses.follow(logged);
        activities.follow(logged);
    })?;
    let shards = cluster.topics().shards;
    let read = Following::start(cluster, &topics.cursors(), shards, move |logged| {
        offsets.follow(logged);
    })?;
    Ok([wanted, told, read])
}

/// This worker, as others see it: its host and its REST port, as in Kafka Connect.
fn worker_id(rest: SocketAddr) -> String {
    let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "localhost",
        host => host,
    };
    format!("{host}:{}", rest.port())
}
