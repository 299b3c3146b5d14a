//! Avro's binary encoding, straight from the structs: a serde serializer for what event schemas are made of.
//!
//! Records are their fields in order, a nullable value is a union of null and the type, `extra` is a map of
//! strings (Avro 1.12, "Binary Encoding"). Nothing else occurs in `schemas/`, and nothing else is accepted. The
//! general writers look every field up by name and every union branch by trial, which costs as much as all else
//! that happens to an event; `cargo bench --bench encode` compares.

use std::fmt;

use serde::{
    Serialize, Serializer,
    ser::{Impossible, SerializeMap, SerializeStruct},
};

/// A value that no event schema has a type for: a mistake in `event`, found by its tests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} has no place in an event schema")]
pub struct EncodeError(String);

/// Appends the Avro encoding of `value` to `out`.
///
/// # Errors
///
/// Only for a type that is none of those named above.
pub fn encode(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    value.serialize(&mut Encoder { out })
}

/// Writes into a buffer that the caller reuses.
struct Encoder<'b> {
    out: &'b mut Vec<u8>,
}

// === impl EncodeError ===

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self(what.to_string())
    }
}

// === impl Encoder ===

impl Encoder<'_> {
    /// A zigzag varint.
    fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        loop {
            let [low, ..] = rest.to_le_bytes();
            rest >>= 7;
            if rest == 0 {
                return self.out.push(low & 0x7f);
            }
            self.out.push(low | 0x80);
        }
    }

    fn length(&mut self, length: usize) {
        self.long(i64::try_from(length).expect("a length in memory fits an i64"));
    }
}

/// The types that occur in no event schema.
macro_rules! refuse {
    ($($method:ident($type:ty),)*) => {
        $(fn $method(self, _: $type) -> Result<(), EncodeError> {
            Err(EncodeError(stringify!($type).to_owned()))
        })*
    };
}

impl Serializer for &mut Encoder<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Impossible<(), EncodeError>;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    fn serialize_i64(self, value: i64) -> Result<(), EncodeError> {
        self.long(value);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.length(value.len());
        self.out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.long(0);
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), EncodeError> {
        self.long(1);
        value.serialize(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    /// A map is one block of `length` entries and an empty block.
    fn serialize_map(self, length: Option<usize>) -> Result<Self, EncodeError> {
        let length = length.ok_or_else(|| EncodeError("a map of unknown length".to_owned()))?;
        if length > 0 {
            self.length(length);
        }
        Ok(self)
    }

    refuse! {
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_f32(f32),
        serialize_char(char),
        serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Err(EncodeError("()".to_owned()))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), EncodeError> {
        Err(EncodeError(name.to_owned()))
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        Err(EncodeError(name.to_owned()))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, EncodeError> {
        Err(EncodeError("a sequence".to_owned()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, EncodeError> {
        Err(EncodeError("a tuple".to_owned()))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        Err(EncodeError(name.to_owned()))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        Err(EncodeError(name.to_owned()))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        Err(EncodeError(name.to_owned()))
    }
}

impl SerializeStruct for &mut Encoder<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl SerializeMap for &mut Encoder<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), EncodeError> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.long(0);
        Ok(())
    }
}
