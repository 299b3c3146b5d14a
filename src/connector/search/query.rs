//! What somebody asks for, read from the parameters of a request.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    super::{Refusal, start},
    next::Next,
    terms::Terms,
};
use crate::event::Stream;

/// What is searched for, or waited for.
#[derive(Debug)]
pub struct Query {
    /// The connector whose events are wanted; none: all connectors'.
    pub(super) connector: Option<String>,
    pub(super) streams: BTreeSet<Stream>,
    /// Milliseconds since 1970.
    pub(super) from: i64,
    /// Milliseconds since 1970; what is then is no longer wanted.
    pub(super) to: i64,
    pub(super) terms: Terms,
    /// How many records at most.
    pub(super) limit: usize,
    /// Where another search has ended.
    pub(super) next: Option<Next>,
    /// Whether to wait for what comes.
    pub(super) is_tail: bool,
}

/// The records that a search is content with.
const USUAL: usize = 100;
/// The most that one search tells.
const MOST: usize = 10_000;

// === impl Query ===

impl Query {
    /// Reads a request's parameters: `connector`, `stream` (again and again, or with commas), `from`, `to`, `q`, `limit`,
    /// `next`, `tail`. Others are not for us.
    ///
    /// # Errors
    ///
    /// [`Refusal::Invalid`], with all that is wrong.
    pub fn read<'p>(
        parameters: impl IntoIterator<Item = (&'p str, &'p str)>,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut query = Self {
            connector: None,
            streams: BTreeSet::new(),
            from: 0,
            to: i64::MAX,
            terms: Terms::default(),
            limit: 0,
            next: None,
            is_tail: false,
        };
        let mut wrong = Vec::new();
        for (name, value) in parameters {
            if value.is_empty() {
                continue;
            }
            if let Err(what) = query.set(name, value, now) {
                wrong.push(format!("{name} {what}"));
            }
        }
        if query.limit == 0 {
            query.limit = if query.is_tail { MOST } else { USUAL };
        }
        if query.streams.is_empty() {
            query.streams = Stream::ALL.into();
        }
        if query.from >= query.to {
            wrong.push("from is not before to".to_owned());
        }
        if query.is_tail && (query.from > 0 || query.to < i64::MAX) {
            wrong.push("tail waits for what comes, and takes no from or to".to_owned());
        }
        let is_tail = query.next.as_ref().map_or(query.is_tail, Next::is_tail);
        if is_tail != query.is_tail {
            wrong.push(
                "next is a search's where tail is wanted, or a tail's where it is not".to_owned(),
            );
        }
        if wrong.is_empty() {
            Ok(query)
        } else {
            Err(Refusal::Invalid(wrong.join("; ")))
        }
    }

    /// The streams that are searched.
    #[must_use]
    pub fn streams(&self) -> Vec<Stream> {
        self.streams.iter().copied().collect()
    }

    /// Whether it waits for what comes.
    #[must_use]
    pub const fn is_tail(&self) -> bool {
        self.is_tail
    }

    fn set(&mut self, name: &str, value: &str, now: Timestamp) -> Result<(), String> {
        match name {
            "connector" => self.connector = Some(value.to_owned()),
            "stream" => {
                for stream in value.split(',') {
                    let stream = stream.trim().parse();
                    let stream = stream.map_err(|_| {
                        "is none of signinattempts, itemusages and auditevents".to_owned()
                    })?;
                    self.streams.insert(stream);
                }
            }
            "from" => self.from = moment(value, now)?,
            "to" => self.to = moment(value, now)?,
            "q" => self.terms = Terms::parse(value)?,
            "limit" => {
                let limit = value
                    .parse()
                    .ok()
                    .filter(|limit| (1..=MOST).contains(limit));
                self.limit = limit.ok_or(format!("is no number from 1 to {MOST}"))?;
            }
            "next" => self.next = Some(Next::parse(value)?),
            "tail" => {
                self.is_tail = value
                    .parse()
                    .map_err(|_| "is neither true nor false".to_owned())?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// A time, or how long ago.
fn moment(text: &str, now: Timestamp) -> Result<i64, String> {
    let time = if text.starts_with(['P', 'p']) {
        let ago = start::duration(text)?;
        now.checked_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH)
    } else {
        text.parse().map_err(|_| {
            "is neither a time such as 2026-01-31T00:00:00Z nor a duration such as PT1H".to_owned()
        })?
    };
    Ok(time.as_millisecond().max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parameters: &[(&str, &str)]) -> Result<Query, String> {
        let now = "2026-11-25T12:00:00Z".parse().unwrap();
        Query::read(parameters.iter().copied(), now).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn all_of_a_query_is_read() {
        let query = read(&[
            ("connector", "acme"),
            ("stream", "itemusages,auditevents"),
            ("from", "PT1H"),
            ("to", "2026-11-25T12:30:00+01:00"),
            ("q", "ann"),
            ("limit", "7"),
            ("next", ""),
            ("format", "csv"),
        ]);
        let query = query.unwrap();
        assert_eq!(query.connector.as_deref(), Some("acme"));
        assert_eq!(
            query.streams,
            [Stream::ItemUsages, Stream::AuditEvents].into()
        );
        assert_eq!(query.to - query.from, 30 * 60 * 1_000);
        assert!(!query.terms.is_empty());
        assert_eq!((query.limit, query.is_tail), (7, false));

        let query = read(&[("from", "P900000D")]).unwrap();
        assert_eq!((query.from, query.to, query.limit), (0, i64::MAX, 100));
        assert_eq!(query.streams.len(), 3);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_and_no_value_repeated() {
        for (parameters, what) in [
            (&[("stream", "hidden")][..], "stream is none of"),
            (&[("from", "hidden")], "from is neither a time"),
            (&[("to", "P1M")], "to has years or months"),
            (&[("q", "\"hidden")], "q has a quotation mark"),
            (&[("limit", "0")], "limit is no number from 1 to 10000"),
            (&[("limit", "10001")], "limit is no number"),
            (&[("tail", "hidden")], "tail is neither"),
            (&[("next", "hidden")], "next is none that a search has told"),
            (&[("from", "PT1H"), ("to", "PT2H")], "from is not before to"),
            (&[("tail", "true"), ("from", "PT1H")], "takes no from or to"),
            (
                &[("limit", "x"), ("q", ":")],
                "limit is no number from 1 to 10000; q has a colon",
            ),
        ] {
            let error = read(parameters).unwrap_err();
            assert!(error.contains(what), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
