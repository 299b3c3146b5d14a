//! What a page shows by itself: through a restart of its worker, and of what other workers run.

use onepassword_kafka_dev::browser::{Browser, Look};
use reqwest::Method;
use serde_json::json;

use super::{Stage, root, tile};
use crate::{
    rest::{ask, healthy},
    scene::Scene,
};

#[tokio::test]
async fn a_page_lives_on_when_its_worker_comes_back() {
    let mut stage = Stage::begin().await;
    stage.add("Acme", &stage.scene.token.clone()).await;
    stage.open("/ui/").await;
    stage.shines("Acme", "green").await;
    stage.page.script("window.same = true").await;
    let address = stage.worker.rest().await.unwrap();
    let text = std::fs::read_to_string(stage.scene.program.config()).unwrap();
    let text = text.replace(
        "rest.listen: 127.0.0.1:0",
        &format!("rest.listen: {address}"),
    );
    stage.scene.program.configure(&text).unwrap();
    let next = stage.scene.program.clone();
    stage.worker.terminate();
    stage.worker.ended().await.unwrap();
    stage.scene.keep(&stage.worker);
    stage.worker = next.start().unwrap();
    healthy(&stage.worker).await;
    stage.scene.publish(4);
    stage.page.wait_for(".tile.green[data-events='12']").await;
    assert_eq!(stage.page.script("window.same").await, true);
    // The worker was away: the browser has said so.
    stage.page.complaints().await;
    stage.end().await;
}

#[tokio::test]
async fn each_worker_shows_what_another_one_runs() {
    let scene = Scene::start().await;
    let workers = [scene.worker(), scene.worker()];
    let browser = Browser::start().await.unwrap();
    scene.publish(5);
    for worker in &workers {
        healthy(worker).await;
        let page = browser.page(Look::Light, 1280, 900).await;
        page.open(&format!("{}/ui/", root(worker).await)).await;
        page.wait_for(&tile("acme", "green")).await;
        page.wait_for(".tile[data-events='15']").await;
        assert_eq!(page.complaints().await, Vec::<String>::new());
    }
    let [one, two] = workers;
    let page = browser.page(Look::Light, 1280, 900).await;
    page.open(&format!("{}/ui/integrations/acme", root(&two).await))
        .await;
    let path = "/connectors/acme/pause";
    let (status, _) = ask(&one, Method::PUT, path, Some(&json!({}))).await;
    assert_eq!(status, 202);
    page.wait_for("[data-part=head].grey").await;
    scene.end(one).await;
    scene.end(two).await;
    scene.finish().await;
}
