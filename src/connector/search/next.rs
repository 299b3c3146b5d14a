//! Where a search or a tail has ended, as a text that whoever asks gives back to go on there.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    event::Stream,
    kafka::{Partition, Places},
};

/// What a search goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Next {
    /// What is older than this has not been told; none for a tail.
    before: Option<Mark>,
    /// By stream and partition: where what is to be looked through ends, or where a tail goes on.
    places: BTreeMap<Stream, Vec<i64>>,
}

/// A record's place in time: later ones are greater. No two records have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Milliseconds since 1970.
    pub(super) millis: i64,
    pub(super) partition: Partition,
    pub(super) offset: i64,
}

const LONGEST: usize = 8 << 10;

// === impl Mark ===

impl Mark {
    /// The first time that no older record has.
    pub(super) const fn end(self) -> i64 {
        if self.offset < 0 {
            self.millis
        } else {
            self.millis + 1
        }
    }

    /// Before all records of `millis`.
    pub(super) const fn of(millis: i64) -> Self {
        Self {
            millis,
            partition: Partition {
                topic: 0,
                number: 0,
            },
            offset: -1,
        }
    }
}

// === impl Next ===

impl Next {
    /// The places are those of the topics of `streams`, in this order.
    pub(super) fn new(before: Option<Mark>, streams: &[Stream], places: &Places) -> Self {
        let mut by_stream = BTreeMap::<Stream, Vec<i64>>::new();
        // Partitions are numbered without a gap, and these come in order.
        for (partition, place) in places {
            by_stream
                .entry(streams[partition.topic])
                .or_default()
                .push(*place);
        }
        Self {
            before,
            places: by_stream,
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let json = Some(text).filter(|text| text.len() <= LONGEST);
        let json = json.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        json.and_then(|json| serde_json::from_slice(&json).ok())
            .filter(|next: &Self| next.before.is_none_or(|before| before.millis < i64::MAX))
            .ok_or_else(|| "is none that a search has told".to_owned())
    }

    pub(super) fn text(&self) -> String {
        let json = serde_json::to_vec(self).expect("streams are texts");
        URL_SAFE_NO_PAD.encode(json)
    }

    pub(super) const fn is_tail(&self) -> bool {
        self.before.is_none()
    }

    /// What is older than this has not been told.
    pub(super) const fn before(&self) -> Option<Mark> {
        self.before
    }

    /// The place in each partition of the topics of `streams`; none where it is of other streams.
    pub(super) fn places(&self, streams: &[Stream]) -> Option<Places> {
        if !self.places.keys().eq(streams) {
            return None;
        }
        let mut places = Places::new();
        for (topic, of_stream) in self.places.values().enumerate() {
            for (number, place) in (0..).zip(of_stream) {
                places.insert(Partition { topic, number }, (*place).max(0));
            }
        }
        Some(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_as_it_was_and_only_for_its_own_streams() {
        let partition = |topic, number| Partition { topic, number };
        let places = Places::from([
            (partition(0, 0), 7),
            (partition(0, 1), 8),
            (partition(1, 0), 9),
        ]);
        let streams = [Stream::SignInAttempts, Stream::AuditEvents];
        let mark = Mark {
            millis: 5,
            partition: partition(1, 0),
            offset: 3,
        };
        let next = Next::new(Some(mark), &streams, &places);
        let back = Next::parse(&next.text()).unwrap();
        assert_eq!(back, next);
        assert_eq!((back.before(), back.is_tail()), (Some(mark), false));
        assert_eq!(back.places(&streams), Some(places));
        assert_eq!(back.places(&Stream::ALL), None);
    }

    #[test]
    fn later_marks_are_greater() {
        let of = |millis, number, offset| Mark {
            millis,
            partition: Partition { topic: 0, number },
            offset,
        };
        assert!(
            of(2, 0, 0) > of(1, 9, 9) && of(1, 1, 0) > of(1, 0, 9) && of(1, 0, 1) > of(1, 0, 0)
        );
        assert!(Mark::of(1) < of(1, 0, 0) && Mark::of(1) > of(0, 9, 9));
    }
}
