//! What Prometheus makes of a real worker: the alerts, the dashboard's queries, and its own lints.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use onepassword_kafka_dev::{
    prometheus::Prometheus,
    simulator::{Fault, Rule, Stream, TokenSpec},
};
use serde_json::Value;

use super::metrics::shown;
use crate::scene::{ACCOUNT, Scene, in_time};

const ALERTS: &str = "helm/onepassword-kafka/files/alerts.yaml";
const DASHBOARD: &str = "helm/onepassword-kafka/files/dashboard.json";
/// How Strimzi's dashboard for Kafka Connect joins what it lists.
const JOINED: [&str; 2] = [
    "kafka_connect_connector_status \
     * on (connector) group_left (connector_class) kafka_connect_connector_connector_class \
     * on (connector) group_left (connector_version) kafka_connect_connector_connector_version \
     * on (connector) group_left (connector_type) kafka_connect_connector_connector_type",
    "kafka_connect_task_error_total_record_failures \
     * on (connector, task) group_left (status) kafka_connect_connector_task_status",
];
/// How often Prometheus is asked.
const LOOK: Duration = Duration::from_millis(200);

#[tokio::test]
#[ignore = "needs Prometheus, Debian's package prometheus; .ci/run runs it"]
async fn the_dashboards_queries_have_data_and_the_alerts_watch_a_real_worker() {
    let mut scene = Scene::start().await;
    scene.token = scene.simulator.issue(TokenSpec {
        expires_in: Some(Duration::from_hours(24 * 60)),
        ..TokenSpec::default()
    });
    scene.program.write("token", scene.token.as_str()).unwrap();
    scene.publish(10);
    let workers = [scene.worker(), scene.worker()];
    let mut addresses = Vec::new();
    for worker in &workers {
        addresses.push(worker.monitoring().await.unwrap());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let prometheus = Prometheus::start(&addresses, &root.join(ALERTS)).await;
    let prometheus = prometheus.unwrap();
    let traffic = scene.simulator.traffic(ACCOUNT, 10.0);
    // Again and again, as whoever loses the connector to the other forgets what it has counted.
    let sometimes = Rule::always(Fault::status(503)).on(Stream::AuditEvents);
    let sometimes = sometimes.with_probability(0.3);
    scene
        .simulator
        .update_faults(|faults| faults.rules.push(sometimes));

    let dashboard = fs::read_to_string(root.join(DASHBOARD)).unwrap();
    let queries = queries(&serde_json::from_str(&dashboard).unwrap());
    assert!(
        queries.len() > 30,
        "only {} queries are found",
        queries.len()
    );
    let joined = JOINED.map(str::to_owned);
    for query in queries.into_iter().chain(joined) {
        in_time(&query, has_data(&prometheus, &query)).await;
    }
    // All is well: no alert is about to fire, but for the one that may have seen 503s.
    let rules = in_time("all rules are judged", judged(&prometheus)).await;
    assert!(rules.len() > 10, "only {} rules are found", rules.len());
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    let alarmed_so_far = alarmed(&rules);
    let expected = BTreeSet::from(["OnePasswordTaskRetrying".to_owned()]);
    assert!(alarmed_so_far.is_subset(&expected), "{alarmed_so_far:?}");
    // And now it is not.
    drop(traffic);
    scene.simulator.update_faults(|faults| faults.rules.clear());
    scene.all_delivered().await;
    scene.simulator.revoke(&scene.token);
    in_time("the alert sees it", async {
        while !alarmed(&judged(&prometheus).await).contains("OnePasswordTaskFailed") {
            tokio::time::sleep(LOOK).await;
        }
    })
    .await;
    drop(prometheus);
    for worker in workers {
        scene.end(worker).await;
    }
    scene.finish().await;
}

#[tokio::test]
#[ignore = "needs promtool, Debian's package prometheus; .ci/run runs it"]
async fn promtool_finds_fault_with_kafka_connects_names_only() {
    let text = shown(Scene::start().await).await;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    let told = promtool.wait_with_output().unwrap().stderr;
    let told = String::from_utf8(told).unwrap();
    // They are as they are: dashboards look for them.
    let (known, new): (Vec<_>, Vec<_>) = told
        .lines()
        .partition(|line| line.starts_with("kafka_connect_") && line.contains("\"_count\" suffix"));
    assert_eq!(new, [""; 0]);
    assert!(!known.is_empty(), "promtool has looked at nothing: {told}");
}

/// The queries of all panels and variables, with everything selected.
fn queries(dashboard: &Value) -> BTreeSet<String> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let targets = targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap().to_owned());
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let variables = variables.iter().filter_map(|variable| {
        let query = variable["query"]["query"]
            .as_str()?
            .strip_prefix("label_values(")?;
        let (series, label) = query.strip_suffix(')')?.rsplit_once(", ")?;
        Some(format!("group by ({label}) ({series})"))
    });
    let all = targets.chain(variables).map(|query| {
        let query = ["job", "instance", "connector"]
            .iter()
            .fold(query, |query, name| {
                query.replace(&format!("${name}"), ".+")
            });
        query.replace("$__rate_interval", "10s")
    });
    all.collect()
}

/// Waits until a query has values, and all of them are numbers.
async fn has_data(prometheus: &Prometheus, query: &str) {
    loop {
        let data = prometheus.ask("query", &[("query", query)]).await;
        let data = data.unwrap_or_else(|error| panic!("{error}: {query}"));
        let result = data["result"].as_array().unwrap();
        let is_number = |sample: &Value| {
            let value = sample["value"][1]
                .as_str()
                .and_then(|text| text.parse::<f64>().ok());
            value.is_some_and(f64::is_finite)
        };
        if !result.is_empty() && result.iter().all(is_number) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until each rule has been judged, and tells how.
async fn judged(prometheus: &Prometheus) -> Vec<Value> {
    loop {
        let data = prometheus.ask("rules", &[]).await.unwrap();
        let groups = data["groups"].as_array().unwrap();
        let rules = groups.iter().filter_map(|group| group["rules"].as_array());
        let rules: Vec<_> = rules.flatten().cloned().collect();
        if !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown") {
            return rules;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The alerts that fire, or are about to.
fn alarmed(rules: &[Value]) -> BTreeSet<String> {
    let alarmed = rules.iter().filter(|rule| rule["state"] != "inactive");
    alarmed
        .map(|rule| rule["name"].as_str().unwrap().to_owned())
        .collect()
}
