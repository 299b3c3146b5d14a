//! The first question to a cluster; and in plain words why no connection to it comes about.
//!
//! librdkafka answers a question with a code that says little. Why there is no connection it tells apart from that, as an
//! event, in words for those who know it well.

use std::time::Duration;

use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    metadata::{Metadata, MetadataTopic},
};

use super::{Cluster, Error, Operation, Properties, cluster::Quiet, properties::FILES};

/// What a part of librdkafka's words means, and which setting mends it.
type Meaning = (&'static [&'static str], Outlook, fn(&Reason<'_>) -> String);

/// What will come of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outlook {
    /// Nothing: a broker has answered, and will answer the same.
    Hopeless,
    /// A host or a broker may come up, or another of the list be there.
    Open,
    /// librdkafka's words are not among those that are known here.
    Unknown,
}

/// Why there is no connection to one broker.
struct Reason<'r> {
    /// All that librdkafka has told.
    told: &'r str,
    /// `host:port`, where it is about one broker.
    broker: Option<&'r str>,
    /// The part of it about what is wrong.
    words: &'r str,
    properties: &'r Properties,
}

/// What is wrong with credentials is known soon, and does not mend by waiting.
pub(super) const FIRST_LOOK: Duration = Duration::from_secs(2);
/// A cluster that is there tells its topics quickly.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);
/// More than librdkafka has to tell until then.
pub(super) const EVENTS: usize = 100;

const MEANINGS: &[Meaning] = &[
    (
        &["Unsupported SASL mechanism"],
        Outlook::Hopeless,
        |reason| {
            let offered = reason.after("supported mechanisms: ").unwrap_or("others");
            format!(
                "the broker does not know this SASL mechanism, but {offered}: set kafka.sasl.mechanism to what your user is for"
            )
        },
    ),
    (&["OIDC", "OAUTHBEARER token"], Outlook::Open, |reason| {
        format!(
            "no OAUTHBEARER token comes ({}): check kafka.sasl.oauthbearer.token.endpoint.url, client.id and client.secret; an \
             endpoint with a certificate of your own needs kafka.https.ca.location",
            reason.words
        )
    }),
    (&["SASL"], Outlook::Hopeless, |reason| {
        format!(
            "the broker refuses the credentials ({}): check kafka.sasl.mechanism, kafka.sasl.username and \
             kafka.sasl.password; one user may have passwords for some mechanisms only",
            reason.words
        )
    }),
    (
        &["certificate verify failed"],
        Outlook::Hopeless,
        |reason| {
            let trusted = match reason.properties.get("ssl.ca.location") {
            Some(file) => format!("an authority of kafka.ssl.ca.location ({file})"),
            None => {
                "an authority that this system trusts; for another one set kafka.ssl.ca.location"
                    .to_owned()
            }
        };
            format!(
                "the broker's certificate is not accepted: it must be valid today, be issued for '{}', and be signed by {trusted}",
                reason.host()
            )
        },
    ),
    (
        &["SSL alert", "ssl/tls alert"],
        Outlook::Hopeless,
        |reason| match reason.properties.get("ssl.certificate.location") {
            Some(file) => format!(
                "the broker refuses the client's certificate, kafka.ssl.certificate.location ({file}): it must be valid today, \
                 and signed by an authority that the broker trusts; the broker says '{}'",
                reason.alert()
            ),
            None => format!(
                "the broker refuses the TLS handshake ('{}'), most often as it asks for a client's certificate: set \
                 kafka.ssl.certificate.location and kafka.ssl.key.location",
                reason.alert()
            ),
        },
    ),
    (
        &[
            "connecting to a PLAINTEXT broker",
            "wrong version number",
            "SSL handshake failed",
        ],
        Outlook::Hopeless,
        |reason| {
            format!(
                "there is no TLS at this port, or none that suits ({}): check the port, and kafka.security.protocol (plaintext and \
             sasl_plaintext are without TLS)",
                reason.words
            )
        },
    ),
    (
        // A broker that speaks TLS does not know what to make of it.
        &["in state APIVERSION_QUERY"],
        Outlook::Open,
        |_| {
            "the broker hangs up at once: check the port, and kafka.security.protocol (ssl and sasl_ssl are with TLS)"
            .to_owned()
        },
    ),
    (&["Failed to resolve"], Outlook::Open, |reason| {
        format!(
            "nobody knows the host '{}': check kafka.bootstrap.servers",
            reason.host()
        )
    }),
];

// === impl Cluster ===

impl Cluster {
    /// All topics that this user may see. It blocks.
    ///
    /// # Errors
    ///
    /// When Kafka does not answer in time; with what librdkafka has told of it, and soon where waiting is of no use.
    /// Also when one of `ours` may not be seen, whether or not it is there.
    pub(super) fn metadata<'t>(
        &self,
        ours: impl Iterator<Item = &'t str>,
    ) -> Result<Metadata, Error> {
        let reader = self.first_reader();
        let reader = reader.map_err(|error| unusable(error, self.properties()))?;
        let metadata = self.first_answer(&reader)?;
        let is_told = |name: &str| metadata.topics().iter().any(|topic| topic.name() == name);
        for name in ours.filter(|name| !is_told(name)) {
            let asked = reader.fetch_metadata(Some(name), PATIENCE);
            let asked = asked.map_err(Error::outside)?;
            let refused = asked.topics().iter().find_map(MetadataTopic::error);
            let refused = refused
                .map(|code| self.refusal(KafkaError::MetadataFetch(code.into()), Operation::Read));
            if let Some(error @ Error::Forbidden(_)) = refused {
                return Err(error);
            }
        }
        Ok(metadata)
    }

    fn first_answer(&self, reader: &BaseConsumer<Quiet>) -> Result<Metadata, Error> {
        if let Ok(metadata) = reader.fetch_metadata(None, FIRST_LOOK) {
            return Ok(metadata);
        }
        if let Some((Outlook::Hopeless, words)) = worst(&told(reader), self.properties()) {
            return Err(Error::Unconnected(words));
        }
        reader.fetch_metadata(None, PATIENCE).map_err(|error| {
            match worst(&told(reader), self.properties()) {
                Some((_, words)) => Error::Unconnected(words),
                None => Error::outside(error),
            }
        })
    }
}

// === impl Reason ===

impl<'r> Reason<'r> {
    /// Takes apart `ssl://host:port/bootstrap: words (after 3ms in state …)`; also without the protocol.
    fn read(told: &'r str, properties: &'r Properties) -> Option<Self> {
        let (address, words) = told.split_once(": ")?;
        let (_, address) = address.split_once("://").unwrap_or(("", address));
        let broker = address.rsplit_once('/').map(|(broker, _)| broker);
        let (words, _) = words.split_once(" (after ").unwrap_or((words, ""));
        Some(Self {
            told,
            broker,
            words,
            properties,
        })
    }

    /// In plain words, with the setting that mends it, where it is known.
    fn explained(&self) -> (Outlook, String) {
        let fits = |(parts, ..): &&Meaning| parts.iter().any(|part| self.told.contains(part));
        let (outlook, words) = match MEANINGS.iter().find(fits) {
            Some((_, outlook, words)) => (*outlook, words(self)),
            None => (Outlook::Unknown, self.words.to_owned()),
        };
        (outlook, self.located(&words))
    }

    fn located(&self, words: &str) -> String {
        self.broker
            .map_or_else(|| words.to_owned(), |broker| format!("{broker}: {words}"))
    }

    fn host(&self) -> &str {
        let broker = self.broker.unwrap_or_default();
        broker.rsplit_once(':').map_or(broker, |(host, _)| host)
    }

    fn after(&self, words: &str) -> Option<&str> {
        self.words.split_once(words).map(|(_, after)| after)
    }

    /// What TLS calls the other side's refusal, such as `bad certificate`.
    fn alert(&self) -> &str {
        let name = self.after("ssl/tls alert ").or(self.after("alert "));
        name.unwrap_or(self.words)
            .split(':')
            .next()
            .unwrap_or_default()
    }
}

/// What librdkafka has told of connections, the last first.
fn told(reader: &BaseConsumer<Quiet>) -> Vec<String> {
    // It is served one at a time, and nothing says which is the last.
    for _ in 0..EVENTS {
        reader.poll(Duration::ZERO);
    }
    reader.context().told()
}

/// Why there is no connection, of what was told: what waiting helps least, and of such the last.
fn worst(told: &[String], properties: &Properties) -> Option<(Outlook, String)> {
    let reasons = told
        .iter()
        .filter_map(|told| Reason::read(told, properties));
    reasons
        .map(|reason| reason.explained())
        .min_by_key(|(outlook, _)| *outlook)
}

/// A client that cannot even be made: librdkafka names the property, and OpenSSL a line of its own code.
fn unusable(error: KafkaError, properties: &Properties) -> Error {
    let words = error.to_string();
    let file = FILES.iter().find_map(|name| {
        Some((name, properties.get(name)?)).filter(|_| words.contains(&format!("{name} failed")))
    });
    let Some((name, file)) = file else {
        return Error::outside(error);
    };
    let why = if words.contains("key values mismatch") {
        "is not the key of kafka.ssl.certificate.location"
    } else if std::fs::File::open(file).is_err() {
        "cannot be read"
    } else {
        "is not as it should be: PEM, and for an encrypted key also kafka.ssl.key.password"
    };
    Error::Unconnected(format!("kafka.{name}: {file} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str =
        "kafka-1:9092/bootstrap: Connect to ipv4#10.0.0.1:9092 failed: Connection refused";
    const UNKNOWN_HOST: &str =
        "kafka-2:9092/bootstrap: Failed to resolve 'kafka-2:9092': Name or service not known";
    const WRONG_PASSWORD: &str = "sasl_ssl://kafka-3:9092/bootstrap: SASL authentication error: Authentication failed (after 3ms in state AUTH_REQ)";

    fn worst_of(told: &[&str]) -> (Outlook, String) {
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        worst(&told, &Properties::default()).unwrap()
    }

    #[test]
    fn a_host_that_nobody_knows_ends_no_wait_for_the_others() {
        let (outlook, words) = worst_of(&[REFUSED, UNKNOWN_HOST]);
        assert_eq!(outlook, Outlook::Open);
        assert!(words.contains("nobody knows the host 'kafka-2'"), "{words}");
    }

    #[test]
    fn what_a_broker_refuses_is_told_before_what_may_pass() {
        let (outlook, words) = worst_of(&[UNKNOWN_HOST, WRONG_PASSWORD, REFUSED]);
        assert_eq!(outlook, Outlook::Hopeless);
        assert!(words.starts_with("kafka-3:9092: "), "{words}");
        assert!(words.contains("kafka.sasl.password"), "{words}");
    }

    #[test]
    fn words_that_are_not_known_here_are_passed_on() {
        let (outlook, words) = worst_of(&[REFUSED]);
        assert_eq!(outlook, Outlook::Unknown);
        assert!(words.ends_with("Connection refused"), "{words}");
    }
}
