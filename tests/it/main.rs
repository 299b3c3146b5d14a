//! The adapters against living services, over the wire.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod avro;
mod onepassword;
mod registry;
