//! Events as Avro: the schemas, the encoding, and the schema registry that tells readers of both.

pub mod encode;
mod error;
mod registry;
mod rest;
mod schemas;
mod settings;

pub use self::{
    error::RegistryError,
    registry::{Registration, Registry, SchemaId},
    rest::{Access, ClientCertificate, Credentials},
    schemas::{SubjectStrategy, record_name, schema, subject},
    settings::RegistrySettings,
};
pub use crate::outbound::{ClientError, Timeouts};
