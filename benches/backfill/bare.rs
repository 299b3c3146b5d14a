//! Way (a): a process that does nothing but send ready-made records in transactions, as fast as librdkafka takes them.

use std::{
    fs,
    path::PathBuf,
    process::{self, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use onepassword_kafka::event::Stream;
use onepassword_kafka_dev::{admin::Admin, stack::Stack, usage};
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};

use crate::{
    events::{Account, CONNECTOR, PAGE, PARTITIONS, Ready},
    measured::Measured,
};

/// What the process is to send, and where.
#[derive(Debug, Args)]
pub(crate) struct Order {
    #[arg(long)]
    bootstrap: String,
    #[arg(long)]
    topic: String,
    #[arg(long)]
    stream: Stream,
    #[arg(long)]
    events: usize,
    /// A file of items, a line each; they are sent again and again
    #[arg(long)]
    items: PathBuf,
}

/// Records in one transaction.
const TRANSACTION: usize = 10_000;
const CALL: Duration = Duration::from_secs(30);

/// Has a process do it, with a topic of its own.
pub(crate) async fn measure(
    stack: &Stack,
    account: &Account,
    stream: Stream,
    pages: usize,
) -> anyhow::Result<Measured> {
    let admin = Admin::new(stack.bootstrap_servers())?;
    let topic = format!("bare-{:08x}", fastrand::u32(..));
    admin
        .create_topic(&topic, PARTITIONS, &[("retention.ms", "-1")])
        .await?;
    let items = std::env::temp_dir().join(&topic);
    fs::write(&items, account.items(stream).join("\n"))?;
    let child = process::Command::new(std::env::current_exe()?)
        .args([
            "bare",
            "--bootstrap",
            stack.bootstrap_servers(),
            "--topic",
            &topic,
        ])
        .args([
            "--stream",
            stream.name(),
            "--events",
            &(pages * PAGE).to_string(),
            "--items",
        ])
        .arg(&items)
        .stderr(Stdio::inherit())
        .output();
    fs::remove_file(&items)?;
    let output = child?;
    ensure!(output.status.success(), "the bare producer has failed");
    admin.delete_topic(&topic).await?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What the process does.
pub(crate) fn run(order: &Order) -> anyhow::Result<Measured> {
    let records = records(order)?;
    let producer = producer(&order.bootstrap)?;
    producer.init_transactions(CALL)?;
    let me = process::id();
    let (begun, before) = (Instant::now(), usage::cpu_seconds(me)?);
    let mut endless = records.iter().cycle();
    let mut rest = order.events;
    while rest > 0 {
        let many = rest.min(TRANSACTION);
        producer.begin_transaction()?;
        for record in endless.by_ref().take(many) {
            send(&producer, &order.topic, record, order.stream)?;
        }
        while producer.in_flight_count() > 0 {
            breathe(&producer);
        }
        producer.commit_transaction(CALL)?;
        rest -= many;
    }
    Ok(Measured {
        events: u32::try_from(order.events)?,
        seconds: begun.elapsed().as_secs_f64(),
        cpu: usage::cpu_seconds(me)? - before,
        peak_mb: usage::peak_mb(me)?,
    })
}

fn records(order: &Order) -> anyhow::Result<Vec<Ready>> {
    let items = fs::read_to_string(&order.items)?;
    let records = items.lines().map(|item| Ready::make(order.stream, item));
    records.collect()
}

/// As `kafka::Cluster` configures a shard's, without the bound on the records that librdkafka holds.
fn producer(bootstrap: &str) -> anyhow::Result<BaseProducer> {
    let mut config = ClientConfig::new();
    for (name, value) in [
        ("bootstrap.servers", bootstrap),
        ("compression.type", "zstd"),
        ("linger.ms", "1"),
        ("transaction.timeout.ms", "30000"),
        ("queue.buffering.max.kbytes", "262144"),
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("partitioner", "murmur2_random"),
        ("message.max.bytes", "67108864"),
        ("batch.size", "1000000"),
        ("delivery.report.only.error", "true"),
    ] {
        config.set(name, value);
    }
    config.set(
        "transactional.id",
        format!("bare-{:08x}", fastrand::u32(..)),
    );
    config.create().context("the producer's configuration")
}

fn send(
    producer: &BaseProducer,
    topic: &str,
    record: &Ready,
    stream: Stream,
) -> anyhow::Result<()> {
    let (source, kind) = match stream {
        Stream::SignInAttempts => (
            "http://127.0.0.1:12345/api/v2/signinattempts",
            "com.1password.events.v2.signinattempts",
        ),
        Stream::ItemUsages => (
            "http://127.0.0.1:12345/api/v2/itemusages",
            "com.1password.events.v2.itemusages",
        ),
        Stream::AuditEvents => (
            "http://127.0.0.1:12345/api/v2/auditevents",
            "com.1password.events.v2.auditevents",
        ),
    };
    let headers: [(&str, &str); 7] = [
        ("ce_specversion", "1.0"),
        ("ce_id", &record.uuid),
        ("ce_source", source),
        ("ce_type", kind),
        ("ce_time", &record.time),
        ("content-type", "application/avro"),
        ("onepassword.connector", CONNECTOR),
    ];
    let mut owned = OwnedHeaders::new_with_capacity(headers.len());
    for (key, value) in headers {
        owned = owned.insert(Header {
            key,
            value: Some(value),
        });
    }
    let mut next = BaseRecord::to(topic)
        .key(&record.key)
        .payload(&record.value)
        .timestamp(record.timestamp)
        .headers(owned);
    loop {
        match producer.send(next) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                breathe(producer);
                next = back;
            }
            Err((error, _)) => bail!(error),
        }
    }
}

/// As `kafka::Producer` waits: `poll` with a time would spin.
fn breathe(producer: &BaseProducer) {
    producer.poll(Duration::ZERO);
    thread::park_timeout(Duration::from_millis(1));
}
