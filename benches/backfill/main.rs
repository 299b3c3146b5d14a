//! `cargo bench --bench backfill`: what the connector costs beside a producer that has nothing to do but to send.
//!
//! The same records take two ways into the same Kafka, in turn: (a) a bare librdkafka producer, in a process of its
//! own, sends them ready-made in transactions; (b) the connector's release binary reads them as pages of JSON from an
//! API that answers at once. What a and b have in common is Kafka's share; what b needs beside it is ours. Then come
//! the time from an answer of the API to its commit while events trickle in, and the time to restore 10,000 positions.
//!
//! The machine should be idle. Rounds alternate, after one that warms the broker up and does not count; the two of a round
//! are compared, and medians are printed, because a machine never quite is.

mod api;
mod bare;
mod connector;
mod events;
mod measured;
mod restore;

use std::{
    fs,
    io::{self, Write},
    time::Duration,
};

use clap::{Parser, Subcommand};
use onepassword_kafka::event::Stream;
use onepassword_kafka_dev::stack::Stack;

use self::{
    connector::Through,
    events::{Account, PAGE},
    measured::Measured,
};

/// Measures the connector beside a bare producer, on a Kafka of its own.
#[derive(Debug, Parser)]
struct Arguments {
    /// Events in each backfill
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// How often each of the two is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The stream whose events are sent
    #[arg(long, default_value = "signinattempts")]
    stream: Stream,
    /// Only the backfill
    #[arg(long)]
    quick: bool,
    /// What cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    child: Option<Child>,
}

#[derive(Debug, Subcommand)]
enum Child {
    /// Be the bare producer
    #[command(hide = true)]
    Bare(bare::Order),
}

/// How long events trickle in, and how many there are at once.
const LIVE: Duration = Duration::from_secs(20);
const LIVE_PAUSE: Duration = Duration::from_millis(50);
const LIVE_PAGE: usize = 10;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(Child::Bare(order)) = &arguments.child {
        let measured = bare::run(order)?;
        return say(&serde_json::to_string(&measured)?);
    }
    let stack = Stack::start().await?;
    let account = Account::simulated().await?;
    let pages = arguments.events.div_ceil(PAGE);
    let (json, avro) = account.sizes(arguments.stream)?;
    say(&format!(
        "{} events of {}, {json} bytes of JSON and {avro} of Avro each; load {}",
        pages * PAGE,
        arguments.stream,
        fs::read_to_string("/proc/loadavg")?.trim_end(),
    ))?;
    backfill(&stack, &account, &arguments, pages).await?;
    if !arguments.quick {
        live(&stack, &account).await?;
        restoration(&stack).await?;
    }
    Ok(())
}

async fn backfill(
    stack: &Stack,
    account: &Account,
    arguments: &Arguments,
    pages: usize,
) -> anyhow::Result<()> {
    let stream = arguments.stream;
    let (mut bare, mut through) = (Vec::new(), Vec::new());
    warm_up(stack, account, stream, pages).await?;
    for _ in 0..arguments.rounds.max(1) {
        let sent = bare::measure(stack, account, stream, pages).await?;
        say(&row("bare producer", &sent))?;
        bare.push(sent);
        let Through { measured, delivery } =
            connector::backfill(stack, account, stream, pages).await?;
        say(&format!(
            "{}   answer to commit: {delivery}",
            row("connector", &measured)
        ))?;
        through.push(measured);
    }
    say(&row("bare, median", &Measured::median(&bare)))?;
    say(&row("connector, median", &Measured::median(&through)))?;
    let ratio = |figure: fn(&Measured) -> f64| {
        let rounds = through.iter().zip(&bare);
        measured::median(rounds.map(|(through, bare)| figure(through) / figure(bare)))
    };
    let (rate, cpu) = (ratio(Measured::rate), ratio(Measured::cpu_per_million));
    say(&format!(
        "connector to bare: {rate:.2} of the events per second (goal: 0.8 at least)"
    ))?;
    say(&format!(
        "connector to bare: {cpu:.2} of the CPU time (goal: 1.6 at most)"
    ))?;
    say(&format!(
        "connector: {:.1} MB of memory at the highest peak (goal: below 64)",
        through
            .iter()
            .map(|round| round.peak_mb)
            .fold(0.0, f64::max)
    ))
}

/// A broker that has just started compiles its hot paths first; whoever is measured then pays for it.
async fn warm_up(
    stack: &Stack,
    account: &Account,
    stream: Stream,
    pages: usize,
) -> anyhow::Result<()> {
    bare::measure(stack, account, stream, pages).await?;
    connector::backfill(stack, account, stream, pages).await?;
    Ok(())
}

async fn live(stack: &Stack, account: &Account) -> anyhow::Result<()> {
    let pages = usize::try_from(LIVE.as_millis() / LIVE_PAUSE.as_millis())?;
    let Through { measured, delivery } =
        connector::live(stack, account, pages, LIVE_PAGE, LIVE_PAUSE).await?;
    say(&format!(
        "live, {LIVE_PAGE} events every {LIVE_PAUSE:?} from each of three streams: answer to commit {delivery}, {:.2} % \
         within 50 ms (goal: 99 % at least), {:.1} % of a core, {:.1} MB at the peak",
        delivery.in_time * 100.0,
        measured.cpu / measured.seconds * 100.0,
        measured.peak_mb,
    ))
}

async fn restoration(stack: &Stack) -> anyhow::Result<()> {
    let restored = restore::measure(stack).await?;
    say(&format!(
        "{} positions of a shard: fenced in {:.2?}, restored in {:.2?} (goal: below 2 s together)",
        restore::POSITIONS,
        restored.fence,
        restored.restore,
    ))
}

fn row(name: &str, measured: &Measured) -> String {
    format!(
        "{name:<18} {:>6.2} s   {:>7.0} events/s   {:>6.2} CPU-s per million   {:>6.1} MB peak",
        measured.seconds,
        measured.rate(),
        measured.cpu_per_million(),
        measured.peak_mb,
    )
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
