//! When an event happened: microseconds for computing, the original text for keeping.
//!
//! The API prints Go times: RFC 3339 with no to nine fractional digits and any offset. Avro's
//! `timestamp-micros` cannot hold all of that, so the text travels beside it.

use jiff::Timestamp;

/// An event's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime<'a> {
    /// Microseconds since the epoch, UTC, rounded down.
    pub micros: i64,
    /// As the API told it.
    pub text: &'a str,
}

/// A text that is no RFC 3339 time. It does not quote the text, which came from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time")]
pub struct TimeError;

// === impl EventTime ===

impl<'a> EventTime<'a> {
    /// Reads an RFC 3339 time.
    ///
    /// # Errors
    ///
    /// Any other text, also a time without an offset, is refused.
    pub fn parse(text: &'a str) -> Result<Self, TimeError> {
        let time: Timestamp = text.parse().map_err(|_| TimeError)?;
        let micros = time.as_nanosecond().div_euclid(1_000);
        let micros = i64::try_from(micros).map_err(|_| TimeError)?;
        Ok(Self { micros, text })
    }

    /// Milliseconds since the epoch, rounded down: the unit of Kafka's record timestamps.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.micros.div_euclid(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_precision_and_offset_is_read() {
        for (text, micros) in [
            ("2021-08-11T14:28:03Z", 1_628_692_083_000_000),
            ("2021-08-11T14:28:03.484Z", 1_628_692_083_484_000),
            ("2021-08-11T14:28:03.24645983Z", 1_628_692_083_246_459),
            ("2021-08-11T14:28:03.827288935Z", 1_628_692_083_827_288),
            ("2021-08-11T11:28:03-03:00", 1_628_692_083_000_000),
            ("1969-12-31T23:59:59.999999999Z", -1),
        ] {
            assert_eq!(EventTime::parse(text), Ok(EventTime { micros, text }));
        }
    }

    #[test]
    fn a_time_without_an_offset_is_refused() {
        for text in [
            "",
            "yesterday",
            "2021-08-11",
            "2021-08-11T14:28:03",
            "1628692083",
        ] {
            assert_eq!(EventTime::parse(text), Err(TimeError));
        }
    }
}
