//! What keeps a worker from a secured cluster is told in plain words, with the setting that mends it and without a secret.

use onepassword_kafka_dev::tls::Validity;

use super::{
    Ended, check_with, has_no_password, program, scene, security, stack, with_certificate,
    with_password,
};
use crate::scene::{Scene, Script, logged, logged_again};

/// What is wrong, what that is in the worker's file (`from`, `to`), and what is said of it.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], &'c [&'c str]);

/// Somebody else's password, which is told nowhere either.
const WRONG: &str = "password-of-nobody";

impl Ended {
    fn has_no_connection(&self, parts: &[&str]) {
        for part in parts {
            self.fails("Kafka topics", part);
        }
        self.fails("Kafka topics", "no connection to Kafka: ");
        has_no_password(&self.out);
    }
}

async fn each_is_told(scene: &Scene, cases: &[Case<'_>]) {
    for (what, replaced, words) in cases {
        let name = what.replace(' ', "-");
        let ended = check_with(scene, &name, replaced).await;
        ended.has_no_connection(words);
    }
}

#[tokio::test]
async fn a_user_who_cannot_sign_in_is_told_why() {
    let stack = stack().await;
    let properties = with_password(stack, "SCRAM-SHA-512", "worker");
    let (sasl, unnamed) = (security(stack).sasl(), security(stack).sasl_unnamed());
    let scene = scene(&sasl, &properties, Script::default()).await;
    let right = "password-of-worker";
    let scram = "sasl.mechanism: SCRAM-SHA-512";
    let authority = security(stack).authority().display().to_string();
    let authority_line = format!("  ssl.ca.location: {authority}\n");
    let other = format!("ssl.ca.location: {}", scene.simulator.ca_file().display());
    let port = sasl.rsplit(':').next().unwrap();
    let plain = stack.bootstrap_servers();
    let cases: [Case<'_>; 8] = [
        (
            "a wrong password",
            &[(right, WRONG)],
            &[
                "refuses the credentials",
                "kafka.sasl.username and kafka.sasl.password",
            ],
        ),
        (
            "a wrong plain password",
            &[(right, WRONG), (scram, "sasl.mechanism: PLAIN")],
            &["Invalid username or password", "kafka.sasl.password"],
        ),
        (
            "a mechanism that the broker does not know",
            &[(scram, "sasl.mechanism: SCRAM-SHA-256")],
            &["SCRAM-SHA-512,PLAIN", "set kafka.sasl.mechanism"],
        ),
        (
            "another authority",
            &[(&format!("ssl.ca.location: {authority}"), &other)],
            &[
                "certificate is not accepted",
                "an authority of kafka.ssl.ca.location",
            ],
        ),
        (
            "no authority",
            &[(&authority_line, "")],
            &["this system trusts", "set kafka.ssl.ca.location"],
        ),
        (
            "another name",
            &[(&sasl, &unnamed)],
            &["be issued for '127.0.0.1'"],
        ),
        (
            "no TLS",
            &[("protocol: sasl_ssl", "protocol: sasl_plaintext")],
            &[
                &format!("localhost:{port}"),
                "kafka.security.protocol (ssl and sasl_ssl are with TLS)",
            ],
        ),
        (
            "TLS where there is none",
            &[(&sasl, plain)],
            &[
                plain,
                "there is no TLS at this port",
                "kafka.security.protocol",
            ],
        ),
    ];
    each_is_told(&scene, &cases).await;
    scene.close().await;
}

#[tokio::test]
async fn a_certificate_that_is_of_no_use_is_named() {
    let stack = stack().await;
    let files = program();
    let good = with_certificate(stack, &files, Validity::Today);
    let old = with_certificate(stack, &files, Validity::Yesterday);
    let scene = scene(&security(stack).mutual_tls(), &good, Script::default()).await;
    let line = |properties: &str, name: &str| {
        let mut lines = properties.lines();
        lines
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    let [certificate, key] = ["ssl.certificate.location", "ssl.key.location"]
        .map(|name| (line(&good, name), line(&old, name)));
    let cases: [Case<'_>; 4] = [
        (
            "expired",
            &[(&certificate.0, &certificate.1), (&key.0, &key.1)],
            &[
                "kafka.ssl.certificate.location (",
                "yesterday.crt",
                "valid today",
            ],
        ),
        (
            "none",
            &[(&certificate.0, "client.id: x"), (&key.0, "debug: topic")],
            &["set kafka.ssl.certificate.location and kafka.ssl.key.location"],
        ),
        (
            "another's key",
            &[(&key.0, &key.1)],
            &[
                "kafka.ssl.key.location: ",
                "is not the key of kafka.ssl.certificate.location",
            ],
        ),
        (
            "no certificate",
            &[(
                &certificate.0,
                &certificate.0.replace("today.crt", "worker.yaml"),
            )],
            &[
                "kafka.ssl.certificate.location: ",
                "is not as it should be: PEM",
            ],
        ),
    ];
    files.configure("").unwrap();
    each_is_told(&scene, &cases).await;
    scene.close().await;
}

#[tokio::test]
async fn a_worker_that_cannot_sign_in_says_why_and_tries_on() {
    let stack = stack().await;
    let properties = with_password(stack, "SCRAM-SHA-512", "worker");
    let properties = properties.replace("password-of-worker", WRONG);
    let scene = scene(&security(stack).sasl(), &properties, Script::default()).await;
    let mut worker = scene.worker();
    let line = logged(&worker, "Kafka cannot be used yet").await;
    assert!(
        line.contains("the broker refuses the credentials"),
        "{line}"
    );
    logged_again(&worker, "Kafka cannot be used yet").await;
    has_no_password(&worker.log().join("\n"));
    worker.kill();
    scene.keep(&worker);
    scene.close().await;
}
