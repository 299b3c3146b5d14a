//! The simulator over the wire, as a client sees it.

mod faults;
mod service;
mod traffic;

use reqwest::{Certificate, Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{Fault, Options, Rule, Simulator, Stream, Token, TokenSpec};

const ACCOUNT: &str = TokenSpec::ACCOUNT;
const STREAM: Stream = Stream::AuditEvents;

/// A simulator, a client that trusts it, and a token for everything in the default account.
struct Bench {
    simulator: Simulator,
    client: Client,
    token: Token,
}

// === impl Bench ===

impl Bench {
    async fn start() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        let pem = std::fs::read(simulator.ca_file()).unwrap();
        let client = Client::builder()
            .tls_certs_only([Certificate::from_pem(&pem).unwrap()])
            .no_proxy()
            .build()
            .unwrap();
        let token = simulator.issue(TokenSpec::default());
        Self {
            simulator,
            client,
            token,
        }
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.simulator.url()))
            .bearer_auth(self.token.as_str())
            .json(body)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client
            .get(format!("{}{path}", self.simulator.url()))
            .bearer_auth(self.token.as_str())
    }

    /// One page of [`STREAM`] by v2, which must be served.
    async fn page(&self, body: &Value) -> Value {
        let answer = self.post("/api/v2/auditevents", body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    /// Everything of [`STREAM`] that follows, page by page, and the last cursor.
    async fn drain(&self, mut body: Value) -> (Vec<Value>, Value) {
        let mut items = Vec::new();
        loop {
            let page = self.page(&body).await;
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            body = json!({"cursor": page["cursor"]});
            if page["has_more"] == false {
                return (items, body);
            }
        }
    }

    /// Queues a fault for the next request of [`STREAM`].
    fn next(&self, fault: Fault) {
        self.simulator.queue(Rule::once(STREAM, fault));
    }
}
