//! An Events API that answers at once: ready-made pages, whose cursor is the page's number.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use onepassword_kafka::event::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::sleep};

use crate::events::ACCOUNT;

/// What is served.
#[derive(Debug)]
pub(crate) struct Script {
    /// Lists of events, which are served in turn.
    pub(crate) pages: BTreeMap<Stream, Vec<Bytes>>,
    /// How many there are in each stream; the ones after are empty.
    pub(crate) count: usize,
    /// How long an answer waits.
    pub(crate) pause: Duration,
}

/// How far the reader has come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reached {
    /// When the first page was asked for.
    pub(crate) first: Option<Instant>,
    /// Streams that were read to their ends.
    pub(crate) ends: usize,
}

/// The running service.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    reached: watch::Receiver<Reached>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Service {
    script: Script,
    reached: watch::Sender<Reached>,
}

#[derive(Deserialize)]
struct Query {
    cursor: Option<String>,
}

// === impl Api ===

impl Api {
    pub(crate) async fn serve(script: Script) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (sender, reached) = watch::channel(Reached::default());
        let service = Arc::new(Service {
            script,
            reached: sender,
        });
        let router = Router::new()
            .route("/api/v2/auth/introspect", get(introspect))
            .route("/api/v2/{stream}", post(page))
            .with_state(service);
        let server = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("a listener goes on listening");
        });
        Ok(Self {
            address,
            reached,
            server,
        })
    }

    /// Waits until the reader has come so far.
    pub(crate) async fn reached(&self, so_far: impl FnMut(&Reached) -> bool) -> Reached {
        let mut reached = self.reached.clone();
        let reached = reached.wait_for(so_far).await;
        *reached.expect("the service lives as long as self")
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

// === impl Service ===

impl Service {
    fn page(&self, stream: Stream, number: usize) -> Option<Body> {
        let pages = self.script.pages.get(&stream)?;
        let (items, next) = if number < self.script.count {
            (&pages[number % pages.len()][..], number + 1)
        } else {
            (&b"[]"[..], number)
        };
        let has_more = next < self.script.count;
        let mut body =
            format!(r#"{{"cursor":"{next}","has_more":{has_more},"items":"#).into_bytes();
        body.reserve(items.len() + 1);
        body.extend_from_slice(items);
        body.push(b'}');
        Some(body.into())
    }

    fn note(&self, number: usize) {
        let is_last = number + 1 == self.script.count;
        self.reached.send_if_modified(|reached| {
            let is_first = reached.first.is_none();
            reached.first.get_or_insert_with(Instant::now);
            reached.ends += usize::from(is_last);
            is_first || is_last
        });
    }
}

async fn introspect(State(service): State<Arc<Service>>) -> String {
    let features: Vec<_> = service
        .script
        .pages
        .keys()
        .map(|stream| stream.name())
        .collect();
    let account = json!({ "uuid": "BENCH", "features": features, "account_uuid": ACCOUNT });
    account.to_string()
}

async fn page(
    State(service): State<Arc<Service>>,
    Path(stream): Path<String>,
    query: Bytes,
) -> Result<Body, StatusCode> {
    let query: Query = serde_json::from_slice(&query).map_err(|_| StatusCode::BAD_REQUEST)?;
    let stream = stream.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let number = query.cursor.map_or(Ok(0), |cursor| cursor.parse());
    let number = number.map_err(|_| StatusCode::BAD_REQUEST)?;
    service.note(number);
    sleep(service.script.pause).await;
    service.page(stream, number).ok_or(StatusCode::NOT_FOUND)
}
