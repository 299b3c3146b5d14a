//! `cargo bench --bench search`: how long a search takes over a million events.
//!
//! The events lie in one topic of a Kafka of its own, 120 days of them, made by the connector's encoder. The release binary
//! is asked over HTTP: for a word that every event has, for one that only the oldest has, for a number, which cannot be
//! looked for in the raw bytes, and for what comes.

use std::{
    io::{self, Write as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use onepassword_kafka::{
    avro::{
        Access, Registration, Registry, SchemaId, SubjectStrategy, Timeouts, encode::encode,
        schema, subject,
    },
    clock,
    event::{Event, Origin, Stream},
};
use onepassword_kafka_dev::{
    admin::Admin,
    simulator::{self, Options, Simulator, TokenSpec},
    stack::Stack,
    usage,
    worker::{Program, Worker},
};
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use serde_json::{Value, value::RawValue};

/// Measures searches, on a Kafka of its own.
#[derive(Debug, Parser)]
struct Arguments {
    /// Events in the topic
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// How often each search is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// What cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// Events that are sent again and again.
struct Fill {
    producer: BaseProducer,
    topic: String,
    values: Vec<Vec<u8>>,
    /// One that has the needle.
    rare: Vec<u8>,
}

/// What a search took.
struct Took {
    first: Option<Duration>,
    rows: usize,
    all: Duration,
    scanned: u64,
}

const STREAM: Stream = Stream::SignInAttempts;
const PARTITIONS: i32 = 6;
/// Events before they repeat.
const DIFFERENT: usize = 10_000;
const NEEDLE: &str = "haystackneedle";
const SPAN: Duration = Duration::from_hours(120 * 24);
const TAILS: u32 = 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { events, rounds, .. } = Arguments::parse();
    let stack = Stack::start().await?;
    let prefix = format!("search-{:08x}", fastrand::u32(..));
    let topic = format!("{prefix}.{STREAM}");
    let admin = Admin::new(stack.bootstrap_servers())?;
    let keep = [("retention.ms", "-1")];
    admin.create_topic(&topic, PARTITIONS, &keep).await?;
    let fill = Fill::new(&stack, topic, schema_id(&stack, &prefix).await?).await?;
    let begun = Instant::now();
    fill.all(events)?;
    say(&format!("{events} events sent in {:.1?}", begun.elapsed()))?;
    let program = Program::new(Path::new(env!("CARGO_BIN_EXE_onepassword-kafka")))?;
    program.configure(&config(&stack, &prefix))?;
    let mut worker = program.start()?;
    let url = format!("http://{}/ui/api/search", worker.rest().await?);
    ready(&worker).await?;
    let before = usage::peak_mb(worker.id())?;
    for (what, query) in [
        ("a word of every event, 100 rows", "q=example".to_owned()),
        ("10,000 rows of these", "q=example&limit=10000".to_owned()),
        ("a word of the oldest event only", format!("q={NEEDLE}")),
        (
            "a number that there is not",
            "q=latitude:=99.125".to_owned(),
        ),
    ] {
        for _ in 0..rounds.max(1) {
            let took = search(&format!("{url}?{query}")).await?;
            say(&took.row(what))?;
        }
        let peak = usage::peak_mb(worker.id())?;
        say(&format!("{:>37}memory {peak:.1} MB at the peak so far", ""))?;
    }
    tail(&url, &fill).await?;
    let peak = usage::peak_mb(worker.id())?;
    say(&format!(
        "the worker's memory: {peak:.1} MB at the peak, {before:.1} MB before the first search"
    ))?;
    worker.terminate();
    worker.ended().await?;
    Ok(())
}

async fn schema_id(stack: &Stack, prefix: &str) -> anyhow::Result<SchemaId> {
    let access = Access {
        urls: vec![stack.schema_registry_url().parse()?],
        credentials: None,
        ca_file: None,
        client_certificate: None,
        timeouts: Timeouts::default(),
    };
    let registry = Registry::new(access, Registration::Automatic, clock::now)?;
    let subject = subject(
        STREAM,
        &format!("{prefix}.{STREAM}"),
        SubjectStrategy::TopicName,
    );
    Ok(registry.ensure(&subject, schema(STREAM)).await?)
}

fn config(stack: &Stack, prefix: &str) -> String {
    format!(
        "\
group.id: {prefix}
kafka.bootstrap.servers: {kafka}
schema.registry.url: {registry}
topics.prefix: {prefix}
topics.retention.ms: -1
monitoring.listen: 127.0.0.1:0
rest.listen: 127.0.0.1:0
",
        kafka = stack.bootstrap_servers(),
        registry = stack.schema_registry_url(),
    )
}

async fn ready(worker: &Worker) -> anyhow::Result<()> {
    let url = format!("http://{}/health", worker.rest().await?);
    let begun = Instant::now();
    while !reqwest::get(&url).await?.status().is_success() {
        ensure!(
            begun.elapsed() < Duration::from_mins(1),
            "the worker is not ready"
        );
    }
    Ok(())
}

async fn search(url: &str) -> anyhow::Result<Took> {
    let begun = Instant::now();
    let mut response = reqwest::get(url).await?.error_for_status()?;
    let mut took = Took {
        first: None,
        rows: 0,
        all: Duration::ZERO,
        scanned: 0,
    };
    let mut read = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        read.extend_from_slice(&chunk);
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = read.drain(..=end).collect();
            if line.starts_with(b"{\"record\"") {
                took.first.get_or_insert_with(|| begun.elapsed());
                took.rows += 1;
            } else {
                let line: Value = serde_json::from_slice(&line)?;
                if let Some(why) = line.get("error") {
                    bail!("{why}");
                }
                took.scanned = line["end"]["scanned"].as_u64().unwrap_or(took.scanned);
            }
        }
    }
    took.all = begun.elapsed();
    Ok(took)
}

/// How long it takes until an event that is sent is shown.
async fn tail(url: &str, fill: &Fill) -> anyhow::Result<()> {
    let mut response = reqwest::get(format!("{url}?tail=true")).await?;
    // The first line comes when the tail waits.
    response.chunk().await?;
    let mut took = Vec::new();
    for _ in 0..TAILS {
        let begun = Instant::now();
        fill.send(&fill.rare, clock::now().as_millisecond())?;
        while fill.producer.in_flight_count() > 0 {
            fill.breathe();
        }
        loop {
            let chunk = response.chunk().await?.context("the tail has ended")?;
            if chunk.starts_with(b"{\"record\"") {
                break;
            }
        }
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    say(&format!(
        "an event that is sent is shown after {:.0?} (median of {TAILS}), {:.0?} at most",
        took[took.len() / 2],
        took[took.len() - 1],
    ))
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}

// === impl Took ===

impl Took {
    fn row(&self, what: &str) -> String {
        let first = self
            .first
            .map_or_else(|| "none".to_owned(), |first| format!("{first:.2?}"));
        let scanned = u32::try_from(self.scanned).map_or(f64::MAX, f64::from);
        format!(
            "{what:<34} first row after {first:>9}, all {:>5} after {:>9.2?}; {:>9} records looked at, {:>9.0} a second",
            self.rows,
            self.all,
            self.scanned,
            scanned / self.all.as_secs_f64(),
        )
    }
}

// === impl Fill ===

impl Fill {
    async fn new(stack: &Stack, topic: String, schema: SchemaId) -> anyhow::Result<Self> {
        let simulator = Simulator::start(Options::default()).await?;
        let stream = simulator::Stream::SignInAttempts;
        simulator.history(TokenSpec::ACCOUNT, stream, DIFFERENT, SPAN);
        let items = simulator.published(TokenSpec::ACCOUNT, stream);
        let values = items.iter().map(|item| value(item, schema));
        let mut rare = items[0].clone();
        rare["type"] = NEEDLE.into();
        let mut config = ClientConfig::new();
        for (name, value) in [
            ("bootstrap.servers", stack.bootstrap_servers()),
            ("compression.type", "zstd"),
            ("linger.ms", "5"),
            ("queue.buffering.max.kbytes", "262144"),
            ("batch.size", "1000000"),
            ("partitioner", "murmur2_random"),
        ] {
            config.set(name, value);
        }
        Ok(Self {
            producer: config.create()?,
            topic,
            values: values.collect::<Result<_, _>>()?,
            rare: value(&rare, schema)?,
        })
    }

    /// Sends `events` of the last 120 days, the oldest of which has the needle.
    fn all(&self, events: usize) -> anyhow::Result<()> {
        let step = SPAN / u32::try_from(events)?;
        let first = clock::now() - SPAN;
        for number in 0..events {
            let value = match number {
                0 => &self.rare,
                _ => &self.values[number % self.values.len()],
            };
            let time = first + step * u32::try_from(number)?;
            self.send(value, time.as_millisecond())?;
        }
        Ok(self.producer.flush(Duration::from_mins(1))?)
    }

    /// `flush` would take 100 ms, and `poll` with a time spin.
    fn breathe(&self) {
        self.producer.poll(Duration::ZERO);
        thread::park_timeout(Duration::from_millis(1));
    }

    fn send(&self, value: &[u8], millis: i64) -> anyhow::Result<()> {
        let key = fastrand::u64(..).to_be_bytes();
        let mut headers = OwnedHeaders::new_with_capacity(7);
        for (key, value) in [
            ("ce_specversion", "1.0"),
            ("ce_id", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            ("ce_source", "http://127.0.0.1:12345/api/v2/signinattempts"),
            ("ce_type", "com.1password.events.v2.signinattempts"),
            ("ce_time", "2026-11-25T10:00:00.123456789Z"),
            ("content-type", "application/avro"),
            ("onepassword.connector", "bench"),
        ] {
            let value = Some(value);
            headers = headers.insert(Header { key, value });
        }
        let mut next = BaseRecord::to(&self.topic)
            .key(&key[..])
            .payload(value)
            .timestamp(millis)
            .headers(headers);
        loop {
            match self.producer.send(next) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    self.breathe();
                    next = back;
                }
                Err((error, _)) => bail!(error),
            }
        }
    }
}

fn value(item: &Value, schema: SchemaId) -> anyhow::Result<Vec<u8>> {
    let item = item.to_string();
    let item: &RawValue = serde_json::from_str(&item)?;
    let origin = Origin {
        connector: "bench".to_owned(),
        account_uuid: None,
    };
    let mut value = vec![0];
    value.extend_from_slice(&schema.0.to_be_bytes());
    encode(&Event::read(STREAM, item, &origin)?, &mut value)?;
    Ok(value)
}
