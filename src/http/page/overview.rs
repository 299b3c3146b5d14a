//! `/ui/`: a tile for each integration.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use askama::Template;
use axum::response::Response;

use super::{
    look::{self, Look},
    view::{Area, Frame, Parts, html, render},
};
use crate::{
    connector::{Control, Light, Overview, StreamOverview},
    http::rest::Call,
};

/// All parts as they were a moment ago, drawn once for all who look.
#[derive(Debug, Default)]
pub(in crate::http) struct Drawn(Mutex<Option<(Instant, Arc<Parts>)>>);

#[derive(Template)]
#[template(path = "overview.html")]
struct View<'a> {
    frame: Frame,
    totals: &'a str,
    tiles: Vec<&'a str>,
}

/// All integrations together.
#[derive(Template)]
#[template(path = "totals.html")]
struct Totals {
    /// Each light with its word, and how many have it.
    lights: [(Light, &'static str, usize); 4],
    events_in_the_last_hour: u64,
}

/// One integration.
#[derive(Template)]
#[template(path = "tile.html")]
struct Tile<'a> {
    part: String,
    one: &'a Overview,
}

pub(super) async fn view(call: Call<'_>) -> Response {
    call.control.watch().await;
    let parts = call.drawn.parts(call.control);
    let tiles = parts.iter().filter(|(name, _)| *name != TOTALS);
    html(&View {
        frame: Frame::new(&call, Area::Integrations),
        totals: &parts[TOTALS],
        tiles: tiles.map(|(_, tile)| &**tile).collect(),
    })
}

/// The totals, and a tile for each integration.
fn parts(control: &Control) -> Parts {
    let all = control.overviews();
    let tiles = all.iter().map(|one| {
        let part = format!("tile:{}", one.name);
        let html = render(&Tile {
            part: part.clone(),
            one,
        });
        (part, html)
    });
    let totals = (TOTALS.to_owned(), render(&Totals::of(&all)));
    tiles.chain([totals]).collect()
}

const TOTALS: &str = "totals";
/// How long what was drawn is good for.
const MOMENT: Duration = Duration::from_millis(900);

// === impl Drawn ===

impl Drawn {
    pub(super) fn parts(&self, control: &Control) -> Arc<Parts> {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*drawn {
            Some((at, parts)) if at.elapsed() < MOMENT => Arc::clone(parts),
            _ => {
                let parts = Arc::new(parts(control));
                *drawn = Some((Instant::now(), Arc::clone(&parts)));
                parts
            }
        }
    }
}

// === impl Totals ===

impl Totals {
    fn of(all: &[Overview]) -> Self {
        let lights = [
            (Light::Red, "failed"),
            (Light::Amber, "need a look"),
            (Light::Green, "up to date"),
            (Light::Grey, "resting"),
        ];
        let count = |light| all.iter().filter(|one| one.verdict.light == light).count();
        let streams = all.iter().flat_map(|one| &one.streams);
        Self {
            lights: lights.map(|(light, word)| (light, word, count(light))),
            events_in_the_last_hour: streams.map(StreamOverview::last_hour).sum(),
        }
    }
}
