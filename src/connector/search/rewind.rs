//! What a rewind would cause.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::oneshot;

use super::{
    super::{Control, Refusal, start},
    busy,
    record::is_of,
};
use crate::{
    event::Stream,
    kafka::{Cluster, Error, Places, Purpose, Reading},
    relay::Start,
};

/// How many events would be published again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rewound {
    /// So many; what was published again before counts as often.
    pub events: u64,
    /// Whether all were counted; otherwise it is estimated from some of them, or the topic no longer has all.
    pub exact: bool,
}

/// How long counting may take in each topic.
const LONG: Duration = Duration::from_millis(800);

// === impl Control ===

impl Control {
    /// About how many events of a connector a rewind to `from` would publish again: `earliest`, `latest`, a time or a
    /// duration, as in `start.time`. `stream` names one; all that it has otherwise.
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
        let mut streams = self.rewindable(name);
        if let Some(stream) = stream {
            let stream: Stream = stream.parse().map_err(|_| {
                Refusal::Invalid(
                    "stream is none of signinattempts, itemusages and auditevents".to_owned(),
                )
            })?;
            streams.retain(|rewindable| *rewindable == stream);
        }
        let mut sum = Rewound {
            events: 0,
            exact: true,
        };
        if start == Start::Latest {
            return Ok(sum);
        }
        let searches = &self.0.parts.searches;
        let place = Arc::clone(&searches.looking).try_acquire_owned();
        let place = place.map_err(|_| busy())?;
        let (cluster, topics) = (searches.cluster.clone(), searches.topics(&streams));
        let (name, since) = (name.to_owned(), start.resolve(now).as_millisecond());
        let (answer, answered) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let count = || {
                for topic in topics {
                    if answer.is_closed() {
                        break;
                    }
                    let is_wanted = || !answer.is_closed();
                    let counted = counted(&cluster, topic, &name, since, is_wanted)?;
                    sum.events += counted.events;
                    sum.exact &= counted.exact;
                }
                Ok::<_, Error>(sum)
            };
            let counted = count();
            // Who asked may have gone away.
            let _ = answer.send(counted);
            drop(place);
        });
        let counted = answered.await.expect("counting does not panic");
        counted.map_err(|error| Refusal::Unavailable(error.to_string()))
    }
}

fn counted(
    cluster: &Cluster,
    topic: String,
    connector: &str,
    since: i64,
    is_wanted: impl Fn() -> bool,
) -> Result<Rewound, Error> {
    let begun = Instant::now();
    let reading = Reading::open(cluster, vec![topic], Purpose::Looking)?;
    let (from, to) = (reading.since(since)?, reading.end()?);
    let is_whole = !has_lost(&reading.begin()?, &from, &to);
    let (mut scanned, mut events) = (0u64, 0u64);
    let flow = reading.between(&from, &to, |seen| {
        if let Some(seen) = seen {
            scanned += 1;
            let is_counted = seen.millis() >= since && is_of(&seen, connector);
            events += u64::from(is_counted);
        }
        if begun.elapsed() > LONG || !is_wanted() {
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
            exact: is_whole,
        });
    }
    let all = u64::try_from(all).unwrap_or_default();
    Ok(Rewound {
        events: events.saturating_mul(all) / scanned.max(1),
        exact: false,
    })
}

/// Whether records may be gone that were not older than the first ones of `from`.
fn has_lost(begin: &Places, from: &Places, to: &Places) -> bool {
    begin.iter().any(|(partition, begin)| {
        let first = from.get(partition).or_else(|| to.get(partition));
        *begin > 0 && first.is_none_or(|first| first <= begin)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Partition;

    #[test]
    fn what_has_no_older_record_may_have_lost_some() {
        let at = |offset| {
            let partition = Partition {
                topic: 0,
                number: 0,
            };
            Places::from([(partition, offset)])
        };
        assert!(!has_lost(&at(0), &at(0), &at(9)), "it has always begun so");
        assert!(!has_lost(&at(0), &Places::new(), &at(0)), "it is empty");
        assert!(!has_lost(&at(3), &at(4), &at(9)), "an older one is there");
        assert!(!has_lost(&at(3), &Places::new(), &at(9)), "all are older");
        assert!(has_lost(&at(3), &at(3), &at(9)), "the first is younger");
        assert!(has_lost(&at(9), &Places::new(), &at(9)), "none is left");
    }
}
