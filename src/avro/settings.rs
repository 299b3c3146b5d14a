//! What the worker's file says about the schema registry, under the names of Confluent's clients.

use url::Url;

use super::{Access, ClientCertificate, Credentials, Registration, SubjectStrategy};
use crate::{
    outbound::Timeouts,
    setting::{
        Fallback, Importance, Kind, Mistakes, Reader, Reported, Setting, Values, boolean, choice,
        text,
    },
};

/// What the worker's file says about the schema registry.
#[derive(Debug, Clone)]
pub struct RegistrySettings {
    /// How to reach it.
    pub access: Access,
    /// Who registers schemas.
    pub registration: Registration,
    /// What their subjects are called.
    pub subject_strategy: SubjectStrategy,
}

const URL: Setting = Setting::new(
    "schema.registry.url",
    Kind::List,
    Fallback::Required,
    "Address of the schema registry (Confluent's API; for Apicurio with its path `/apis/ccompat/v7`). Several are \
     asked in turn where one does not answer.",
)
.importance(Importance::High);

const USER_INFO: Setting = Setting::new(
    "schema.registry.basic.auth.user.info",
    Kind::Password,
    Fallback::Words("no user"),
    "User and password for basic authentication, as `user:password`; for example \
     `${env:REGISTRY_USER}:${file:/run/secrets/registry}`.",
);

const BEARER_TOKEN: Setting = Setting::new(
    "schema.registry.bearer.auth.token",
    Kind::Password,
    Fallback::Words("no token"),
    "Bearer token, where the registry wants one instead of a user.",
);

const CA_FILE: Setting = Setting::new(
    "schema.registry.ssl.ca.location",
    Kind::String,
    Fallback::Words("the system's certificates"),
    "PEM file with certificates to trust beside the system's.",
);

const CERTIFICATE: Setting = Setting::new(
    "schema.registry.ssl.certificate.location",
    Kind::String,
    Fallback::Words("no client certificate"),
    "PEM file with the client's certificate and its chain.",
);

const KEY: Setting = Setting::new(
    "schema.registry.ssl.key.location",
    Kind::String,
    Fallback::Words("no client certificate"),
    "PEM file with the private key of the client's certificate, unencrypted.",
);

const AUTO_REGISTER: Setting = Setting::new(
    "schema.registry.auto.register",
    Kind::Boolean,
    Fallback::Value("true"),
    "Whether the worker registers a schema that the registry does not have. With `false` somebody else does: \
     `onepassword-kafka schemas` prints them.",
)
.recommending(&["true", "false"]);

const SUBJECT_STRATEGY: Setting = Setting::new(
    "schema.registry.subject.strategy",
    Kind::String,
    Fallback::Value("TopicNameStrategy"),
    "What a schema's subject is called: `TopicNameStrategy` is `<topic>-value`, `RecordNameStrategy` the record's \
     full name, `TopicRecordNameStrategy` both.",
)
.importance(Importance::Low)
.choosing(&[
    "TopicNameStrategy",
    "RecordNameStrategy",
    "TopicRecordNameStrategy",
]);

const STRATEGIES: [(&str, SubjectStrategy); 3] = [
    ("TopicNameStrategy", SubjectStrategy::TopicName),
    ("RecordNameStrategy", SubjectStrategy::RecordName),
    ("TopicRecordNameStrategy", SubjectStrategy::TopicRecordName),
];

// === impl RegistrySettings ===

impl RegistrySettings {
    /// All that may be set.
    pub const TABLE: &'static [Setting] = &[
        URL,
        USER_INFO,
        BEARER_TOKEN,
        CA_FILE,
        CERTIFICATE,
        KEY,
        AUTO_REGISTER,
        SUBJECT_STRATEGY,
    ];

    /// Reads them; nothing where there is a mistake.
    pub fn parse(values: &Values, mistakes: &mut Mistakes) -> Option<Self> {
        Self::read(&mut Reader::new(values, mistakes)).ok()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Reported> {
        let urls = urls(reader);
        let credentials = credentials(reader);
        let ca_file = reader.file(&CA_FILE);
        let client_certificate = client_certificate(reader);
        let registration = reader.one(&AUTO_REGISTER, registration);
        let subject_strategy = reader.one(&SUBJECT_STRATEGY, choice(&STRATEGIES));
        Ok(Self {
            access: Access {
                urls: urls?,
                credentials: credentials?,
                ca_file: ca_file?,
                client_certificate: client_certificate?,
                timeouts: Timeouts::default(),
            },
            registration: registration?,
            subject_strategy: subject_strategy?,
        })
    }
}

fn urls(reader: &mut Reader<'_>) -> Result<Vec<Url>, Reported> {
    match reader.list(&URL, url)? {
        Some(urls) if !urls.is_empty() => Ok(urls),
        _ => Err(reader.refuse(
            &URL,
            "is missing: write the schema registry's address, such as http://localhost:8081",
        )),
    }
}

fn url(text: &str) -> Result<Url, String> {
    let url: Url = text
        .parse()
        .map_err(|_| "is no address: write it as https://registry.example.com".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("begins neither with http:// nor with https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "has a user in it: write {} instead",
            USER_INFO.name
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has something after its path: leave out ? and #".to_owned());
    }
    Ok(url)
}

fn credentials(reader: &mut Reader<'_>) -> Result<Option<Credentials>, Reported> {
    let basic = reader.maybe(&USER_INFO, |info| {
        let (user, password) = info
            .split_once(':')
            .ok_or("is no user:password: a colon belongs between them")?;
        Ok(Credentials::Basic {
            user: text(user).map_err(|_| "has no user before its colon")?,
            password: password.into(),
        })
    });
    let bearer = reader.maybe(&BEARER_TOKEN, |token| {
        Ok(Credentials::Bearer(text(token)?.into()))
    });
    if reader.is_given(&USER_INFO) && reader.is_given(&BEARER_TOKEN) {
        let what = format!("cannot be used together with {}", USER_INFO.name);
        return Err(reader.refuse(&BEARER_TOKEN, what));
    }
    Ok(basic?.or(bearer?))
}

fn registration(text: &str) -> Result<Registration, String> {
    Ok(if boolean(text)? {
        Registration::Automatic
    } else {
        Registration::ByHand
    })
}

fn client_certificate(reader: &mut Reader<'_>) -> Result<Option<ClientCertificate>, Reported> {
    let certificate = reader.file(&CERTIFICATE);
    let key = reader.file(&KEY);
    reader.together(&CERTIFICATE, &KEY)?;
    let files = certificate?.zip(key?);
    Ok(files.map(|(certificate, key)| ClientCertificate { certificate, key }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use secrecy::ExposeSecret;

    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<RegistrySettings, String> {
        let values = pairs
            .iter()
            .map(|&(name, text)| (format!("schema.registry.{name}"), text.to_owned()))
            .collect();
        let mut mistakes = Mistakes::new();
        RegistrySettings::parse(&values, &mut mistakes).ok_or_else(|| mistakes.to_string())
    }

    #[test]
    fn an_address_is_enough() {
        let settings = parse(&[("url", "http://localhost:8081")]).unwrap();
        assert_eq!(settings.access.urls[0].as_str(), "http://localhost:8081/");
        assert!(settings.access.credentials.is_none());
        assert_eq!(settings.registration, Registration::Automatic);
        assert_eq!(settings.subject_strategy, SubjectStrategy::TopicName);
    }

    #[test]
    fn everything_may_be_set() {
        let settings = parse(&[
            ("url", "https://a/apis/ccompat/v7, https://b"),
            ("basic.auth.user.info", "me:hidden:too"),
            ("ssl.ca.location", "Cargo.toml"),
            ("ssl.certificate.location", "Cargo.toml"),
            ("ssl.key.location", "Cargo.lock"),
            ("auto.register", "false"),
            ("subject.strategy", "RecordNameStrategy"),
        ])
        .unwrap();
        assert_eq!(settings.access.urls.len(), 2);
        assert_eq!(settings.registration, Registration::ByHand);
        assert_eq!(settings.subject_strategy, SubjectStrategy::RecordName);
        assert!(!format!("{settings:?}").contains("hidden"));
        let certificate = settings.access.client_certificate.unwrap();
        assert_eq!(certificate.key, Path::new("Cargo.lock"));
        let Some(Credentials::Basic { user, password }) = settings.access.credentials else {
            panic!("no user");
        };
        assert_eq!(
            (user.as_str(), password.expose_secret()),
            ("me", "hidden:too")
        );
    }

    #[test]
    fn every_mistake_is_told_and_no_secret() {
        let error = parse(&[
            (
                "url",
                "localhost:8081,registry,https://me:hidden@a,https://a?b",
            ),
            ("basic.auth.user.info", "hidden"),
            ("ssl.ca.location", "/"),
            ("ssl.certificate.location", "Cargo.toml"),
            ("auto.register", "yes"),
            ("subject.strategy", "topic"),
        ]);
        assert_eq!(
            error.unwrap_err(),
            "schema.registry.url: 'localhost:8081' begins neither with http:// nor with https://\n\
             schema.registry.url: 'registry' is no address: write it as https://registry.example.com\n\
             schema.registry.url: 'https://…@a' has a user in it: write schema.registry.basic.auth.user.info instead\n\
             schema.registry.url: 'https://a?b' has something after its path: leave out ? and #\n\
             schema.registry.basic.auth.user.info: the value is no user:password: a colon belongs between them\n\
             schema.registry.ssl.ca.location: '/' is a directory, a file is needed\n\
             schema.registry.ssl.certificate.location: needs schema.registry.ssl.key.location beside it\n\
             schema.registry.auto.register: 'yes' is neither true nor false\n\
             schema.registry.subject.strategy: 'topic' is none of TopicNameStrategy, RecordNameStrategy, \
             TopicRecordNameStrategy"
        );
    }

    #[test]
    fn one_way_to_say_who_asks_is_enough() {
        let error = parse(&[
            ("url", "http://a"),
            ("basic.auth.user.info", "a:b"),
            ("bearer.auth.token", "c"),
        ]);
        assert_eq!(
            error.unwrap_err(),
            "schema.registry.bearer.auth.token: cannot be used together with schema.registry.basic.auth.user.info"
        );
    }
}
