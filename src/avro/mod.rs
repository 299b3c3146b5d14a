//! Avro
pub mod encode;
