//! What 1Password and the way to it can do to a worker, and what an operator then reads.

mod choices;
mod faults;
mod refusals;

use onepassword_kafka_dev::{
    simulator::{Stream, TokenSpec},
    worker::{Metrics, Worker},
};

use crate::scene::{Scene, metrics};

/// Gives the connector another token.
fn give(scene: &mut Scene, spec: TokenSpec) {
    scene.token = scene.simulator.issue(spec);
    scene.program.write("token", scene.token.as_str()).unwrap();
}

/// Waits until a task is in a state.
async fn state(worker: &Worker, stream: Stream, state: &str) -> Metrics {
    let stream = format!("stream=\"{stream}\"");
    let what = format!("{stream} is {state}");
    metrics(worker, &what, |m| {
        m.sum("onepassword_task_state", &[&stream, state]) > 0.0
    })
    .await
}

/// Waits until a worker has committed so many events of a stream.
async fn committed(worker: &Worker, stream: Stream, count: u32) {
    let stream = format!("stream=\"{stream}\"");
    metrics(worker, &format!("events of {stream}"), |m| {
        m.sum("onepassword_events_total", &[&stream]) >= f64::from(count)
    })
    .await;
}

fn path(stream: Stream) -> String {
    format!("/api/v2/{stream}")
}
