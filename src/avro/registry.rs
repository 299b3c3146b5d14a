//! The schemas' ids, from a schema registry with Confluent's API: Confluent, Apicurio (`/apis/ccompat/v7`), Karapace
//! and Redpanda have it.
//!
//! An id is asked for once per subject and process. Where the worker registers by itself, a subject without a
//! compatibility level of its own gets `FULL_TRANSITIVE`, which is what this program's schemas promise; a registry
//! that does not allow it is no reason to stop.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use reqwest::Method;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use tokio::sync::Mutex;

use super::{
    RegistryError,
    rest::{Access, Rest},
};
use crate::{clock::Clock, outbound::ClientError};

/// A registry, and the ids that it has told.
#[derive(Debug)]
pub struct Registry {
    rest: Rest,
    registration: Registration,
    /// By subject. Held while asking, so that each is asked for once.
    known: Mutex<HashMap<String, SchemaId>>,
    told_about_levels: AtomicBool,
}

/// Who registers schemas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Registration {
    /// The worker, when it needs one.
    #[default]
    Automatic,
    /// Somebody else, beforehand.
    ByHand,
}

/// A schema's id in its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct SchemaId(pub u32);

#[derive(Deserialize)]
struct Registered {
    id: SchemaId,
}

#[derive(Deserialize)]
struct Kept {
    schema: String,
}

/// A subject's own compatibility level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// There is one, or nobody tells.
    Settled,
    /// There is none.
    Missing,
}

// === impl Registry ===

impl Registry {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or does not hold what it should.
    pub fn new(
        access: Access,
        registration: Registration,
        clock: Clock,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            rest: Rest::new(access, clock)?,
            registration,
            known: Mutex::default(),
            told_about_levels: AtomicBool::new(false),
        })
    }

    /// The id of `schema` under `subject`; registers it where that is the worker's business.
    ///
    /// # Errors
    ///
    /// See [`RegistryError::disposition`].
    pub async fn ensure(&self, subject: &str, schema: &str) -> Result<SchemaId, RegistryError> {
        let mut known = self.known.lock().await;
        if let Some(id) = known.get(subject) {
            return Ok(*id);
        }
        let id = match self.registration {
            Registration::Automatic => self.register(subject, schema).await?,
            Registration::ByHand => self
                .look_up(subject, schema)
                .await?
                .ok_or_else(|| RegistryError::unregistered(subject))?,
        };
        known.insert(subject.to_owned(), id);
        Ok(id)
    }

    /// Registers `schema` under `subject`. One that is there already keeps its id.
    ///
    /// # Errors
    ///
    /// See [`RegistryError::disposition`].
    pub async fn register(&self, subject: &str, schema: &str) -> Result<SchemaId, RegistryError> {
        let before = self.own_level(subject).await == Level::Missing;
        let set = before && self.set_level(subject).await.is_ok();
        let path = ["subjects", subject, "versions"];
        let body = json!({ "schema": schema });
        let Registered { id } = self.rest.send(Method::POST, &path, subject, &body).await?;
        if before && !set {
            self.set_level_at_last(subject).await;
        }
        Ok(id)
    }

    /// The id of `schema`, if it is registered under `subject`.
    ///
    /// # Errors
    ///
    /// See [`RegistryError::disposition`].
    pub async fn look_up(
        &self,
        subject: &str,
        schema: &str,
    ) -> Result<Option<SchemaId>, RegistryError> {
        let body = json!({ "schema": schema });
        let path = ["subjects", subject];
        match self.rest.send(Method::POST, &path, subject, &body).await {
            Ok(Registered { id }) => Ok(Some(id)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The schema that has this id, as JSON, whoever has registered it; none where there is no such id.
    ///
    /// # Errors
    ///
    /// See [`RegistryError::disposition`].
    pub async fn schema(&self, id: SchemaId) -> Result<Option<String>, RegistryError> {
        let id = id.0.to_string();
        let path = ["schemas", "ids", &id];
        match self.rest.get(&path, &id).await {
            Ok(Kept { schema }) => Ok(Some(schema)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn own_level(&self, subject: &str) -> Level {
        let path = ["config", subject];
        match self.rest.get::<IgnoredAny>(&path, subject).await {
            Err(error) if error.is_not_found() => Level::Missing,
            _ => Level::Settled,
        }
    }

    async fn set_level(&self, subject: &str) -> Result<(), RegistryError> {
        let body = json!({ "compatibility": "FULL_TRANSITIVE" });
        let path = ["config", subject];
        let IgnoredAny = self.rest.send(Method::PUT, &path, subject, &body).await?;
        Ok(())
    }

    /// For registries that know a subject only by its first version, as Apicurio does.
    async fn set_level_at_last(&self, subject: &str) {
        if let Err(error) = self.set_level(subject).await
            && !self.told_about_levels.swap(true, Ordering::Relaxed)
        {
            tracing::info!(
                subject,
                %error,
                "the schema registry does not let us set FULL_TRANSITIVE compatibility; going on without"
            );
        }
    }
}
