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
    let mut groups = written("");
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

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn alerts_lead_to_the_runbooks_that_the_values_name() {
    let page = "https://wiki.example.com/a/runbooks.md?plain=1";
    let named = alerts(&format!("runbooks: '{page}'"));
    assert_eq!(named, written(page));
    assert!(
        named
            .to_string()
            .contains(&format!(r#""{page}#onepasswordtaskfailed""#))
    );
    // The address in the file is nobody's but its authors'.
    assert!(!alerts("runbooks: ''").to_string().contains("http"));
}

/// The groups of the file, with alerts that lead to `runbooks`, or nowhere.
fn written(runbooks: &str) -> Value {
    let file = fs::read_to_string(format!("{CHART}/files/alerts.yaml")).unwrap();
    let mut groups = documents(&file)[0]["groups"].clone();
    let rules = groups.as_array_mut().unwrap().iter_mut();
    for rule in rules.flat_map(|group| group["rules"].as_array_mut().unwrap()) {
        let annotations = rule.get_mut("annotations");
        let Some(Value::Object(annotations)) = annotations else {
            continue;
        };
        let url = annotations.remove("runbook_url").unwrap();
        if !runbooks.is_empty() {
            let (_, heading) = url.as_str().unwrap().split_once('#').unwrap();
            let url = format!("{runbooks}#{heading}");
            annotations.insert("runbook_url".to_owned(), url.into());
        }
    }
    groups
}

/// The groups of the `PrometheusRule`.
fn alerts(set: &str) -> Value {
    let values = format!("{MINIMAL}prometheusRule: {{enabled: true, {set}}}\n");
    let rendered = render_text(Helm::V4, &values).unwrap();
    let mut manifests = documents(&rendered).into_iter();
    let rule = manifests.find(|manifest| manifest["kind"] == "PrometheusRule");
    rule.unwrap()["spec"]["groups"].clone()
}
