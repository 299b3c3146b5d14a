//! `cargo bench --bench idle`: what a worker costs that has a thousand connectors and nothing to do, and how its page bears them.
//!
//! Each connector has an account of its own and the default poll interval. The release binary runs until every stream has
//! been read to its end once; then its CPU time is measured for one poll interval, in which every stream is polled again.
//! Then a browser opens the overview, and the worker's CPU time is measured while it is open.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use clap::Parser;
use onepassword_kafka_dev::{
    admin::Admin,
    browser::{Browser, Look},
    simulator::{Options, Simulator, Stream, TokenSpec},
    stack::Stack,
    usage,
    worker::{Program, Worker},
};

/// Measures a worker that has nothing to do, on a Kafka of its own.
#[derive(Debug, Parser)]
struct Arguments {
    /// Connectors, of three streams each
    #[arg(long, default_value_t = 1_000)]
    connectors: u32,
    /// Seconds for which the CPU time is measured; a poll interval has 300
    #[arg(long, default_value_t = 300)]
    seconds: u32,
    /// What cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long the page stays open.
const OPEN: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments {
        connectors,
        seconds,
        ..
    } = Arguments::parse();
    let stack = Stack::start().await?;
    let simulator = Simulator::start(Options::default()).await?;
    let program = Program::new(Path::new(env!("CARGO_BIN_EXE_onepassword-kafka")))?;
    let prefix = format!("idle-{:08x}", fastrand::u32(..));
    program.configure(&config(&stack, &simulator, &program, &prefix, connectors)?)?;
    let mut worker = program.start()?;
    worker
        .metrics_until(|metrics| {
            Stream::ALL.iter().all(|stream| {
                let labels = [&*format!("request=\"{stream}\""), "outcome=\"ok\""];
                metrics.sum("onepassword_requests_total", &labels) >= f64::from(connectors)
            })
        })
        .await?;
    let peak_of_start = usage::peak_mb(worker.id())?;
    let before = usage::cpu_seconds(worker.id())?;
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    let cpu = usage::cpu_seconds(worker.id())? - before;
    let share = cpu / f64::from(seconds) * 100.0;
    let peak = usage::peak_mb(worker.id())?;
    writeln!(
        io::stdout(),
        "{connectors} idle connectors of three streams: {share:.2} % of one core over {seconds} s, {peak:.1} MB at the peak \
         ({peak_of_start:.1} MB by the end of the first polls, which took {before:.1} s of CPU time)"
    )?;
    look(&worker, connectors).await?;
    worker.terminate();
    worker.ended().await?;
    let admin = Admin::new(stack.bootstrap_servers())?;
    for topic in admin.topics().await? {
        if topic.starts_with(&prefix) {
            admin.delete_topic(&topic).await?;
        }
    }
    Ok(())
}

/// How a browser shows all of them.
async fn look(worker: &Worker, connectors: u32) -> anyhow::Result<()> {
    let browser = Browser::start().await?;
    let page = browser.page(Look::Light, 1280, 900).await;
    page.open(&format!("http://{}/ui/", worker.rest().await?))
        .await;
    let all_green = format!("document.querySelectorAll('.tile.green').length === {connectors}");
    page.wait_until(&all_green, "every tile is green").await;
    let millis = async |script| page.script(script).await.as_f64().unwrap_or(f64::NAN);
    let first_byte = millis("performance.getEntriesByType('navigation')[0].responseStart").await;
    let paint = millis("performance.getEntriesByName('first-contentful-paint')[0].startTime").await;
    let green = millis("performance.now()").await;
    let bytes: u64 = page
        .requests()
        .await
        .iter()
        .map(|request| request.bytes)
        .sum();
    let before = usage::cpu_seconds(worker.id())?;
    tokio::time::sleep(OPEN).await;
    let share = (usage::cpu_seconds(worker.id())? - before) / OPEN.as_secs_f64() * 100.0;
    writeln!(
        io::stdout(),
        "the page with {connectors} tiles: first byte after {first_byte:.0} ms, first paint after {paint:.0} ms, all green after \
         {green:.0} ms at most, {} kB transferred; {share:.2} % of one core while it is open",
        bytes / 1000,
    )?;
    Ok(())
}

fn config(
    stack: &Stack,
    simulator: &Simulator,
    program: &Program,
    prefix: &str,
    connectors: u32,
) -> anyhow::Result<String> {
    let mut text = format!(
        "\
group.id: {prefix}
kafka.bootstrap.servers: {kafka}
schema.registry.url: {registry}
topics.prefix: {prefix}
topics.retention.ms: -1
monitoring.listen: 127.0.0.1:0
rest.listen: 127.0.0.1:0
onepassword:
  allowed.hosts: [\"{host}\"]
  ca.file: {ca}
connectors:
",
        kafka = stack.bootstrap_servers(),
        registry = stack.schema_registry_url(),
        host = simulator.authority(),
        ca = simulator.ca_file().display(),
    );
    for number in 0..connectors {
        let token = simulator.issue(TokenSpec {
            account_uuid: format!("IDLEACCOUNT{number:015}"),
            ..TokenSpec::default()
        });
        let token = program.write(&format!("token-{number}"), token.as_str())?;
        writeln!(
            text,
            "  idle-{number}: {{ onepassword.token: \"${{file:{}}}\" }}",
            token.display()
        )?;
    }
    Ok(text)
}
