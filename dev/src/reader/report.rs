//! The verdict on every event: exactly once, lost, or repeated.

use std::{collections::BTreeMap, fmt};

use super::Message;

/// What is wrong with a topic; [`Report::is_exactly_once`] when nothing is. Its `Display` says it in a few lines.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// How many expected events are there exactly once.
    pub once: usize,
    /// Expected events that are not there.
    pub lost: Vec<String>,
    /// Expected events that are there more than once, and how often.
    pub repeated: Vec<(String, usize)>,
    /// Events, or messages without an event's id, that nobody expected.
    pub unexpected: Vec<String>,
}

/// The `CloudEvents` header that carries an event's uuid.
const ID_HEADER: &str = "ce_id";

/// How many examples the report's text names of each kind.
const EXAMPLES: usize = 3;

// === impl Report ===

impl Report {
    /// Compares uuids that are expected, each once, with those that were seen.
    pub fn compare<E, S>(expected: E, seen: S) -> Self
    where
        E: IntoIterator<Item: Into<String>>,
        S: IntoIterator<Item: Into<String>>,
    {
        let mut counts: BTreeMap<String, usize> =
            expected.into_iter().map(|uuid| (uuid.into(), 0)).collect();
        let mut report = Self::default();
        for uuid in seen {
            let uuid = uuid.into();
            match counts.get_mut(&uuid) {
                Some(count) => *count += 1,
                None => report.unexpected.push(uuid),
            }
        }
        for (uuid, count) in counts {
            match count {
                0 => report.lost.push(uuid),
                1 => report.once += 1,
                _ => report.repeated.push((uuid, count)),
            }
        }
        report
    }

    /// Whether every expected event is there exactly once, and nothing else is.
    #[must_use]
    pub fn is_exactly_once(&self) -> bool {
        self.lost.is_empty() && self.repeated.is_empty() && self.unexpected.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repeated: Vec<_> = self
            .repeated
            .iter()
            .map(|(uuid, count)| format!("{uuid} ({count} times)"))
            .collect();
        write!(formatter, "{} exactly once", self.once)?;
        list(formatter, "lost", &self.lost)?;
        list(formatter, "repeated", &repeated)?;
        list(formatter, "unexpected", &self.unexpected)
    }
}

/// Compares the events that are expected, each once, with the messages of a topic, which carry the event's uuid in
/// their `ce_id` header.
pub fn check<E>(expected: E, messages: &[Message]) -> Report
where
    E: IntoIterator<Item: Into<String>>,
{
    Report::compare(expected, messages.iter().map(identity))
}

fn identity(message: &Message) -> String {
    message.header(ID_HEADER).map_or_else(
        || {
            format!(
                "message without {ID_HEADER} at {}/{}",
                message.partition, message.offset
            )
        },
        str::to_owned,
    )
}

fn list(formatter: &mut fmt::Formatter<'_>, what: &str, all: &[String]) -> fmt::Result {
    if all.is_empty() {
        return write!(formatter, ", 0 {what}");
    }
    let examples = all[..all.len().min(EXAMPLES)].join(", ");
    let more = if all.len() > EXAMPLES { ", …" } else { "" };
    write!(formatter, ", {} {what} ({examples}{more})", all.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_gets_its_verdict() {
        let report = Report::compare(["a", "b", "c"], ["c", "b", "x", "c"]);
        assert_eq!(
            report,
            Report {
                once: 1,
                lost: vec!["a".into()],
                repeated: vec![("c".into(), 2)],
                unexpected: vec!["x".into()],
            }
        );
        assert_eq!(
            report.to_string(),
            "1 exactly once, 1 lost (a), 1 repeated (c (2 times)), 1 unexpected (x)"
        );
        assert!(!report.is_exactly_once());
        assert!(Report::compare(["a"], ["a"]).is_exactly_once());
    }

    #[test]
    fn a_message_without_an_id_is_unexpected() {
        let message = Message {
            partition: 1,
            offset: 7,
            timestamp_ms: None,
            key: None,
            value: None,
            headers: Vec::new(),
        };
        let report = check(Vec::<String>::new(), &[message]);
        assert_eq!(report.unexpected, ["message without ce_id at 1/7"]);
    }
}
