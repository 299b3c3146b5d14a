//! A whole installation in miniature: Kafka and the registry (shared), a 1Password account, and workers as processes.
//!
//! Every scene has topics and a group of its own, so that all run at the same time. [`Scene::finish`] is how each
//! ends: every published event must be in its topic exactly once, no log may hold a secret or anything personal, and
//! the topics are deleted.

mod private;

use std::{
    fmt::Display,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use onepassword_kafka::{app, clock, config::Config, kafka};
use onepassword_kafka_dev::{
    admin::Admin,
    proxy::Proxy,
    reader::{Isolation, Message, check, read_topic},
    simulator::{Options, Simulator, Stream, Token, TokenSpec},
    stack::{self, Stack},
    worker::{Metrics, Program, Worker},
};
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
};
use serde_json::Value;

pub(crate) const ACCOUNT: &str = TokenSpec::ACCOUNT;
/// Below `kafka`: time enough for a test to do something between a cut and the next try.
pub(crate) const SLOW_TO_COME_BACK: &str =
    "reconnect.backoff.ms: 3000\nreconnect.backoff.max.ms: 3000";

/// One installation.
pub(crate) struct Scene {
    pub(crate) bootstrap: String,
    pub(crate) registry: String,
    pub(crate) simulator: Simulator,
    pub(crate) token: Token,
    pub(crate) program: Program,
    /// Topics begin with it, and it is the group's id.
    pub(crate) name: String,
    logs: Mutex<Vec<String>>,
}

/// What differs from one scene to the next.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) simulator: Options,
    /// Lines of the worker's file below `kafka`.
    pub(crate) kafka: String,
    /// Lines of the worker's file at the top.
    pub(crate) worker: String,
    /// Lines below the connector `acme`.
    pub(crate) connector: String,
}

/// Longer than anything takes that does not fail.
const PATIENCE: Duration = Duration::from_mins(2);

// === impl Script ===

impl Default for Script {
    fn default() -> Self {
        Self {
            simulator: Options {
                rate_limits: None,
                ..Options::default()
            },
            kafka: String::new(),
            worker: String::new(),
            connector: String::new(),
        }
    }
}

// === impl Scene ===

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::play(Script::default()).await
    }

    pub(crate) async fn play(script: Script) -> Self {
        let stack = Stack::shared().await.unwrap();
        Self::on(
            stack.bootstrap_servers(),
            stack.schema_registry_url(),
            script,
        )
        .await
    }

    /// A scene on a Kafka and a registry of its own.
    pub(crate) async fn on(bootstrap: &str, registry: &str, script: Script) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let simulator = Simulator::start(script.simulator.clone()).await.unwrap();
        let scene = Self {
            bootstrap: bootstrap.to_owned(),
            registry: registry.to_owned(),
            token: simulator.issue(TokenSpec::default()),
            program: Program::new(Path::new(env!("CARGO_BIN_EXE_onepassword-kafka")))
                .unwrap()
                .env("RUST_LOG", "debug,hyper=info"),
            simulator,
            name: format!("t{}-{number}", std::process::id()),
            logs: Mutex::default(),
        };
        scene.program.write("token", scene.token.as_str()).unwrap();
        scene.configure(&script);
        scene
    }

    /// Writes the worker's file.
    pub(crate) fn configure(&self, script: &Script) {
        let folder = self
            .program
            .config()
            .parent()
            .unwrap()
            .display()
            .to_string();
        let text = format!(
            "\
group.id: {name}
kafka:
  bootstrap.servers: {kafka}
  session.timeout.ms: 6000
{more_kafka}
schema.registry.url: {registry}
topics.prefix: {name}
topics.partitions: 3
topics.shards: 4
monitoring.listen: 127.0.0.1:0
rest.listen: 127.0.0.1:0
onepassword:
  allowed.hosts: [\"{host}\"]
  ca.file: {ca}
  requests.per.minute: 1000000
{more_worker}
connectors:
  acme:
    onepassword.token: ${{file:{folder}/token}}
    poll.interval.ms: 1000
{more_connector}
",
            name = self.name,
            kafka = self.bootstrap,
            more_kafka = indented(&script.kafka, 2),
            registry = self.registry,
            host = self.simulator.authority(),
            ca = self.simulator.ca_file().display(),
            more_worker = script.worker,
            more_connector = indented(&script.connector, 4),
        );
        self.program.configure(&text).unwrap();
    }

    pub(crate) fn worker(&self) -> Worker {
        self.program.start().unwrap()
    }

    /// The cluster as the scene's workers see it, with all topics.
    pub(crate) async fn cluster(&self) -> kafka::Cluster {
        let config = Config::load(&self.program.config(), clock::now()).unwrap();
        let cluster = app::cluster(&config);
        kafka::ensure(&cluster, kafka::Missing::Create)
            .await
            .unwrap();
        cluster
    }

    pub(crate) fn topic(&self, what: impl Display) -> String {
        format!("{}.{what}", self.name)
    }

    /// Publishes `count` events of each stream, now.
    pub(crate) fn publish(&self, count: usize) {
        for stream in Stream::ALL {
            self.simulator.publish(ACCOUNT, stream, count);
        }
    }

    /// Publishes `count` events of each stream, over the last three days.
    pub(crate) fn history(&self, count: usize) {
        for stream in Stream::ALL {
            self.simulator
                .history(ACCOUNT, stream, count, Duration::from_hours(72));
        }
    }

    pub(crate) fn published(&self) -> usize {
        Stream::ALL
            .map(|stream| self.simulator.published_count(ACCOUNT, stream))
            .iter()
            .sum()
    }

    /// Every committed message of a stream's topic.
    pub(crate) async fn messages(&self, stream: Stream) -> Vec<Message> {
        self.read(&self.topic(stream)).await
    }

    pub(crate) async fn read(&self, topic: &str) -> Vec<Message> {
        read_topic(&self.bootstrap, topic, Isolation::Committed)
            .await
            .unwrap()
    }

    /// Writes a record into one of the scene's topics.
    pub(crate) async fn write(&self, topic: &str, partition: i32, key: &str, value: Option<&str>) {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .create()
            .unwrap();
        let topic = self.topic(topic);
        let mut record = FutureRecord::to(&topic).key(key).partition(partition);
        record.payload = value;
        let written = producer.send(record, Duration::from_secs(30));
        in_time("the record is written", written).await.unwrap();
    }

    /// Waits until `count` messages are committed to the event topics, whoever has committed them.
    pub(crate) async fn delivered(&self, count: usize) {
        let all = async {
            loop {
                let mut seen = 0;
                for stream in Stream::ALL {
                    // A topic that has just been created may have no leader yet.
                    let messages =
                        read_topic(&self.bootstrap, &self.topic(stream), Isolation::Committed)
                            .await;
                    seen += messages.map_or(0, |messages| messages.len());
                }
                if seen >= count {
                    return;
                }
            }
        };
        in_time("events arrive", all).await;
    }

    /// Waits until everything that is published is delivered.
    pub(crate) async fn all_delivered(&self) {
        self.delivered(self.published()).await;
    }

    /// Ends a worker in order, and keeps its log for the end.
    pub(crate) async fn end(&self, mut worker: Worker) {
        worker.terminate();
        let status = in_time("the worker ends", worker.ended()).await.unwrap();
        assert!(status.success(), "{status}: {:?}", worker.log());
        self.keep(&worker);
    }

    pub(crate) fn keep(&self, worker: &Worker) {
        self.logs.lock().unwrap().extend(worker.log());
    }

    /// Every event exactly once, nothing personal in any log, no topic left behind.
    pub(crate) async fn finish(self) {
        for stream in Stream::ALL {
            let published = self.simulator.published(ACCOUNT, stream);
            let report = check(uuids(&published), &self.messages(stream).await);
            assert!(report.is_exactly_once(), "{stream}: {report}");
        }
        self.close().await;
    }

    /// As [`Self::finish`], for scenes whose topics hold something else than what was published.
    pub(crate) async fn close(self) {
        self.is_impersonal(&self.logs.lock().unwrap().join("\n"));
        let admin = Admin::new(&self.bootstrap).unwrap();
        for topic in self.topics().await {
            admin.delete_topic(&topic).await.unwrap();
        }
    }

    /// No topic of the scene holds `secret`.
    pub(crate) async fn hides(&self, secret: &str) {
        for topic in self.topics().await {
            for message in self.read(&topic).await {
                let headers = message.headers.iter().map(|(_, value)| value);
                let parts = message.key.iter().chain(&message.value).chain(headers);
                let mut windows = parts.flat_map(|part| part.windows(secret.len()));
                let is_shown = windows.any(|window| window == secret.as_bytes());
                assert!(!is_shown, "{topic} holds a secret");
            }
        }
    }

    async fn topics(&self) -> Vec<String> {
        let admin = Admin::new(&self.bootstrap).unwrap();
        let mut topics = admin.topics().await.unwrap();
        topics.retain(|topic| topic.starts_with(&format!("{}.", self.name)));
        topics
    }
}

/// A stack of its own behind a proxy that its clients stay on.
pub(crate) async fn proxied() -> (Proxy, Stack) {
    let proxy = Proxy::start(0, None).await.unwrap();
    let options = stack::Options::default().proxied_at(proxy.port());
    let stack = options.start().await.unwrap();
    proxy.forward_to(stack.proxy_upstream().unwrap());
    (proxy, stack)
}

/// Fails the test when `what` does not happen.
pub(crate) async fn in_time<T>(what: &str, happens: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, happens).await;
    result.unwrap_or_else(|_| panic!("not in {PATIENCE:?}: {what}"))
}

/// Waits until a worker's metrics fit.
pub(crate) async fn metrics(
    worker: &Worker,
    what: &str,
    fit: impl FnMut(&Metrics) -> bool + Send,
) -> Metrics {
    in_time(what, worker.metrics_until(fit)).await.unwrap()
}

/// Waits for a line of a worker's log.
pub(crate) async fn logged(worker: &Worker, what: &str) -> String {
    let line = tokio::time::timeout(PATIENCE, worker.logged(|line| line.contains(what))).await;
    let own = |line: &String| !line.starts_with('{') || line.contains("onepassword_kafka");
    line.ok().flatten().unwrap_or_else(|| {
        let log: Vec<_> = worker.log().into_iter().filter(own).collect();
        panic!("not in the log: {what:?}\n{}", log.join("\n"))
    })
}

/// Waits until a worker has logged `what` for the second time.
pub(crate) async fn logged_again(worker: &Worker, what: &str) {
    logged_times(worker, 2, |line| line.contains(what)).await;
}

/// Waits until a worker has logged so many lines that fit, and returns the last of them.
pub(crate) async fn logged_times(
    worker: &Worker,
    many: usize,
    fits: impl Fn(&str) -> bool + Sync,
) -> String {
    let mut times = 0;
    let last = worker.logged(|line| {
        times += usize::from(fits(line));
        times == many
    });
    let what = format!("{many} such lines in the log");
    in_time(&what, last).await.unwrap()
}

pub(crate) fn uuids(events: &[Value]) -> impl Iterator<Item = String> {
    events
        .iter()
        .filter_map(|event| event["uuid"].as_str())
        .map(str::to_owned)
}

fn indented(lines: &str, by: usize) -> String {
    let margin = " ".repeat(by);
    lines
        .lines()
        .fold(String::new(), |text, line| text + &margin + line + "\n")
}
