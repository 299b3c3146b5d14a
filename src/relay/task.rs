//! A task: one stream of one connector, read page by page from its position to the end, again and again.
//!
//! The position it reads at runs ahead of the one that is committed, by the pages that its shard has in hand. That is
//! harmless: it lives in memory only, and whoever comes after this task begins at the committed one.
//!
//! What a crash leaves, at each point:
//! * before the first position is committed: nothing; the next owner resolves `start.time` again;
//! * after a fetch, before the commit: the old position; the page is fetched again and was never visible;
//! * while the commit is not answered: the broker decides, and the next owner reads which;
//! * after the commit: the new position, with its events.
//!
//! An empty page moves nothing in Kafka, even where its cursor differs: the older cursor leads to the same place.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use super::{
    Connector, Context,
    batch::{Batch, Envelope},
    error::TaskError,
    source::{Session, Source},
    writer::{Handover, Lane, Refused},
};
use crate::{
    backoff::Backoff,
    disposition::Disposition,
    event::{EventTime, Page, Place, Position, TaskId},
    kafka::Stored,
    metrics::TaskState,
    onepassword::Answer,
};

/// One stream of one connector, while its shard is owned.
pub(super) struct Task {
    id: Arc<TaskId>,
    connector: Arc<Connector>,
    source: Arc<Source>,
    context: Arc<Context>,
    shard: mpsc::Sender<Handover>,
    /// As the shard was restored; an unreadable one stays so.
    stored: Option<Stored>,
    /// Where the next page begins.
    position: Option<Position>,
    /// Pages handed over and not yet committed, oldest first.
    in_flight: VecDeque<(Position, oneshot::Receiver<Result<(), Refused>>)>,
    lane: Lane,
    retries: Backoff,
    failures: u32,
    random: fastrand::Rng,
    logged: Option<Instant>,
}

/// What one poll, from a position to the end of the stream, has brought.
#[derive(Debug, Default)]
struct Polled {
    events: u64,
    pages: u64,
}

/// A page as records, not handed over yet.
struct Sealed {
    batch: Batch,
    envelope: Arc<Envelope>,
    fetched: Instant,
}

/// Whether the API has said that there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Yes,
    No,
}

/// Pages in the hands of the shard before the next is fetched: enough to keep a backfill's transactions large.
const AHEAD: usize = 4;
/// How often a failed task looks for a new token.
const LOOK: Duration = Duration::from_secs(2);
const LONGEST_FAILURE: Duration = Duration::from_hours(1);
const LOG_EVERY: Duration = Duration::from_mins(1);

// === impl Task ===

impl Task {
    pub(super) fn new(
        id: TaskId,
        connector: Arc<Connector>,
        source: Arc<Source>,
        context: Arc<Context>,
        shard: mpsc::Sender<Handover>,
        stored: Option<Stored>,
    ) -> Self {
        Self {
            position: position_of(stored.as_ref()),
            id: Arc::new(id),
            connector,
            source,
            context,
            shard,
            stored,
            in_flight: VecDeque::new(),
            lane: Lane::default(),
            retries: Backoff::new(
                Duration::from_millis(500),
                Duration::from_mins(1),
                fastrand::Rng::new(),
            ),
            failures: 0,
            random: fastrand::Rng::new(),
            logged: None,
        }
    }

    /// Polls until the shard is lost.
    pub(super) async fn run(mut self) {
        self.state(TaskState::Running);
        loop {
            match self.poll().await {
                Ok(polled) => self.rest(&polled).await,
                Err(TaskError::ShardLost) => return,
                Err(error) => self.recover(&error).await,
            }
        }
    }

    /// Reads from the position to the end of the stream.
    async fn poll(&mut self) -> Result<Polled, TaskError> {
        let session = self.source.session().await?;
        self.covered(&session)?;
        let envelope = self.envelope(&session).await?;
        self.begin(&envelope).await?;
        let mut polled = Polled::default();
        while self.step(&session, &envelope, &mut polled).await? == More::Yes {}
        self.settle(0).await?;
        Ok(polled)
    }

    /// Reads one page, and has it committed together with the position behind it.
    async fn step(
        &mut self,
        session: &Session,
        envelope: &Arc<Envelope>,
        polled: &mut Polled,
    ) -> Result<More, TaskError> {
        let answer = self.fetch(session).await?;
        let (page, more) = self.read(&answer, envelope)?;
        if let Some(page) = page {
            polled.count(&page);
            self.hand_over(page).await?;
        }
        self.progress(polled);
        Ok(more)
    }

    async fn fetch(&mut self, session: &Session) -> Result<Answer, TaskError> {
        let place = &self
            .position
            .as_ref()
            .expect("a task begins before it fetches")
            .place;
        let answer = session
            .client
            .fetch(self.id.stream, place, self.connector.page_limit)
            .await;
        if answer.is_err() {
            self.source.note(self.id.stream.name(), &answer);
        }
        Ok(answer?)
    }

    /// Turns an answer into records and the position behind them; nothing to commit where there are no items.
    fn read(
        &mut self,
        answer: &Answer,
        envelope: &Arc<Envelope>,
    ) -> Result<(Option<Sealed>, More), TaskError> {
        let page = answer.page();
        self.source.note(self.id.stream.name(), &page);
        let page = page?;
        let position = self
            .position
            .as_mut()
            .expect("a task begins before it reads");
        advances(&position.place, &page)?;
        let more = if page.has_more { More::Yes } else { More::No };
        position.place = Place::After(page.cursor.clone());
        if page.items.is_empty() {
            self.healthy();
            return Ok((None, more));
        }
        let now = (self.context.clock)();
        let batch = envelope.seal(&page.items, now.as_millisecond());
        batch.advance(position);
        position.updated_at = now;
        self.healthy();
        self.show_lag(more, now);
        Ok((
            Some(Sealed {
                batch,
                envelope: Arc::clone(envelope),
                fetched: Instant::now(),
            }),
            more,
        ))
    }

    /// Gives a page to the shard, which commits it with the position as it is now.
    async fn hand_over(&mut self, page: Sealed) -> Result<(), TaskError> {
        self.settle(AHEAD - 1).await?;
        let position = self
            .position
            .clone()
            .expect("a task begins before it hands over");
        let (done, committed) = oneshot::channel();
        let handover = Handover {
            task: Arc::clone(&self.id),
            envelope: page.envelope,
            batch: page.batch,
            position: position.clone(),
            lane: self.lane.clone(),
            fetched: page.fetched,
            done,
        };
        self.shard
            .send(handover)
            .await
            .map_err(|_| TaskError::ShardLost)?;
        self.in_flight.push_back((position, committed));
        Ok(())
    }

    /// Waits until no more than `ahead` pages are in the shard's hands. After a refusal the task stands again at the
    /// last position that was committed.
    async fn settle(&mut self, ahead: usize) -> Result<(), TaskError> {
        let mut refused = None;
        while self.in_flight.len() > ahead || (refused.is_some() && !self.in_flight.is_empty()) {
            let (position, committed) = self.in_flight.pop_front().expect("it is not empty");
            match committed.await.map_err(|_| TaskError::ShardLost)? {
                Ok(()) => self.stored = Some(Stored::Position(position)),
                Err(error) => refused = Some(error),
            }
        }
        let Some(error) = refused else { return Ok(()) };
        self.lane = Lane::default();
        self.position = position_of(self.stored.as_ref());
        Err(error.into())
    }

    /// A stream that was not asked for by name is read only where the token covers it.
    fn covered(&self, session: &Session) -> Result<(), TaskError> {
        match (&self.connector.streams, session.may_read(self.id.stream)) {
            (_, true) => Ok(()),
            (Some(_), false) => Err(TaskError::NotCovered(self.id.stream.name())),
            (None, false) => Err(TaskError::Unassigned),
        }
    }

    async fn envelope(&self, session: &Session) -> Result<Arc<Envelope>, TaskError> {
        let topics = self.context.cluster.topics();
        let schema_id = self.context.schema_id(self.id.stream).await?;
        Ok(Arc::new(Envelope::new(
            &self.connector,
            &self.id,
            topics,
            schema_id,
            session.client.base_url().as_str(),
            session.account.account_uuid.clone(),
            self.context.cluster.batch_size(),
        )))
    }

    /// Gives a task without a position its first one, and stores it: `latest` must not mean a later time after a
    /// crash.
    async fn begin(&mut self, envelope: &Arc<Envelope>) -> Result<(), TaskError> {
        if let Some(Stored::Unreadable(error)) = &self.stored {
            return Err(TaskError::UnreadablePosition(error.clone()));
        }
        if self.position.is_some() {
            return Ok(());
        }
        let now = (self.context.clock)();
        let start = self.connector.start.resolve(now);
        if let Some(kept) = self.context.found.retention.get(&self.id.stream)
            && let Ok(kept) = SignedDuration::try_from(*kept)
            && now.duration_since(start) > kept
        {
            return Err(TaskError::WouldVanish { start, kept });
        }
        self.position = Some(Position::start(start, now));
        let nothing = envelope.seal(&[], now.as_millisecond());
        self.hand_over(Sealed {
            batch: nothing,
            envelope: Arc::clone(envelope),
            fetched: Instant::now(),
        })
        .await?;
        self.settle(0).await
    }

    /// Waits for the next poll; the interval counts from the end of this one, and differs a little each time.
    async fn rest(&mut self, polled: &Polled) {
        let now = (self.context.clock)();
        self.context.metrics.polled(&self.id, now);
        self.context.metrics.lag(&self.id, Duration::ZERO);
        if polled.events > 0 || self.is_time_to_log() {
            tracing::info!(
                connector = self.id.connector,
                stream = self.id.stream.name(),
                events = polled.events,
                pages = polled.pages,
                "polled to the end"
            );
            self.logged = Some(Instant::now());
        }
        let interval = self.source.interval(now);
        let jitter = 0.95 + 0.1 * self.random.f64();
        self.pause(interval.mul_f64(jitter)).await;
    }

    /// Does what the error asks for, then polls again.
    async fn recover(&mut self, error: &TaskError) {
        let id = Arc::clone(&self.id);
        let (connector, stream) = (&id.connector, id.stream.name());
        match error.disposition() {
            Disposition::Retry(after) => {
                self.state(TaskState::Retrying);
                let wait = self.retries.next_wait().max(after.unwrap_or_default());
                tracing::warn!(connector, stream, %error, retry_in = ?wait, "not read, trying again");
                sleep(wait).await;
            }
            _ if matches!(error, TaskError::Unassigned) => {
                self.state(TaskState::Unassigned);
                tracing::info!(connector, stream, "{error}");
                self.pause(LONGEST_FAILURE).await;
            }
            _ => {
                self.state(TaskState::Failed);
                self.source.forget().await;
                let wait = self.failure_wait();
                tracing::error!(connector, stream, %error, retry_in = ?wait, "the task has failed");
                self.pause(wait).await;
            }
        }
    }

    /// The poll interval, doubled with each failure in a row, up to an hour.
    fn failure_wait(&mut self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        self.connector
            .poll_interval
            .saturating_mul(factor)
            .min(LONGEST_FAILURE)
    }

    /// Waits, but not longer than the token stays the same: a rotated one is worth a try at once.
    async fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let token = self.source.token();
        while !self.source.token_differs(&token) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            sleep(left.min(LOOK)).await;
        }
    }

    /// A page has been read: whatever was wrong before is over.
    fn healthy(&mut self) {
        self.retries.reset();
        self.failures = 0;
        self.state(TaskState::Running);
    }

    fn state(&self, state: TaskState) {
        self.context.metrics.state(&self.id, state);
    }

    fn show_lag(&self, more: More, now: Timestamp) {
        let last = self
            .position
            .as_ref()
            .and_then(|position| position.last_event_time.as_deref());
        let Some(Ok(last)) = last.map(EventTime::parse) else {
            return;
        };
        let behind =
            Duration::from_millis(u64::try_from(now.as_millisecond() - last.millis()).unwrap_or(0));
        let lag = if more == More::Yes {
            behind
        } else {
            Duration::ZERO
        };
        self.context.metrics.lag(&self.id, lag);
    }

    /// Says now and then that a long poll goes on.
    fn progress(&mut self, polled: &Polled) {
        if polled.pages > 0 && self.is_time_to_log() {
            tracing::info!(
                connector = self.id.connector,
                stream = self.id.stream.name(),
                events = polled.events,
                pages = polled.pages,
                reached = self
                    .position
                    .as_ref()
                    .and_then(|position| position.last_event_time.as_deref()),
                "reading on"
            );
            self.logged = Some(Instant::now());
        }
    }

    fn is_time_to_log(&self) -> bool {
        self.logged.is_none_or(|then| then.elapsed() >= LOG_EVERY)
    }
}

// === impl Polled ===

impl Polled {
    fn count(&mut self, page: &Sealed) {
        self.events += u64::try_from(page.batch.len()).unwrap_or(u64::MAX);
        self.pages += 1;
    }
}

/// A page that leads nowhere must not be read on from: its events would be published for ever.
fn advances(from: &Place, page: &Page<'_>) -> Result<(), TaskError> {
    let same = matches!(from, Place::After(cursor) if *cursor == page.cursor);
    if same && (page.has_more || !page.items.is_empty()) {
        return Err(TaskError::Stuck);
    }
    Ok(())
}

fn position_of(stored: Option<&Stored>) -> Option<Position> {
    match stored {
        Some(Stored::Position(position)) => Some(position.clone()),
        Some(Stored::Unreadable(_)) | None => None,
    }
}
