//! What the values do; most of it is told and judged by helm-unittest: helm/onepassword-kafka/tests.

use std::{fs, process::Command};

use onepassword_kafka_dev::chart::{Helm, has_go, helm_unittest};
use serde_json::Value;

use crate::rendered::{CHART, MINIMAL, documents, render_text};

#[test]
#[ignore = "it needs Go: cargo test --test chart -- --ignored"]
fn values_do_what_they_say() {
    if !has_go() {
        println!("SKIPPED without Go: helm-unittest");
        return;
    }
    let tested = Command::new(helm_unittest().unwrap())
        .args(["--strict", CHART])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tested.stdout);
    assert!(tested.status.success(), "{said}");
    println!("{said}");
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn the_alerts_are_those_of_the_file_with_labels_and_without_the_disabled() {
    let file = fs::read_to_string(format!("{CHART}/files/alerts.yaml")).unwrap();
    let mut groups = documents(&file)[0]["groups"].clone();
    assert_eq!(alerts("disabled: []"), groups);
    let labelled = alerts("alertLabels: {team: data}");
    for rule in labelled
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
    {
        let is_alert = rule["alert"].is_string();
        assert_eq!(rule["labels"]["team"] == "data", is_alert, "{rule}");
    }
    let rules = groups[0]["rules"].as_array_mut().unwrap();
    let at = rules
        .iter()
        .position(|rule| rule["alert"].is_string())
        .unwrap();
    let first = rules.remove(at);
    let name = first["alert"].as_str().unwrap();
    for group in groups.as_array_mut().unwrap() {
        group["rules"]
            .as_array_mut()
            .unwrap()
            .retain(|rule| rule["alert"] != name);
    }
    let has_rules = |group: &Value| !group["rules"].as_array().unwrap().is_empty();
    groups.as_array_mut().unwrap().retain(has_rules);
    assert_eq!(alerts(&format!("disabled: [{name}]")), groups);
}

/// The groups of the `PrometheusRule`.
fn alerts(set: &str) -> Value {
    let values = format!("{MINIMAL}prometheusRule: {{enabled: true, {set}}}\n");
    let rendered = render_text(Helm::V4, &values).unwrap();
    let mut manifests = documents(&rendered).into_iter();
    let rule = manifests.find(|manifest| manifest["kind"] == "PrometheusRule");
    rule.unwrap()["spec"]["groups"].clone()
}
