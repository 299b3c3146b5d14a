//! Live traffic, for the demo: single events at a steady rate, on the three streams in turn.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{log::When, stream::Stream, world::World};

/// Publishes until it is dropped.
pub(super) async fn flow(world: Arc<World>, account: String, pause: Duration) {
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for stream in Stream::ALL.into_iter().cycle() {
        ticks.tick().await;
        world.publish(&account, stream, 1, When::Now);
    }
}
