//! The event schemas, and the subjects under which a registry keeps them.

use crate::event::Stream;

/// How a subject is named; Confluent's three strategies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SubjectStrategy {
    /// `<topic>-value`.
    #[default]
    TopicName,
    /// The record's full name.
    RecordName,
    /// `<topic>-<record's full name>`.
    TopicRecordName,
}

/// The schema of a stream's events, as JSON.
#[must_use]
pub const fn schema(stream: Stream) -> &'static str {
    match stream {
        Stream::SignInAttempts => include_str!("../../schemas/signinattempts.avsc"),
        Stream::ItemUsages => include_str!("../../schemas/itemusages.avsc"),
        Stream::AuditEvents => include_str!("../../schemas/auditevents.avsc"),
    }
}

/// The full name of a stream's record, as its schema has it.
#[must_use]
pub const fn record_name(stream: Stream) -> &'static str {
    match stream {
        Stream::SignInAttempts => "com.onepassword.events.signinattempts.SignInAttempt",
        Stream::ItemUsages => "com.onepassword.events.itemusages.ItemUsage",
        Stream::AuditEvents => "com.onepassword.events.auditevents.AuditEvent",
    }
}

/// The subject of a stream's schema when its events go to `topic`.
#[must_use]
pub fn subject(stream: Stream, topic: &str, strategy: SubjectStrategy) -> String {
    match strategy {
        SubjectStrategy::TopicName => format!("{topic}-value"),
        SubjectStrategy::RecordName => record_name(stream).to_owned(),
        SubjectStrategy::TopicRecordName => format!("{topic}-{}", record_name(stream)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_strategy_names_its_subject() {
        let record = "com.onepassword.events.itemusages.ItemUsage";
        for (strategy, expected) in [
            (
                SubjectStrategy::TopicName,
                "acme.itemusages-value".to_owned(),
            ),
            (SubjectStrategy::RecordName, record.to_owned()),
            (
                SubjectStrategy::TopicRecordName,
                format!("acme.itemusages-{record}"),
            ),
        ] {
            let subject = subject(Stream::ItemUsages, "acme.itemusages", strategy);
            assert_eq!(subject, expected);
        }
    }

    #[test]
    fn the_names_are_those_of_the_schemas() {
        for stream in Stream::ALL {
            let json: serde_json::Value = serde_json::from_str(schema(stream)).unwrap();
            let member = |name: &str| json[name].as_str().unwrap().to_owned();
            let name = format!("{}.{}", member("namespace"), member("name"));
            assert_eq!(name, record_name(stream));
        }
    }
}
