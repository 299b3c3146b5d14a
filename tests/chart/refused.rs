//! What ends `helm install`, with a word on what is wrong.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use onepassword_kafka_dev::chart::Helm;

use crate::rendered::{MINIMAL, check, render, render_text, tempfile, workers_file};

/// Settings in all ways to write them, and what Kafka Connect has for every connector.
const ODD: &str = r"  kafka: {linger: {ms: '5'}, socket.keepalive.enable: true, sasl.password: 'a${env:PATH}'}
  topics: {partitions: '12', retention.ms: 31536000000, shards: 16}
  schema: {registry: {auto.register: 'False', subject: {strategy: RecordNameStrategy}}}
  monitoring.listen: '[::]:9464'
  rest:
    listen: 0.0.0.0:8083
    credentials:
      jane.doe: {role: admin, password: {hash: '${file:/run/secrets/more/jane}'}}
    credentials.alice.role: viewer
    credentials.alice.token.hash: sha256:b6660fa4b8685cb4874d30579c27f22a698ec94ca0ad6acbf6d2b9d181bd76ba
  secrets: {dirs: [/run/secrets/more, /run/more], env: {prefix: ACME_}}
  connectors:
    no.1: {onepassword: {token: '${env:ACME}', url: 'https://events.1password.eu'}, streams: 'auditevents, itemusages'}
    two: {onepassword.token: '${env:ACME}', start.time: 2026-11-24T09:00:00Z, poll.interval.ms: 900000, tasks.max: 3}
    three: {onepassword.token: '${env:ACME}', key: event, key.converter: x, transforms.a.type: y, errors: {tolerance: all}}
";

/// What every Helm says where `more` comes on top of the least that is needed.
fn refusals(more: &str) -> [String; 2] {
    let files = [tempfile(MINIMAL), tempfile(more)];
    let refusals = Helm::ALL.map(|helm| {
        let refusal = render(helm, &[&files[0], &files[1]]).err();
        refusal.unwrap_or_else(|| panic!("{helm:?} takes it: {more}"))
    });
    for file in files {
        std::fs::remove_file(file).unwrap();
    }
    refusals
}

fn are_refused(cases: &[(&str, &str)]) {
    for (more, name) in cases {
        for refusal in refusals(more) {
            assert!(
                refusal.contains(name),
                "{more} does not name {name}: {refusal}"
            );
        }
    }
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn a_typo_is_named_however_it_is_written() {
    are_refused(&[
        ("replica: 3", "replica"),
        ("image: {tags: x}", "tags"),
        ("config: {topics.shard: 4}", "topics.shard"),
        ("config: {topics: {shard: 4}}", "shard"),
        ("config: {topic: {shards: 4}}", "topic"),
        ("config: {schema: {registry: {uri: 'http://a'}}}", "uri"),
        (
            "config: {schema: {registry.uri: 'http://a'}}",
            "registry.uri",
        ),
        ("config: {schema.registry: {uri: 'http://a'}}", "uri"),
        ("config: {connector: {}}", "connector"),
        ("config: {connectors.acme: {key: user}}", "connectors.acme"),
        (
            "config: {connectors: {acme: {poll.intervall.ms: 5000}}}",
            "poll.intervall.ms",
        ),
        (
            "config: {connectors: {acme: {poll: {interval: {sec: 5}}}}}",
            "sec",
        ),
        (
            "config: {connectors: {acme: {onepassword: {tokn: '${env:A}'}}}}",
            "tokn",
        ),
        ("config: {kafka: {lingerms: 5}}", "lingerms"),
        ("config: {kafka.linger.m: 5}", "kafka.linger.m"),
        (
            "config: {kafka: {sasl: {mechanisms.: PLAIN}}}",
            "mechanisms.",
        ),
        (
            "config: {rest: {credentials: {alice: {rol: admin}}}}",
            "rol",
        ),
        (
            "config: {rest.credentials.alice: {passwort.hash: a}}",
            "passwort.hash",
        ),
        ("secrets: {acme: {secret: a}}", "secret"),
        ("strimzi: {users: {}}", "users"),
    ]);
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn a_value_that_cannot_be_is_named() {
    are_refused(&[
        ("replicas: -1", "replicas"),
        ("replicas: two", "replicas"),
        (
            "terminationGracePeriodSeconds: 5",
            "terminationGracePeriodSeconds",
        ),
        ("image: {repository: 'a b'}", "repository"),
        ("image: {digest: latest}", "digest"),
        ("image: {pullPolicy: Sometimes}", "pullPolicy"),
        ("config: {topics.shards: 0}", "topics.shards"),
        ("config: {topics: {shards: '8x'}}", "shards"),
        ("config: {topics.partitions: 1.5}", "topics.partitions"),
        ("config: {topics.prefix: 5}", "topics.prefix"),
        (
            "config: {topics.retention.ms: 9223372036854775807}",
            "topics.retention.ms",
        ),
        ("config: {rest.anonymous: perhaps}", "rest.anonymous"),
        ("config: {connectors: {acme: {key: users}}}", "key"),
        (
            "config: {connectors: {acme: {streams: [auditevent]}}}",
            "streams",
        ),
        (
            "config: {connectors: {acme: {streams: 'auditevents, items'}}}",
            "streams",
        ),
        (
            "config: {connectors: {acme: {page.limit: 1001}}}",
            "page.limit",
        ),
        ("config: {kafka.acks: 1}", "kafka.acks"),
        (
            "config: {kafka: {request: {required.acks: 1}}}",
            "required.acks",
        ),
        (
            "config: {kafka: {enable.idempotence: false}}",
            "enable.idempotence",
        ),
        (
            "config: {kafka.socket.timeout.ms: 1500.5}",
            "socket.timeout.ms",
        ),
        (
            "config: {kafka: {broker.version.fallback: 0.10}}",
            "broker.version.fallback",
        ),
        ("config: {kafka.linger.ms: [5]}", "kafka.linger.ms"),
        ("config: {kafka.debug: [{a: b}]}", "kafka.debug"),
        (
            "config: {kafka.sasl.password: ['${env:A}', '${env:B}']}",
            "kafka.sasl.password",
        ),
        (
            "config: {rest.credentials: {jane.doe: {role: root}}}",
            "role",
        ),
        ("secrets: {acme: {key: null}}", "key"),
        ("secrets: {../acme: {secretName: a, key: b}}", "../acme"),
        ("secrets: {acme: {secretName: Not_a_name}}", "secretName"),
        ("prometheusRule: {runbooks: docs/runbooks.md}", "runbooks"),
        ("prometheusRule: {runbooks: 'https://a/b#c'}", "runbooks"),
        ("strimzi: {user: {authentication: plain}}", "authentication"),
    ]);
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn a_secret_that_is_written_out_is_refused_and_not_repeated() {
    let cases = [
        ("config: {kafka: {sasl: {password: hidden}}}", "password"),
        ("config: {kafka.ssl.key.pem: hidden}", "kafka.ssl.key.pem"),
        (
            "config: {schema: {registry.basic.auth.user.info: 'me:hidden'}}",
            "registry.basic.auth.user.info",
        ),
        (
            "config: {secrets.sealing.key: hidden}",
            "secrets.sealing.key",
        ),
        (
            "config: {secrets: {sealing.previous.keys: ['${env:A}', hidden]}}",
            "sealing.previous.keys",
        ),
        (
            "config: {connectors: {acme: {onepassword.token: hidden}}}",
            "onepassword.token",
        ),
        (
            "config: {connectors: {acme: {onepassword: {token: 'hid$den'}}}}",
            "token",
        ),
    ];
    are_refused(&cases);
    for (more, _) in cases {
        for refusal in refusals(more) {
            assert!(!refusal.contains("hid"), "{refusal}");
        }
    }
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn what_does_not_go_together_is_told() {
    are_refused(&[
        (
            "config: {group: {id: b}}",
            "config: group.id is written twice, with dots and nested",
        ),
        (
            "image: {repository: '', digest: ''}",
            "image.repository is missing: write where your cluster pulls the image from",
        ),
        ("config: {group.id: ''}", "config: group.id is missing"),
        (
            "config: {schema.registry.url: ''}",
            "config: schema.registry.url is missing",
        ),
        (
            "config: {connectors: {other: {key: user}}}",
            "config.connectors.other: onepassword.token is missing",
        ),
        (
            "config: {connectors: {other: {onepassword.token: '${file:/run/secrets/other}'}}}",
            "config refers to /run/secrets/other, but secrets has no entry other",
        ),
        (
            "config: {kafka.ssl.ca.location: /run/secrets/ca}",
            "secrets has no entry ca",
        ),
        (
            "config: {monitoring.listen: '127.0.0.1:9464'}",
            "monitoring.listen is the loopback address",
        ),
        (
            "config: {kafka.transaction.timeout.ms: 60000}",
            "is shorter than kafka.transaction.timeout.ms of config, 60000",
        ),
        (
            "rest: {service: {enabled: true}}",
            "rest.service.enabled: nobody reaches a REST API on the loopback address",
        ),
        (
            "autoscaling: {enabled: true, maxReplicas: 9}",
            "autoscaling.maxReplicas is 9, but only 8 workers",
        ),
        (
            "autoscaling: {enabled: true, minReplicas: 7}",
            "autoscaling.minReplicas is above",
        ),
        (
            "podDisruptionBudget: {minAvailable: 1}",
            "podDisruptionBudget has maxUnavailable and minAvailable",
        ),
        (
            "strimzi: {topics: {enabled: true}}",
            "strimzi.cluster is missing",
        ),
    ]);
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn what_is_missing_is_told_all_at_once() {
    for helm in Helm::ALL {
        let refusal = render_text(helm, "{}").unwrap_err();
        for name in [
            "image.repository",
            "config: group.id",
            "config: kafka.bootstrap.servers",
            "config: schema.registry.url",
        ] {
            assert!(refusal.contains(&format!("{name} is missing")), "{refusal}");
        }
    }
}

#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn what_helm_takes_the_program_takes() {
    let values = MINIMAL.replace("  connectors:\n", ODD)
        + "extraVolumeMounts: [{name: more, mountPath: /run/secrets/more}]\n";
    for helm in Helm::ALL {
        let rendered =
            render_text(helm, &values).unwrap_or_else(|refusal| panic!("{helm:?}: {refusal}"));
        let file = workers_file(&rendered);
        assert_eq!(check(&file).err(), None, "{file}");
        for written in [
            "retention.ms: 31536000000",
            "poll.interval.ms: 900000",
            "2026-11-24T09:00:00Z",
        ] {
            assert!(file.contains(written), "{file}");
        }
    }
}

/// Where the program refuses them, it has read what was written: half a millisecond is not 0, and a list is not its first item.
#[test]
#[ignore = "it needs Helm: cargo test --test chart -- --ignored"]
fn fractions_and_lists_reach_the_program_as_they_are() {
    let keys = ["A", "B"].map(|letter| tempfile(&STANDARD.encode(letter.repeat(32))));
    let [one, other] = keys
        .each_ref()
        .map(|key| format!("'${{file:{}}}'", key.display()));
    let sealing = format!("secrets.sealing: {{key: {one}, previous.keys: [");
    let cases = [
        ("kafka.linger.ms: 0.5", ""),
        ("kafka: {linger: {ms: 1e-3}}", ""),
        ("kafka.linger.ms: -0.5", "kafka.linger.ms"),
        ("kafka.linger.ms: 900000.5", "kafka.linger.ms"),
        ("kafka.debug: [broker, topic]", ""),
        ("kafka.debug: [broker, topics]", "kafka.debug"),
        ("kafka.metadata.broker.list: [a:9092, 'b:9093']", ""),
        (&format!("{sealing}{other}]}}"), ""),
        (
            &format!("{sealing}{other}, {one}]}}"),
            "secrets.sealing.previous.keys",
        ),
    ];
    for (setting, refused) in cases {
        let values = MINIMAL.replace("  connectors:", &format!("  {setting}\n  connectors:"));
        for helm in Helm::ALL {
            let rendered = render_text(helm, &values);
            let rendered =
                rendered.unwrap_or_else(|refusal| panic!("{helm:?}, {setting}: {refusal}"));
            let said = check(&workers_file(&rendered)).err().unwrap_or_default();
            assert_eq!(said.is_empty(), refused.is_empty(), "{setting}: {said}");
            assert!(said.contains(refused), "{setting}: {said}");
        }
    }
    for key in keys {
        std::fs::remove_file(key).unwrap();
    }
}
