//! The view that searches events: what is there, what comes, and what a rewind adds.

use onepassword_kafka_dev::simulator::Stream;

use super::Stage;
use crate::scene::ACCOUNT;

const ROWS: &str = "[data-rows] > tr:not(.details)";

/// How many rows there are, once there are no fewer.
async fn rows(stage: &Stage, count: usize) {
    let expression = format!("document.querySelectorAll({ROWS:?}).length >= {count}");
    stage
        .page
        .wait_until(&expression, "the rows are there")
        .await;
    assert_eq!(stage.page.count(ROWS).await, count);
}

/// Waits until a search has ended.
async fn ended(stage: &Stage) {
    stage.page.wait_for("[data-stop][hidden]").await;
}

#[tokio::test]
async fn events_are_found_and_shown_in_full_and_new_ones_as_they_come() {
    let stage = Stage::begin().await;
    stage.add("Acme", &stage.scene.token.clone()).await;
    stage.scene.publish(5);
    stage.scene.delivered(15).await;
    let audits = stage
        .scene
        .simulator
        .published(ACCOUNT, Stream::AuditEvents);
    let uuid = audits[2]["uuid"].as_str().unwrap();

    stage.open("/ui/search").await;
    stage.page.click("[data-search] .primary").await;
    ended(&stage).await;
    rows(&stage, 15).await;
    stage.page.fill("#s-q", &format!("uuid:={uuid}")).await;
    stage.page.click("[data-search] .primary").await;
    ended(&stage).await;
    rows(&stage, 1).await;
    stage.page.click("[data-toggle]").await;
    stage
        .page
        .wait_for("[data-toggle][aria-expanded=true]")
        .await;
    let value = stage.page.text(".details [data-value]").await;
    assert!(value.contains(uuid), "{value}");
    let topic = stage.page.text(".details [data-topic]").await;
    assert_eq!(topic, stage.scene.topic("auditevents"));
    let exported = stage
        .page
        .script(
            "fetch(document.querySelector('[data-export=csv]').href).then((file) => file.text())",
        )
        .await;
    let exported = exported.as_str().unwrap();
    assert!(
        exported.lines().count() == 2 && exported.contains(uuid),
        "{exported}"
    );

    stage.page.fill("#s-q", "no:thing-like-this").await;
    stage
        .page
        .press(onepassword_kafka_dev::browser::key::ENTER)
        .await;
    ended(&stage).await;
    let said = stage.page.text("[data-said]").await;
    assert_eq!(said, "Nothing was found.");
    stage.page.fill("#s-q", "\"open").await;
    stage.page.click("[data-search] .primary").await;
    stage.page.wait_for("#w-search:not([hidden])").await;

    // The form as it is when one comes.
    stage.open("/ui/search").await;
    stage.page.click("[data-tail]").await;
    let live = "document.querySelector('[data-count]').textContent.startsWith('0 since')";
    stage.page.wait_until(live, "the tail has begun").await;
    stage.scene.publish(1);
    rows(&stage, 3).await;
    stage.page.click("[data-stop]").await;
    ended(&stage).await;
    stage.end().await;
}

#[tokio::test]
async fn a_rewind_says_what_it_will_cause_and_does_it() {
    let stage = Stage::begin().await;
    stage.add("Acme", &stage.scene.token.clone()).await;
    stage.scene.publish(4);
    stage.scene.delivered(12).await;
    stage.open("/ui/integrations/Acme").await;
    stage.page.click("[data-open=rewind]").await;
    stage.page.wait_for("#rewind [data-go][disabled]").await;
    stage.page.click("#rewind [value=latest]").await;
    stage
        .page
        .wait_for("#rewind [data-go]:not([disabled])")
        .await;
    stage.page.click("#rewind [value=earliest]").await;
    let cost = "document.querySelector('[data-cost]').textContent.startsWith('12 events will be published again')";
    stage.page.wait_until(cost, "its cost is told").await;
    stage.page.click("#rewind [data-go]").await;
    stage.scene.delivered(24).await;
    stage.page.wait_for("#rewind:not([open])").await;
    stage.open("/ui/").await;
    stage.shines("Acme", "green").await;
    stage.end().await;
}
