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

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use jiff::Timestamp;
use secrecy::SecretString;
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field::Empty};

use super::{
    Connector, Context, WouldVanish,
    error::TaskError,
    handover::Handover,
    outbox::Outbox,
    patience::{self, Patience, pause},
    report::{Polled, Reporter},
    sealed::{Envelope, Sealed},
    source::{Session, Source, SourceError},
};
use crate::{
    disposition::Disposition,
    event::{Page, Place, Position, TaskId},
    kafka::Stored,
    onepassword::Answer,
    telemetry::count,
};

/// One stream of one connector, while its shard is owned.
pub(super) struct Task {
    id: Arc<TaskId>,
    connector: Arc<Connector>,
    source: Arc<Source>,
    /// The token of the latest poll.
    token: SecretString,
    context: Arc<Context>,
    /// Where the next page begins; none before the first poll ever, or where the stored one is unreadable.
    position: Result<Option<Position>, String>,
    outbox: Outbox,
    patience: Patience,
    reporter: Reporter,
}

/// One poll under way.
struct Reading {
    session: Arc<Session>,
    envelope: Arc<Envelope>,
    /// Where the next page begins.
    position: Position,
    polled: Polled,
}

/// Whether the API has said that there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Yes,
    No,
}

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
        let id = Arc::new(id);
        let position = match stored {
            Some(Stored::Position(position)) => Ok(Some(position)),
            Some(Stored::Unreadable(error)) => Err(error),
            None => Ok(None),
        };
        let committed = position.clone().unwrap_or_default();
        let reporter = Reporter::new(
            Arc::clone(&id),
            Arc::clone(&context.metrics),
            Arc::clone(&context.board),
        );
        reporter.started(committed.as_ref(), (context.clock)());
        Self {
            outbox: Outbox::new(Arc::clone(&id), shard, committed),
            patience: Patience::new(),
            reporter,
            id,
            connector,
            source,
            token: SecretString::default(),
            context,
            position,
        }
    }

    /// Polls until the shard is lost, or until `stop`; then it waits for what it has handed over. The position that it
    /// leaves behind is committed.
    pub(super) async fn run(mut self, stop: CancellationToken) -> (TaskId, Option<Stored>) {
        tokio::select! {
            () = self.work() => {}
            () = stop.cancelled() => {
                // What was refused meanwhile is not committed, and so not what is left behind.
                let _ = self.outbox.drain().await;
            }
        }
        let left = match self.position {
            Ok(_) => self.outbox.committed().cloned().map(Stored::Position),
            Err(unreadable) => Some(Stored::Unreadable(unreadable)),
        };
        (TaskId::clone(&self.id), left)
    }

    /// Returns when the shard is lost.
    async fn work(&mut self) {
        loop {
            match self.poll().await {
                Ok(polled) => self.rest(&polled).await,
                Err(TaskError::ShardLost) => return,
                Err(error) => self.recover(&error).await,
            }
        }
    }

    async fn poll(&mut self) -> Result<Polled, TaskError> {
        self.reporter.begin((self.context.clock)());
        let span = tracing::info_span!(
            "poll",
            connector = self.id.connector,
            stream = self.id.stream.name(),
            pages = Empty,
            events = Empty,
            otel.status_code = Empty,
        );
        let polled = self.read_to_the_end().instrument(span.clone()).await;
        match &polled {
            Ok(Polled { events, pages }) => {
                span.record("pages", count(*pages))
                    .record("events", count(*events));
            }
            Err(_) => {
                span.record("otel.status_code", "ERROR");
            }
        }
        polled
    }

    /// Reads from the position to the end of the stream.
    async fn read_to_the_end(&mut self) -> Result<Polled, TaskError> {
        let mut reading = self.begin().await?;
        while self.step(&mut reading).await? == More::Yes {}
        self.outbox.drain().await?;
        self.patience.reset();
        Ok(reading.polled)
    }

    /// Reads one page, and has it committed together with the position behind it.
    async fn step(&mut self, reading: &mut Reading) -> Result<More, TaskError> {
        let answer = self.fetch(reading).await?;
        let (page, more) = self.read(&answer, reading)?;
        if let Some(page) = page {
            self.outbox
                .hand_over(page, reading.position.clone())
                .await?;
        }
        self.position = Ok(Some(reading.position.clone()));
        if more == More::Yes {
            let now = (self.context.clock)();
            self.reporter
                .reading(&reading.polled, &reading.position, now);
        }
        Ok(more)
    }

    async fn fetch(&self, reading: &Reading) -> Result<Answer, TaskError> {
        let (place, limit) = (&reading.position.place, self.connector.page_limit);
        let answer = reading
            .session
            .client
            .fetch(self.id.stream, place, limit)
            .await;
        if answer.is_err() {
            self.source.note(self.id.stream.name(), &answer);
        }
        Ok(answer?)
    }

    /// Turns an answer into records, and moves the position behind them; nothing to commit where there are no items.
    fn read(
        &mut self,
        answer: &Answer,
        reading: &mut Reading,
    ) -> Result<(Option<Sealed>, More), TaskError> {
        let page = answer.page();
        self.source.note(self.id.stream.name(), &page);
        let page = page?;
        advances(&reading.position.place, &page)?;
        self.patience.answered();
        reading.position.place = Place::After(page.cursor.clone());
        let more = if page.has_more { More::Yes } else { More::No };
        if page.items.is_empty() {
            return Ok((None, more));
        }
        let now = (self.context.clock)();
        let sealed = reading.envelope.seal(&page.items, now, answer.received);
        sealed.advance(&mut reading.position);
        reading.position.updated_at = now;
        reading.polled.pages += 1;
        reading.polled.events += sealed.len();
        Ok((Some(sealed), more))
    }

    /// Makes sure of everything that reading needs: token, schema, position.
    async fn begin(&mut self) -> Result<Reading, TaskError> {
        let token = self.source.token();
        self.token = token.as_ref().cloned().unwrap_or_default();
        let session = self
            .source
            .session(token.map_err(SourceError::from)?)
            .await?;
        self.covered(&session)?;
        let envelope = self.envelope(&session).await?;
        let stored = self.position.clone().map_err(|why| self.unreadable(why))?;
        let position = match stored {
            Some(position) => {
                if let Place::Start(start) = position.place {
                    self.keeps(start, position.updated_at).await?;
                }
                position
            }
            None => self.first_position(&envelope).await?,
        };
        Ok(Reading {
            session,
            envelope,
            position,
            polled: Polled::default(),
        })
    }

    /// A stream that is neither asked for by name nor was read before is left alone where the token does not cover it.
    fn covered(&self, session: &Session) -> Result<(), TaskError> {
        let stream = self.id.stream;
        let was_read = match &self.position {
            Ok(Some(position)) => matches!(position.place, Place::After(_)),
            Ok(None) => false,
            Err(_) => true,
        };
        let is_wanted = self.connector.streams.is_some() || was_read;
        match (session.account.may_read(stream), is_wanted) {
            (true, _) => Ok(()),
            (false, true) => Err(TaskError::NotCovered(stream.name())),
            (false, false) => Err(TaskError::Unassigned),
        }
    }

    async fn envelope(&self, session: &Session) -> Result<Arc<Envelope>, TaskError> {
        let schema_id = self.context.schema_id(self.id.stream).await?;
        Ok(Arc::new(Envelope::new(
            &self.connector,
            self.id.stream,
            &self.context.cluster,
            schema_id,
            session.client.base_url(),
            session.account.account_uuid.clone(),
        )))
    }

    /// The position of a task that has none. It is stored at once: `latest` must not mean a later time after a crash.
    async fn first_position(&mut self, envelope: &Arc<Envelope>) -> Result<Position, TaskError> {
        let now = (self.context.clock)();
        let start = self.connector.start.resolve(now);
        self.keeps(start, now).await?;
        let position = Position::start(start, now);
        let nothing = envelope.seal(&[], now, Instant::now());
        self.outbox.hand_over(nothing, position.clone()).await?;
        self.outbox.drain().await?;
        self.position = Ok(Some(position.clone()));
        Ok(position)
    }

    /// Refuses to begin at a time that was too long ago already when that was decided: what the topic does not keep.
    async fn keeps(&self, start: Timestamp, decided: Timestamp) -> Result<(), TaskError> {
        let check = |retention: &BTreeMap<_, _>| {
            WouldVanish::check(start, decided, retention.get(&self.id.stream).copied())
        };
        if check(&self.context.found.retention).is_err() {
            // Somebody may have raised it since this worker began.
            check(
                &self
                    .context
                    .found
                    .retention_now(&self.context.cluster)
                    .await?,
            )?;
        }
        Ok(())
    }

    fn unreadable(&self, why: String) -> TaskError {
        let cluster = &self.context.cluster;
        let shard = cluster.shard_of(&self.id.connector);
        TaskError::UnreadablePosition {
            topic: cluster.topics().cursors(),
            shard,
            why,
        }
    }

    /// Waits for the next poll, which takes the token as it is then; the interval counts from the end of this one.
    async fn rest(&mut self, polled: &Polled) {
        let now = (self.context.clock)();
        let wait = self.patience.interval(self.source.interval(now));
        self.reporter.drained(polled, now, wait);
        sleep(wait).await;
    }

    /// Does what the error asks for, then polls again.
    async fn recover(&mut self, error: &TaskError) {
        let now = (self.context.clock)();
        match error.disposition() {
            Disposition::Retry(not_before) => {
                let wait = if error.is_throttling() {
                    self.patience.throttle(not_before)
                } else {
                    self.patience.retry(not_before)
                };
                self.reporter.retrying(error, now, wait);
                pause(wait, &self.source, &self.token).await;
            }
            _ if matches!(error, TaskError::Unassigned) => {
                self.reporter.unassigned(error, now, patience::LONGEST);
                pause(patience::LONGEST, &self.source, &self.token).await;
            }
            _ => {
                let wait = self.patience.failure(self.connector.poll_interval);
                self.reporter.failed(error, now, wait);
                self.source.forget().await;
                pause(wait, &self.source, &self.token).await;
            }
        }
        if matches!(error, TaskError::Refused(_)) {
            self.position = Ok(self.outbox.committed().cloned());
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Cursor;

    #[test]
    fn a_page_that_leads_nowhere_and_has_items_or_more_is_stuck() {
        let from = Place::After(Cursor::new("c".to_owned()).unwrap());
        for (body, is_stuck) in [
            (r#"{"cursor":"c","has_more":true}"#, true),
            (r#"{"cursor":"c","items":[{}]}"#, true),
            (r#"{"cursor":"c"}"#, false),
            (r#"{"cursor":"d","has_more":true,"items":[{}]}"#, false),
        ] {
            let page = Page::read(body.as_bytes()).unwrap();
            assert_eq!(advances(&from, &page).is_err(), is_stuck, "{body}");
        }
    }
}
