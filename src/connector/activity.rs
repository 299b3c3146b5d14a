//! What the group's connectors have done lately, for whoever watches, on any worker.
//!
//! An idle poll writes nothing to Kafka, unless somebody watches: a worker that people look at says so in the status topic
//! (`watch`), again and again while they do, and whoever runs connectors tells there what they do (`activity-<connector>`),
//! until nobody has said so for half a minute. What was told before somebody watched may be long out of date, and is not
//! shown.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::{kafka::Logged, relay::Activity};

/// What is known of it; clones know the same.
#[derive(Debug, Clone, Default)]
pub struct Activities(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: RwLock<BTreeMap<String, (Instant, Arc<Activity>)>>,
    watched: watch::Sender<Attention>,
}

/// Whether somebody watches, by this worker's clock: whoever does may have another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attention {
    began: Option<Instant>,
    /// When all was to be told anew: somebody has begun to watch elsewhere.
    renewed: Option<Instant>,
    until: Option<Instant>,
    /// Whether all that was in the topic at the beginning is known: what it said of watching is over.
    is_read: bool,
}

/// What is known of a connector's doings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// This, since somebody watches.
    Activity(Arc<Activity>),
    /// Nothing yet, for that was a moment ago.
    NotYet,
    /// Nothing, though it was time.
    Nothing,
}

/// How long somebody watches who has said so once.
const ATTENTION: Duration = Duration::from_secs(30);
/// How often that is said while it is so.
pub(super) const REMINDER: Duration = Duration::from_secs(10);
/// How long whoever runs a connector may take to tell.
const MOMENT: Duration = Duration::from_secs(5);

const ACTIVITY: &str = "activity-";
/// The key by which somebody says that they watch.
pub(super) const WATCH: &str = "watch";
/// What whoever has just begun says, and knows nothing yet.
const ANEW: &[u8] = br#"{"anew":true}"#;

// === impl Activities ===

impl Activities {
    /// Takes in what the status topic brings; what cannot be read is of a newer version, and is not missed.
    pub fn follow(&self, logged: Logged<'_>) {
        let Logged::Record { key, value, .. } = logged else {
            self.0
                .watched
                .send_modify(|attention| attention.is_read = true);
            return;
        };
        let Ok(key) = str::from_utf8(key) else {
            return;
        };
        if key == WATCH {
            let is_anew = value == Some(ANEW);
            self.0
                .watched
                .send_modify(|attention| attention.renew(Instant::now(), is_anew));
        } else if let Some(connector) = key.strip_prefix(ACTIVITY) {
            let activity = value.and_then(|value| serde_json::from_slice(value).ok());
            let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
            match activity {
                Some(activity) => {
                    known.insert(connector.to_owned(), (Instant::now(), Arc::new(activity)))
                }
                None => known.remove(connector),
            };
        }
    }

    /// What a connector has done lately, as far as it was told.
    pub(super) fn of(&self, connector: &str) -> Told {
        let attention = self.attention();
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        match (known.get(connector), attention.began) {
            (Some((at, activity)), Some(began)) if *at >= began => {
                Told::Activity(Arc::clone(activity))
            }
            (_, Some(began)) if began.elapsed() > MOMENT => Told::Nothing,
            _ => Told::NotYet,
        }
    }

    /// Waits until somebody watches.
    pub(super) async fn watched(&self) -> Attention {
        let mut watched = self.0.watched.subscribe();
        let begun = watched.wait_for(|attention| attention.is_on(Instant::now()));
        *begun.await.expect("its sender is here")
    }

    /// Whether somebody watches, and since when.
    pub(super) fn attention(&self) -> Attention {
        *self.0.watched.borrow()
    }
}

// === impl Told ===

impl Told {
    pub(super) fn activity(&self) -> Option<&Activity> {
        match self {
            Self::Activity(activity) => Some(activity),
            Self::NotYet | Self::Nothing => None,
        }
    }
}

// === impl Attention ===

impl Attention {
    pub(super) fn is_on(self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// Whether it goes on as it was then, and nobody knows less.
    pub(super) fn goes_on(self, then: Self) -> bool {
        self.renewed == then.renewed && self.is_on(Instant::now())
    }

    /// How much of it is left.
    pub(super) fn left(self) -> Duration {
        let left = self
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        left.unwrap_or_default()
    }

    fn renew(&mut self, now: Instant, is_anew: bool) {
        if !self.is_read {
            return;
        }
        if !self.is_on(now) {
            self.began = Some(now);
        }
        if is_anew || self.began == Some(now) {
            self.renewed = Some(now);
        }
        self.until = Some(now + ATTENTION);
    }
}

/// The key of what is told of a connector.
pub(super) fn activity_key(connector: &str) -> String {
    format!("{ACTIVITY}{connector}")
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

    fn is_watched(activities: &Activities) -> bool {
        activities.attention().is_on(Instant::now())
    }

    #[tokio::test]
    async fn it_is_known_that_somebody_watches() {
        let activities = Activities::default();
        follow(&activities, WATCH, Some("{}"));
        activities.follow(Logged::End);
        assert!(!is_watched(&activities), "that was before");
        let (begun, ()) = tokio::join!(activities.watched(), async {
            follow(&activities, WATCH, Some("{}"));
        });
        assert!(is_watched(&activities));
        follow(&activities, WATCH, Some("{}"));
        assert!(activities.attention().goes_on(begun));
    }

    #[test]
    fn what_was_told_since_somebody_watches_is_known_until_it_is_taken_back() {
        let activities = Activities::default();
        let told = || Told::Activity(Arc::default());
        activities.follow(Logged::End);
        follow(&activities, "activity-acme", Some(r#"{"tasks":{}}"#));
        follow(&activities, WATCH, Some("{}"));
        assert_eq!(activities.of("acme"), Told::NotYet);
        follow(&activities, "activity-acme", Some(r#"{"tasks":{}}"#));
        assert_eq!(
            (activities.of("acme"), activities.of("other")),
            (told(), Told::NotYet)
        );
        for value in [None, Some("of a newer version")] {
            follow(&activities, "activity-acme", Some(r#"{"tasks":{}}"#));
            follow(&activities, "activity-acme", value);
            assert_eq!(activities.of("acme"), Told::NotYet);
        }
    }

    #[test]
    fn attention_that_is_renewed_in_time_is_one() {
        let then = Instant::now();
        let mut attention = Attention {
            is_read: true,
            ..Attention::default()
        };
        attention.renew(then, false);
        attention.renew(then + ATTENTION / 2, true);
        assert_eq!(attention.began, Some(then));
        assert_eq!(attention.renewed, Some(then + ATTENTION / 2));
        assert!(attention.is_on(then + ATTENTION));
        attention.renew(then + ATTENTION * 2, false);
        assert_eq!(attention.began, Some(then + ATTENTION * 2));
    }
}
