//! How numbers, times and streams look to people.

use std::{fmt::Write, time::Duration};

use jiff::Timestamp;

use crate::{
    connector::{End, Hour},
    event::{Place, Stream},
    http::path::encoded,
};

/// Something that has a look of its own.
pub(super) trait Look {
    /// As people read it.
    fn look(self) -> String;
}

impl Look for Stream {
    fn look(self) -> String {
        let name = match self {
            Self::SignInAttempts => "Sign-in attempts",
            Self::ItemUsages => "Item usages",
            Self::AuditEvents => "Audit events",
        };
        name.to_owned()
    }
}

impl Look for End {
    fn look(self) -> String {
        let ended = match self {
            Self::Reading => "reading",
            Self::Drained => "read to the end",
            Self::Throttled => "throttled",
            Self::Retrying => "tried again",
            Self::Failed => "failed",
            Self::Unassigned => "not covered by the token",
        };
        ended.to_owned()
    }
}

impl Look for Place {
    /// A cursor tells people nothing.
    fn look(self) -> String {
        match self {
            Self::Start(time) => format!("from {}", time.look()),
            Self::After(_) => "after the last event".to_owned(),
        }
    }
}

impl Look for u64 {
    /// With commas between thousands.
    fn look(self) -> String {
        let digits = self.to_string();
        let mut text = String::with_capacity(digits.len() * 4 / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        text
    }
}

impl Look for Timestamp {
    /// By UTC; the script says how long ago that is.
    fn look(self) -> String {
        self.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }
}

impl Look for Duration {
    /// About how long.
    fn look(self) -> String {
        let seconds = self.as_secs();
        match seconds {
            0 if self.is_zero() => "0 s".to_owned(),
            0 => format!("{} ms", self.as_millis()),
            1..120 => format!("{seconds} s"),
            120..7200 => format!("{} min", seconds / 60),
            7200..172_800 => format!("{} h", seconds / 3600),
            _ => format!("{} days", seconds / 86_400),
        }
    }
}

/// A name as it stands in an address: whatever is not plain is escaped.
pub(super) fn escaped(name: &str) -> String {
    encoded(name, "-_.~")
}

/// The words of a setting's documentation as HTML: of Markdown they have code, and nothing else.
pub(super) fn words(doc: &str) -> String {
    let mut html = String::new();
    for (place, text) in doc.split('`').enumerate() {
        if place > 0 {
            html += if place % 2 == 1 { "<code>" } else { "</code>" };
        }
        html += &text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
    }
    html
}

/// An hour as the path of a bar chart, two wide and one apart, twenty high.
pub(super) fn bars(hour: &Hour) -> String {
    const HEIGHT: u64 = 20;
    let most = hour.iter().copied().max().unwrap_or_default().max(1);
    let mut path = String::new();
    for (place, events) in hour.iter().enumerate().filter(|(_, events)| **events > 0) {
        let height = (events.saturating_mul(HEIGHT) / most).max(1);
        write!(path, "M{} {HEIGHT}v-{height}h2v{height}z", place * 3)
            .expect("writing to a text does not fail");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_are_easy_to_read() {
        let numbers = [0, 999, 1000, 41_123, 1_234_567].map(u64::look);
        assert_eq!(numbers, ["0", "999", "1,000", "41,123", "1,234,567"]);
        let durations = [0, 90, 300, 10_000, 200_000].map(Duration::from_secs);
        assert_eq!(
            durations.map(Duration::look),
            ["0 s", "90 s", "5 min", "2 h", "2 days"]
        );
        assert_eq!(Duration::from_millis(12).look(), "12 ms");
    }

    #[test]
    fn code_is_marked_and_nothing_else_is() {
        assert_eq!(
            words("`a<b`, or <i>`c`"),
            "<code>a&lt;b</code>, or &lt;i&gt;<code>c</code>"
        );
    }

    #[test]
    fn a_name_is_escaped_in_an_address() {
        assert_eq!(escaped("a-b c/ü"), "a-b%20c%2F%C3%BC");
    }

    #[test]
    fn an_hour_is_drawn_with_its_highest_bar_in_full() {
        let mut hour = Hour::default();
        assert_eq!(bars(&hour), "");
        (hour[0], hour[29]) = (1, 1000);
        assert_eq!(bars(&hour), "M0 20v-1h2v1zM87 20v-20h2v20z");
    }
}
