//! `Retry-After`: how long the other side wants to be left alone.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The longest wait that an answer may ask for: a header must not silence a task for days.
pub const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The wait that an answer asks for (RFC 9110 §10.2.3), at most [`LONGEST_WAIT`]. A date in the past is no wait.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => until(text, now)?,
    };
    Some(wait.min(LONGEST_WAIT))
}

fn until(date: &str, now: Timestamp) -> Option<Duration> {
    let then = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn both_forms_are_understood_and_bounded() {
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        for (text, wait) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("86400", Some(3600)),
            ("Tue, 24 Nov 2026 10:01:30 GMT", Some(90)),
            ("Tue, 24 Nov 2026 09:00:00 GMT", Some(0)),
            ("Wed, 25 Nov 2026 10:00:00 GMT", Some(3600)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            let expected = wait.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
