//! Avro in Confluent's wire format to JSON, with the schema that the registry has for it.

use std::collections::HashMap;

use apache_avro::{Schema, reader::datum::GenericDatumReader};
use serde::Deserialize;
use serde_json::Value;

/// Decodes values with a registry's schemas, each of which it asks for once.
#[derive(Debug)]
pub struct Decoder {
    registry: String,
    client: reqwest::Client,
    schemas: HashMap<u32, Schema>,
}

/// Why a value could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It does not begin as Confluent's format does.
    #[error("not in Confluent's wire format: {0} bytes that begin with {1:?}")]
    Framing(usize, Option<u8>),
    /// The registry does not give the schema.
    #[error("cannot get schema {0}")]
    Registry(u32, #[source] reqwest::Error),
    /// The bytes or the schema are not Avro.
    #[error("cannot decode with schema {0}")]
    Avro(u32, #[source] Box<apache_avro::Error>),
    /// Bytes are left over behind the value.
    #[error("{1} bytes are left over after decoding with schema {0}")]
    Trailing(u32, usize),
}

/// What `GET /schemas/ids/{id}` answers.
#[derive(Deserialize)]
struct Answer {
    schema: String,
}

// === impl Decoder ===

impl Decoder {
    /// A decoder that asks the registry at `registry`.
    #[must_use]
    pub fn new(registry: &str) -> Self {
        Self {
            registry: registry.trim_end_matches('/').to_owned(),
            client: reqwest::Client::new(),
            schemas: HashMap::new(),
        }
    }

    /// The JSON of a value in Confluent's wire format: a zero byte, the schema's id in four bytes, Avro. Records and maps
    /// become objects, a union the value that it holds, a time the integer that it is encoded as.
    ///
    /// # Errors
    ///
    /// When the bytes are something else, or the registry does not know their schema.
    pub async fn decode(&mut self, bytes: &[u8]) -> Result<Value, DecodeError> {
        let (id, body) = unframe(bytes)?;
        let schema = self.schema(id).await?;
        avro(id, schema, body)
    }

    async fn schema(&mut self, id: u32) -> Result<&Schema, DecodeError> {
        if !self.schemas.contains_key(&id) {
            let answer = self
                .fetch(id)
                .await
                .map_err(|error| DecodeError::Registry(id, error))?;
            let schema = Schema::parse_str(&answer.schema).map_err(|error| invalid(id, error))?;
            self.schemas.insert(id, schema);
        }
        Ok(&self.schemas[&id])
    }

    async fn fetch(&self, id: u32) -> Result<Answer, reqwest::Error> {
        let url = format!("{}/schemas/ids/{id}", self.registry);
        self.client
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await
    }
}

/// The schema's id and the Avro of a value.
fn unframe(bytes: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    match bytes {
        [0, a, b, c, d, body @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), body)),
        _ => Err(DecodeError::Framing(bytes.len(), bytes.first().copied())),
    }
}

fn avro(id: u32, schema: &Schema, mut body: &[u8]) -> Result<Value, DecodeError> {
    let value = GenericDatumReader::builder(schema)
        .build()
        .and_then(|reader| reader.read_value(&mut body))
        .map_err(|error| invalid(id, error))?;
    if !body.is_empty() {
        return Err(DecodeError::Trailing(id, body.len()));
    }
    Value::try_from(value).map_err(|error| invalid(id, error))
}

fn invalid(id: u32, error: apache_avro::Error) -> DecodeError {
    DecodeError::Avro(id, Box::new(error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_integers_and_maps_objects() {
        let schema = json!({
            "type": "record",
            "name": "r",
            "fields": [
                { "name": "at", "type": { "type": "long", "logicalType": "timestamp-micros" } },
                { "name": "who", "type": ["null", "string"] },
                { "name": "extra", "type": { "type": "map", "values": "string" } },
            ],
        });
        let schema = Schema::parse(&schema).unwrap();
        // 3; the union's second branch, "me"; one entry, "a" and "b"; the end of the map.
        let body = [6, 2, 4, b'm', b'e', 2, 2, b'a', 2, b'b', 0];
        let expected = json!({ "at": 3, "who": "me", "extra": { "a": "b" } });
        assert_eq!(avro(1, &schema, &body).unwrap(), expected);
        let longer = [&body[..], &[0]].concat();
        assert!(matches!(
            avro(1, &schema, &longer),
            Err(DecodeError::Trailing(1, 1))
        ));
    }

    #[test]
    fn other_formats_are_refused() {
        assert_eq!(unframe(&[0, 0, 0, 1, 2, 9]).unwrap(), (258, &[9][..]));
        assert!(matches!(
            unframe(b"{}"),
            Err(DecodeError::Framing(2, Some(b'{')))
        ));
        assert!(matches!(unframe(&[]), Err(DecodeError::Framing(0, None))));
    }
}
