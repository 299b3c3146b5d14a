//! What a step of a search has found, as much as there is room for.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{next::Mark, record::Kept};
use crate::kafka::Places;

/// What a step has found.
pub(super) struct Taken {
    /// The newest so many of what was looked for.
    pub(super) kept: BinaryHeap<Reverse<Kept>>,
    /// Where what is left to later steps ends.
    pub(super) left: Places,
    /// Of what was looked for, the newest that is left, if any is; what is older is left, too.
    oldest: Option<Mark>,
    /// Whether some of what was looked for is left.
    pub(super) is_full: bool,
    /// What `kept` has, in bytes.
    bytes: usize,
}

/// The bytes that a step keeps at most.
const MOST_BYTES: usize = 32 << 20;

// === impl Taken ===

impl Taken {
    pub(super) const fn new(left: Places) -> Self {
        Self {
            kept: BinaryHeap::new(),
            left,
            oldest: None,
            is_full: false,
            bytes: 0,
        }
    }

    /// Whether a record of this mark would be kept.
    pub(super) fn has_room(&self, mark: Mark, room: usize) -> bool {
        let is_left = self.oldest.is_some_and(|oldest| mark < oldest);
        let oldest = self.kept.peek().filter(|_| self.kept.len() == room);
        !is_left && oldest.is_none_or(|Reverse(oldest)| mark > oldest.mark)
    }

    /// Keeps a record; the oldest go where there is no room for all. One is always kept, so that a search goes on.
    pub(super) fn keep(&mut self, kept: Kept, room: usize) {
        self.bytes += kept.bytes();
        self.kept.push(Reverse(kept));
        while self.kept.len() > room || (self.bytes > MOST_BYTES && self.kept.len() > 1) {
            let Some(Reverse(oldest)) = self.kept.pop() else {
                return;
            };
            self.bytes -= oldest.bytes();
            self.oldest = Some(oldest.mark);
            self.is_full = true;
            self.leave(oldest.mark);
        }
    }

    /// Leaves a record to a later step.
    pub(super) fn leave(&mut self, mark: Mark) {
        let left = self.left.entry(mark.partition).or_default();
        *left = (*left).max(mark.offset + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Partition;

    const PARTITION: Partition = Partition {
        topic: 0,
        number: 0,
    };

    fn mark(millis: i64) -> Mark {
        Mark {
            millis,
            partition: PARTITION,
            offset: millis,
        }
    }

    fn kept(taken: &Taken) -> Vec<i64> {
        let kept = taken.kept.iter();
        let mut kept: Vec<_> = kept.map(|Reverse(kept)| kept.mark.millis).collect();
        kept.sort_unstable();
        kept
    }

    #[test]
    fn the_newest_are_kept_of_more_than_there_is_room_for() {
        let mut taken = Taken::new(Places::new());
        for millis in [3, 1, 2] {
            taken.keep(Kept::example(mark(millis), 1), 2);
        }
        assert_eq!((kept(&taken), taken.is_full), (vec![2, 3], true));
        assert_eq!(taken.left[&PARTITION], 2);
        assert!(!taken.has_room(mark(1), 2) && taken.has_room(mark(4), 2));
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes_and_nothing_older_takes_the_place() {
        let mut taken = Taken::new(Places::new());
        let large = MOST_BYTES / 2 - 1_000;
        for millis in [5, 7] {
            taken.keep(Kept::example(mark(millis), large), 10);
        }
        assert!(!taken.is_full);
        taken.keep(Kept::example(mark(6), large), 10);
        assert_eq!((kept(&taken), taken.is_full), (vec![6, 7], true));
        assert_eq!(taken.left[&PARTITION], 6);
        assert!(!taken.has_room(mark(4), 10) && taken.has_room(mark(8), 10));
        taken.keep(Kept::example(mark(8), MOST_BYTES * 2), 10);
        assert_eq!(kept(&taken), [8]);
    }
}
