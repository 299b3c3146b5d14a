//! The adapters against living services, over the wire.

mod avro;
mod onepassword;
mod registry;
