//! `cargo demo`: a few days of 1Password history and live traffic, through the real connector, into a real Kafka.
//!
//! Everything runs on this machine and ends with Ctrl-C, or by itself: `cargo demo -- --for 60s`. At the end every event that the
//! simulated account has published is looked for in the topics.

use std::{
    env,
    fmt::Write as _,
    io::{self, Write},
    path::{Path, PathBuf},
    pin::{Pin, pin},
    process::Command,
    time::{Duration, Instant},
};

use clap::Parser;
use jiff::SignedDuration;
use onepassword_kafka_dev::{
    admin::Admin,
    reader::{Isolation, Report, check, read_topic},
    simulator::{Options, Simulator, Stream, TokenSpec},
    stack::{Stack, Way},
    worker::{Program, Worker},
};
use openssl::{base64::encode_block, rand::rand_bytes};

/// Runs the connector on a Kafka and a simulated 1Password of its own.
#[derive(Debug, Parser)]
struct Arguments {
    /// End after this time, for example 60s; otherwise with Ctrl-C
    #[arg(long = "for", value_name = "TIME")]
    time: Option<SignedDuration>,
    /// Live events per second
    #[arg(long, default_value_t = 20.0)]
    traffic: f64,
    /// Events of the past, over four days
    #[arg(long, default_value_t = 20_000)]
    history: usize,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

const FOUR_DAYS: Duration = Duration::from_hours(96);
const SUMMARY: Duration = Duration::from_secs(2);
const ACCOUNT: &str = TokenSpec::ACCOUNT;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let binary = build()?;
    say("starting Kafka and a schema registry")?;
    let stack = Stack::start().await?;
    let simulator = Simulator::start(Options::default()).await?;
    for stream in Stream::ALL {
        simulator.history(
            ACCOUNT,
            stream,
            arguments.history / Stream::ALL.len(),
            FOUR_DAYS,
        );
    }
    let name = name(&stack);
    let program = Program::new(&binary)?;
    let token = program.write("token", simulator.issue(TokenSpec::default()).as_str())?;
    program.configure(&config(&stack, &simulator, &name, &token)?)?;
    let mut worker = program.start()?;
    introduce(&stack, &simulator, &program, &worker).await?;

    let traffic = simulator.traffic(ACCOUNT, arguments.traffic);
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    watch(&worker, arguments.time, interrupted.as_mut()).await?;
    drop(traffic);

    say("no more traffic; waiting for the last event, then checking every one")?;
    tokio::select! {
        caught_up = catch_up(&worker, &simulator) => caught_up?,
        result = tokio::signal::ctrl_c() => {
            result?;
            return Err("ended before the last event had arrived".into());
        }
    }
    worker.terminate();
    worker.ended().await?;
    let verdict = verdict(&stack, &simulator, &name).await;
    if stack.way() == Way::Environment {
        tidy_up(&stack, &name).await?;
    }
    verdict
}

/// What topics begin with: on somebody's own Kafka nothing that may be there already.
fn name(stack: &Stack) -> String {
    match stack.way() {
        Way::Environment => format!("onepassword-demo-{}", std::process::id()),
        Way::Docker | Way::Java => "onepassword".to_owned(),
    }
}

/// Deletes the topics of a demo that ran on somebody's own Kafka.
async fn tidy_up(stack: &Stack, name: &str) -> Result<(), Failure> {
    let admin = Admin::new(stack.bootstrap_servers())?;
    for topic in admin.topics().await? {
        if topic.starts_with(&format!("{name}.")) {
            admin.delete_topic(&topic).await?;
        }
    }
    Ok(())
}

/// Waits until everything that is published is committed.
async fn catch_up(worker: &Worker, simulator: &Simulator) -> Result<(), Failure> {
    let published: usize = Stream::ALL
        .map(|stream| simulator.published_count(ACCOUNT, stream))
        .iter()
        .sum();
    let all = f64::from(u32::try_from(published)?);
    worker
        .metrics_until(|metrics| {
            let dead = metrics.sum("onepassword_dead_letters_total", &[]);
            metrics.sum("onepassword_events_total", &[]) + dead >= all
        })
        .await?;
    Ok(())
}

/// Builds the connector with the cargo that runs this.
fn build() -> Result<PathBuf, Failure> {
    let folder = env::current_exe()?
        .parent()
        .ok_or("a program lies in a folder")?
        .to_owned();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--quiet",
        "--package",
        "onepassword-kafka",
        "--bin",
        "onepassword-kafka",
    ]);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    if !command.status()?.success() {
        return Err("the connector cannot be built".into());
    }
    Ok(folder.join("onepassword-kafka"))
}

fn config(
    stack: &Stack,
    simulator: &Simulator,
    name: &str,
    token: &Path,
) -> Result<String, Failure> {
    let mut key = [0; 32];
    rand_bytes(&mut key)?;
    Ok(format!(
        "\
group.id: {name}
kafka:
  bootstrap.servers: {kafka}
schema.registry:
  url: {registry}
topics:
  prefix: {name}
monitoring:
  listen: 127.0.0.1:0
rest:
  listen: 127.0.0.1:0
secrets:
  sealing.key: {key}
onepassword:
  allowed.hosts: [\"{host}\"]
  ca.file: {ca}
connectors:
  acme:
    onepassword.token: ${{file:{token}}}
    poll.interval.ms: 1000
",
        key = encode_block(&key),
        kafka = stack.bootstrap_servers(),
        registry = stack.schema_registry_url(),
        host = simulator.authority(),
        ca = simulator.ca_file().display(),
        token = token.display(),
    ))
}

async fn introduce(
    stack: &Stack,
    simulator: &Simulator,
    program: &Program,
    worker: &Worker,
) -> Result<(), Failure> {
    let monitoring = worker.monitoring().await?;
    let rest = worker.rest().await?;
    say(&format!(
        "
  Kafka             {}
  schema registry   {}
  1Password         {} (simulated; control it under /control/)
  page              http://{rest}/ui/
  REST API          http://{rest}/connectors?expand=info&expand=status
  metrics           http://{monitoring}/metrics
  settings          {}
",
        stack.bootstrap_servers(),
        stack.schema_registry_url(),
        simulator.url(),
        program.config().display(),
    ))?;
    Ok(())
}

/// Prints a running summary until the time is over, Ctrl-C, or the worker's end.
async fn watch(
    worker: &Worker,
    time: Option<SignedDuration>,
    mut interrupted: Pin<&mut impl Future<Output = io::Result<()>>>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let time = time.map(Duration::try_from).transpose()?;
    let mut interval = tokio::time::interval(SUMMARY);
    loop {
        tokio::select! {
            result = interrupted.as_mut() => return Ok(result?),
            _ = interval.tick() => {}
        }
        if time.is_some_and(|time| begun.elapsed() >= time) {
            return Ok(());
        }
        let metrics = worker.metrics().await?;
        let mut line = format!("{:>5} s", begun.elapsed().as_secs());
        for stream in Stream::ALL {
            let label = format!("stream=\"{stream}\"");
            let events = metrics.sum("onepassword_events_total", &[&label]);
            let lag = metrics.sum("onepassword_lag_seconds", &[&label]);
            write!(line, "   {stream} {events} (lag {lag:.0} s)")?;
        }
        say(&line)?;
    }
}

/// Looks for every published event in the topics.
async fn verdict(stack: &Stack, simulator: &Simulator, name: &str) -> Result<(), Failure> {
    let mut sound = true;
    for stream in Stream::ALL {
        let published = simulator.published(ACCOUNT, stream);
        let uuids = published.iter().filter_map(|event| event["uuid"].as_str());
        let topic = format!("{name}.{stream}");
        let messages = read_topic(stack.bootstrap_servers(), &topic, Isolation::Committed).await?;
        let report: Report = check(uuids, &messages);
        sound &= report.is_exactly_once();
        say(&format!("{topic}: {report}"))?;
    }
    if sound {
        Ok(())
    } else {
        Err("not every event is there exactly once".into())
    }
}

fn say(what: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{what}")
}
