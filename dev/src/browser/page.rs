//! A page, in the words of its user. Whatever does not happen in time fails the test, with what the page shows instead.

use std::{
    fmt::Display,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use openssl::base64;
use serde_json::{Value, json};
use tokio::{task, time::sleep};

use super::{
    Look,
    axe::{self, Violation},
    key,
    records::{self, Request},
    webdriver::{Answer, Session},
};

/// A page in a browser of its own. Selectors are CSS, and mean the first element that fits.
///
/// Every method panics when what it is asked to do does not happen.
#[derive(Debug)]
pub struct Page {
    session: Session,
}

/// Longer than anything takes that does not fail.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a state that nobody announces is looked at.
const LOOK: Duration = Duration::from_millis(20);

// === impl Page ===

impl Page {
    pub(super) async fn prepare(session: Session, look: Look, width: u32, height: u32) -> Self {
        let page = Self { session };
        page.appear(look, width, height).await;
        // A new tab is a page too, of Chromium's own.
        page.open("about:blank").await;
        page.complaints().await;
        page.requests().await;
        page
    }

    /// From now on the page has these colours, and this size in CSS pixels.
    pub async fn appear(&self, look: Look, width: u32, height: u32) {
        let scheme = match look {
            Look::Light => "light",
            Look::Dark => "dark",
        };
        self.emulate(
            "Emulation.setEmulatedMedia",
            json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        )
        .await;
        // Windows have a least width; the area that a page is drawn on has none.
        self.emulate(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        )
        .await;
    }

    async fn emulate(&self, command: &str, parameters: Value) {
        sure(command, self.session.chromium(command, parameters).await);
    }

    /// Goes to a URL and waits until it is loaded.
    pub async fn open(&self, url: &str) {
        let opened = self.session.post("url", json!({ "url": url })).await;
        sure(&format!("{url} is opened"), opened);
    }

    /// Waits until there is such an element.
    pub async fn wait_for(&self, css: &str) {
        self.until(&format!("there is {css}"), || self.session.element(css))
            .await;
    }

    /// Waits until a JavaScript expression is true. `what` says in words what is waited for.
    pub async fn wait_until(&self, expression: &str, what: &str) {
        let is_true = || async {
            let value = self.value(&format!("Boolean({expression})")).await?;
            is(value == true, "it is not so")
        };
        self.until(what, is_true).await;
    }

    /// Clicks on an element, once it can be clicked.
    pub async fn click(&self, css: &str) {
        let click = || async {
            let element = self.session.element(css).await?;
            let is_enabled = self.session.get(&format!("{element}/enabled")).await?;
            is(is_enabled == true, "it is disabled")?;
            self.session
                .post(&format!("{element}/click"), json!({}))
                .await
        };
        self.until(&format!("{css} is clicked"), click).await;
    }

    /// Types `text` into a field, instead of what is there.
    pub async fn fill(&self, css: &str, text: &str) {
        let keys = format!("{}{text}", key::INSTEAD);
        let fill = || async {
            let field = self.session.element(css).await?;
            self.send(&field, &keys).await
        };
        self.until(&format!("{css} is filled"), fill).await;
    }

    /// Presses keys where the focus is: those of [`key`](super::key), or letters.
    pub async fn press(&self, keys: &str) {
        let element = sure("something has the focus", self.session.active().await);
        sure("keys are pressed", self.send(&element, keys).await);
    }

    /// The text of an element as it is shown.
    pub async fn text(&self, css: &str) -> String {
        let text = || async {
            let element = self.session.element(css).await?;
            self.session.get(&format!("{element}/text")).await
        };
        let text = self.until(&format!("{css} has a text"), text).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// How many such elements there are now.
    pub async fn count(&self, css: &str) -> usize {
        sure(css, self.session.count(css).await)
    }

    /// The value of a JavaScript expression; what is promised is waited for.
    pub async fn script(&self, expression: &str) -> Value {
        sure(expression, self.value(expression).await)
    }

    /// Writes what is seen of the page as a PNG.
    pub async fn screenshot(&self, path: &Path) {
        let picture = sure("a screenshot", self.session.get("screenshot").await);
        let picture = base64::decode_block(picture.as_str().unwrap_or_default());
        let written = fs::write(path, sure("a screenshot", picture));
        sure("a screenshot is written", written);
    }

    /// What axe-core finds wrong with the page as it is now, each as a line of words.
    pub async fn axe(&self) -> Vec<String> {
        if self.script("typeof axe").await == "undefined" {
            let script = task::spawn_blocking(axe::script).await;
            let script = sure(
                "axe-core is there",
                script.expect("fetching does not panic"),
            );
            sure("axe-core is loaded", self.session.run(&script).await);
        }
        let found = self.script(axe::RUN).await;
        let found: Vec<Violation> = sure("axe-core's result", serde_json::from_value(found));
        found.iter().map(Violation::words).collect()
    }

    /// Errors on the console, violations of the page's policy, and failed requests, since this was last asked.
    pub async fn complaints(&self) -> Vec<String> {
        records::complaints(&sure("the log", self.session.log("browser").await))
    }

    /// What was loaded since this was last asked.
    pub async fn requests(&self) -> Vec<Request> {
        Request::all(&sure("the log", self.session.log("performance").await))
    }

    async fn send(&self, element: &str, keys: &str) -> Answer<Value> {
        let parameters = json!({ "text": keys });
        self.session
            .post(&format!("{element}/value"), parameters)
            .await
    }

    async fn value(&self, expression: &str) -> Answer<Value> {
        self.session.run(&format!("return ({expression});")).await
    }

    /// Tries until it works.
    async fn until<T, F>(&self, what: &str, attempt: impl Fn() -> F + Send + Sync) -> T
    where
        F: Future<Output = Answer<T>> + Send,
        T: Send,
    {
        let since = Instant::now();
        loop {
            match attempt().await {
                Ok(value) => return value,
                Err(_) if since.elapsed() < PATIENCE => sleep(LOOK).await,
                Err(error) => {
                    let shown = self.shown().await;
                    panic!("not in {PATIENCE:?}: {what}: {error}\n{shown}")
                }
            }
        }
    }

    /// Where the page is, and all of its text.
    async fn shown(&self) -> String {
        let shown = self
            .value("location.href + '\\n' + document.body.innerText")
            .await;
        shown.map_or_else(
            |error| error.to_string(),
            |text| text.as_str().unwrap_or_default().to_owned(),
        )
    }
}

fn is(so: bool, otherwise: &'static str) -> Answer<()> {
    if so { Ok(()) } else { Err(otherwise.into()) }
}

/// What must work at once.
fn sure<T>(what: &str, result: Result<T, impl Display>) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}"))
}
