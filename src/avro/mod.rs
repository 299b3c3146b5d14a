//! Events as Avro: the schemas, the encoding, its way back, and the schema registry that tells readers of both.

mod decode;
pub mod encode;
mod error;
mod registry;
mod rest;
mod schemas;
mod settings;
mod shape;

pub use self::{
    decode::{Datum, DecodeError, decode, unframe},
    error::RegistryError,
    registry::{Registration, Registry, SchemaId},
    rest::{Access, ClientCertificate, Credentials},
    schemas::{SubjectStrategy, record_name, schema, subject},
    settings::RegistrySettings,
    shape::{Shape, ShapeError},
};
pub use crate::outbound::{ClientError, Timeouts};
