//! `/ui/`: a tile for each integration.

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

#[derive(Template)]
#[template(path = "overview.html")]
struct View {
    frame: Frame,
    totals: String,
    tiles: Vec<String>,
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
    let mut parts = parts(call.control);
    let totals = parts.remove(TOTALS).unwrap_or_default();
    html(&View {
        frame: Frame::new(&call, Area::Integrations),
        totals,
        tiles: parts.into_values().collect(),
    })
}

/// The totals, and a tile for each integration.
pub(super) fn parts(control: &Control) -> Parts {
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
