//! Offsets, which is what Kafka Connect calls positions: looked at any time, altered while the connector is STOPPED.
//!
//! What is to become of them is written to the log like everything that is wanted. The shard that owns the connector carries
//! it out, and whoever has asked is answered when the cursors topic says so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{
    super::{Desired, Refusal, log::PATIENCE, record::alter, start},
    Control, Parts,
};
use crate::{
    event::{Cursor, Place, Position, Stream},
    kafka::Stored,
    relay::{Alteration, Start, Target, WouldVanish},
};

/// Where one stream of a connector is to be read next, as somebody has written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offset {
    /// Which stream: `{"stream":"<stream>"}`.
    pub partition: Option<Map<String, Value>>,
    /// Where: `{"cursor":"…"}` or `{"start_time":"…"}`; without one the stream begins anew.
    pub offset: Option<Map<String, Value>>,
}

type Places = BTreeMap<Stream, Option<Place>>;

/// When positions may be altered. A connector that runs is stopped for it, and goes on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// As Kafka Connect has it.
    Stopped,
    Ever,
}

/// Whether it is an alteration's turn.
enum Turn {
    /// It is written, as the one of this number.
    Written(u64),
    /// One of this number has to be carried out before.
    After(u64),
}

// === impl Control ===

impl Control {
    /// Where the streams of a connector are read next; none where what is kept cannot be read.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn offsets(&self, name: &str) -> Result<BTreeMap<Stream, Option<Position>>, Refusal> {
        self.desired()
            .get(name)
            .ok_or_else(|| Refusal::not_found(name))?;
        let known = timeout(PATIENCE, self.0.parts.offsets.of(name)).await;
        let known = known.map_err(|_| late("the cursors topic has not been read yet"))?;
        let position = |stored| match stored {
            Stored::Position(position) => Some(position),
            Stored::Unreadable(_) => None,
        };
        Ok(known
            .into_iter()
            .map(|(stream, stored)| (stream, position(stored)))
            .collect())
    }

    /// Has the streams of a STOPPED connector read from elsewhere, and waits until that is settled.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn alter_offsets(&self, name: &str, offsets: Vec<Offset>) -> Result<(), Refusal> {
        let clock = self.0.parts.clock;
        let places = move || places(&offsets, clock());
        self.alter(name, When::Stopped, places).await
    }

    /// Has all streams of a STOPPED connector begin anew, and waits until that is settled.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn reset_offsets(&self, name: &str) -> Result<(), Refusal> {
        let all = Stream::ALL.map(|stream| (stream, None));
        let places = move || Ok(Places::from(all.clone()));
        self.alter(name, When::Stopped, places).await
    }

    /// Has all streams of a connector read from another place, written as `start.time`, whatever it does, and waits until
    /// that is settled. One that runs goes on there.
    ///
    /// # Errors
    ///
    /// As [`Refusal`] says.
    pub async fn rewind(&self, name: &str, from: &str) -> Result<(), Refusal> {
        let now = (self.0.parts.clock)();
        let start = start::parse(from, now);
        let start =
            start.map_err(|why| Refusal::Invalid(format!("the place to read from {why}")))?;
        let start = start.resolve(now);
        let streams = self.rewindable(name);
        let Parts { found, cluster, .. } = &self.0.parts;
        let retention = found.retention_now(cluster).await;
        let retention = retention.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        for stream in &streams {
            WouldVanish::check(start, now, retention.get(stream).copied())
                .map_err(|why| Refusal::Invalid(why.to_string()))?;
        }
        let places = move || {
            let place = |stream: &Stream| (*stream, Some(Place::Start(start)));
            Ok(streams.iter().map(place).collect())
        };
        self.alter(name, When::Ever, places).await
    }

    /// The streams that a rewind alters.
    pub(in crate::connector) fn rewindable(&self, name: &str) -> Vec<Stream> {
        match self.desired().get(name).map(|declared| &declared.connector) {
            Some(Ok(connector)) => connector.tasks().map(|task| task.stream).collect(),
            _ => Stream::ALL.to_vec(),
        }
    }

    async fn alter(
        &self,
        name: &str,
        when: When,
        places: impl Fn() -> Result<Places, Refusal> + Clone + Send + Sync + 'static,
    ) -> Result<(), Refusal> {
        let offsets = &self.0.parts.offsets;
        let number = loop {
            match self.write_alteration(name, when, places.clone()).await? {
                Turn::Written(number) => break number,
                Turn::After(earlier) => {
                    let done = timeout(PATIENCE, offsets.wait_for(name, earlier)).await;
                    done.map_err(|_| {
                        late("earlier changes of these offsets have not been made yet, and this one was not begun")
                    })?;
                }
            }
        };
        let done = timeout(PATIENCE, offsets.wait_for(name, number)).await;
        done.map_err(|_| {
            late("the worker that owns this connector has not changed its offsets yet, but will before the connector runs again")
        })
    }

    /// Writes an alteration, unless an earlier one is still to be carried out.
    async fn write_alteration(
        &self,
        name: &str,
        when: When,
        places: impl Fn() -> Result<Places, Refusal> + Send + Sync + 'static,
    ) -> Result<Turn, Refusal> {
        let (name, known) = (name.to_owned(), self.0.parts.offsets.clone());
        self.change(move |desired| {
            when.check(desired, &name)?;
            let places = places()?;
            let (last, done) = (desired.alteration(&name), known.altered(&name));
            if last > done {
                return Ok((Vec::new(), Turn::After(last)));
            }
            let number = done + 1;
            let record = alter(&name, &Alteration { number, places });
            Ok((vec![record], Turn::Written(number)))
        })
        .await
    }
}

// === impl When ===

impl When {
    fn check(self, desired: &Desired, name: &str) -> Result<(), Refusal> {
        desired.get(name).ok_or_else(|| Refusal::not_found(name))?;
        if self == Self::Ever || desired.target(name) == Target::Stopped {
            return Ok(());
        }
        Err(Refusal::Invalid(format!(
            "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the \
             specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
        )))
    }
}

fn late(why: &str) -> Refusal {
    Refusal::Unavailable(format!("Request timed out: {why}"))
}

/// What was written of each stream; the last word on one holds.
fn places(offsets: &[Offset], now: Timestamp) -> Result<Places, Refusal> {
    let place = |offset: &Offset| {
        let stream = stream(offset.partition.as_ref())?;
        let place = offset.offset.as_ref().map(|offset| place(offset, now));
        Ok((stream, place.transpose()?))
    };
    offsets
        .iter()
        .map(place)
        .collect::<Result<_, _>>()
        .map_err(Refusal::Invalid)
}

fn stream(partition: Option<&Map<String, Value>>) -> Result<Stream, String> {
    let partition = partition.ok_or("Partition objects cannot be null")?;
    let stream = partition
        .get("stream")
        .ok_or("Partition objects should contain the key 'stream'")?;
    if let Some(other) = partition.keys().find(|key| *key != "stream") {
        return Err(format!(
            "Partition objects should contain the key 'stream' only, not '{other}'"
        ));
    }
    let name = stream.as_str().unwrap_or_default();
    name.parse().map_err(|_| {
        "The value for the 'stream' key in the partition is expected to be signinattempts, itemusages or auditevents"
            .to_owned()
    })
}

/// What else there is in an offset is what reading it has shown, and does not matter.
fn place(offset: &Map<String, Value>, now: Timestamp) -> Result<Place, String> {
    match (offset.get("cursor"), offset.get("start_time")) {
        (Some(cursor), None) => after(cursor),
        (None, Some(time)) => start(time, now),
        (None, None) => Err(
            "Offset objects should either be null or contain the key 'cursor' or the key 'start_time'"
                .to_owned(),
        ),
        (Some(_), Some(_)) => Err(
            "Offset objects should contain the key 'cursor' or the key 'start_time', not both"
                .to_owned(),
        ),
    }
}

fn after(cursor: &Value) -> Result<Place, String> {
    let place = |why: &str| {
        format!(
            "The value for the 'cursor' key in the offset is expected to be a cursor of 1Password's: {why}"
        )
    };
    let cursor = cursor.as_str().ok_or_else(|| place("it is no text"))?;
    Cursor::new(cursor.to_owned())
        .map(Place::After)
        .map_err(place)
}

fn start(time: &Value, now: Timestamp) -> Result<Place, String> {
    let time = time
        .as_str()
        .and_then(|time| time.parse::<Timestamp>().ok());
    match time {
        Some(time) if time <= now => Ok(Place::Start(Start::At(time).resolve(now))),
        Some(_) => Err(
            "The value for the 'start_time' key in the offset should not lie in the future".to_owned(),
        ),
        None => Err(
            "The value for the 'start_time' key in the offset is expected to be a time such as 2026-01-31T00:00:00Z"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-11-25T12:00:00Z";

    fn read(offsets: &[(Value, Value)]) -> Result<Places, String> {
        let members = |value: &Value| value.as_object().cloned();
        let offsets: Vec<_> = offsets
            .iter()
            .map(|(partition, offset)| Offset {
                partition: members(partition),
                offset: members(offset),
            })
            .collect();
        places(&offsets, NOW.parse().unwrap()).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn the_last_word_on_a_stream_holds() {
        let (sign_ins, usages) = (
            json!({"stream": "signinattempts"}),
            json!({"stream": "itemusages"}),
        );
        let shown = json!({"cursor": "c", "events_total": 7, "updated_at": NOW});
        let places = read(&[
            (
                sign_ins.clone(),
                json!({"start_time": "2026-11-25T12:00:00.9+01:00"}),
            ),
            (usages.clone(), shown),
            (usages, Value::Null),
        ]);
        let start = Place::Start("2026-11-25T11:00:00Z".parse().unwrap());
        let expected = [
            (Stream::SignInAttempts, Some(start)),
            (Stream::ItemUsages, None),
        ];
        assert_eq!(places, Ok(Places::from(expected)));
        let cursor = read(&[(sign_ins, json!({"cursor": "c"}))]).unwrap();
        let after = Place::After(Cursor::new("c".to_owned()).unwrap());
        assert_eq!(
            cursor,
            Places::from([(Stream::SignInAttempts, Some(after))])
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        let stream = || json!({"stream": "auditevents"});
        let cursor = || json!({"cursor": "c"});
        for (partition, offset, what) in [
            (Value::Null, cursor(), "cannot be null"),
            (json!({}), cursor(), "should contain the key 'stream'"),
            (
                json!({"stream": "auditevents", "file": 1}),
                cursor(),
                "only, not 'file'",
            ),
            (
                json!({"stream": "hidden"}),
                cursor(),
                "expected to be signinattempts",
            ),
            (
                json!({"stream": null}),
                cursor(),
                "expected to be signinattempts",
            ),
            (stream(), json!({}), "either be null or contain"),
            (
                stream(),
                json!({"cursor": "c", "start_time": NOW}),
                "not both",
            ),
            (stream(), json!({"cursor": ""}), "it is empty"),
            (stream(), json!({"cursor": 5}), "it is no text"),
            (
                stream(),
                json!({"cursor": "hidden".repeat(1000)}),
                "longer than 4 KiB",
            ),
            (
                stream(),
                json!({"start_time": "hidden"}),
                "expected to be a time",
            ),
            (
                stream(),
                json!({"start_time": 1_700_000_000}),
                "expected to be a time",
            ),
            (
                stream(),
                json!({"start_time": "2026-11-25T12:00:01Z"}),
                "in the future",
            ),
        ] {
            let message = read(&[(partition, offset)]).unwrap_err();
            assert!(message.contains(what), "{message}");
            assert!(!message.contains("hidden"), "{message}");
        }
    }
}
