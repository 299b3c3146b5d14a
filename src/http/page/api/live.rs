//! `GET /ui/api/live`: what changes in a view, as server-sent events.
//!
//! Each event's data is `{"whole":false,"parts":{"<part>":"<html>", …},"gone":["<part>", …]}`: the parts of the view that are
//! not what they were, and those that are no more. The first event is `whole`: it has all parts that there are, so that a
//! browser that comes back misses nothing.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{
        HeaderName,
        header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::super::view::{Parts, Scene};
use crate::{
    connector::Control,
    http::{
        answer::Failure,
        gzip::{self, GZIP, Gzip},
        query,
        rest::Call,
        stream,
    },
};

/// A view that somebody looks at.
struct Watched {
    control: Control,
    scene: Scene,
    /// What of it the browser has, as hashes.
    shown: BTreeMap<String, u64>,
    gzip: Option<Gzip>,
}

/// What is not as it was.
#[derive(Debug, Default, Serialize)]
struct Change {
    whole: bool,
    parts: Parts,
    gone: Vec<String>,
}

/// How often it is looked for changes.
const LOOK: Duration = Duration::from_secs(1);
/// A proxy may take a silent connection for a dead one.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) fn answer(call: &Call<'_>) -> Result<Response, Failure> {
    let integration = query::values(&call.head.uri, "integration");
    let scene = Scene::new(call, integration.into_iter().next())?;
    let is_taken = gzip::is_taken(&call.head.headers);
    let watched = Watched {
        control: call.control.clone(),
        scene,
        shown: BTreeMap::new(),
        gzip: is_taken.then(Gzip::new),
    };
    let (out, body) = stream::body();
    tokio::spawn(watched.run(out, call.ending.clone()));
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store, no-transform"),
        // A proxy that waits for more would show what was.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let mut answer = (headers, body).into_response();
    if is_taken {
        answer.headers_mut().insert(CONTENT_ENCODING, GZIP);
    }
    Ok(answer)
}

// === impl Watched ===

impl Watched {
    /// Tells of changes until nobody looks any more.
    async fn run(mut self, out: mpsc::Sender<Bytes>, ending: CancellationToken) {
        let mut told = Instant::now();
        let mut whole = true;
        loop {
            self.control.watch().await;
            let change = Change {
                whole,
                ..self.change()
            };
            let event = if whole || !change.is_empty() {
                let change = serde_json::to_string(&change).expect("it is plain data");
                format!("data: {change}\n\n")
            } else if told.elapsed() >= SILENCE {
                ":\n\n".to_owned()
            } else {
                String::new()
            };
            whole = false;
            if !event.is_empty() {
                told = Instant::now();
                let event = match &mut self.gzip {
                    Some(gzip) => gzip.add(&event),
                    None => event.into(),
                };
                if out.send(event).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = out.closed() => return,
                () = ending.cancelled() => return,
            }
        }
    }

    fn change(&mut self) -> Change {
        let mut change = Change::default();
        let mut shown = BTreeMap::new();
        for (name, html) in &*self.scene.parts(&self.control) {
            let hash = hash(html);
            if self.shown.remove(name) != Some(hash) {
                change.parts.insert(name.clone(), html.clone());
            }
            shown.insert(name.clone(), hash);
        }
        change.gone = std::mem::replace(&mut self.shown, shown)
            .into_keys()
            .collect();
        change
    }
}

// === impl Change ===

impl Change {
    fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.gone.is_empty()
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
