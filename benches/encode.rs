//! `cargo bench --bench encode`: what the steps from an answer's bytes to a record's value cost, and what the last of
//! them would cost with `apache-avro`'s own writers. No network, no Kafka.

use std::{
    hint::black_box,
    io::{self, Write},
    time::{Duration, Instant},
};

use apache_avro::{Schema, reader::datum::GenericDatumReader, writer::datum::GenericDatumWriter};
use onepassword_kafka::{
    avro::{encode::encode, schema},
    event::{Event, Origin, Page, Stream},
};
use onepassword_kafka_dev::simulator::{Options, Simulator, TokenSpec};

/// Events in the page.
const EVENTS: u32 = 1_000;
/// How often each step is repeated; the fastest counts.
const ROUNDS: usize = 100;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let simulator = Simulator::start(Options::default()).await?;
    say("nanoseconds per event, best of many")?;
    say(
        "stream           page scan   item to event   encode   all three   apache-avro: serde   from values",
    )?;
    for theirs in onepassword_kafka_dev::simulator::Stream::ALL {
        let past = Duration::from_hours(96);
        simulator.history(TokenSpec::ACCOUNT, theirs, usize::try_from(EVENTS)?, past);
        let items = simulator.published(TokenSpec::ACCOUNT, theirs);
        let body = serde_json::json!({ "cursor": "1", "has_more": true, "items": items });
        compare(theirs.as_str().parse()?, body.to_string().as_bytes())?;
    }
    Ok(())
}

fn compare(stream: Stream, body: &[u8]) -> anyhow::Result<()> {
    let origin = Origin {
        connector: "bench".to_owned(),
        account_uuid: None,
    };
    let read = |item| Event::read(stream, item, &origin).expect("a simulated item is an event");
    let page = Page::read(body)?;
    let events: Vec<Event<'_>> = page.items.iter().copied().map(read).collect();

    let schema = Schema::parse_str(schema(stream))?;
    let writer = GenericDatumWriter::builder(&schema).build()?;
    let reader = GenericDatumReader::builder(&schema).build()?;
    let mut bytes = Vec::new();
    let mut values = Vec::new();
    for event in &events {
        bytes.clear();
        encode(event, &mut bytes)?;
        values.push(reader.read_value(&mut bytes.as_slice())?);
    }

    let scan = best(|| Page::read(black_box(body)).map(drop));
    let to_event = best(|| {
        page.items
            .iter()
            .copied()
            .map(read)
            .for_each(|event| drop(black_box(event)));
    });
    let ours = best(|| {
        bytes.clear();
        events
            .iter()
            .try_for_each(|event| encode(event, &mut bytes))
    });
    let all = best(|| {
        bytes.clear();
        let page = Page::read(black_box(body)).expect("it was read before");
        page.items
            .iter()
            .try_for_each(|item| encode(&read(item), &mut bytes))
    });
    let with_serde = best(|| {
        bytes.clear();
        events
            .iter()
            .try_for_each(|event| writer.write_ser(&mut bytes, event).map(drop))
    });
    let from_values = best(|| {
        bytes.clear();
        values
            .iter()
            .try_for_each(|value| writer.write_value_ref(&mut bytes, value).map(drop))
    });
    say(&format!(
        "{stream:<16} {scan:>9.0} {to_event:>15.0} {ours:>8.0} {all:>11.0} {with_serde:>20.0} {from_values:>13.0}"
    ))
}

/// Nanoseconds per event of the fastest round.
fn best<T>(mut round: impl FnMut() -> T) -> f64 {
    let mut least = Duration::MAX;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        black_box(round());
        least = least.min(begun.elapsed());
    }
    least.as_secs_f64() * 1e9 / f64::from(EVENTS)
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
