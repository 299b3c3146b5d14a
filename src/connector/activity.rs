//! What the group's connectors have done lately, for whoever watches, on any worker.
//!
//! An idle poll writes nothing to Kafka, unless somebody watches: a worker that people look at says so in the status topic
//! (`watch-<worker>`), again and again while they do, and whoever runs connectors tells there what they do
//! (`activity-<connector>`), until nobody has said so for a minute.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::timeout};

use crate::{kafka::Logged, relay::Activity};

/// What is known of it; clones know the same.
#[derive(Debug, Clone, Default)]
pub struct Activities(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: RwLock<BTreeMap<String, Arc<Activity>>>,
    /// Until when somebody watches, by this worker's clock: whoever does may have another.
    watched: watch::Sender<Option<Instant>>,
}

/// How long somebody watches who has said so once.
const ATTENTION: Duration = Duration::from_mins(1);
/// How often that is said while it is so.
pub(super) const REMINDER: Duration = Duration::from_secs(20);

const ACTIVITY: &str = "activity-";
const WATCH: &str = "watch-";

// === impl Activities ===

impl Activities {
    /// Takes in what the status topic brings; what cannot be read is of a newer version, and is not missed.
    pub fn follow(&self, logged: Logged<'_>) {
        let Logged::Record { key, value, .. } = logged else {
            return;
        };
        let Ok(key) = str::from_utf8(key) else {
            return;
        };
        if key.starts_with(WATCH) && value.is_some() {
            let until = Instant::now() + ATTENTION;
            self.0.watched.send_replace(Some(until));
        } else if let Some(connector) = key.strip_prefix(ACTIVITY) {
            let activity = value.and_then(|value| serde_json::from_slice(value).ok());
            let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
            match activity {
                Some(activity) => known.insert(connector.to_owned(), Arc::new(activity)),
                None => known.remove(connector),
            };
        }
    }

    /// What a connector has done lately, as far as it was told.
    pub(super) fn of(&self, connector: &str) -> Option<Arc<Activity>> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(connector).cloned()
    }

    /// Waits until somebody watches.
    pub(super) async fn watched(&self) {
        let mut watched = self.0.watched.subscribe();
        let begun = watched.wait_for(|until| until.is_some_and(|until| until > Instant::now()));
        begun.await.expect("its sender is here");
    }

    /// Whether somebody watches.
    pub(super) fn is_watched(&self) -> bool {
        let until = *self.0.watched.borrow();
        until.is_some_and(|until| until > Instant::now())
    }

    /// Waits for `moved`, but not longer than somebody watches.
    pub(super) async fn while_watched(&self, moved: impl Future<Output = ()>) {
        let until = *self.0.watched.borrow();
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let _: Result<(), _> = timeout(left.unwrap_or_default(), moved).await;
    }
}

/// The key of what is told of a connector.
pub(super) fn activity_key(connector: &str) -> String {
    format!("{ACTIVITY}{connector}")
}

/// The key by which a worker says that somebody watches.
pub(super) fn watch_key(worker_id: &str) -> String {
    format!("{WATCH}{worker_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(activities: &Activities, key: &str, value: Option<&str>) {
        activities.follow(Logged::Record {
            offset: 0,
            key: key.as_bytes(),
            value: value.map(str::as_bytes),
        });
    }

    #[tokio::test]
    async fn it_is_known_that_somebody_watches() {
        let activities = Activities::default();
        assert!(!activities.is_watched());
        let ((), ()) = tokio::join!(activities.watched(), async {
            follow(&activities, "watch-host:8083", Some("{}"));
        });
        assert!(activities.is_watched());
    }

    #[test]
    fn what_was_told_last_is_known_until_it_is_taken_back() {
        let activities = Activities::default();
        follow(&activities, "activity-acme", Some(r#"{"tasks":{}}"#));
        assert_eq!(activities.of("acme"), Some(Arc::default()));
        assert_eq!(activities.of("other"), None);
        follow(&activities, "activity-acme", None);
        assert_eq!(activities.of("acme"), None);
        follow(&activities, "activity-acme", Some("of a newer version"));
        assert_eq!(activities.of("acme"), None);
    }
}
