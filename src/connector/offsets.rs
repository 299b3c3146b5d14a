//! Where every task of the group reads next, as the cursors topic has it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::sync::watch;

use super::history::{History, Hour};
use crate::{
    event::{Stream, TaskId},
    kafka::{Kept, Logged, Restored, Stored},
};

/// All positions, whoever's tasks they are.
#[derive(Debug, Clone, Default)]
pub struct Offsets(watch::Sender<Known>);

#[derive(Debug, Default)]
struct Known {
    restored: Restored,
    /// How many events each task has committed lately.
    histories: BTreeMap<TaskId, History>,
    /// Whether all that was in the topic at the beginning is known.
    is_read: bool,
}

// === impl Offsets ===

impl Offsets {
    /// Takes in what the topic brings. Whoever restores a shard reports a record that is not ours.
    pub fn follow(&self, logged: Logged<'_>) {
        match logged {
            Logged::Record { key, value, .. } => {
                if let Some(kept) = Kept::read(key, value) {
                    self.0.send_modify(|known| known.take(kept));
                }
            }
            Logged::End => self.0.send_modify(|known| known.is_read = true),
        }
    }

    /// Waits until the topic is read, and tells where the tasks of a connector read next.
    pub(super) async fn of(&self, connector: &str) -> BTreeMap<Stream, Stored> {
        let mut known = self.0.subscribe();
        let known = known.wait_for(|known| known.is_read).await;
        let known = known.expect("its sender is here");
        let position = |stream: Stream| {
            let connector = connector.to_owned();
            let stored = known
                .restored
                .positions
                .get(&TaskId { connector, stream })?;
            Some((stream, stored.clone()))
        };
        Stream::ALL.into_iter().filter_map(position).collect()
    }

    /// Where a task reads next, as far as the topic is read, and what it has committed in the hour before `now`.
    pub(super) fn task(&self, task: &TaskId, now: Timestamp) -> (Option<Stored>, Hour) {
        let known = self.0.borrow();
        let history = known.histories.get(task);
        let hour = history.map_or_else(Hour::default, |history| history.hour(now));
        (known.restored.positions.get(task).cloned(), hour)
    }

    /// The number of the last alteration of a connector's positions that was carried out; 0 where none was.
    pub(super) fn altered(&self, connector: &str) -> u64 {
        self.0.borrow().altered(connector)
    }

    /// Waits until an alteration, or a later one, has been carried out.
    pub(super) async fn wait_for(&self, connector: &str, alteration: u64) {
        let mut known = self.0.subscribe();
        let done = known.wait_for(|known| known.altered(connector) >= alteration);
        done.await.expect("its sender is here");
    }
}

// === impl Known ===

impl Known {
    fn take(&mut self, kept: Kept) {
        if let Kept::Position(task, Some(Stored::Position(position))) = &kept {
            let before = match self.restored.positions.get(task) {
                Some(Stored::Position(before)) => before.events_total,
                // What was there before it is compacted away.
                _ => position.events_total,
            };
            let events = position.events_total.saturating_sub(before);
            if events > 0 {
                let history = self.histories.entry(task.clone()).or_default();
                history.add(position.updated_at, events);
            }
        }
        self.restored.take(kept);
    }

    fn altered(&self, connector: &str) -> u64 {
        let altered = &self.restored.altered;
        altered.get(connector).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'r>(key: &'r str, value: Option<&'r str>) -> Logged<'r> {
        Logged::Record {
            offset: 0,
            key: key.as_bytes(),
            value: value.map(str::as_bytes),
        }
    }

    #[tokio::test]
    async fn positions_are_told_when_all_are_read() {
        let offsets = Offsets::default();
        let (acme, other) = (
            r#"["acme",{"stream":"itemusages"}]"#,
            r#"["other",{"stream":"itemusages"}]"#,
        );
        for logged in [
            record(acme, Some(r#"{"cursor":"a"}"#)),
            record(other, Some("{}")),
            record("[]", None),
        ] {
            offsets.follow(logged);
        }
        tokio::select! {
            biased;
            _ = offsets.of("acme") => panic!("they are not read yet"),
            () = std::future::ready(()) => {}
        }
        offsets.follow(Logged::End);
        let known = offsets.of("acme").await;
        assert_eq!(known.keys().collect::<Vec<_>>(), [&Stream::ItemUsages]);
        assert!(matches!(known[&Stream::ItemUsages], Stored::Position(_)));

        offsets.follow(record(acme, None));
        assert_eq!(offsets.of("acme").await, BTreeMap::new());
        let other = offsets.of("other").await;
        assert!(matches!(other[&Stream::ItemUsages], Stored::Unreadable(_)));
    }

    #[tokio::test]
    async fn an_alteration_is_waited_for_and_an_earlier_one_is_done_with_it() {
        let offsets = Offsets::default();
        let key = r#"["acme",{}]"#;
        let (done, ()) = tokio::join!(offsets.wait_for("acme", 2), async {
            offsets.follow(record(key, Some(r#"{"alteration":3}"#)));
        });
        assert_eq!(done, ());
        assert_eq!((offsets.altered("acme"), offsets.altered("other")), (3, 0));
    }
}
