//! What connectors have done lately: a little of it, in memory, for whoever looks closely.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Stream, TaskId};

/// What a connector has done lately.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Whose events it reads, once 1Password has accepted its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Seen>,
    /// What each of its tasks has done.
    pub tasks: BTreeMap<Stream, Box<TaskActivity>>,
}

/// An account, as its token and introspection tell of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The host of the Events API.
    pub host: String,
    /// The account's uuid, where the server tells it.
    pub uuid: Option<String>,
    /// The streams that the token may read, under the API's names.
    pub features: Vec<String>,
    /// When the token expires, where it does.
    pub expires: Option<Timestamp>,
}

/// What a task has done lately.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskActivity {
    /// Its latest polls, oldest first. The last one may be under way.
    pub polls: VecDeque<Poll>,
    /// What went wrong, oldest first.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub troubles: VecDeque<Trouble>,
    /// When it polls next; nothing while it does.
    #[serde(default)]
    pub next_poll: Option<Timestamp>,
    /// When it last reached the end of its stream.
    #[serde(default)]
    pub drained: Option<Timestamp>,
}

/// From a position to the end of the stream, or as far as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// When it began.
    pub began: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How many events it brought.
    pub events: u64,
    /// How it ended.
    pub end: End,
}

/// How a poll has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It has not.
    Reading,
    /// At the end of the stream.
    Drained,
    /// 1Password wants to be asked later.
    Throttled,
    /// By something that passes.
    Retrying,
    /// By something that needs somebody.
    Failed,
    /// The token does not cover the stream.
    Unassigned,
}

/// Something that went wrong, perhaps again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// When it last did.
    pub at: Timestamp,
    /// What it was, and what to do about it.
    pub message: String,
    /// How many times in a row.
    pub times: u32,
}

/// What all connectors of this worker have done, and of which of them that is news.
#[derive(Debug, Default)]
pub(super) struct Doings {
    known: BTreeMap<String, Activity>,
    news: BTreeSet<String>,
}

const POLLS: usize = 8;
const TROUBLES: usize = 5;

// === impl TaskActivity ===

impl TaskActivity {
    /// A poll has begun, or has come further.
    pub(super) fn poll(&mut self, poll: Poll) {
        self.next_poll = None;
        let is_same = |last: &Poll| last.end == End::Reading && last.began == poll.began;
        if self.polls.back().is_some_and(is_same) {
            self.polls.pop_back();
        }
        if self.polls.len() == POLLS {
            self.polls.pop_front();
        }
        self.polls.push_back(poll);
    }

    /// Something went wrong.
    pub(super) fn trouble(&mut self, at: Timestamp, message: String) {
        let last = self.troubles.pop_back();
        let times = match last {
            Some(last) if last.message == message => last.times.saturating_add(1),
            other => {
                self.troubles.extend(other);
                1
            }
        };
        if self.troubles.len() == TROUBLES {
            self.troubles.pop_front();
        }
        self.troubles.push_back(Trouble { at, message, times });
    }

    /// The last poll.
    #[must_use]
    pub fn last(&self) -> Option<&Poll> {
        self.polls.back()
    }
}

// === impl Poll ===

impl Poll {
    /// How long it took.
    #[must_use]
    pub const fn took(&self) -> Duration {
        Duration::from_millis(self.took_ms)
    }
}

// === impl Doings ===

impl Doings {
    pub(super) fn task(&mut self, task: &TaskId) -> &mut TaskActivity {
        let activity = self.connector(&task.connector);
        activity.tasks.entry(task.stream).or_default()
    }

    pub(super) fn connector(&mut self, connector: &str) -> &mut Activity {
        self.news.insert(connector.to_owned());
        self.known.entry(connector.to_owned()).or_default()
    }

    pub(super) fn forget(&mut self, connector: &str) {
        self.known.remove(connector);
        self.news.remove(connector);
    }

    /// What is news since the last time.
    pub(super) fn take(&mut self) -> Vec<(String, Activity)> {
        let news = std::mem::take(&mut self.news).into_iter();
        news.filter_map(|name| {
            let activity = self.known.get(&name)?.clone();
            Some((name, activity))
        })
        .collect()
    }

    /// Everything is news.
    pub(super) fn renew(&mut self) {
        self.news = self.known.keys().cloned().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn poll(began: i64, events: u64, end: End) -> Poll {
        Poll {
            began: at(began),
            took_ms: 1500,
            events,
            end,
        }
    }

    #[test]
    fn the_latest_polls_are_kept_and_one_that_goes_on_is_one() {
        let mut task = TaskActivity::default();
        for (began, events, end) in [
            (1, 5, End::Reading),
            (1, 9, End::Reading),
            (1, 12, End::Drained),
            (2, 0, End::Retrying),
        ] {
            task.poll(poll(began, events, end));
        }
        assert_eq!(
            Vec::from(task.polls.clone()),
            [poll(1, 12, End::Drained), poll(2, 0, End::Retrying)]
        );
        for began in 3..20 {
            task.poll(poll(began, 0, End::Drained));
        }
        assert_eq!(task.polls.len(), POLLS);
        assert_eq!(task.last(), Some(&poll(19, 0, End::Drained)));
    }

    #[test]
    fn the_same_trouble_again_is_counted() {
        let mut task = TaskActivity::default();
        for (second, message) in [(1, "a"), (2, "a"), (3, "b"), (4, "a")] {
            task.trouble(at(second), message.to_owned());
        }
        let kept: Vec<_> = task
            .troubles
            .iter()
            .map(|trouble| (trouble.at.as_second(), &*trouble.message, trouble.times))
            .collect();
        assert_eq!(kept, [(2, "a", 2), (3, "b", 1), (4, "a", 1)]);
        for second in 5..20 {
            task.trouble(at(second), second.to_string());
        }
        assert_eq!(task.troubles.len(), TROUBLES);
    }

    #[test]
    fn news_are_told_once_unless_they_are_wanted_anew() {
        let mut all = Doings::default();
        let task = TaskId {
            connector: "acme".to_owned(),
            stream: Stream::ItemUsages,
        };
        all.task(&task).next_poll = Some(at(5));
        let told = all.take();
        assert_eq!(told[0].0, "acme");
        assert_eq!(told[0].1.tasks[&Stream::ItemUsages].next_poll, Some(at(5)));
        assert_eq!(all.take(), []);
        all.renew();
        assert_eq!(all.take(), told);
        all.renew();
        all.forget("acme");
        assert_eq!(all.take(), []);
    }
}
