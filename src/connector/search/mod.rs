//! Events searched for in their topics, and waited for as they come.
//!
//! Kafka is asked, and nothing else is kept: its time index says where to look, and its topics are read there. Each search
//! has a thread of its own, which sends what it finds over a bounded channel: whoever reads slowly slows it down, and
//! whoever goes away ends it. There are only so many at a time.

mod backward;
mod next;
mod query;
mod record;
mod rewind;
mod tail;
mod taken;
mod terms;

pub use self::{
    query::Query,
    record::{Header, Record},
    rewind::Rewound,
};

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::Serialize;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
};
use tokio_util::sync::CancellationToken;

use self::record::Decoder;
use super::{Control, Refusal};
use crate::{
    avro::{Registry, Shape, schema},
    event::Stream,
    kafka::{Cluster, Error, Purpose, Reading},
};

/// What searches are made of.
#[derive(Debug)]
pub struct Searches {
    cluster: Cluster,
    registry: Arc<Registry>,
    shutdown: CancellationToken,
    /// Searches, and counts for a rewind.
    looking: Arc<Semaphore>,
    tails: Arc<Semaphore>,
}

/// What a search tells, in the order in which it comes.
#[derive(Debug)]
pub enum Told {
    /// A record that was looked for.
    Found(Box<Record>),
    /// How far it is.
    Progress(Progress),
    /// There is no more, or no more is wanted.
    End(Ended),
    /// It cannot go on, and why; nothing follows.
    Failed(String),
}

/// How far a search is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Records that were looked at.
    pub scanned: u64,
    /// About how many that will be in the end.
    pub of: u64,
    /// What is not older than this is found; none at the beginning, and for a tail.
    pub reached: Option<Timestamp>,
    /// Where it goes on, should it break off; not always there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The end of a search.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Records that were looked at.
    pub scanned: u64,
    /// What to ask with to go on; none where there is nothing more.
    pub next: Option<String>,
}

/// Why a search cannot go on.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Kafka(#[from] Error),
    #[error(
        "too many records are not in the order of their times: search a shorter time, with from and to"
    )]
    TooLong,
}

/// Where a search tells what it finds.
struct Listener {
    sender: mpsc::Sender<Told>,
    shutdown: CancellationToken,
    told: Instant,
}

/// Searches at a time, and tails.
const MOST_SEARCHES: usize = 4;
const MOST_TAILS: usize = 8;
/// What a search is ahead of its reader.
const AHEAD: usize = 64;
/// How often it says how far it is.
const OFTEN: Duration = Duration::from_millis(250);

/// The paths of what events of these streams have, as this version writes them.
#[must_use]
pub fn columns(streams: &[Stream]) -> Vec<String> {
    let mut columns = Vec::new();
    for stream in streams {
        let shape = Shape::parse(schema(*stream)).expect("our own schemas are schemas");
        for path in shape.paths() {
            if !columns.contains(&path) {
                columns.push(path);
            }
        }
    }
    columns
}

// === impl Searches ===

impl Searches {
    /// Searches in these topics, with these schemas; they end at `shutdown`.
    #[must_use]
    pub fn new(cluster: &Cluster, registry: Arc<Registry>, shutdown: CancellationToken) -> Self {
        Self {
            cluster: cluster.clone(),
            registry,
            shutdown,
            looking: Arc::new(Semaphore::new(MOST_SEARCHES)),
            tails: Arc::new(Semaphore::new(MOST_TAILS)),
        }
    }

    fn topics(&self, streams: &[Stream]) -> Vec<String> {
        let topics = self.cluster.topics();
        streams
            .iter()
            .map(|stream| topics.events(*stream))
            .collect()
    }

    fn decoder(&self) -> Decoder {
        Decoder::new(
            Arc::clone(&self.registry),
            Handle::current(),
            self.shutdown.clone(),
        )
    }
}

// === impl Control ===

impl Control {
    /// Searches for events, newest first, or waits for them where the query says so. Dropping the channel ends it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Busy`] where there are too many, [`Refusal::Invalid`] where `next` is of other streams.
    pub fn search(&self, query: Query) -> Result<mpsc::Receiver<Told>, Refusal> {
        let searches = &self.0.parts.searches;
        let places = if query.is_tail {
            &searches.tails
        } else {
            &searches.looking
        };
        let place = Arc::clone(places).try_acquire_owned();
        let place = place.map_err(|_| busy())?;
        let streams = query.streams();
        let going_on = match &query.next {
            None => None,
            Some(next) => {
                let places = next.places(&streams);
                let other = || Refusal::Invalid("next is of other streams".to_owned());
                Some(places.ok_or_else(other)?)
            }
        };
        let (sender, told) = mpsc::channel(AHEAD);
        let mut listener = Listener {
            sender,
            shutdown: searches.shutdown.clone(),
            told: Instant::now(),
        };
        let (cluster, topics) = (searches.cluster.clone(), searches.topics(&streams));
        let (decoder, clock) = (searches.decoder(), self.0.parts.clock);
        tokio::task::spawn_blocking(move || {
            let purpose = if query.is_tail {
                Purpose::Waiting
            } else {
                Purpose::Looking
            };
            match Reading::open(&cluster, topics, purpose) {
                Err(error) => listener.end(Err(error.into())),
                Ok(reading) => {
                    let going_on = going_on.as_ref();
                    let ended = if query.is_tail {
                        tail::run(&query, &streams, going_on, &reading, decoder, &mut listener)
                    } else {
                        backward::run(
                            &query,
                            &streams,
                            going_on,
                            &reading,
                            decoder,
                            clock(),
                            &mut listener,
                        )
                    };
                    // The reader takes a while to close, for which nobody is to wait.
                    listener.end(ended);
                }
            }
            drop(place);
        });
        Ok(told)
    }
}

fn busy() -> Refusal {
    Refusal::Busy(
        "Too many searches are running on this worker: wait for one of them to end".to_owned(),
    )
}

// === impl Listener ===

impl Listener {
    /// Whether to go on.
    fn listens(&self) -> ControlFlow<()> {
        if self.sender.is_closed() || self.shutdown.is_cancelled() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn tell(&mut self, told: Told) -> ControlFlow<()> {
        self.told = Instant::now();
        match self.sender.blocking_send(told) {
            Ok(()) => self.listens(),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Tells the last. Nobody may listen any more.
    fn end(self, ended: Result<Ended, Failure>) {
        let last = match ended {
            Ok(end) => Told::End(end),
            Err(failure) => Told::Failed(failure.to_string()),
        };
        let _ = self.sender.blocking_send(last);
    }

    /// Tells how far it is, unless something was told just now.
    fn tell_now_and_then(&mut self, progress: impl FnOnce() -> Progress) -> ControlFlow<()> {
        if self.told.elapsed() < OFTEN {
            return self.listens();
        }
        self.tell(Told::Progress(progress()))
    }
}
