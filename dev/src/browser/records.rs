//! What a browser has recorded of a page: what it has loaded, and what it has complained of.

use serde_json::Value;

/// Something that a page has asked for over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What was asked for.
    pub url: String,
    /// What has come back, in bytes as they were transferred, headers included; nothing until it has ended.
    pub bytes: u64,
}

/// An event of the network domain of Chromium's protocol.
struct Event(Value);

// === impl Request ===

impl Request {
    /// The requests that a performance log tells of, in their order.
    pub(super) fn all(log: &[Value]) -> Vec<Self> {
        let mut all: Vec<(String, Self)> = Vec::new();
        for event in log.iter().filter_map(Event::parse) {
            // An id is used again after a redirection.
            let known = all.iter_mut().rev().find(|(id, _)| id == event.id());
            if let (Some((_, request)), Some(bytes)) = (known, event.bytes()) {
                request.bytes = bytes;
            }
            if let Some(url) = event.asks() {
                all.push((event.id().to_owned(), Self { url, bytes: 0 }));
            }
        }
        all.into_iter().map(|(_, request)| request).collect()
    }
}

// === impl Event ===

impl Event {
    fn parse(entry: &Value) -> Option<Self> {
        let mut entry: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
        Some(Self(entry["message"].take()))
    }

    fn id(&self) -> &str {
        self.0["params"]["requestId"].as_str().unwrap_or_default()
    }

    /// What is asked for. What a URL holds itself, as `data:` does, needs no network.
    fn asks(&self) -> Option<String> {
        let url = self.0["params"]["request"]["url"].as_str()?;
        let is_request = self.0["method"] == "Network.requestWillBeSent";
        (is_request && url.starts_with("http")).then(|| url.to_owned())
    }

    /// How much has come, at the end of a request or where it is redirected.
    fn bytes(&self) -> Option<u64> {
        let params = &self.0["params"];
        let ended = match self.0["method"].as_str()? {
            "Network.loadingFinished" => params,
            "Network.requestWillBeSent" => &params["redirectResponse"],
            _ => return None,
        };
        ended["encodedDataLength"].as_u64()
    }
}

/// The errors of a browser's log: exceptions, `console.error`, violations of the page's policy, failed requests.
pub(super) fn complaints(log: &[Value]) -> Vec<String> {
    let text = |entry: &Value, name| entry[name].as_str().unwrap_or_default().to_owned();
    log.iter()
        .map(|entry| format!("{}: {}", text(entry, "source"), text(entry, "message")))
        .collect()
}
