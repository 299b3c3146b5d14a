//! Alerts, runbooks, dashboard and documentation belong together: each alert has its runbook and its cases, and whatever names a
//! metric names one that a worker shows. `tests/it/operator/metrics.rs` compares docs/monitoring.md with a worker.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod dashboard;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use saphyr::{LoadableYamlNode, YamlOwned};

use self::dashboard::DASHBOARD;

const ALERTS: &str = "helm/onepassword-kafka/files/alerts.yaml";
const CASES: &str = "tests/operations/alerts_test.yaml";
const RUNBOOKS: &str = "docs/runbooks.md";
const METRICS: &str = "docs/monitoring.md";
const PREFIXES: [&str; 3] = ["onepassword_", "kafka_connect_", "process_"];

#[test]
fn each_alert_says_how_bad_it_is_and_what_to_do() {
    let anchors: BTreeSet<_> = headings(&read(RUNBOOKS)).collect();
    let alerts = alerts(&read(ALERTS));
    assert!(alerts.len() > 10, "only {} alerts are found", alerts.len());
    for (name, alert) in &alerts {
        assert!(name.starts_with("OnePassword"), "{name}");
        let severity = text(&alert["labels"]["severity"]);
        assert!(
            ["critical", "warning"].contains(&severity),
            "{name}: {severity}"
        );
        for words in ["summary", "description"] {
            let words = text(&alert["annotations"][words]);
            assert!(words.len() > 20 && words.is_ascii(), "{name}: {words}");
        }
        let url = text(&alert["annotations"]["runbook_url"]);
        let (page, anchor) = url.split_once('#').unwrap();
        assert!(page.ends_with(RUNBOOKS), "{name}: {url}");
        assert_eq!(anchor, name.to_lowercase());
        assert!(anchors.contains(name), "{name} has no runbook");
    }
    let unknown: Vec<_> = anchors
        .iter()
        .filter(|name| !alerts.contains_key(*name))
        .collect();
    assert!(unknown.is_empty(), "runbooks without an alert: {unknown:?}");
}

#[test]
fn each_alert_has_a_case_where_it_fires_and_one_where_it_does_not() {
    let (alerts, cases) = (read(ALERTS), read(CASES));
    assert_eq!(without_cases(&alerts, &cases), Vec::<String>::new());
    // This test would notice.
    let fewer = cases.replace("alertname: OnePasswordLag", "alertname: OnePasswordLog");
    assert_eq!(
        without_cases(&alerts, &fewer),
        [
            "OnePasswordLag never fires",
            "OnePasswordLag never keeps silent"
        ]
    );
}

#[test]
fn whatever_names_a_metric_names_one_that_a_worker_shows() {
    let known = known(&read(METRICS));
    assert!(known.len() > 40, "only {} metrics are known", known.len());
    let mut named = BTreeSet::new();
    for path in documents() {
        let text = read(&path);
        let unknown: Vec<_> = metrics(&text)
            .filter(|name| !known.contains(*name))
            .collect();
        assert!(unknown.is_empty(), "{} names {unknown:?}", path.display());
        named.extend(metrics(&text).map(str::to_owned));
    }
    assert!(named.contains("onepassword_delivery_seconds_bucket"));
}

#[test]
#[ignore = "needs promtool, which Debian's package prometheus has; .ci/run runs it"]
fn the_alerts_do_what_their_cases_say() {
    let document = read(METRICS);
    let (_, example) = document.split_once("```yaml\n").unwrap();
    let example = example.split("```").next().unwrap();
    let here = root().join(ALERTS).display().to_string();
    let config = concat!(env!("CARGO_TARGET_TMPDIR"), "/prometheus.yml");
    fs::write(
        config,
        example.replace("alerts.yaml #", &format!("{here} #")),
    )
    .unwrap();
    for arguments in [
        ["check", "rules", ALERTS],
        ["test", "rules", CASES],
        ["check", "config", config],
    ] {
        let ended = Command::new("promtool")
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ended.stdout).into_owned()
            + &String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{told}");
        assert!(told.contains("SUCCESS"), "{told}");
    }
}

/// Alerts that lack a case of one kind or the other.
fn without_cases(alerts_text: &str, cases: &str) -> Vec<String> {
    let (mut firing, mut silent) = (BTreeSet::new(), BTreeSet::new());
    let cases = YamlOwned::load_from_str(cases).unwrap();
    for test in list(&cases[0]["tests"]) {
        for case in list(&test["alert_rule_test"]) {
            let expected = match list(&case["exp_alerts"]) {
                [] => &mut silent,
                _ => &mut firing,
            };
            expected.insert(text(&case["alertname"]).to_owned());
        }
    }
    let mut lacking = Vec::new();
    for name in alerts(alerts_text).keys() {
        if !firing.contains(name) {
            lacking.push(format!("{name} never fires"));
        }
        if !silent.contains(name) {
            lacking.push(format!("{name} never keeps silent"));
        }
    }
    lacking
}

fn alerts(file: &str) -> BTreeMap<String, YamlOwned> {
    let file = YamlOwned::load_from_str(file).unwrap();
    let groups = list(&file[0]["groups"]);
    let rules = groups.iter().flat_map(|group| list(&group["rules"]));
    rules
        .map(|rule| (text(&rule["alert"]).to_owned(), rule.clone()))
        .collect()
}

/// The names of alerts among the headings of a page.
fn headings(page: &str) -> impl Iterator<Item = String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    headings.map(str::to_owned)
}

/// The series that the tables of the documentation describe.
fn known(document: &str) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for row in document.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.trim_matches(['|', ' ']).split(" | ");
        let name = cells.next().unwrap().trim_matches('`');
        if cells.next() == Some("histogram") {
            known.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        }
        known.insert(name.to_owned());
    }
    known
}

/// The words of a text that are metrics.
fn metrics(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| {
        let is_metric = PREFIXES
            .iter()
            .any(|prefix| word.starts_with(prefix) && word != prefix);
        // That is the crate.
        is_metric && !word.starts_with("onepassword_kafka")
    })
}

/// All that people and programs read.
fn documents() -> Vec<PathBuf> {
    let files = ["README.md", ALERTS, CASES, DASHBOARD];
    let mut documents: Vec<_> = files.map(PathBuf::from).into();
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let pages = docs.map(|page| Path::new("docs").join(page.unwrap().file_name()));
    documents.extend(pages.filter(|page| page.extension().is_some_and(|ending| ending == "md")));
    documents
}

fn list(node: &YamlOwned) -> &[YamlOwned] {
    node.as_sequence().map_or(&[], Vec::as_slice)
}

fn text(node: &YamlOwned) -> &str {
    node.as_str().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
