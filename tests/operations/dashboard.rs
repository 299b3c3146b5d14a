//! The Grafana dashboard, by the rules of Grafana's dashboard-linter and some more.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{METRICS, known, metrics, read};

pub(crate) const DASHBOARD: &str = "helm/onepassword-kafka/files/dashboard.json";

/// What each series is chosen by.
const CHOSEN: &str = "{job=~\"$job\", instance=~\"$instance\"";
/// The units of Grafana that are used.
const UNITS: [&str; 7] = ["none", "s", "cps", "ops", "reqps", "bytes", "percentunit"];

#[test]
fn each_panel_says_what_it_shows_and_asks_for_what_is_selected() {
    let dashboard = dashboard();
    assert_eq!(faults(&dashboard), Vec::<String>::new());
    let panels = panels(&dashboard).filter(|panel| panel["type"] != "row");
    assert!(panels.count() > 20);
}

#[test]
fn what_is_selected_comes_from_the_workers_metrics() {
    let dashboard = dashboard();
    assert_eq!(dashboard["editable"], false);
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|variable| &variable["name"]).collect();
    assert_eq!(names, ["datasource", "job", "instance", "connector"]);
    assert_eq!(variables[0]["type"], "datasource");
    for variable in &variables[1..] {
        assert_eq!(variable["datasource"]["uid"], "${datasource}", "{variable}");
        assert_eq!(variable["allValue"], ".+", "{variable}");
        assert_eq!(variable["refresh"], 2, "{variable}");
        let label = variable["name"].as_str().unwrap();
        let query = variable["query"]["query"].as_str().unwrap();
        assert!(query.ends_with(&format!(", {label})")), "{query}");
    }
}

#[test]
fn a_planted_fault_of_each_kind_is_found() {
    for (pointer, value, fault) in [
        ("description", "", "has no description"),
        (
            "fieldConfig/defaults/unit",
            "furlongs",
            "has the unit furlongs",
        ),
        ("datasource/uid", "mine", "asks another data source"),
        ("targets/0/expr", "up", "asks for nothing of a worker"),
        (
            "targets/0/expr",
            "onepassword_shards{job=~\"$job\", instance=~\"$instance\"} + onepassword_lag_seconds",
            "asks for onepassword_lag_seconds of all workers",
        ),
        (
            "targets/0/expr",
            "onepassword_shard{job=~\"$job\", instance=~\"$instance\"}",
            "asks for onepassword_shard, which is unknown",
        ),
        (
            "targets/0/expr",
            "sum(onepassword_pages_total{job=~\"$job\", instance=~\"$instance\"})",
            "shows the count onepassword_pages_total itself",
        ),
        (
            "targets/0/expr",
            "rate(onepassword_pages_total{job=~\"$job\", instance=~\"$instance\"}[5m])",
            "has a range of its own",
        ),
    ] {
        let mut dashboard = dashboard();
        let panel = dashboard.pointer_mut("/panels/1").unwrap();
        *panel.pointer_mut(&format!("/{pointer}")).unwrap() = value.into();
        assert_eq!(faults(&dashboard), [format!("Workers {fault}")]);
    }
    let mut dashboard = dashboard();
    dashboard["panels"][1]["id"] = 1.into();
    dashboard["panels"][1]["gridPos"]["w"] = 4.into();
    assert_eq!(
        faults(&dashboard),
        [
            "Workers has the id of Overview",
            "Connectors lies upon Workers"
        ]
    );
}

fn faults(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let known = known(&read(METRICS));
    let (mut ids, mut places) = (BTreeMap::new(), BTreeMap::new());
    for panel in panels(dashboard) {
        let title = panel["title"].as_str().unwrap_or_default();
        let mut fault = |what: String| faults.push(format!("{title} {what}"));
        if let Some(other) = ids.insert(panel["id"].as_u64().unwrap(), title) {
            fault(format!("has the id of {other}"));
        }
        let below: BTreeSet<_> = cells(&panel["gridPos"])
            .filter_map(|cell| places.insert(cell, title))
            .collect();
        for other in below {
            fault(format!("lies upon {other}"));
        }
        if panel["type"] == "row" {
            continue;
        }
        if panel["description"].as_str().is_none_or(str::is_empty) {
            fault("has no description".to_owned());
        }
        let unit = panel["fieldConfig"]["defaults"]["unit"]
            .as_str()
            .unwrap_or("");
        if !UNITS.contains(&unit) {
            fault(format!("has the unit {unit}"));
        }
        let targets = panel["targets"].as_array().unwrap();
        let mut sources = targets
            .iter()
            .chain([panel])
            .map(|asks| &asks["datasource"]["uid"]);
        if sources.any(|uid| uid != "${datasource}") {
            fault("asks another data source".to_owned());
        }
        for target in targets {
            query_faults(target["expr"].as_str().unwrap(), &known)
                .into_iter()
                .for_each(&mut fault);
        }
    }
    faults
}

fn query_faults(query: &str, known: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    if metrics(query).next().is_none() {
        faults.push("asks for nothing of a worker".to_owned());
    }
    for name in metrics(query) {
        let (before, after) = query.split_at(offset(query, name));
        let is_rate = ["rate(", "increase("]
            .iter()
            .any(|call| before.ends_with(call));
        if !known.contains(name) {
            faults.push(format!("asks for {name}, which is unknown"));
        }
        if !after[name.len()..].starts_with(CHOSEN) {
            faults.push(format!("asks for {name} of all workers"));
        }
        if name.ends_with("_total") && !is_rate {
            faults.push(format!("shows the count {name} itself"));
        }
    }
    let mut ranges = query.split('[').skip(1);
    if ranges.any(|range| !range.starts_with("$__rate_interval]")) {
        faults.push("has a range of its own".to_owned());
    }
    faults
}

/// Where a part of a text begins.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}

/// The places on the grid that a panel takes.
fn cells(place: &Value) -> impl Iterator<Item = (u64, u64)> {
    let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| place[side].as_u64().unwrap());
    assert!(x + w <= 24, "the grid has 24 columns: {place}");
    (x..x + w).flat_map(move |x| (y..y + h).map(move |y| (x, y)))
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter()
}

fn dashboard() -> Value {
    serde_json::from_str(&read(DASHBOARD)).unwrap()
}
