//! As much of `WebDriver` as is needed (W3C, <https://www.w3.org/TR/webdriver2/>), with what `ChromeDriver` adds to it.

use std::{error::Error, time::Duration};

use reqwest::{Client, Response};
use serde_json::{Value, json};

/// A browser that is driven. It ends with `ChromeDriver`.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    url: String,
}

/// What a browser answers. The error is for people.
pub(super) type Answer<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Longer than `ChromeDriver`'s own time-outs.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The member that holds an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

// === impl Session ===

impl Session {
    /// Starts a browser with these capabilities by the `ChromeDriver` that listens on `port`.
    pub(super) async fn start(port: u16, capabilities: &Value) -> Answer<Self> {
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        let url = format!("http://127.0.0.1:{port}/session");
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let session = value(client.post(&url).json(&wanted).send().await?).await?;
        let id = session["sessionId"].as_str().ok_or("there is no session")?;
        Ok(Self {
            client,
            url: format!("{url}/{id}"),
        })
    }

    pub(super) async fn get(&self, path: &str) -> Answer<Value> {
        let request = self.client.get(format!("{}/{path}", self.url));
        value(request.send().await?).await
    }

    pub(super) async fn post(&self, path: &str, parameters: Value) -> Answer<Value> {
        let request = self.client.post(format!("{}/{path}", self.url));
        value(request.json(&parameters).send().await?).await
    }

    /// The path of the first element that fits.
    pub(super) async fn element(&self, css: &str) -> Answer<String> {
        path(&self.post("element", by(css)).await?)
    }

    /// How many elements fit.
    pub(super) async fn count(&self, css: &str) -> Answer<usize> {
        let elements = self.post("elements", by(css)).await?;
        Ok(elements.as_array().map_or(0, Vec::len))
    }

    /// The path of the element that has the focus.
    pub(super) async fn active(&self) -> Answer<String> {
        path(&self.get("element/active").await?)
    }

    /// Runs a function's body, and waits for what it promises.
    pub(super) async fn run(&self, script: &str) -> Answer<Value> {
        let parameters = json!({ "script": script, "args": [] });
        self.post("execute/sync", parameters).await
    }

    /// A command of Chromium's own protocol.
    pub(super) async fn chromium(&self, command: &str, parameters: Value) -> Answer<Value> {
        let parameters = json!({ "cmd": command, "params": parameters });
        self.post("goog/cdp/execute", parameters).await
    }

    /// The entries of a log since it was last asked for.
    pub(super) async fn log(&self, kind: &str) -> Answer<Vec<Value>> {
        let log = self.post("se/log", json!({ "type": kind })).await?;
        Ok(serde_json::from_value(log)?)
    }
}

/// The value of an answer.
async fn value(answer: Response) -> Answer<Value> {
    let is_error = !answer.status().is_success();
    let mut body: Value = answer.json().await?;
    let value = body["value"].take();
    if is_error {
        let message = value["message"].as_str().unwrap_or_default();
        // What follows is about the browser's version.
        return Err(message.lines().next().unwrap_or_default().into());
    }
    Ok(value)
}

fn by(css: &str) -> Value {
    json!({ "using": "css selector", "value": css })
}

fn path(element: &Value) -> Answer<String> {
    let id = element[ELEMENT].as_str().ok_or("it is no element")?;
    Ok(format!("element/{id}"))
}
