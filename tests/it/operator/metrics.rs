//! What `/metrics` shows, against what else tells it: the REST API, the system, and the documentation.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    time::{Duration, UNIX_EPOCH},
};

use jiff::Timestamp;
use onepassword_kafka_dev::{
    simulator::{Fault, Rule, Stream, TokenSpec},
    worker::{Metrics, Worker},
};
use reqwest::Method;
use serde_json::Value;

use super::running::{equal, get};
use crate::{
    other,
    rest::{ask, healthy, tasks_are},
    scene::{Scene, in_time, metrics},
};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring.md");
/// What all workers show is in a table each.
const TABLES: [&str; 3] = ["onepassword_", "kafka_connect_", "process_"];

/// A metric, as a scrape describes it.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

#[tokio::test]
async fn the_series_of_kafka_connect_say_what_the_rest_api_says() {
    let scene = Scene::play(other::script()).await;
    scene.publish(7);
    let workers = [scene.worker(), scene.worker()];
    scene.all_delivered().await;
    let declared = &workers[0];
    healthy(declared).await;
    let mut settings = other::connector(&scene);
    for name in ["paused", "stopped", "failed"] {
        if name == "failed" {
            let token = scene.program.write("wrong", "not.a.token").unwrap();
            settings["onepassword.token"] = format!("${{file:{}}}", token.display()).into();
        }
        let path = format!("/connectors/{name}/config");
        let (status, answer) = ask(declared, Method::PUT, &path, Some(&settings)).await;
        assert!(status.is_success(), "{answer}");
    }
    tasks_are(declared, "paused", 3, "RUNNING").await;
    ask(declared, Method::PUT, "/connectors/paused/pause", None).await;
    ask(declared, Method::PUT, "/connectors/stopped/stop", None).await;
    tasks_are(declared, "paused", 3, "PAUSED").await;
    tasks_are(declared, "stopped", 0, "").await;
    tasks_are(declared, "failed", 3, "FAILED").await;
    // Each worker shows its own; the states of both are those of the group.
    in_time("both tell the same", async {
        loop {
            let told = told(declared).await;
            let mut shown = BTreeSet::new();
            for worker in &workers {
                shown.append(&mut shown_by(&worker.metrics().await.unwrap()));
            }
            if shown == told {
                assert_eq!(told.len(), 4 + 3 * 3, "{told:?}");
                return;
            }
        }
    })
    .await;
    for worker in &workers {
        the_counts_fit(worker).await;
    }
    for worker in workers {
        scene.end(worker).await;
    }
    scene.finish().await;
}

/// Every connector and task with its status, as the REST API tells it.
async fn told(worker: &Worker) -> BTreeSet<String> {
    let (_, body) = ask(worker, Method::GET, "/connectors?expand=status", None).await;
    let mut told = BTreeSet::new();
    for (name, connector) in body.as_object().unwrap() {
        let state = |of: &Value| of["state"].as_str().unwrap().to_lowercase();
        let status = &connector["status"];
        told.insert(format!("{name} is {}", state(&status["connector"])));
        for task in status["tasks"].as_array().unwrap() {
            told.insert(format!("{name}-{} is {}", task["id"], state(task)));
        }
    }
    told
}

/// The same, as the metrics of one worker show it.
fn shown_by(metrics: &Metrics) -> BTreeSet<String> {
    let connectors = metrics.labels("kafka_connect_connector_status");
    let connectors = connectors.map(|of| format!("{} is {}", of["connector"], of["status"]));
    let tasks = metrics.labels("kafka_connect_connector_task_status");
    let tasks = tasks.map(|of| format!("{}-{} is {}", of["connector"], of["task"], of["status"]));
    connectors.chain(tasks).collect()
}

/// The sums that a worker shows are those of what it shows one by one.
async fn the_counts_fit(worker: &Worker) {
    let seen = worker.metrics().await.unwrap();
    let states: Vec<_> = seen.labels("kafka_connect_connector_task_status").collect();
    let connectors: Vec<_> = seen.labels("kafka_connect_connector_status").collect();
    let count = |name: &str, labels: &[&str]| seen.sum(&format!("kafka_connect_{name}"), labels);
    let number = |count: usize| f64::from(u32::try_from(count).unwrap());
    for name in ["worker_connector_count", "coordinator_assigned_connectors"] {
        equal(count(name, &[]), number(connectors.len()));
    }
    for name in ["worker_task_count", "coordinator_assigned_tasks"] {
        equal(count(name, &[]), number(states.len()));
    }
    for of in &connectors {
        let connector = format!("connector=\"{}\"", of["connector"]);
        let tasks = |state: Option<&str>| {
            let own = states.iter().filter(|task| {
                task["connector"] == of["connector"]
                    && state.is_none_or(|state| task["status"] == state)
            });
            number(own.count())
        };
        let counted = |kind: &str| {
            let name = format!("worker_connector_{kind}_task_count");
            count(&name, &[&connector])
        };
        equal(counted("total"), tasks(None));
        for state in ["running", "paused", "failed", "unassigned", "destroyed"] {
            equal(counted(state), tasks(Some(state)));
        }
        for (name, value) in [
            ("class", "OnePasswordEventsSource"),
            ("type", "source"),
            ("version", "4.1.0"),
        ] {
            let name = format!("connector_connector_{name}");
            equal(count(&name, &[&connector, value]), 1.0);
        }
    }
    for stream in Stream::ALL {
        let own = ["connector=\"acme\"", &format!("stream=\"{stream}\"")];
        let task = Stream::ALL.iter().position(|each| *each == stream);
        let likeness = [own[0], &format!("task=\"{}\"", task.unwrap())];
        let events = seen.sum("onepassword_events_total", &own);
        for name in ["write", "poll"] {
            let name = format!("source_task_source_record_{name}_total");
            equal(count(&name, &likeness), events);
        }
    }
    equal(
        count("worker_rebalance_completed_rebalances_total", &[]),
        seen.sum("onepassword_rebalances_total", &[]),
    );
    equal(count("worker_rebalance_rebalancing", &[]), 0.0);
}

#[tokio::test]
async fn a_connector_that_rests_shows_no_states_and_one_that_is_gone_shows_nothing() {
    let scene = Scene::play(other::script()).await;
    scene.publish(3);
    let worker = scene.worker();
    scene.all_delivered().await;
    let settings = other::connector(&scene);
    let path = "/connectors/other/config";
    ask(&worker, Method::PUT, path, Some(&settings)).await;
    other::publish(&scene, 5);
    metrics(&worker, "its events", |m| {
        m.sum("onepassword_events_total", &["other"]) >= 5.0
    })
    .await;
    ask(&worker, Method::PUT, "/connectors/other/pause", None).await;
    tasks_are(&worker, "other", 3, "PAUSED").await;
    let rests = metrics(&worker, "it rests", |m| {
        m.sum("onepassword_last_answer_timestamp_seconds", &["other"]) < 1.0
    })
    .await;
    let mut left = rests.names(&["connector=\"other\""]);
    left.retain(|name| name.starts_with("onepassword_"));
    assert_eq!(
        Vec::from_iter(left),
        [
            "onepassword_dead_letters_total",
            "onepassword_events_total",
            "onepassword_pages_total",
            "onepassword_requests_total"
        ]
    );
    ask(&worker, Method::DELETE, "/connectors/other", None).await;
    metrics(&worker, "it is forgotten", |m| {
        m.names(&["connector=\"other\""]).is_empty()
    })
    .await;
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn a_stream_that_the_token_does_not_cover_shows_no_times() {
    let mut scene = Scene::start().await;
    scene.token = scene.simulator.issue(TokenSpec {
        features: vec![Stream::AuditEvents],
        ..TokenSpec::default()
    });
    scene.program.write("token", scene.token.as_str()).unwrap();
    let worker = scene.worker();
    let seen = metrics(&worker, "the states are known", |m| {
        m.sum("onepassword_task_state", &["UNASSIGNED"]) > 1.5
            && m.sum("onepassword_last_poll_timestamp_seconds", &[]) > 1.0
    })
    .await;
    let unread = seen.names(&["stream=\"itemusages\""]);
    let times = unread.iter().filter(|name| name.contains("_seconds"));
    assert_eq!(times.count(), 0, "{unread:?}");
    scene.end(worker).await;
    scene.close().await;
}

#[tokio::test]
async fn where_a_stream_is_read_to_is_known_before_the_api_answers() {
    let scene = Scene::start().await;
    scene.history(30);
    let worker = scene.worker();
    scene.all_delivered().await;
    scene.end(worker).await;
    let account = crate::scene::ACCOUNT;
    let last = scene.simulator.published(account, Stream::AuditEvents);
    let last: Timestamp = last[29]["timestamp"].as_str().unwrap().parse().unwrap();
    scene
        .simulator
        .update_faults(|faults| faults.rules.push(Rule::always(Fault::status(503))));
    let before = UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let worker = scene.worker();
    let seen = metrics(&worker, "it is refused", |m| {
        m.sum("onepassword_task_state", &["RETRYING"]) > 2.5
    })
    .await;
    let time = |name: &str| {
        let name = format!("onepassword_{name}_timestamp_seconds");
        seen.sum(&name, &["auditevents"])
    };
    let position = time("position") - last.as_duration().as_secs_f64();
    assert!(position.abs() < 1.0, "{position}");
    assert!(time("last_answer") >= before - 1.0);
    equal(time("last_poll"), 0.0);
    scene.end(worker).await;
    scene.finish().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_process_is_shown_as_the_system_sees_it() {
    let before = UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let scene = Scene::start().await;
    let worker = scene.worker();
    // The system counts CPU time in hundredths of a second, and memory grows while a worker starts.
    let seen = metrics(&worker, "CPU time, and a poll of each stream", |m| {
        m.labels("onepassword_last_poll_timestamp_seconds").count() == 3
            && m.sum("process_cpu_seconds_total", &[]) > 0.0
    })
    .await;
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let process = |name: &str| seen.sum(&format!("process_{name}"), &[]);
    let started = process("start_time_seconds");
    assert!(before - 2.0 < started && started < now + 2.0, "{started}");
    let cpu = process("cpu_seconds_total");
    assert!(cpu > 0.0 && cpu < 4.0 * (now - before) + 1.0, "{cpu}");
    let status = fs::read_to_string(format!("/proc/{}/status", worker.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let mut words = line.unwrap().split_whitespace();
    let kilobytes: f64 = words.nth(1).unwrap().parse().unwrap();
    let shown = process("resident_memory_bytes") / 1024.0;
    assert!(
        shown > kilobytes / 2.0 && shown < kilobytes * 2.0,
        "{shown} {kilobytes}"
    );
    let open = fs::read_dir(format!("/proc/{}/fd", worker.id()))
        .unwrap()
        .count();
    let open = f64::from(u32::try_from(open).unwrap());
    assert!((process("open_fds") - open).abs() < 20.0, "{open}");
    assert!(process("max_fds") > open);
    scene.end(worker).await;
    scene.close().await;
}

/// What a worker of the scene shows once each stream has been polled; then the scene is over.
pub(super) async fn shown(scene: Scene) -> String {
    scene.publish(1);
    let worker = scene.worker();
    scene.all_delivered().await;
    metrics(&worker, "a poll of each stream", |m| {
        m.labels("onepassword_last_poll_timestamp_seconds").count() == 3
    })
    .await;
    let text = get(&worker, "/metrics").await.text().await.unwrap();
    scene.end(worker).await;
    scene.finish().await;
    text
}

#[tokio::test]
async fn the_documentation_describes_each_metric_and_no_other() {
    let mut scene = Scene::start().await;
    scene.token = scene.simulator.issue(TokenSpec {
        expires_in: Some(Duration::from_hours(24)),
        ..TokenSpec::default()
    });
    scene.program.write("token", scene.token.as_str()).unwrap();
    let shown = shown(scene).await;

    let families = families(&shown);
    let mut document = fs::read_to_string(DOCUMENT).unwrap();
    let written = document.clone();
    for prefix in TABLES {
        let (begin, end) = (
            format!("<!-- {prefix} -->\n"),
            format!("<!-- /{prefix} -->"),
        );
        let from = document.find(&begin).unwrap() + begin.len();
        let to = document.find(&end).unwrap();
        document.replace_range(from..to, &table(&families, prefix));
    }
    let all = TABLES
        .iter()
        .map(|prefix| table(&families, prefix).lines().count() - 2);
    assert_eq!(
        all.sum::<usize>(),
        families.len(),
        "a metric is in no table"
    );
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(DOCUMENT, document).unwrap();
    } else {
        assert!(
            document == written,
            "docs/monitoring.md describes other metrics than a worker shows: \
             UPDATE_README=1 cargo test --test it the_documentation"
        );
    }
}

/// The metrics of a scrape in Prometheus' text format.
fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in text.lines() {
        match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            ["#", what, name, words] => {
                let family = families.entry(name.to_owned()).or_default();
                let told = match what {
                    "HELP" => &mut family.help,
                    _ => &mut family.kind,
                };
                words.clone_into(told);
            }
            _ => note_labels(&mut families, line),
        }
    }
    families
}

fn note_labels(families: &mut BTreeMap<String, Family>, sample: &str) {
    let Some((name, labels)) = sample.split_once('{') else {
        return;
    };
    if let Some(family) = families.get_mut(name) {
        let values = labels.split("=\"").collect::<Vec<_>>();
        let before = &values[..values.len() - 1];
        let labels = before.iter().filter_map(|text| text.rsplit(',').next());
        family.labels.extend(labels.map(str::to_owned));
    }
}

fn table(families: &BTreeMap<String, Family>, prefix: &str) -> String {
    let mut table =
        "| metric | type | labels | what it says |\n| --- | --- | --- | --- |\n".to_owned();
    for (name, family) in families.iter().filter(|(name, _)| name.starts_with(prefix)) {
        let labels: Vec<_> = family
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        writeln!(
            table,
            "| `{name}` | {} | {} | {} |",
            family.kind,
            labels.join(", "),
            family.help
        )
        .unwrap();
    }
    table
}
