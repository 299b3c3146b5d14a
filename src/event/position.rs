//! Where a task reads next: the one thing that must never be lost, and never move alone.
//!
//! The JSON form is the value of a record in `<prefix>.cursors`, one line per connector and stream. Members that a
//! newer version may add are ignored, so that a downgrade goes on at the same place.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Cursor;

/// A task's place in its stream, and how it got there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Where to read next: `{"cursor":"…"}` or `{"start_time":"…"}`.
    #[serde(flatten)]
    pub place: Place,
    /// The time of the last event before this place, as the API told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_time: Option<String>,
    /// The uuid of the last event before this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_uuid: Option<String>,
    /// Items that were committed with this position and all before it, dead letters included.
    #[serde(default)]
    pub events_total: u64,
    /// When it was written; whoever writes one by hand need not say.
    #[serde(default)]
    pub updated_at: Timestamp,
}

/// What the next request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Everything from this time on.
    #[serde(rename = "start_time")]
    Start(Timestamp),
    /// Everything after this bookmark.
    #[serde(rename = "cursor")]
    After(Cursor),
}

// === impl Position ===

impl Position {
    /// The position of a task that has read nothing yet.
    #[must_use]
    pub const fn start(time: Timestamp, now: Timestamp) -> Self {
        Self::at(Place::Start(time), now)
    }

    /// A position of which nothing is known but where to read next.
    #[must_use]
    pub const fn at(place: Place, now: Timestamp) -> Self {
        Self {
            place,
            last_event_time: None,
            last_event_uuid: None,
            events_total: 0,
            updated_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_form_is_the_documented_one() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let start = Position::start("2026-07-27T00:00:00Z".parse().unwrap(), now);
        assert_eq!(
            serde_json::to_string(&start).unwrap(),
            r#"{"start_time":"2026-07-27T00:00:00Z","events_total":0,"updated_at":"2026-11-24T10:00:00Z"}"#
        );
        let later = Position {
            place: Place::After(Cursor::new("abc".to_owned()).unwrap()),
            last_event_time: Some("2026-11-24T09:59:59.5Z".to_owned()),
            last_event_uuid: Some("U".to_owned()),
            events_total: 7,
            ..start
        };
        let json = serde_json::to_string(&later).unwrap();
        assert!(
            json.starts_with(r#"{"cursor":"abc","last_event_time""#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), later);
    }

    #[test]
    fn a_position_of_a_newer_version_is_read() {
        let json = r#"{"cursor":"abc","updated_at":"2026-11-24T10:00:00Z","added_later":{"x":1}}"#;
        assert!(serde_json::from_str::<Position>(json).is_ok());
    }

    #[test]
    fn a_position_written_by_hand_is_a_place_and_nothing_else() {
        for json in [
            r#"{"cursor":"abc"}"#,
            r#"{"start_time":"2026-11-24T10:00:00+01:00"}"#,
        ] {
            assert!(serde_json::from_str::<Position>(json).is_ok(), "{json}");
        }
    }

    #[test]
    fn a_position_without_a_place_is_refused() {
        for json in [
            "{}",
            "null",
            r#"{"cursor":"","updated_at":"2026-11-24T10:00:00Z"}"#,
            "gibberish",
        ] {
            assert!(serde_json::from_str::<Position>(json).is_err(), "{json}");
        }
    }
}
