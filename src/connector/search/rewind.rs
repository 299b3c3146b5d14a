//! What a rewind would cause.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    super::{Control, Refusal, start},
    busy,
    record::is_of,
};
use crate::{
    event::Stream,
    kafka::{Cluster, Error, Purpose, Reading},
    relay::Start,
};

/// How many events would be published again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rewound {
    /// So many; what was published again before counts as often.
    pub events: u64,
    /// Whether all were counted; estimated from some of them otherwise.
    pub exact: bool,
}

/// How long counting may take in each topic.
const LONG: Duration = Duration::from_millis(800);

// === impl Control ===

impl Control {
    /// About how many events of a connector a rewind to `from` would publish again: `earliest`, `latest`, a time or a
    /// duration, as in `start.time`. `stream` names one; all otherwise.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn rewound(
        &self,
        name: &str,
        stream: Option<&str>,
        from: &str,
    ) -> Result<Rewound, Refusal> {
        let known = self.info(name);
        known.ok_or_else(|| Refusal::not_found(name))?;
        let invalid = |what: String| Refusal::Invalid(format!("from {what}"));
        let now = (self.0.parts.clock)();
        let start = start::parse(from, now).map_err(invalid)?;
        let streams = match stream {
            None => Stream::ALL.to_vec(),
            Some(stream) => {
                let stream = stream.parse();
                vec![stream.map_err(|_| {
                    Refusal::Invalid(
                        "stream is none of signinattempts, itemusages and auditevents".to_owned(),
                    )
                })?]
            }
        };
        let mut sum = Rewound {
            events: 0,
            exact: true,
        };
        if start == Start::Latest {
            return Ok(sum);
        }
        let searches = &self.0.parts.searches;
        let place = Arc::clone(&searches.looking).try_acquire_owned();
        let _place = place.map_err(|_| busy())?;
        let (cluster, topics) = (searches.cluster.clone(), searches.topics(&streams));
        let (name, since) = (name.to_owned(), start.resolve(now).as_millisecond());
        let counting = tokio::task::spawn_blocking(move || {
            for topic in topics {
                let counted = counted(&cluster, topic, &name, since)?;
                sum.events += counted.events;
                sum.exact &= counted.exact;
            }
            Ok::<_, Error>(sum)
        });
        let counted = counting.await.expect("counting does not panic");
        counted.map_err(|error| Refusal::Unavailable(error.to_string()))
    }
}

fn counted(
    cluster: &Cluster,
    topic: String,
    connector: &str,
    since: i64,
) -> Result<Rewound, Error> {
    let begun = Instant::now();
    let reading = Reading::open(cluster, vec![topic], Purpose::Looking)?;
    let (from, to) = (reading.since(since)?, reading.end()?);
    let (mut scanned, mut events) = (0u64, 0u64);
    let flow = reading.between(&from, &to, |seen| {
        if let Some(seen) = seen {
            scanned += 1;
            let is_counted = seen.millis() >= since && is_of(&seen, connector);
            events += u64::from(is_counted);
        }
        if begun.elapsed() > LONG {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    let all: i64 = to
        .iter()
        .filter_map(|(partition, end)| from.get(partition).map(|begin| (end - begin).max(0)))
        .sum();
    if flow.is_continue() {
        return Ok(Rewound {
            events,
            exact: true,
        });
    }
    let all = u64::try_from(all).unwrap_or_default();
    Ok(Rewound {
        events: events.saturating_mul(all) / scanned.max(1),
        exact: false,
    })
}
