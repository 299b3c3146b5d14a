//! A search, newest first.
//!
//! Records are not in the order of their times: an account that is added brings 120 days of the past behind what is there.
//! What Kafka's time index tells is the first record of a time or later; no earlier one's is. So the past is taken in steps:
//! a step reads every partition from the first record of its time on up to where a step before has said that there is
//! nothing else, sorts what lies between its time and the last step's, and tells it. What it has seen of older times is
//! left to a later step, which ends its reading behind the last of it. Where records come in the order of their times each
//! is read once; where they do not some are read again, and the order and the completeness are the same.
//!
//! Steps are chosen to be of some records, few at first, so that the first rows come at once.

use std::{
    cmp::Reverse,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    Ended, Failure, Listener, Progress, Query, Told,
    next::{Mark, Next},
    record::{Decoder, Kept, is_of, mark},
    taken::Taken,
};
use crate::{
    event::Stream,
    kafka::{Error, Places, Reading, Seen},
};

struct Search<'s> {
    query: &'s Query,
    streams: &'s [Stream],
    reading: &'s Reading,
    decoder: Decoder,
    listener: &'s mut Listener,
    /// Where there is nothing of interest before.
    floor: Places,
    /// Where there is nothing of interest from there on.
    ends: Places,
    /// What is not older than this has been told.
    before: Mark,
    /// How much time the last step took in, in milliseconds.
    span: i64,
    /// How many records the next one is to have.
    size: u64,
    found: usize,
    scanned: u64,
}

/// A part of the past.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    /// Its beginning; its end is where the last one began.
    since: Mark,
    /// The first record of that time, or later, in each partition.
    begin: Places,
}

/// Records of the first step, and of the largest.
const FIRST: u64 = 2_000;
const LARGEST: u64 = 100_000;
const GROWTH: u64 = 4;
/// How often Kafka is asked for the time of a step.
const QUESTIONS: u32 = 40;
/// How long a search goes on by itself. A step that is not done then is left to whoever goes on, unless it is the first.
const LONG: Duration = Duration::from_mins(1);

pub(super) fn run(
    query: &Query,
    streams: &[Stream],
    going_on: Option<&Places>,
    reading: &Reading,
    decoder: Decoder,
    now: Timestamp,
    listener: &mut Listener,
) -> Result<Ended, Failure> {
    let mut ends = reading.end()?;
    for (partition, end) in &mut ends {
        let place = going_on.and_then(|places| places.get(partition));
        *end = place.map_or(*end, |place| *place.min(end));
    }
    let mut floor = match query.from {
        0 => reading.begin()?,
        from => reading.since(from)?,
    };
    for (partition, end) in &ends {
        floor.entry(*partition).or_insert(*end);
    }
    let before = query.next.as_ref().and_then(Next::before);
    let search = Search {
        query,
        streams,
        reading,
        decoder,
        listener,
        floor,
        ends,
        before: before.unwrap_or(Mark::of(query.to)).min(Mark::of(query.to)),
        span: 1_000,
        size: FIRST,
        found: 0,
        scanned: 0,
    };
    search.run(now.as_millisecond())
}

// === impl Search ===

impl Search<'_> {
    fn run(mut self, now: i64) -> Result<Ended, Failure> {
        let begun = Instant::now();
        let mut is_first = true;
        loop {
            let step = self.step(now)?;
            let is_last = step.since == Mark::of(self.query.from);
            let Some(taken) = self.take(&step, begun, is_first)? else {
                return Ok(self.end(true));
            };
            is_first = false;
            let is_full = taken.is_full;
            let flow = self.tell(taken, step.since);
            let is_cut_off = is_full || flow.is_break();
            if is_last && !is_cut_off {
                return Ok(self.end(false));
            }
            if is_cut_off || self.found == self.query.limit || begun.elapsed() > LONG {
                return Ok(self.end(true));
            }
        }
    }

    /// The next part of the past that has about as many records as wanted.
    fn step(&mut self, now: i64) -> Result<Step, Error> {
        let from = self.query.from;
        let until = self.before.end().min(now + 1);
        let all = count(&self.floor, &self.ends);
        // What is not in order is read with every step, so that these are to be few then.
        let again = count(&self.begin(until)?, &self.ends);
        let size = self.size.max(again);
        let (mut too_short, mut too_long) = (0, i64::MAX);
        for _ in 0..QUESTIONS {
            let millis = until.saturating_sub(self.span).max(from);
            let begin = self.begin(millis)?;
            let records = count(&begin, &self.ends);
            let is_all = millis == from || records == all;
            let is_long = records.saturating_sub(again) > size * GROWTH;
            let is_short = records.saturating_sub(again) < size / GROWTH && !is_all;
            if is_all && !is_long {
                break;
            }
            if is_short {
                too_short = self.span;
            } else if is_long {
                too_long = self.span;
            }
            if !(is_short || is_long) || too_long - too_short <= 1 {
                self.size = (self.size * GROWTH).min(LARGEST);
                let since = Mark::of(millis);
                return Ok(Step { since, begin });
            }
            self.span = match too_long {
                i64::MAX => self.span.saturating_mul(4),
                _ => too_short + (too_long - too_short) / 2,
            };
        }
        // All that is left is few enough, or it is as it is.
        Ok(Step {
            since: Mark::of(from),
            begin: self.floor.clone(),
        })
    }

    /// Where records of a time begin, within what is still of interest.
    fn begin(&self, millis: i64) -> Result<Places, Error> {
        let first = self.reading.since(millis)?;
        let within = self.ends.iter().filter_map(|(partition, end)| {
            let floor = self.floor.get(partition)?;
            let begin = first.get(partition).unwrap_or(end);
            Some((*partition, *begin.max(floor).min(end)))
        });
        Ok(within.collect())
    }

    /// Reads a step. None: it is left to whoever goes on, as nobody listens any more, or the search of `begun` is long.
    fn take(
        &mut self,
        step: &Step,
        begun: Instant,
        is_first: bool,
    ) -> Result<Option<Taken>, Failure> {
        let mut taken = Taken::new(step.begin.clone());
        let (ends, room) = (self.ends.clone(), self.query.limit - self.found);
        let to_come = self.scanned + count(&self.floor, &ends);
        let reached = self.reached();
        let reading = self.reading;
        let flow = reading.between(&step.begin, &ends, |seen| {
            if let Some(seen) = seen {
                self.scanned += 1;
                if self.wants(&seen, step, room, &mut taken) {
                    taken.keep(Kept::of(&seen), room);
                }
                // Looking at the clock costs more than most records do.
                if !self.scanned.is_multiple_of(128) {
                    return ControlFlow::Continue(());
                }
            }
            if begun.elapsed() > LONG {
                // Whoever went on would come to the first step again.
                let failure = is_first.then_some(Failure::TooLong);
                return ControlFlow::Break(failure.map_or(Ok(()), Err));
            }
            let scanned = self.scanned;
            let flow = self.listener.tell_now_and_then(|| Progress {
                scanned,
                of: to_come.max(scanned),
                reached,
                next: None,
            });
            flow.map_break(Ok)
        })?;
        match flow {
            ControlFlow::Continue(()) => Ok(Some(taken)),
            ControlFlow::Break(Ok(())) => Ok(None),
            ControlFlow::Break(Err(failure)) => Err(failure),
        }
    }

    /// Whether a record is one that is looked for, and newer than the oldest of those that there is room for.
    fn wants(&mut self, seen: &Seen<'_>, step: &Step, room: usize, taken: &mut Taken) -> bool {
        let mark = mark(seen);
        if mark >= self.before {
            return false;
        }
        if mark < step.since {
            taken.leave(mark);
            return false;
        }
        let connector = self.query.connector.as_deref();
        if connector.is_some_and(|connector| !is_of(seen, connector)) {
            return false;
        }
        if !taken.has_room(mark, room) {
            // It may not be one that is looked for; whoever goes on sees that then.
            taken.is_full = true;
            taken.leave(mark);
            return false;
        }
        self.decoder.finds(&self.query.terms, seen.value())
    }

    /// Tells what a step has found, and leaves it behind. What nobody hears any more is left to whoever goes on.
    fn tell(&mut self, mut taken: Taken, since: Mark) -> ControlFlow<()> {
        let mut flow = ControlFlow::Continue(());
        let mut before = since;
        for Reverse(kept) in std::mem::take(&mut taken.kept).into_sorted_vec() {
            if flow.is_break() {
                taken.leave(kept.mark);
                continue;
            }
            let topic = kept.mark.partition.topic;
            let name = &self.reading.topics()[topic];
            let record = self.decoder.show(&kept, self.streams[topic], name);
            self.found += 1;
            flow = self.listener.tell(Told::Found(Box::new(record)));
            if taken.is_full || flow.is_break() {
                before = kept.mark;
            }
        }
        (self.ends, self.before) = (taken.left, before);
        flow?;
        self.listener.tell(Told::Progress(Progress {
            scanned: self.scanned,
            of: self.scanned + count(&self.floor, &self.ends),
            reached: self.reached(),
            next: Some(self.next()),
        }))
    }

    fn reached(&self) -> Option<Timestamp> {
        let millis = Some(self.before.millis).filter(|millis| *millis < i64::MAX)?;
        Timestamp::from_millisecond(millis).ok()
    }

    fn end(&self, is_more: bool) -> Ended {
        Ended {
            scanned: self.scanned,
            next: is_more.then(|| self.next()),
        }
    }

    fn next(&self) -> String {
        Next::new(Some(self.before), self.streams, &self.ends).text()
    }
}

/// How many offsets there are between.
fn count(from: &Places, to: &Places) -> u64 {
    let between = to.iter().filter_map(|(partition, end)| {
        let begin = from.get(partition)?;
        u64::try_from(end - begin).ok()
    });
    between.sum()
}
