//! Where a stream that was never read begins.

use jiff::{SignedDuration, SpanRelativeTo, Timestamp, fmt::temporal::SpanParser};

use crate::relay::Start;

/// Reads `earliest`, `latest`, an RFC 3339 time that is not after `now`, or an ISO 8601 duration.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Start, String> {
    match text.trim() {
        "earliest" => Ok(Start::Earliest),
        "latest" => Ok(Start::Latest),
        duration if duration.starts_with(['P', 'p', '-', '+']) => ago(duration, now),
        time => at(time, now),
    }
}

/// Reads an ISO 8601 duration, in which a day has 24 hours.
pub(super) fn duration(text: &str) -> Result<SignedDuration, String> {
    let span = SpanParser::new()
        .parse_span(text)
        .map_err(|_| "is no ISO 8601 duration: write it as P7D or PT36H".to_owned())?;
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| "has years or months in it, which differ in length: write days".to_owned())?;
    if !duration.is_positive() {
        return Err("leads nowhere: a duration counts back from now, such as P7D".to_owned());
    }
    Ok(duration)
}

fn ago(text: &str, now: Timestamp) -> Result<Start, String> {
    let duration = duration(text)?;
    let earliest = Start::Earliest.resolve(now);
    match now.checked_sub(duration) {
        Ok(time) if time >= earliest => Ok(Start::Ago(duration)),
        _ => Err(
            "is more than 1Password keeps, which is 120 days: write earliest for all of it"
                .to_owned(),
        ),
    }
}

/// A time from before 1Password's memory is fine: the API takes it, and begins with what there is.
fn at(text: &str, now: Timestamp) -> Result<Start, String> {
    let time: Timestamp = text.parse().map_err(|_| {
        "is none of earliest, latest, a time such as 2026-01-31T00:00:00Z and a duration such as P7D"
            .to_owned()
    })?;
    if time > now {
        return Err("lies in the future: write latest to begin now".to_owned());
    }
    Ok(Start::At(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-24T10:00:00.75Z";

    fn resolved(text: &str) -> Result<String, String> {
        let now = NOW.parse().unwrap();
        parse(text, now).map(|start| start.resolve(now).to_string())
    }

    #[test]
    fn a_start_is_a_time_in_whole_seconds() {
        for (text, time) in [
            ("earliest", "2026-07-27T10:00:00Z"),
            ("latest", "2026-11-24T10:00:00Z"),
            ("2026-11-24T09:00:00.9+01:00", "2026-11-24T08:00:00Z"),
            ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
            (NOW, "2026-11-24T10:00:00Z"),
            ("P7D", "2026-11-17T10:00:00Z"),
            ("P1W", "2026-11-17T10:00:00Z"),
            ("PT36H", "2026-11-22T22:00:00Z"),
            ("P120D", "2026-07-27T10:00:00Z"),
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_start_is_refused_with_the_way_to_write_it() {
        for (text, what) in [
            (
                "yesterday",
                "is none of earliest, latest, a time such as 2026-01-31T00:00:00Z and a duration such as P7D",
            ),
            (
                "2026-11-24",
                "is none of earliest, latest, a time such as 2026-01-31T00:00:00Z and a duration such as P7D",
            ),
            (
                "2026-11-24T10:00:01Z",
                "lies in the future: write latest to begin now",
            ),
            ("P7", "is no ISO 8601 duration: write it as P7D or PT36H"),
            (
                "P1M",
                "has years or months in it, which differ in length: write days",
            ),
            (
                "PT0S",
                "leads nowhere: a duration counts back from now, such as P7D",
            ),
            (
                "-P7D",
                "leads nowhere: a duration counts back from now, such as P7D",
            ),
            (
                "P7000000D",
                "is more than 1Password keeps, which is 120 days: write earliest for all of it",
            ),
            (
                "P121D",
                "is more than 1Password keeps, which is 120 days: write earliest for all of it",
            ),
        ] {
            assert_eq!(resolved(text), Err(what.to_owned()), "{text}");
        }
    }
}
