//! Tells what this worker's connectors do, in the status topic.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{
    Activities, Statuses, VERSION,
    activity::{REMINDER, WATCH, activity_key},
    status::{key, topic_key},
};
use crate::{
    clock::Clock,
    event::TaskId,
    kafka::{Cluster, Entry, Error, Publisher, TopicSettings},
    relay::{Board, News, Report, Subject},
};

/// Tells what this worker's connectors do.
#[derive(Debug)]
pub struct Teller {
    publisher: Publisher,
    topics: TopicSettings,
    worker_id: String,
    statuses: Statuses,
    activities: Activities,
    /// When it was last said that somebody watches.
    reminded: Mutex<Option<Instant>>,
    clock: Clock,
}

/// How often it is looked whether all is in the topic as it was told.
const REVIEW: Duration = Duration::from_mins(1);
/// How often at most a connector's activity is told.
const MOMENT: Duration = Duration::from_millis(500);

// === impl Teller ===

impl Teller {
    /// A teller for this worker. What it tells comes back to `statuses` through the topic.
    ///
    /// # Errors
    ///
    /// When librdkafka does not take the properties.
    pub fn new(
        cluster: &Cluster,
        worker_id: String,
        statuses: Statuses,
        activities: Activities,
        clock: Clock,
    ) -> Result<Self, Error> {
        Ok(Self {
            publisher: Publisher::new(cluster)?,
            topics: cluster.topics().clone(),
            worker_id,
            statuses,
            activities,
            reminded: Mutex::default(),
            clock,
        })
    }

    /// Tells all that appears on the board, for ever; and again what is not in the topic as it was told, for Kafka may have
    /// been away, or a worker that has lost a connector may have told of it last.
    pub async fn run(&self, board: &Board) {
        tokio::join!(self.tell_states(board), self.tell_activity(board));
    }

    /// Says that somebody watches, if that has not been said a moment ago, and whether this worker knows nothing yet.
    pub(super) fn watch(&self) {
        let is_on = self.activities.attention().is_on(Instant::now());
        let often = if is_on { REMINDER } else { MOMENT };
        let mut reminded = self.reminded.lock().unwrap_or_else(PoisonError::into_inner);
        if reminded.is_none_or(|then| then.elapsed() >= often) {
            *reminded = Some(Instant::now());
            self.publish(WATCH, Some(&json!({ "anew": !is_on })));
        }
    }

    async fn tell_states(&self, board: &Board) {
        let mut review = tokio::time::interval(REVIEW);
        loop {
            tokio::select! {
                news = board.news() => self.tell_all(news),
                _ = review.tick() => self.review(board),
            }
        }
    }

    async fn tell_activity(&self, board: &Board) {
        loop {
            let begun = self.activities.watched().await;
            // Whoever watches knows nothing yet.
            board.renew_activity();
            while self.activities.attention().goes_on(begun) {
                let left = self.activities.attention().left();
                let _: Result<(), _> = timeout(left, board.moved()).await;
                for (connector, activity) in board.take_activity() {
                    let value = serde_json::to_value(activity).expect("it is plain data");
                    self.publish(&activity_key(&connector), Some(&value));
                }
                sleep(MOMENT).await;
            }
        }
    }

    fn review(&self, board: &Board) {
        for (subject, report) in board.all() {
            let known = self.statuses.state(&subject);
            let is_known = match &report {
                Report::State { name, .. } => known
                    .is_some_and(|known| known.state == *name && known.worker_id == self.worker_id),
                _ => known.is_none(),
            };
            if !is_known {
                self.tell(&subject, &report);
            }
        }
    }

    /// Tells what is left to tell, and waits for `time` at most until all is told.
    pub fn finish(&self, board: &Board, time: Duration) {
        self.tell_all(board.take());
        self.publisher.flush(time);
    }

    fn tell_all(&self, news: News) {
        // The end of a connector is also that of its topics.
        for task in news.published {
            self.tell_of_topic(&task);
        }
        for (subject, report) in news.states {
            self.tell(&subject, &report);
        }
    }

    /// Forgets which topics a connector has published to.
    pub fn forget_topics(&self, connector: &str) {
        for topic in self.statuses.topics(connector) {
            self.publish(&topic_key(&topic, connector), None);
        }
    }

    fn tell(&self, subject: &Subject, report: &Report) {
        let (state, trace) = match report {
            Report::State { name, trace } => (*name, trace.as_deref()),
            // Its next owner may have told already.
            Report::Left if self.is_anothers(subject) => return,
            Report::Left => ("UNASSIGNED", None),
            Report::Absent if self.statuses.state(subject).is_none() => return,
            Report::Ended | Report::Absent => return self.end(subject),
        };
        let value = json!({
            "state": state,
            "trace": trace,
            "worker_id": self.worker_id,
            "generation": 0,
            "version": VERSION,
        });
        self.publish(&key(subject), Some(&value));
    }

    /// Whether another worker has told last what `subject` does.
    fn is_anothers(&self, subject: &Subject) -> bool {
        let state = self.statuses.state(subject);
        state.is_some_and(|state| state.worker_id != self.worker_id)
    }

    fn end(&self, subject: &Subject) {
        self.publish(&key(subject), None);
        if let Subject::Connector(name) = subject {
            self.forget_topics(name);
            self.publish(&activity_key(name), None);
        }
    }

    fn tell_of_topic(&self, task: &TaskId) {
        let topic = self.topics.events(task.stream);
        if self.statuses.topics(&task.connector).contains(&topic) {
            return;
        }
        let now = (self.clock)().as_millisecond();
        let value = json!({ "topic": {
            "name": topic,
            "connector": task.connector,
            "task": task.stream.number(),
            "discoverTimestamp": now,
        }});
        self.publish(&topic_key(&topic, &task.connector), Some(&value));
    }

    fn publish(&self, key: &str, value: Option<&serde_json::Value>) {
        let value = value.map(serde_json::Value::to_string);
        self.publisher.publish(&Entry {
            topic: &self.topics.status(),
            partition: 0,
            key,
            value: value.as_deref().map(str::as_bytes),
            timestamp: (self.clock)().as_millisecond(),
        });
    }
}
