//! The form: what it takes, what it refuses, and where the token does not go.

use onepassword_kafka_dev::simulator::{Stream, TokenSpec};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{SECOND, Stage};
use crate::{rest::get, scene::ACCOUNT};

/// Keeps what the page sends.
const LISTEN: &str = "(() => {
    const send = window.fetch;
    window.sent = [];
    window.fetch = (path, request) => { sent.push([path, request?.body ?? '']); return send(path, request); };
})()";

/// The words beside a field.
async fn wrong(stage: &Stage, setting: &str, words: &str) {
    let place = format!("document.querySelector('[data-wrong=\"{setting}\"]')");
    let expression = format!(
        "!{place}.hidden && {place}.textContent.includes({})",
        json!(words)
    );
    stage.page.wait_until(&expression, words).await;
}

/// Waits until nothing is said beside a field.
async fn fine(stage: &Stage, setting: &str) {
    let expression = format!("document.querySelector('[data-wrong=\"{setting}\"]').hidden");
    stage
        .page
        .wait_until(&expression, &format!("{setting} is fine"))
        .await;
}

#[tokio::test]
async fn a_pasted_token_is_tried_saved_and_shown_nowhere() {
    let stage = Stage::begin().await;
    let (page, token) = (&stage.page, stage.scene.token.clone());
    let token = token.as_str();
    stage.scene.publish(10);
    stage.open("/ui/").await;
    let mut shown = vec![html(&stage).await];
    page.wait_until("!document.querySelector('.empty').hidden", "it is empty")
        .await;
    page.click(".empty .button").await;
    page.wait_for("[data-form]").await;
    page.script(LISTEN).await;
    page.fill("#f-name", "Globex").await;
    page.fill("#f-token", token).await;
    // It stays where it is typed until all of it is there.
    let again = "(sent.splice(0), document.querySelector('#f-token').dispatchEvent(new Event('input', { bubbles: true })))";
    page.script(again).await;
    page.wait_until("sent.length > 0", "what is typed is looked at")
        .await;
    page.fill("#f-interval", SECOND).await;
    page.click("[data-test]").await;
    page.wait_for("[data-tested] .good").await;
    let told = page.text("[data-tested]").await;
    assert!(
        told.starts_with("localhost accepts the token") && told.contains(ACCOUNT),
        "{told}"
    );
    let sent = page.script("sent").await;
    for request in sent.as_array().unwrap() {
        let is_sealing = request[0] == "/ui/api/seal";
        let holds = request.to_string().contains(token);
        assert_eq!(holds, is_sealing, "{request}");
    }
    shown.push(html(&stage).await);
    stage.save().await;
    page.wait_for("[data-part=head].green").await;
    shown.push(html(&stage).await);

    stage.open("/ui/").await;
    stage.shines("Globex", "green").await;
    for place in 0..Stream::ALL.len() {
        let stream = format!("document.querySelectorAll('.tile dd')[{place}]");
        let count = format!("/^10 in 1 h/.test({stream}.innerText.trim())");
        page.wait_until(&count, "ten events are counted").await;
        let times = format!(
            "/last \\d+ \\w+ ago[^]*polls (in )?\\d+ \\w+/.test({stream}.innerText.trim())"
        );
        page.wait_until(&times, "times are told").await;
    }
    shown.push(html(&stage).await);
    for path in ["/ui/integrations/Globex", "/ui/integrations/Globex/edit"] {
        stage.open(path).await;
        shown.push(html(&stage).await);
    }
    assert!(shown.last().unwrap().contains("${sealed:"));
    for path in [
        "/connectors?expand=info&expand=status",
        "/connectors/Globex/config",
    ] {
        shown.push(get(&stage.worker, path).await.1.to_string());
    }
    let metrics = format!(
        "http://{}/metrics",
        stage.worker.monitoring().await.unwrap()
    );
    shown.push(reqwest::get(metrics).await.unwrap().text().await.unwrap());
    for text in &shown {
        assert!(!text.contains(token), "a token is shown");
    }
    stage.scene.all_delivered().await;
    stage.scene.hides(token).await;
    stage.end().await;
}

/// All of the page, with what is in its fields.
async fn html(stage: &Stage) -> String {
    let all = "document.documentElement.outerHTML
        + [...document.querySelectorAll('input')].map(({ value }) => value).join()";
    stage.page.script(all).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_nothing_is_lost() {
    let stage = Stage::begin().await;
    let page = &stage.page;
    let revoked = stage.scene.simulator.issue(TokenSpec::default());
    stage.scene.simulator.revoke(&revoked);
    stage.add("Acme", &stage.scene.token.clone()).await;
    stage.open("/ui/add").await;

    page.fill("#f-name", "x").await;
    page.fill("#f-name", " ").await;
    wrong(&stage, "name", "It is needed").await;
    page.fill("#f-name", "Acme").await;
    fine(&stage, "name").await;
    page.fill("#f-interval", "1e").await;
    wrong(&stage, "poll.interval.ms", "from 0.02").await;
    page.fill("#f-interval", SECOND).await;
    fine(&stage, "poll.interval.ms").await;
    page.fill("#f-interval", "-1").await;
    wrong(&stage, "poll.interval.ms", "from 0.02").await;
    page.fill("#f-interval", SECOND).await;
    fine(&stage, "poll.interval.ms").await;
    for stream in 1..=3 {
        page.click(&format!("label:nth-of-type({stream}) > [name=streams]"))
            .await;
    }
    wrong(&stage, "streams", "choose one").await;
    page.click("label:nth-of-type(3) > [name=streams]").await;
    fine(&stage, "streams").await;
    page.fill("#f-host", "not a host").await;
    wrong(&stage, "onepassword.url", "host").await;
    page.fill("#f-host", "").await;
    fine(&stage, "onepassword.url").await;

    page.click("[data-test]").await;
    page.wait_until(
        "document.querySelector('[data-tested]').textContent.includes('onepassword.token')",
        "a token is asked for",
    )
    .await;
    page.fill("#f-token", "ops_eyJ").await;
    page.click("[data-test]").await;
    page.wait_until(
        "document.querySelector('[data-tested]').textContent.includes('service account')",
        "it is another kind of token",
    )
    .await;
    page.fill("#f-token", revoked.as_str()).await;
    page.click("[data-test]").await;
    page.wait_for("[data-tested] .wrong").await;
    let told = page.text("[data-tested]").await;
    assert!(
        told.contains("401") && told.contains("issue a new token"),
        "{told}"
    );

    let typed = "JSON.stringify([...new FormData(document.querySelector('[data-form]'))])";
    let before = page.script(typed).await;
    stage.save().await;
    wrong(&stage, "", "already exists").await;
    assert_eq!(page.script(typed).await, before);
    assert!(before.as_str().unwrap().contains("auditevents"), "{before}");

    page.fill("#f-name", "").await;
    stage.save().await;
    wrong(&stage, "name", "It is needed").await;
    assert_eq!(
        page.script("document.activeElement.name").await,
        Value::from("name")
    );
    let (status, all) = get(&stage.worker, "/connectors").await;
    assert_eq!((status, all), (StatusCode::OK, json!(["Acme"])));
    stage.end().await;
}
