//! Events as they come.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use super::{
    Ended, Failure, Listener, Progress, Query, Told,
    next::Next,
    record::{Decoder, Kept, is_of},
};
use crate::{
    event::Stream,
    kafka::{Places, Reading},
};

/// How often it says where to go on.
const OFTEN: Duration = Duration::from_secs(2);
/// How long it waits. The server ends a connection that is seven minutes old, and a browser asks on one that it has.
const LONG: Duration = Duration::from_secs(90);

/// Tells what comes from the present end on, or from where another tail has ended.
pub(super) fn run(
    query: &Query,
    streams: &[Stream],
    going_on: Option<&Places>,
    reading: &Reading,
    mut decoder: Decoder,
    listener: &mut Listener,
) -> Result<Ended, Failure> {
    let begun = Instant::now();
    let mut said = begun;
    let mut places = reading.end()?;
    for (partition, end) in &mut places {
        let place = going_on.and_then(|places| places.get(partition));
        *end = place.map_or(*end, |place| *place.min(end));
    }
    let from = places.clone();
    let next = |places: &Places| Next::new(None, streams, places).text();
    let (mut scanned, mut found) = (0, 0);
    reading.onward(&from, |seen| {
        if let Some(seen) = seen {
            scanned += 1;
            places.insert(seen.partition, seen.offset() + 1);
            let connector = query.connector.as_deref();
            if connector.is_none_or(|connector| is_of(&seen, connector))
                && decoder.finds(&query.terms, seen.value())
            {
                let topic = seen.partition.topic;
                let name = &reading.topics()[topic];
                let record = decoder.show(&Kept::of(&seen), streams[topic], name);
                found += 1;
                listener.tell(Told::Found(Box::new(record)))?;
            }
        }
        if begun.elapsed() > LONG || found >= query.limit {
            return ControlFlow::Break(());
        }
        // Also where there is much to tell: whoever is cut off goes on from there.
        if said.elapsed() < OFTEN {
            return listener.listens();
        }
        said = Instant::now();
        listener.tell(Told::Progress(Progress {
            scanned,
            of: scanned,
            reached: None,
            next: Some(next(&places)),
        }))
    })?;
    Ok(Ended {
        scanned,
        next: Some(next(&places)),
    })
}
