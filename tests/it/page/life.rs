//! An integration from its first poll to its end, as its page shows it.

use onepassword_kafka_dev::simulator::{Stream, Token, TokenSpec};
use serde_json::json;

use super::Stage;
use crate::{
    rest::{answers, get},
    scene::logged,
};

/// Polls of a stream that were refused.
fn refused(stage: &Stage) -> u64 {
    let requests = stage.scene.simulator.requests();
    let path = |stream: Stream| format!("/api/v2/{stream}");
    let counts = Stream::ALL.map(|stream| requests.count(&path(stream), 401));
    counts.into_iter().max().unwrap_or_default()
}

async fn replace_token(stage: &Stage, name: &str, token: &Token) {
    stage.open(&format!("/ui/integrations/{name}")).await;
    stage.page.click(".head a.button").await;
    stage.page.fill("#f-token", token.as_str()).await;
    stage.save().await;
    stage.page.wait_for("[data-part=head]").await;
}

#[tokio::test]
async fn a_revoked_token_is_red_within_two_polls_and_a_new_one_green() {
    let stage = Stage::begin().await;
    let first = stage.scene.token.clone();
    stage.add("Acme", &first).await;
    stage.open("/ui/").await;
    stage.shines("Acme", "green").await;
    stage.scene.simulator.revoke(&first);
    stage.shines("Acme", "red").await;
    let polls = refused(&stage);
    assert!((1..=2).contains(&polls), "{polls} polls");
    let why = stage.page.text(".tile .why").await;
    assert!(
        why.contains("401") && why.contains("issue a new token"),
        "{why}"
    );
    let second = stage.scene.simulator.issue(TokenSpec::default());
    replace_token(&stage, "Acme", &second).await;
    stage.page.wait_for("[data-part=head].green").await;
    stage.scene.publish(5);
    stage.scene.all_delivered().await;
    for token in [first, second] {
        stage.scene.hides(token.as_str()).await;
    }
    stage.end().await;
}

#[tokio::test]
async fn it_is_paused_resumed_stopped_restarted_and_deleted() {
    let stage = Stage::begin().await;
    let page = &stage.page;
    stage.add("Acme", &stage.scene.token.clone()).await;
    page.wait_for("[data-part=head].green").await;
    for (button, light, word) in [
        ("pause", "grey", "Paused"),
        ("resume", "green", "Up to date"),
        ("stop", "grey", "Stopped"),
        ("resume", "green", "Up to date"),
    ] {
        page.click(&format!("[data-path$='/{button}']")).await;
        page.wait_for(&format!("[data-part=head].{light}")).await;
        assert_eq!(page.text("[data-part=head] .state").await, word);
    }
    page.click("[data-path*='/restart']").await;
    logged(&stage.worker, "/connectors/Acme/restart").await;
    page.wait_for("[data-part=head].green").await;

    page.click("[data-open=delete]").await;
    page.wait_for("#delete[open] [data-go]:disabled").await;
    page.fill("#delete-name", "acme").await;
    page.wait_for("#delete[open] [data-go]:disabled").await;
    page.fill("#delete-name", "Acme").await;
    page.click("#delete [data-go]").await;
    page.wait_until("location.pathname === '/ui/'", "the overview is shown")
        .await;
    page.wait_until(
        "!document.querySelector('.tile, .empty[hidden]')",
        "it is empty",
    )
    .await;
    assert_eq!(get(&stage.worker, "/connectors").await.1, json!([]));
    answers(&stage.worker, "/connectors/Acme/status", |status, _| {
        status == 404
    })
    .await;
    stage.end().await;
}
