//! Tests of what is said of connectors and streams.

use std::sync::Arc;

use super::*;
use crate::relay::{Activity, Trouble};

const INTERVAL: Duration = Duration::from_mins(5);

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// A task whose last poll began then and ended a moment ago; the end of the stream was reached then.
fn task(began: i64, end: End, drained: Option<i64>) -> TaskActivity {
    let took = now().duration_since(ago(began)).as_millis();
    let poll = Poll {
        began: ago(began),
        took_ms: took.try_into().unwrap(),
        events: 1,
        end,
    };
    TaskActivity {
        polls: [poll].into(),
        troubles: [Trouble {
            at: ago(began),
            message: "what to do".to_owned(),
            times: 1,
        }]
        .into(),
        next_poll: Some(ago(began - 5)),
        drained: drained.map(ago),
    }
}

fn overview(state: &str, task: Option<TaskActivity>) -> StreamOverview {
    let mut position = Position::start(ago(600), ago(600));
    position.last_event_time = Some("2026-11-25T11:30:00.9Z".to_owned());
    position.events_total = 7;
    let facts = StreamFacts {
        stream: Stream::ItemUsages,
        target: Target::Running,
        state: Some(State {
            state: state.to_owned(),
            trace: Some("why".to_owned()),
            worker_id: "host:8083".to_owned(),
            version: None,
        }),
        stored: Some(Stored::Position(position)),
        hour: Hour::default(),
        interval: INTERVAL,
    };
    let activity = Activity {
        account: None,
        tasks: task
            .map(|task| (Stream::ItemUsages, Box::new(task)))
            .into_iter()
            .collect(),
    };
    facts.judge(&Told::Activity(Arc::new(activity)), now())
}

fn verdict(state: &str, task: Option<TaskActivity>) -> (Light, &'static str) {
    let Verdict { light, word, .. } = overview(state, task).verdict;
    (light, word)
}

#[test]
fn green_is_what_was_read_to_the_end_within_two_intervals() {
    use End::{Drained, Reading};
    for (task, light, word) in [
        (task(1, Drained, Some(1)), Light::Green, "Up to date"),
        (task(10, Drained, Some(10)), Light::Green, "Up to date"),
        (task(12, Drained, Some(12)), Light::Amber, "Late"),
        (task(0, Reading, Some(5)), Light::Green, "Up to date"),
        (task(20, Reading, Some(30)), Light::Amber, "Catching up"),
        (task(20, Reading, None), Light::Amber, "Catching up"),
    ] {
        assert_eq!(
            verdict("RUNNING", Some(task.clone())),
            (light, word),
            "{task:?}"
        );
    }
}

#[test]
fn a_poll_of_which_nothing_was_heard_for_long_is_late() {
    let mut task = task(20, End::Reading, None);
    task.polls[0].took_ms = 1000;
    assert_eq!(verdict("RUNNING", Some(task)), (Light::Amber, "Late"));
}

#[test]
fn what_goes_wrong_is_said_with_what_to_do() {
    for (state, end, light, word, why) in [
        (
            "RUNNING",
            End::Retrying,
            Light::Amber,
            "Retrying",
            "what to do",
        ),
        (
            "RUNNING",
            End::Throttled,
            Light::Amber,
            "Throttled",
            "what to do",
        ),
        ("RUNNING", End::Failed, Light::Red, "Failed", "what to do"),
        ("FAILED", End::Failed, Light::Red, "Failed", "why"),
    ] {
        let verdict = overview(state, Some(task(1, end, Some(6)))).verdict;
        assert_eq!(verdict, Verdict::new(light, word, Some(why.to_owned())));
    }
    let mut slowed = task(1, End::Drained, Some(1));
    slowed.next_poll = Some(ago(-14));
    assert_eq!(
        verdict("RUNNING", Some(slowed)),
        (Light::Amber, "Throttled")
    );
}

#[test]
fn what_rests_is_grey_and_what_nobody_has_told_of_is_not_green() {
    let unassigned = task(1, End::Unassigned, None);
    assert_eq!(
        verdict("UNASSIGNED", Some(unassigned)),
        (Light::Grey, "Not covered")
    );
    assert_eq!(verdict("UNASSIGNED", None), (Light::Amber, "Unassigned"));
    assert_eq!(verdict("RUNNING", None), (Light::Amber, "Starting"));
}

#[test]
fn what_is_not_told_is_asked_for_and_then_missed() {
    let facts = |target, state: Option<&str>| StreamFacts {
        stream: Stream::ItemUsages,
        target,
        state: state.map(|state| State {
            state: state.to_owned(),
            trace: None,
            worker_id: "host:8083".to_owned(),
            version: None,
        }),
        stored: None,
        hour: Hour::default(),
        interval: INTERVAL,
    };
    let runs = Some("RUNNING");
    for (target, state, told, light, word) in [
        (Target::Running, runs, Told::NotYet, Light::Grey, "Asking"),
        (Target::Running, runs, Told::Nothing, Light::Amber, "Silent"),
        (
            Target::Running,
            None,
            Told::Nothing,
            Light::Amber,
            "Starting",
        ),
        (Target::Stopped, None, Told::Nothing, Light::Grey, "Stopped"),
        (Target::Paused, runs, Told::NotYet, Light::Grey, "Paused"),
    ] {
        let verdict = facts(target, state).judge(&told, now()).verdict;
        assert_eq!((verdict.light, verdict.word), (light, word));
    }
}

#[test]
fn a_stream_is_behind_by_the_age_of_its_last_event_until_it_is_read_to_the_end() {
    let reading = overview("RUNNING", Some(task(20, End::Reading, None)));
    assert_eq!(reading.behind, Some(Duration::from_mins(29)));
    assert_eq!((reading.total, reading.last_event.is_some()), (7, true));
    let drained = overview("RUNNING", Some(task(1, End::Drained, Some(1))));
    assert_eq!(drained.behind, None);
}

#[test]
fn a_connector_is_as_its_worst_stream_unless_its_token_ends_soon() {
    let good = overview("RUNNING", Some(task(1, End::Drained, Some(1))));
    let bad = overview("FAILED", Some(task(1, End::Failed, None)));
    let rests = overview("UNASSIGNED", Some(task(1, End::Unassigned, None)));
    let over = |streams: &[&StreamOverview], expires: Option<i64>| {
        let streams: Vec<_> = streams.iter().map(|one| (*one).clone()).collect();
        let account = Seen {
            host: "events.1password.com".to_owned(),
            uuid: None,
            features: Vec::new(),
            expires: expires.map(|days| now() + SignedDuration::from_hours(24 * days)),
        };
        let Verdict { light, word, .. } = Verdict::over(&streams, Some(&account), now());
        (light, word)
    };
    let fine = (Light::Green, "Up to date");
    assert_eq!(over(&[&good, &rests], None), fine);
    assert_eq!(over(&[&good, &bad, &rests], None), (Light::Red, "Failed"));
    assert_eq!(over(&[], None), (Light::Amber, "Starting"));
    assert_eq!(over(&[&good], Some(15)), fine);
    assert_eq!(over(&[&good], Some(14)), (Light::Amber, "Token expires"));
    assert_eq!(over(&[&bad], Some(1)), (Light::Red, "Failed"));
}
