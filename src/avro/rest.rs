//! One request to a schema registry: who asks, where, and the next address when one does not answer.

use std::{fmt, path::PathBuf};

use reqwest::{
    Identity, Method, RequestBuilder,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::RegistryError;
use crate::{
    clock::Clock,
    outbound::{self, ClientError, Timeouts, retry_after},
};

/// How to reach a registry.
#[derive(Debug, Clone)]
pub struct Access {
    /// Base addresses of the same registry, tried in turn; each may have a path.
    pub urls: Vec<Url>,
    /// Who asks; `None` where the registry does not want to know.
    pub credentials: Option<Credentials>,
    /// PEM certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// For registries that ask for a client's certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// How long answers may take.
    pub timeouts: Timeouts,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// HTTP basic authentication.
    Basic {
        /// The user's name, or an API key.
        user: String,
        /// The password, or the API key's secret.
        password: SecretString,
    },
    /// A bearer token.
    Bearer(SecretString),
}

/// A client's certificate.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The certificate, followed by the intermediate ones; PEM.
    pub certificate: PathBuf,
    /// Its key; PEM, PKCS #8, not encrypted.
    pub key: PathBuf,
}

/// Sends requests.
pub(super) struct Rest {
    http: reqwest::Client,
    access: Access,
    clock: Clock,
}

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// The longest answer: a look-up repeats the schema.
const LONGEST_BODY: usize = 4 << 20;

// === impl ClientCertificate ===

impl ClientCertificate {
    fn read(&self) -> Result<Identity, ClientError> {
        let certificate = outbound::read_file(&self.certificate)?;
        let key = outbound::read_file(&self.key)?;
        Ok(Identity::from_pkcs8_pem(&certificate, &key)?)
    }
}

// === impl Rest ===

impl Rest {
    pub(super) fn new(access: Access, clock: Clock) -> Result<Self, ClientError> {
        let mut builder = outbound::builder(access.ca_file.as_deref())?;
        if let Some(files) = &access.client_certificate {
            builder = builder.identity(files.read()?);
        }
        Ok(Self {
            http: builder.build()?,
            access,
            clock,
        })
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        subject: &str,
    ) -> Result<T, RegistryError> {
        self.ask(path, subject, |url| self.http.get(url)).await
    }

    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        subject: &str,
        body: &Value,
    ) -> Result<T, RegistryError> {
        let request = |url| {
            self.http
                .request(method.clone(), url)
                .body(body.to_string())
                .header(CONTENT_TYPE, MEDIA_TYPE)
        };
        self.ask(path, subject, request).await
    }

    /// Asks one address after the other, until one does not fail in passing.
    async fn ask<T: DeserializeOwned>(
        &self,
        path: &[&str],
        subject: &str,
        request: impl Fn(Url) -> RequestBuilder + Send + Sync,
    ) -> Result<T, RegistryError> {
        let mut outcome = Err(RegistryError::no_address());
        for base in &self.access.urls {
            outcome = self.ask_one(base, subject, request(join(base, path))).await;
            match &outcome {
                Err(error) if error.is_passing() => {}
                _ => break,
            }
        }
        outcome
    }

    async fn ask_one<T: DeserializeOwned>(
        &self,
        base: &Url,
        subject: &str,
        request: RequestBuilder,
    ) -> Result<T, RegistryError> {
        let host = base.host_str().unwrap_or_default();
        let unanswered = |error| RegistryError::unanswered(host, error);
        let request = self.sign(request).header(ACCEPT, MEDIA_TYPE);
        let timeouts = self.access.timeouts;
        let response = outbound::send(request, timeouts)
            .await
            .map_err(unanswered)?;
        let status = response.status();
        let wait = retry_after(response.headers(), (self.clock)());
        let body = outbound::read_body(response, LONGEST_BODY, timeouts).await;
        if !status.is_success() {
            let body = body.unwrap_or_default();
            return Err(RegistryError::refused(host, subject, status, wait, &body));
        }
        let body = body.map_err(unanswered)?;
        serde_json::from_slice(&body).map_err(|_| RegistryError::malformed(host))
    }

    fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.access.credentials {
            None => request,
            Some(Credentials::Basic { user, password }) => {
                request.basic_auth(user, Some(password.expose_secret()))
            }
            Some(Credentials::Bearer(token)) => request.bearer_auth(token.expose_secret()),
        }
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

fn join(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.path_segments_mut()
        .expect("an http address has a path")
        .pop_if_empty()
        .extend(path);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_path_and_a_subject_stays_one_segment() {
        for (base, joined) in [
            ("http://r:8081", "http://r:8081/subjects/a%2Fb%20c-value"),
            (
                "https://r/apis/ccompat/v7/",
                "https://r/apis/ccompat/v7/subjects/a%2Fb%20c-value",
            ),
        ] {
            let url = join(&base.parse().unwrap(), &["subjects", "a/b c-value"]);
            assert_eq!(url.as_str(), joined);
        }
    }

    #[test]
    fn the_debug_form_shows_no_credential() {
        let access = Access {
            urls: vec![],
            credentials: Some(Credentials::Basic {
                user: "u".to_owned(),
                password: "hunter2".into(),
            }),
            ca_file: None,
            client_certificate: None,
            timeouts: Timeouts::default(),
        };
        let rest = Rest::new(access, crate::clock::now).unwrap();
        assert!(!format!("{rest:?}").contains("hunter2"));
    }
}
