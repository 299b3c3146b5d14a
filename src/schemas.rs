//! `onepassword-kafka schemas`: the schemas for those who register them by hand.

use std::io::Write;

use anyhow::Context;

use crate::{app, avro, config::Config, event::Stream};

/// Prints every stream's schema, one JSON document after the other.
///
/// # Errors
///
/// When `out` cannot be written to.
pub fn print(out: &mut impl Write) -> anyhow::Result<()> {
    for stream in Stream::ALL {
        out.write_all(avro::schema(stream).as_bytes())?;
    }
    Ok(())
}

/// Registers every stream's schema, and prints subjects and ids.
///
/// # Errors
///
/// The registry's refusal, with what to do.
pub async fn register(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    let registry = app::registry(config)?;
    for stream in Stream::ALL {
        let topic = config.topics.events(stream);
        let subject = avro::subject(stream, &topic, config.registry.subject_strategy);
        let id = registry
            .register(&subject, avro::schema(stream))
            .await
            .with_context(|| subject.clone())?;
        writeln!(out, "{subject}: id {}", id.0)?;
    }
    Ok(())
}
