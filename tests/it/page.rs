//! The page as people use it: a real browser before a real worker.

mod cast;
mod form;
mod hostile;
mod keyboard;
mod life;
mod live;
mod search;
mod sign_in;
mod views;

use onepassword_kafka_dev::{
    browser::{Browser, Look, Page},
    simulator::Token,
    worker::Worker,
};
use serde_json::json;

use crate::{
    rest::healthy,
    scene::{Scene, Script},
};

/// Tokens may be pasted, or be in files.
const SECRETS: &str =
    "secrets.dirs: [/]\nsecrets.sealing.key: b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZCE=\n";

/// What is typed for a second between polls.
const SECOND: &str = "0.02";

/// Lets the tab be hidden for a moment: all that is live in it is told anew.
const RENEW: &str = "new Promise((renewed) => {
    document.addEventListener('live', () => renewed(true), { once: true });
    for (const hidden of [true, false]) {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }
})";

/// A worker without connectors of its file, and a page of it.
struct Stage {
    scene: Scene,
    worker: Worker,
    page: Page,
    /// Ends the page when it is dropped.
    _browser: Browser,
    root: String,
}

// === impl Stage ===

impl Stage {
    async fn begin() -> Self {
        let scene = Scene::play(Script {
            worker: SECRETS.to_owned(),
            ..Script::default()
        })
        .await;
        without_connectors(&scene);
        let worker = scene.worker();
        healthy(&worker).await;
        let browser = Browser::start().await.unwrap();
        Self {
            root: root(&worker).await,
            page: browser.page(Look::Light, 1280, 900).await,
            _browser: browser,
            scene,
            worker,
        }
    }

    async fn open(&self, path: &str) {
        self.page.open(&format!("{}{path}", self.root)).await;
    }

    /// Fills in the form and saves it.
    async fn add(&self, name: &str, token: &Token) {
        self.open("/ui/add").await;
        self.page.fill("#f-name", name).await;
        self.page.fill("#f-token", token.as_str()).await;
        self.page.fill("#f-interval", SECOND).await;
        self.save().await;
        self.page.wait_for("[data-part=head]").await;
    }

    async fn save(&self) {
        self.page.click("form .primary").await;
    }

    /// Waits for a tile's light.
    async fn shines(&self, name: &str, light: &str) {
        self.page.wait_for(&tile(name, light)).await;
    }

    /// Ends all of it. The browser has complained of nothing but refusals.
    async fn end(self) {
        let mut complaints = self.page.complaints().await;
        complaints.retain(|text| !text.contains("the server responded with a status of"));
        assert_eq!(complaints, Vec::<String>::new());
        self.scene.end(self.worker).await;
        self.scene.close().await;
    }
}

/// Takes the connectors out of the worker's file.
fn without_connectors(scene: &Scene) {
    let text = std::fs::read_to_string(scene.program.config()).unwrap();
    let (text, _) = text.split_once("connectors:\n").unwrap();
    scene.program.configure(text).unwrap();
}

/// Where a worker's page is.
async fn root(worker: &Worker) -> String {
    format!("http://{}", worker.rest().await.unwrap())
}

/// A tile with a light.
fn tile(name: &str, light: &str) -> String {
    format!(".tile[data-name={}][data-light={light}]", json!(name))
}
