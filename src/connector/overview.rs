//! Connectors as people look at them: one light and one word for each, and for each of its streams.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Hour, State, activity::Told};
use crate::{
    event::{EventTime, Place, Position, Stream},
    kafka::Stored,
    relay::{End, Poll, Seen, Target, TaskActivity},
};

/// A connector at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Its name.
    pub name: String,
    /// How it is, and why.
    pub verdict: Verdict,
    /// What somebody wants of it.
    pub target: Target,
    /// Whether it is declared in the workers' file, and so can be changed there only.
    pub in_file: bool,
    /// The worker that has it.
    pub worker: Option<String>,
    /// Whose events it reads, once that is known.
    pub account: Option<Seen>,
    /// Its pause between polls.
    pub interval: Option<Duration>,
    /// Its streams.
    pub streams: Vec<StreamOverview>,
}

/// A stream at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamOverview {
    /// Which one.
    pub stream: Stream,
    /// How it is, and why.
    pub verdict: Verdict,
    /// The time of the last event that was committed.
    pub last_event: Option<Timestamp>,
    /// How many items were committed in all.
    pub total: u64,
    /// How many in the last hour.
    pub hour: Hour,
    /// How long ago the last event happened, where there is more to read; nothing at the end.
    pub behind: Option<Duration>,
    /// Where it is read next.
    pub place: Option<Place>,
    /// What it has done lately.
    pub activity: TaskActivity,
}

/// How something is: a light, a word for it, and what there is to know or to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The light.
    pub light: Light,
    /// The word.
    pub word: &'static str,
    /// What there is to know or to do.
    pub why: Option<String>,
}

/// How something is; what needs somebody most comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Light {
    /// It rests.
    Grey,
    /// All is well.
    Green,
    /// It is not, or will not be; it may mend itself.
    Amber,
    /// It needs somebody.
    Red,
}

/// All that is known of a stream.
#[derive(Debug)]
pub(super) struct StreamFacts {
    pub(super) stream: Stream,
    pub(super) target: Target,
    pub(super) state: Option<State>,
    pub(super) stored: Option<Stored>,
    pub(super) hour: Hour,
    pub(super) interval: Duration,
}

/// How long before its end a token is worth a word.
pub const EXPIRY_NOTICE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// What a poll may take, and a clock may differ.
const GRACE: Duration = Duration::from_mins(1);

// === impl Overview ===

impl Overview {
    /// How many events were committed in the last hour.
    #[must_use]
    pub fn last_hour(&self) -> u64 {
        self.streams.iter().map(StreamOverview::last_hour).sum()
    }

    /// How far behind the stream is that is most so.
    #[must_use]
    pub fn behind(&self) -> Duration {
        let behind = self.streams.iter().filter_map(|stream| stream.behind);
        behind.max().unwrap_or_default()
    }
}

// === impl StreamOverview ===

impl StreamOverview {
    /// How many events were committed in the last hour.
    #[must_use]
    pub fn last_hour(&self) -> u64 {
        self.hour.iter().sum()
    }
}

// === impl StreamFacts ===

impl StreamFacts {
    pub(super) fn judge(self, told: &Told, now: Timestamp) -> StreamOverview {
        let tasks = told.activity().map(|activity| &activity.tasks);
        let task = tasks.and_then(|tasks| tasks.get(&self.stream).map(Box::as_ref));
        let position = match &self.stored {
            Some(Stored::Position(position)) => Some(position),
            _ => None,
        };
        let last_event = position.and_then(last_event);
        let verdict = self.verdict(told, task, now);
        // Of what rests, or is at its end, the last event may be old.
        let is_behind = verdict.light >= Light::Amber
            && task.is_some_and(|task| !is_at_end(task, self.interval, now));
        let behind = last_event
            .filter(|_| is_behind)
            .map(|last| since(last, now));
        StreamOverview {
            stream: self.stream,
            verdict,
            last_event,
            total: position.map_or(0, |position| position.events_total),
            hour: self.hour,
            behind: behind.map(rounded),
            place: position.map(|position| position.place.clone()),
            activity: task.cloned().unwrap_or_default(),
        }
    }

    fn verdict(&self, told: &Told, task: Option<&TaskActivity>, now: Timestamp) -> Verdict {
        if let Some(rests) = Verdict::resting(self.target) {
            return rests;
        }
        let last = task.and_then(TaskActivity::last);
        let trouble = task.and_then(|task| task.troubles.back());
        let trouble = trouble.map(|trouble| trouble.message.clone());
        let state = self.state.as_ref().map(|state| state.state.as_str());
        match (state, task, last.map(|last| last.end)) {
            (Some("FAILED"), ..) => {
                let trace = self.state.as_ref().and_then(|state| state.trace.clone());
                Verdict::new(Light::Red, "Failed", trace)
            }
            (Some("UNASSIGNED"), _, Some(End::Unassigned)) => Verdict::new(
                Light::Grey,
                "Not covered",
                Some("The token does not cover this stream.".to_owned()),
            ),
            (Some("UNASSIGNED"), ..) => Verdict::new(
                Light::Amber,
                "Unassigned",
                Some("No worker has it at the moment.".to_owned()),
            ),
            (_, _, Some(End::Failed)) => Verdict::new(Light::Red, "Failed", trouble),
            (_, _, Some(End::Throttled)) => Verdict::new(Light::Amber, "Throttled", trouble),
            (_, _, Some(End::Retrying)) => Verdict::new(Light::Amber, "Retrying", trouble),
            (_, Some(task), Some(_)) => reading(task, self.interval, now),
            _ if *told == Told::NotYet => Verdict::new(Light::Grey, "Asking", None),
            (Some(_), ..) if *told == Told::Nothing => {
                let why = "No worker tells what it does. Look at the workers and their logs.";
                Verdict::new(Light::Amber, "Silent", Some(why.to_owned()))
            }
            _ => Verdict::new(Light::Amber, "Starting", None),
        }
    }
}

// === impl Verdict ===

impl Verdict {
    pub(super) const fn new(light: Light, word: &'static str, why: Option<String>) -> Self {
        Self { light, word, why }
    }

    /// What is said of whatever somebody does not want to run.
    pub(super) fn resting(target: Target) -> Option<Self> {
        match target {
            Target::Paused => Some(Self::new(Light::Grey, "Paused", None)),
            Target::Stopped => Some(Self::new(Light::Grey, "Stopped", None)),
            Target::Running => None,
        }
    }

    /// That of a connector, from what its streams and its account say.
    pub(super) fn over(streams: &[StreamOverview], account: Option<&Seen>, now: Timestamp) -> Self {
        // The first of those that need somebody most.
        let worst = streams.iter().rev().max_by_key(|one| one.verdict.light);
        let worst = worst.map_or_else(
            || Self::new(Light::Amber, "Starting", None),
            |worst| worst.verdict.clone(),
        );
        let expires = account.and_then(|account| account.expires);
        match expires.filter(|expires| expires.duration_since(now) <= EXPIRY_NOTICE) {
            Some(expires) if worst.light <= Light::Green => {
                let why = format!(
                    "The token ends on {}. Issue a new one in 1Password and put it in the place of this one.",
                    expires.strftime("%-d %B %Y")
                );
                Self::new(Light::Amber, "Token expires", Some(why))
            }
            _ => worst,
        }
    }
}

// === impl Light ===

impl Light {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}

/// A task that reads, or has read to the end.
fn reading(task: &TaskActivity, configured: Duration, now: Timestamp) -> Verdict {
    if is_slowed(task, configured) {
        let why = "1Password throttles this account, so it is polled every 15 minutes until that has not happened for an \
                   hour. If it happens often, raise the polling interval to 15 minutes (900000 ms).";
        return Verdict::new(Light::Amber, "Throttled", Some(why.to_owned()));
    }
    if is_at_end(task, configured, now) {
        return Verdict::new(Light::Green, "Up to date", None);
    }
    let goes_on = |last: &Poll| {
        let told = last
            .began
            .saturating_add(last.took())
            .unwrap_or(Timestamp::MAX);
        last.end == End::Reading && since(told, now) <= recent(task, configured)
    };
    if task.last().is_some_and(goes_on) {
        return Verdict::new(Light::Amber, "Catching up", None);
    }
    let why = "No poll has ended for more than two intervals. Look at the worker and its log.";
    Verdict::new(Light::Amber, "Late", Some(why.to_owned()))
}

/// Whether the end was reached within the last two intervals.
fn is_at_end(task: &TaskActivity, configured: Duration, now: Timestamp) -> bool {
    let recent = recent(task, configured);
    let drained = task.drained.map(|drained| since(drained, now));
    drained.is_some_and(|drained| drained <= recent)
}

/// Two intervals, and a little more.
fn recent(task: &TaskActivity, configured: Duration) -> Duration {
    let interval = configured.max(wait(task).unwrap_or_default());
    interval.saturating_mul(2).saturating_add(GRACE)
}

/// In whole minutes where there are some: what changes each second is drawn each second.
fn rounded(behind: Duration) -> Duration {
    let seconds = behind.as_secs();
    Duration::from_secs(if seconds < 120 {
        seconds
    } else {
        seconds / 60 * 60
    })
}

/// Whether the wait is longer than what was configured, give or take what polls are spread by.
fn is_slowed(task: &TaskActivity, configured: Duration) -> bool {
    wait(task).is_some_and(|wait| wait > configured.mul_f64(1.1))
}

/// From the end of the stream to the next poll.
fn wait(task: &TaskActivity) -> Option<Duration> {
    let last = task.last().filter(|last| last.end == End::Drained);
    last.and(task.next_poll.zip(task.drained))
        .map(|(next, drained)| since(drained, next))
}

fn last_event(position: &Position) -> Option<Timestamp> {
    let time = EventTime::parse(position.last_event_time.as_deref()?).ok()?;
    Timestamp::from_millisecond(time.millis()).ok()
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
