//! Putting the worker together, in the order in which things can go wrong.
//!
//! Settings have been judged before this; then the port is bound, Kafka's topics are made sure of, positions are
//! checked to lie where this worker looks for them, and only then does it join the group.

mod control;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::control::ControlPlane;
use crate::{
    avro::Registry,
    backoff::Backoff,
    clock,
    config::Config,
    connector::ConnectMetrics,
    disposition::Disposition,
    http::{self, Readiness},
    kafka::{self, Cluster, Found, Membership, Missing, TopicError},
    metrics::Metrics,
    onepassword::{self, Limits, Shared, Timeouts},
    relay::{Board, Context, Worker},
    telemetry::Loggers,
};

/// What the monitoring port tells of.
struct Watched {
    metrics: Arc<Metrics>,
    board: Arc<Board>,
    readiness: Readiness,
}

/// How long leaving the group may take.
const LEAVE: Duration = Duration::from_secs(10);
/// How long open requests may take at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

// === impl Watched ===

impl Default for Watched {
    fn default() -> Self {
        let board = Arc::new(Board::default());
        let connect = |counts| ConnectMetrics::new(Arc::clone(&board), counts);
        Self {
            metrics: Arc::new(Metrics::new(connect)),
            board,
            readiness: Readiness::default(),
        }
    }
}

/// Runs a worker until `shutdown`.
///
/// # Errors
///
/// What no waiting will mend: a port that is taken, topics that are unfit, files that cannot be read.
pub async fn run(
    config: Config,
    loggers: Loggers,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let listener = bind(config.http.monitoring_listen, "monitoring.listen").await?;
    let rest = bind(config.http.rest_listen, "rest.listen").await?;
    let watched = Watched::default();
    watched.metrics.rebalancing();
    tracing::info!(address = %listener.local_addr()?, "GET /metrics, /livez and /readyz are served");
    let monitoring = tokio::spawn(http::serve(
        listener,
        Arc::clone(&watched.metrics),
        watched.readiness.clone(),
        shutdown.clone(),
    ));
    work(config, rest, loggers, watched, shutdown.clone()).await?;
    shutdown.cancel();
    last_answers(monitoring).await;
    Ok(())
}

/// Waits until a port's last requests are answered.
async fn last_answers(serving: JoinHandle<()>) {
    // Past that, somebody has begun a request and not ended it.
    if let Ok(served) = timeout(LAST_ANSWERS, serving).await {
        served.expect("serving does not panic");
    }
}

/// The clients of the Events API that all connectors of a worker share.
///
/// # Errors
///
/// When `onepassword.ca.file` cannot be used.
pub fn events_api(config: &Config) -> anyhow::Result<Shared> {
    let settings = &config.onepassword;
    let http =
        onepassword::http_client(settings.ca_file.as_deref()).context("onepassword.ca.file")?;
    Ok(Shared {
        http,
        hosts: settings.allowed_hosts.clone(),
        limits: Limits::new(settings.requests_per_minute),
        timeouts: Timeouts::default(),
        clock: clock::now,
    })
}

/// The schema registry's client.
///
/// # Errors
///
/// When a file that it needs cannot be used.
pub fn registry(config: &Config) -> anyhow::Result<Registry> {
    let settings = &config.registry;
    Registry::new(settings.access.clone(), settings.registration, clock::now)
        .context("schema.registry")
}

/// The cluster, as the settings describe it.
#[must_use]
pub fn cluster(config: &Config) -> Cluster {
    Cluster::new(
        config.kafka.clone(),
        config.group_id.clone(),
        config.topics.clone(),
    )
}

async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {address} ({setting})"))
}

async fn work(
    config: Config,
    rest: TcpListener,
    loggers: Loggers,
    watched: Watched,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    for settings in &config.connectors {
        for note in &settings.notes {
            tracing::warn!(connector = settings.connector.name, "{note}");
        }
    }
    let api = events_api(&config)?;
    let registry = registry(&config)?;
    let mut cluster = cluster(&config);
    let ending = shutdown.clone();
    let found = tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        found = topics(&cluster) => found?,
    };
    if let Some(largest) = found.largest_batch {
        cluster.limit_batches(largest);
    }
    let (membership, decisions) = Membership::join(&cluster)?;
    let context = Context {
        cluster,
        found,
        registry: Arc::new(registry),
        subjects: config.registry.subject_strategy,
        api,
        keyring: config.allowed.keyring.clone(),
        metrics: watched.metrics,
        board: watched.board,
        clock: clock::now,
    };
    let (plane, connectors) = ControlPlane::start(
        (rest, config.http.rest),
        config.connectors,
        config.allowed,
        loggers,
        &context,
        shutdown.clone(),
    )?;
    Worker::new(context, connectors)
        .run(decisions, shutdown, || watched.readiness.set())
        .await;
    let in_order = ending.is_cancelled();
    ending.cancel();
    plane.end().await?;
    anyhow::ensure!(
        in_order,
        "the worker has no place in its group any more; the log says why"
    );
    let leave = tokio::task::spawn_blocking(|| drop(membership));
    if let Ok(left) = timeout(LEAVE, leave).await {
        left?;
        tracing::info!("every shard is closed and the group is left");
    } else {
        tracing::warn!(
            "every shard is closed, but the group does not answer: it will miss this worker"
        );
    }
    Ok(())
}

/// Makes sure of the topics and the positions in them; waits where Kafka does not answer.
async fn topics(cluster: &Cluster) -> anyhow::Result<Found> {
    let mut backoff = Backoff::new(
        Duration::from_secs(1),
        Duration::from_secs(30),
        fastrand::Rng::new(),
    );
    loop {
        match in_order(cluster).await {
            Err(error) if error.disposition() != Disposition::Stop => {
                let wait = backoff.next_wait();
                tracing::warn!(%error, retry_in = ?wait, "Kafka cannot be used yet");
                sleep(wait).await;
            }
            result => return Ok(result?),
        }
    }
}

async fn in_order(cluster: &Cluster) -> Result<Found, TopicError> {
    let found = kafka::ensure(cluster, Missing::Create).await?;
    let (cluster, partitions) = (cluster.clone(), found.cursors_partitions);
    let misplaced = tokio::task::spawn_blocking(move || kafka::misplaced(&cluster, partitions));
    match misplaced.await.expect("looking does not panic")? {
        Some(misplaced) => Err(misplaced.into()),
        None => Ok(found),
    }
}
