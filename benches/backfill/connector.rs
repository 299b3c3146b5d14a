//! Way (b): the connector itself, as a release binary, as its operator runs it.

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    time::{Duration, Instant},
};

use onepassword_kafka::event::Stream;
use onepassword_kafka_dev::{
    admin::Admin,
    stack::Stack,
    usage,
    worker::{Metrics, Program, Worker},
};

use crate::{
    api::{Api, Script},
    events::{Account, CONNECTOR, PAGE, PARTITIONS},
    measured::Measured,
};

/// What it took, and how long each page did.
#[derive(Debug)]
pub(crate) struct Through {
    pub(crate) measured: Measured,
    pub(crate) delivery: Delivery,
}

/// The time from an answer of the API to the commit of its events: upper bounds of the histogram's buckets.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    /// The share that took 50 ms or less.
    pub(crate) in_time: f64,
}

/// Reads a million events of one stream or so, as fast as it can.
pub(crate) async fn backfill(
    stack: &Stack,
    account: &Account,
    stream: Stream,
    pages: usize,
) -> anyhow::Result<Through> {
    let script = Script {
        pages: BTreeMap::from([(stream, account.pages(stream, PAGE))]),
        count: pages,
        pause: Duration::ZERO,
    };
    play(stack, script, PAGE).await
}

/// Reads small pages of all streams, each `pause` after the one before.
pub(crate) async fn live(
    stack: &Stack,
    account: &Account,
    pages: usize,
    size: usize,
    pause: Duration,
) -> anyhow::Result<Through> {
    let pages_of = |stream| (stream, account.pages(stream, size));
    let script = Script {
        pages: Stream::ALL.map(pages_of).into(),
        count: pages,
        pause,
    };
    play(stack, script, size).await
}

/// Runs a worker from the first page of the script to the commit of its last.
async fn play(stack: &Stack, script: Script, size: usize) -> anyhow::Result<Through> {
    let streams = script.pages.len();
    let events = u32::try_from(script.count * size * streams)?;
    let api = Api::serve(script).await?;
    let prefix = format!("bench-{:08x}", fastrand::u32(..));
    let program = Program::new(Path::new(env!("CARGO_BIN_EXE_onepassword-kafka")))?;
    let token = program.write("token", "a-token-of-no-account")?;
    program.configure(&config(stack, &api, &prefix, &token))?;
    let mut worker = program.start()?;

    let begun = begun(&api, &worker).await?;
    let before = usage::cpu_seconds(worker.id())?;
    api.reached(|reached| reached.ends == streams).await;
    let metrics = worker
        .metrics_until(|metrics| metrics.sum("onepassword_events_total", &[]) >= f64::from(events))
        .await?;
    let measured = Measured {
        events,
        seconds: begun.elapsed().as_secs_f64(),
        cpu: usage::cpu_seconds(worker.id())? - before,
        peak_mb: usage::peak_mb(worker.id())?,
    };
    worker.terminate();
    worker.ended().await?;
    clean(stack, &prefix).await?;
    Ok(Through {
        measured,
        delivery: Delivery::read(&metrics),
    })
}

async fn begun(api: &Api, worker: &Worker) -> anyhow::Result<Instant> {
    tokio::select! {
        reached = api.reached(|reached| reached.first.is_some()) => {
            Ok(reached.first.expect("the first page was asked for"))
        }
        _ = worker.logged(|line| line.contains("the task has failed")) => {
            anyhow::bail!("the connector does not read:\n{}", worker.log().join("\n"))
        }
    }
}

fn config(stack: &Stack, api: &Api, prefix: &str, token: &Path) -> String {
    format!(
        "\
group.id: {prefix}
kafka:
  bootstrap.servers: {kafka}
schema.registry:
  url: {registry}
topics:
  prefix: {prefix}
  partitions: {PARTITIONS}
  retention.ms: -1
monitoring:
  listen: 127.0.0.1:0
rest:
  listen: 127.0.0.1:0
onepassword:
  allowed.hosts: [\"{api}\"]
  requests.per.minute: 1000000
connectors:
  {CONNECTOR}:
    onepassword.token: ${{file:{token}}}
    onepassword.url: http://{api}
    poll.interval.ms: 86400000
",
        kafka = stack.bootstrap_servers(),
        registry = stack.schema_registry_url(),
        api = api.address,
        token = token.display(),
    )
}

/// Removes the topics, whose hundreds of megabytes the next round does not need.
async fn clean(stack: &Stack, prefix: &str) -> anyhow::Result<()> {
    let admin = Admin::new(stack.bootstrap_servers())?;
    for topic in admin.topics().await? {
        if topic.starts_with(prefix) {
            admin.delete_topic(&topic).await?;
        }
    }
    Ok(())
}

// === impl Delivery ===

impl Delivery {
    fn read(metrics: &Metrics) -> Self {
        let quantile = |q| {
            let seconds = metrics.quantile("onepassword_delivery_seconds", q);
            Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
        };
        let of = |name: &str, labels: &[&str]| {
            metrics.sum(&format!("onepassword_delivery_seconds_{name}"), labels)
        };
        Self {
            median: quantile(0.5),
            p99: quantile(0.99),
            in_time: of("bucket", &["le=\"0.05\""]) / of("count", &[]),
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, p99) = (self.median.as_millis(), self.p99.as_millis());
        write!(f, "p50 ≤ {median} ms, p99 ≤ {p99} ms")
    }
}
