//! Avro's binary encoding back to what it says, with the schema that it was written with.
//!
//! It is for people to look at, so it takes records of anybody's, and must come to an end with each: depth and number of
//! values are bounded, and nothing is allocated that is not there. `apache-avro` is not what reads them: it shows a text
//! that is cut off as null, and a schema that holds itself, with the record that fits it, overflows its stack, which ends
//! the process. Texts are borrowed from the record and names from the schema, so that looking through a million records
//! costs little.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{
    SchemaId,
    shape::{Meaning, Named, Shape, Type},
};

/// What a record says. It serializes as JSON, in the schema's order.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum<'a> {
    /// Nothing.
    Null,
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Whole(i64),
    /// A number; one that is none is null in JSON.
    Real(f64),
    /// A text, a time as RFC 3339 has it, or bytes as Base64.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Self>),
    /// A record or a map.
    Members(Vec<(&'a str, Self)>),
}

/// Why bytes cannot be decoded, in words that do not quote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(&'static str);

struct Decoder<'a> {
    shape: &'a Shape,
    rest: &'a [u8],
    /// How many more values there may be.
    values: usize,
}

/// Values in one record: an array of nulls takes no byte for each.
const MOST_VALUES: usize = 100_000;
const DEEPEST: usize = 64;
const CUT_OFF: DecodeError = DecodeError("the record is cut off");

/// The schema's id and the Avro of a value in Confluent's wire format.
///
/// # Errors
///
/// When it begins as something else.
pub fn unframe(value: &[u8]) -> Result<(SchemaId, &[u8]), DecodeError> {
    match value {
        [0, a, b, c, d, body @ ..] => {
            let id = u32::from_be_bytes([*a, *b, *c, *d]);
            Ok((SchemaId(id), body))
        }
        _ => Err(DecodeError(
            "the value is not in Confluent's wire format: it does not begin with a zero byte and a schema's id",
        )),
    }
}

/// What `body` says, which was written with the schema of `shape`.
///
/// # Errors
///
/// When it was not.
pub fn decode<'a>(shape: &'a Shape, body: &'a [u8]) -> Result<Datum<'a>, DecodeError> {
    let mut decoder = Decoder {
        shape,
        rest: body,
        values: MOST_VALUES,
    };
    let datum = decoder.read(&shape.root, 0)?;
    if decoder.rest.is_empty() {
        Ok(datum)
    } else {
        Err(DecodeError("bytes are left over behind the record"))
    }
}

// === impl Datum ===

impl Serialize for Datum<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(is) => serializer.serialize_bool(*is),
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Real(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Members(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

// === impl Decoder ===

impl<'a> Decoder<'a> {
    fn read(&mut self, of: &'a Type, depth: usize) -> Result<Datum<'a>, DecodeError> {
        if depth > DEEPEST {
            return Err(DecodeError("the record is nested too deep"));
        }
        self.values = self
            .values
            .checked_sub(1)
            .ok_or(DecodeError("the record has too many values"))?;
        match of {
            Type::Null => Ok(Datum::Null),
            Type::Boolean => match self.take(1)? {
                [0] => Ok(Datum::Boolean(false)),
                [1] => Ok(Datum::Boolean(true)),
                _ => Err(DecodeError("a boolean is neither true nor false")),
            },
            Type::Whole(meaning) => Ok(meaning.shown(self.long()?)),
            Type::Float => Ok(Datum::Real(f32::from_le_bytes(self.array()?).into())),
            Type::Double => Ok(Datum::Real(f64::from_le_bytes(self.array()?))),
            Type::Bytes => {
                let length = self.length()?;
                self.bytes(length)
            }
            Type::Text => Ok(Datum::Text(self.text()?.into())),
            Type::List(of) => {
                let mut items = Vec::new();
                self.blocks(|decoder| {
                    items.push(decoder.read(of, depth + 1)?);
                    Ok(())
                })?;
                Ok(Datum::List(items))
            }
            Type::Map(of) => {
                let mut members = Vec::new();
                self.blocks(|decoder| {
                    members.push((decoder.text()?, decoder.read(of, depth + 1)?));
                    Ok(())
                })?;
                Ok(Datum::Members(members))
            }
            Type::Union(branches) => {
                let branch = branches.get(self.length()?);
                let branch = branch.ok_or(DecodeError("a union has no such branch"))?;
                self.read(branch, depth + 1)
            }
            Type::Named(number) => self.named(*number, depth),
        }
    }

    fn named(&mut self, number: usize, depth: usize) -> Result<Datum<'a>, DecodeError> {
        match &self.shape.named[number] {
            Named::Record(fields) => {
                let mut members = Vec::with_capacity(fields.len());
                for (name, of) in fields {
                    members.push((name.as_str(), self.read(of, depth + 1)?));
                }
                Ok(Datum::Members(members))
            }
            Named::Enum(symbols) => {
                let symbol = symbols.get(self.length()?);
                let symbol = symbol.ok_or(DecodeError("an enum has no such symbol"))?;
                Ok(Datum::Text(symbol.into()))
            }
            Named::Fixed(size) => self.bytes(*size),
        }
    }

    /// Calls `item` for each item of an array or a map: blocks of so many, the last of which has none. A block whose
    /// number is negative tells its length, too.
    fn blocks(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        loop {
            let count = self.long()?;
            if count < 0 {
                self.long()?;
            }
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count.unsigned_abs() {
                item(self)?;
            }
        }
    }

    fn long(&mut self) -> Result<i64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(DecodeError("a number is too long"))
    }

    fn length(&mut self) -> Result<usize, DecodeError> {
        let length = self.long()?.try_into();
        length.map_err(|_| DecodeError("a length or a branch is negative"))
    }

    fn text(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.length()?;
        let text = std::str::from_utf8(self.take(length)?);
        text.map_err(|_| DecodeError("a text is not UTF-8"))
    }

    fn bytes(&mut self, length: usize) -> Result<Datum<'a>, DecodeError> {
        let bytes = self.take(length)?;
        Ok(Datum::Text(STANDARD.encode(bytes).into()))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(*array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(taken)
    }
}

// === impl Meaning ===

impl Meaning {
    /// A number that is no time is shown as a number.
    fn shown<'a>(self, number: i64) -> Datum<'a> {
        let text = match self {
            Self::Number => None,
            Self::Date => {
                let seconds = number.checked_mul(86_400);
                let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
                time.map(|time| time.strftime("%F").to_string())
            }
            Self::Instant(parts) => {
                let nanos = number.rem_euclid(parts) * (1_000_000_000 / parts);
                let since = SignedDuration::from_secs(number.div_euclid(parts))
                    + SignedDuration::from_nanos(nanos);
                let time = Timestamp::from_duration(since);
                time.ok().map(|time| time.to_string())
            }
        };
        text.map_or(Datum::Whole(number), |text| Datum::Text(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(schema: &serde_json::Value, body: &[u8]) -> Result<String, String> {
        let shape = Shape::parse(&schema.to_string()).unwrap();
        let datum = decode(&shape, body).map_err(|error| error.to_string())?;
        Ok(serde_json::to_string(&datum).unwrap())
    }

    #[test]
    fn every_type_is_shown() {
        for (schema, body, shown) in [
            (json!("null"), &[][..], "null"),
            (json!("boolean"), &[1], "true"),
            (json!("int"), &[3], "-2"),
            (
                json!("long"),
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
                "-9223372036854775808",
            ),
            (json!("float"), &[0, 0, 0x80, 0x3f], "1.0"),
            (json!("double"), &[0, 0, 0, 0, 0, 0, 0xf8, 0x7f], "null"),
            (json!("bytes"), &[2, 0xff], r#""/w==""#),
            (json!("string"), &[4, 0xc3, 0xab], r#""ë""#),
            (
                json!({"type": "array", "items": "int"}),
                &[3, 4, 2, 4, 2, 6, 0],
                "[1,2,3]",
            ),
            (
                json!({"type": "map", "values": "int"}),
                &[4, 2, b'b', 2, 2, b'a', 4, 0],
                r#"{"b":1,"a":2}"#,
            ),
            (json!(["null", "int"]), &[2, 2], "1"),
            (
                json!({"type": "fixed", "name": "f", "size": 2}),
                &[1, 2],
                r#""AQI=""#,
            ),
            (
                json!({"type": "enum", "name": "e", "symbols": ["A", "B"]}),
                &[2],
                r#""B""#,
            ),
            (
                json!({"type": "int", "logicalType": "date"}),
                &[2],
                r#""1970-01-02""#,
            ),
            (
                json!({"type": "long", "logicalType": "timestamp-millis"}),
                &[1],
                r#""1969-12-31T23:59:59.999Z""#,
            ),
            (
                json!({"type": "long", "logicalType": "timestamp-micros"}),
                &[2],
                r#""1970-01-01T00:00:00.000001Z""#,
            ),
            (
                json!({"type": "long", "logicalType": "local-timestamp-micros"}),
                &[2],
                "1",
            ),
            (
                json!({"type": {"type": "string", "logicalType": "uuid"}}),
                &[2, b'u'],
                r#""u""#,
            ),
        ] {
            assert_eq!(read(&schema, body).as_deref(), Ok(shown), "{schema}");
        }
        let people = json!({"type": "record", "name": "a.P", "fields": [
            {"name": "name", "type": "string"},
            {"name": "boss", "type": ["null", "P"]},
        ]});
        let shown = r#"{"name":"z","boss":{"name":"a","boss":null}}"#;
        assert_eq!(
            read(&people, &[2, b'z', 2, 2, b'a', 0]).as_deref(),
            Ok(shown)
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (schema, body, why) in [
            (json!("string"), &[8, b'a'][..], "cut off"),
            (json!("string"), &[2, 0xff], "not UTF-8"),
            (json!("string"), &[1], "negative"),
            (json!("boolean"), &[2], "neither true nor false"),
            (json!("long"), &[0xff; 11], "too long"),
            (json!("int"), &[2, 2], "left over"),
            (json!(["null"]), &[2], "no such branch"),
            (
                json!({"type": "enum", "name": "e", "symbols": ["A"]}),
                &[2],
                "no such symbol",
            ),
        ] {
            let error = read(&schema, body).unwrap_err();
            assert!(error.contains(why), "{schema}: {error}");
        }
        assert!(unframe(b"{}").is_err());
        assert_eq!(unframe(&[0, 0, 0, 1, 2, 9]), Ok((SchemaId(258), &[9][..])));
    }

    #[test]
    fn a_record_that_is_made_to_do_harm_comes_to_an_end() {
        let nulls = json!({"type": "array", "items": "null"});
        let many = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(read(&nulls, &many).is_err());
        let within_itself = json!({"type": "record", "name": "r", "fields": [
            {"name": "r", "type": ["null", "r"]},
        ]});
        let error = read(&within_itself, &vec![2; 1 << 20]).unwrap_err();
        assert!(error.contains("too deep"), "{error}");
        let empty = json!({"type": "record", "name": "e", "fields": [{"name": "e", "type": "e"}]});
        assert!(read(&empty, &[]).unwrap_err().contains("too deep"));
    }
}
