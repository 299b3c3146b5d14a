//! Texts of others that would like to be more than texts.

use onepassword_kafka_dev::simulator::TokenSpec;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{RENEW, Stage, tile};
use crate::{
    rest::{ask, get},
    scene::in_time,
};

const IMAGE: &str = "<img src=x onerror=\"window.__pwned = 'image'\">";
const TRACE: &str = "<svg onload=\"window.__pwned = 'trace'\">";
const SCRIPT: &str = "\"'></script><script>window.__pwned = 'script'</script>";

/// Names of connectors.
const NAMES: [&str; 7] = [
    IMAGE,
    "\"'><svg onload=window.__pwned='svg'>",
    "javascript:window.__pwned='url'",
    "`$'+alert(1)+'`{{7*7}}#{7*7}?b=c&amp;#d;e",
    "\u{202e}gnp.emca \u{200f}\u{5d0}\u{5d1}",
    "\u{1f9ea}\u{1f469}\u{200d}\u{1f680} e\u{301}",
    "__proto__",
];

/// A value that could be a secret, as nobody knows the setting.
const HIDDEN: &str = "what-nobody-may-see";

/// Names that Kafka Connect's API takes, and that can stand in no path. The form refuses them.
const NOWHERE: [&str; 3] = [SCRIPT, "../../a", "a%2Fb\\"];

fn escaped(name: &str) -> String {
    let bytes = name.bytes().map(|byte| format!("%{byte:02X}"));
    bytes.collect()
}

/// The text of the first such element is exactly this.
async fn says(stage: &Stage, css: &str, text: &str) {
    let expression = format!(
        "document.querySelector({})?.textContent.includes({})",
        json!(css),
        json!(text)
    );
    let what = format!("{css} says {text:?}");
    stage.page.wait_until(&expression, &what).await;
}

/// Writes into the status topic what a worker would tell of a connector, in words that no worker has.
async fn told(stage: &Stage, name: &str) {
    let status = json!({
        "state": "FAILED",
        "trace": TRACE,
        "worker_id": SCRIPT,
        "generation": 0,
        "version": IMAGE,
    });
    let trouble = json!({ "at": "2026-11-25T00:00:00Z", "message": SCRIPT, "times": 2 });
    let activity = json!({
        "account": { "host": SCRIPT, "uuid": IMAGE, "features": [IMAGE] },
        "tasks": { "auditevents": { "polls": [], "troubles": [trouble] } },
    });
    for (key, value) in [
        (format!("status-connector-{name}"), &status),
        (format!("status-task-{name}-0"), &status),
        (format!("activity-{name}"), &activity),
    ] {
        let value = value.to_string();
        stage.scene.write("status", 0, &key, Some(&value)).await;
    }
}

/// Whether an integration shows what is told of it; its worker may have told better meanwhile.
async fn shows_what_is_told(stage: &Stage, name: &str, path: &str) -> bool {
    told(stage, name).await;
    stage.open(path).await;
    stage.page.click("[data-checks] summary").await;
    stage
        .page
        .wait_for("[data-checklist] li:nth-child(6)")
        .await;
    let texts = [
        ("[data-part=head] .account", format!("on worker {SCRIPT}")),
        ("[data-checklist]", TRACE.to_owned()),
    ];
    let mut shown = true;
    for (css, text) in texts {
        let expression = format!(
            "document.querySelector('{css}').textContent.includes({})",
            json!(text)
        );
        shown &= stage.page.script(&expression).await == true;
    }
    shown
}

async fn nothing_has_happened(stage: &Stage, view: &str) {
    let page = &stage.page;
    assert_eq!(page.script(RENEW).await, true);
    assert_eq!(page.script("typeof __pwned").await, "undefined", "{view}");
    assert_eq!(page.count("main img, main script").await, 0, "{view}");
    assert_eq!(page.complaints().await, Vec::<String>::new(), "{view}");
}

#[tokio::test]
async fn what_others_have_written_is_text_and_nothing_else() {
    let stage = Stage::begin().await;
    let token = stage.scene.simulator.issue(TokenSpec {
        account_uuid: IMAGE.to_owned(),
        ..TokenSpec::default()
    });
    let file = stage.scene.program.write("token", token.as_str()).unwrap();
    for (number, name) in NAMES.into_iter().chain(NOWHERE).enumerate() {
        let creation = json!({
            "name": name,
            "initial_state": if number == 0 { "RUNNING" } else { "PAUSED" },
            "config": {
                "connector.class": format!("{SCRIPT}.OnePasswordEventsSource"),
                "onepassword.token": format!("${{file:{}}}", file.display()),
                "key.converter": HIDDEN,
            },
        });
        let (status, answer) =
            ask(&stage.worker, Method::POST, "/connectors", Some(&creation)).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }
    stage.open("/ui/").await;
    says(&stage, &format!("{} .account", tile(IMAGE, "green")), IMAGE).await;
    for name in NAMES.into_iter().chain(NOWHERE) {
        let tiles = "[...document.querySelectorAll('.tile h2')].map(({ innerText }) => innerText)";
        let expression = format!("{tiles}.includes({})", json!(name));
        stage.page.wait_until(&expression, name).await;
    }
    nothing_has_happened(&stage, "overview").await;
    for name in NAMES {
        let path = format!("/ui/integrations/{}", escaped(name));
        in_time("what was told is shown", async {
            while !shows_what_is_told(&stage, name, &path).await {}
        })
        .await;
        says(&stage, "title", name).await;
        says(&stage, "[data-part=head] h1", name).await;
        says(&stage, "[data-part=troubles]", SCRIPT).await;
        says(&stage, "[data-part=settings]", SCRIPT).await;
        says(&stage, "[data-part=settings]", "[hidden]").await;
        let html = stage
            .page
            .script("document.documentElement.outerHTML")
            .await;
        assert!(!html.as_str().unwrap().contains(HIDDEN), "{name}");
        stage.page.click("[data-open=rewind]").await;
        says(&stage, "#rewind[open] h2", name).await;
        stage.page.click("#rewind [data-close]").await;
        nothing_has_happened(&stage, name).await;
        stage.open(&format!("{path}/edit")).await;
        says(&stage, "h1", name).await;
        let value = stage.page.script("document.querySelector('#f-name').value");
        assert_eq!(value.await, name);
        stage.save().await;
        stage.page.wait_for("[data-part=head]").await;
        let config = format!("/connectors/{}/config", escaped(name));
        let (_, config) = get(&stage.worker, &config).await;
        assert_eq!(config["key.converter"], HIDDEN);
    }
    stage.open("/ui/add").await;
    for name in NOWHERE {
        stage.page.fill("#f-name", name).await;
        says(&stage, "#w-name:not([hidden])", "cannot stand").await;
        stage.page.fill("#f-name", "a").await;
        stage.page.wait_for("#w-name[hidden]").await;
    }
    stage.open("/ui/search").await;
    stage.page.wait_for("[data-search] option").await;
    assert_eq!(stage.page.script("typeof __pwned").await, "undefined");
    for name in NAMES {
        stage
            .open(&format!("/ui/integrations/{}", escaped(name)))
            .await;
        stage.page.click("[data-open=delete]").await;
        stage.page.fill("#delete-name", name).await;
        stage.page.click("#delete [data-go]").await;
        stage
            .page
            .wait_until("location.pathname === '/ui/'", "it is deleted")
            .await;
    }
    stage.end().await;
}
