//! The body of a POST: a cursor to go on from, or a reset that begins anew.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{cursor::Cursor, stream::Stream};

/// Why a body was refused; becomes the message of a 400.
pub(super) type Complaint = &'static str;

const DEFAULT_LIMIT: usize = 100;
const MOST: u64 = 1000;
const DEFAULT_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Reads a body; no body at all counts as `{}`, which means "the last hour, a hundred at a time".
pub(super) fn read(body: &[u8], stream: Stream, now: Timestamp) -> Result<Cursor, Complaint> {
    let fields = match body.trim_ascii() {
        [] => Map::new(),
        text => serde_json::from_slice(text).map_err(|_| "the body is not a JSON object")?,
    };
    match fields.get("cursor") {
        Some(Value::String(text)) => {
            Cursor::decode(text, stream).ok_or("the cursor is not one of this endpoint")
        }
        Some(_) => Err("the cursor is not a string"),
        None => reset(&fields, stream, now),
    }
}

fn reset(fields: &Map<String, Value>, stream: Stream, now: Timestamp) -> Result<Cursor, Complaint> {
    let end = time(fields, "end_time")?;
    let start = match time(fields, "start_time")? {
        Some(start) => start,
        None => end
            .unwrap_or(now)
            .checked_sub(DEFAULT_WINDOW)
            .map_err(|_| "end_time is out of range")?,
    };
    Ok(Cursor {
        limit: limit(fields)?,
        start_ms: start.as_millisecond(),
        end_ms: end.map(Timestamp::as_millisecond),
        search_after_ms: None,
        tie_breaker: None,
        stream,
        renewals: 0,
    })
}

fn limit(fields: &Map<String, Value>) -> Result<usize, Complaint> {
    match fields.get("limit") {
        None | Some(Value::Null) => Ok(DEFAULT_LIMIT),
        Some(value) => match value.as_u64() {
            Some(limit @ 1..=MOST) => Ok(usize::try_from(limit).expect("at most a thousand")),
            _ => Err("limit is not between 1 and 1000"),
        },
    }
}

fn time(fields: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Complaint> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => rfc3339(text).map(Some).ok_or("a time is not RFC 3339"),
        Some(_) => Err("a time is not a string"),
    }
}

/// The parser beneath takes more than RFC 3339 does (a space for the `T`, a zone in brackets); the API does not.
pub(super) fn rfc3339(text: &str) -> Option<Timestamp> {
    let strict = text.as_bytes().get(10) == Some(&b'T') && !text.contains('[');
    strict.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(body: &Value) -> Result<Cursor, Complaint> {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        read(body.to_string().as_bytes(), Stream::AuditEvents, now)
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn nothing_asked_means_the_last_hour_a_hundred_at_a_time() {
        let cursor = ask(&json!({})).unwrap();
        assert_eq!(cursor.limit, 100);
        assert_eq!(cursor.start_ms, ms("2026-01-02T02:04:05Z"));
        assert_eq!(cursor.end_ms, None);
        assert_eq!(
            read(
                b"",
                Stream::AuditEvents,
                "2026-01-02T03:04:05Z".parse().unwrap()
            ),
            Ok(cursor)
        );
    }

    #[test]
    fn an_end_alone_means_the_hour_before_it() {
        let cursor = ask(&json!({"end_time": "2025-05-05T10:00:00-03:00"})).unwrap();
        assert_eq!(cursor.start_ms, ms("2025-05-05T12:00:00Z"));
        assert_eq!(cursor.end_ms, Some(ms("2025-05-05T13:00:00Z")));
    }

    #[test]
    fn a_cursor_is_taken_with_its_own_limit_and_a_line_end() {
        let mut begun = ask(&json!({"limit": 7})).unwrap();
        begun.search_after_ms = Some(5);
        let text = format!("{}\n", begun.encode());
        assert_eq!(ask(&json!({"cursor": text, "limit": 900})), Ok(begun));
    }

    #[test]
    fn what_the_api_refuses_is_refused() {
        let other = Cursor {
            stream: Stream::ItemUsages,
            ..ask(&json!({})).unwrap()
        };
        for body in [
            json!([]),
            json!({"limit": 0}),
            json!({"limit": 1001}),
            json!({"limit": "x"}),
            json!({"start_time": "yesterday"}),
            json!({"start_time": "2025-05-05"}),
            json!({"start_time": "2025-05-05 10:00:00Z"}),
            json!({"end_time": 5}),
            json!({"cursor": "aGVsbG8hIGlz"}),
            json!({"cursor": ""}),
            json!({"cursor": null}),
            json!({"cursor": other.encode()}),
        ] {
            assert!(ask(&body).is_err(), "{body}");
        }
    }
}
