//! `check` and `schemas --register`: what stands in the way of `run`, and what to do about it.

use std::time::{Duration, Instant};

use onepassword_kafka_dev::{
    admin::Admin,
    proxy::{ApiKey, Switch},
    simulator::{Stream, TokenSpec},
};

use super::{Ended, create_topic, edit, nowhere, run_with_file};
use crate::scene::{SLOW_TO_COME_BACK, Scene, Script, in_time, logged, metrics, proxied};

impl Ended {
    /// The one line about `what`.
    pub(crate) fn line(&self, what: &str) -> &str {
        let mut lines = self.out.lines().filter(|line| line.contains(what));
        match (lines.next(), lines.next()) {
            (Some(line), None) => line,
            _ => panic!("{what:?} has not one line in {self:?}"),
        }
    }

    pub(crate) fn fails(&self, what: &str, words: &str) {
        assert_eq!(self.status, Some(1), "{self:?}");
        let line = self.line(what);
        assert!(line.starts_with("FAIL"), "{line}");
        assert!(line.contains(words), "{words:?} in {line}");
        assert_eq!(self.err, "");
    }
}

async fn check(scene: &Scene) -> Ended {
    let ended = run_with_file(&scene.program, &["check"]).await;
    assert!(!ended.out.contains(scene.token.as_str()));
    ended
}

#[tokio::test]
async fn check_has_a_line_for_everything_and_creates_nothing() {
    let scene = Scene::start().await;
    scene.publish(3);
    let ended = check(&scene).await;
    assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
    assert!(
        ended.out.lines().all(|line| line.starts_with("ok ")),
        "{ended:?}"
    );
    assert!(ended.line("Kafka topics").contains(&scene.topic("cursors")));
    ended.line("Kafka transactions");
    ended.line("connector acme");
    for stream in Stream::ALL {
        ended.line(&format!("schema {}-value", scene.topic(stream)));
    }
    let admin = Admin::new(&scene.bootstrap).unwrap();
    let topics = admin.topics().await.unwrap();
    assert!(!topics.iter().any(|topic| topic.starts_with(&scene.name)));
    let subjects = format!("{}/subjects", scene.registry);
    let subjects = reqwest::get(subjects).await.unwrap().text().await.unwrap();
    assert!(!subjects.contains(&scene.topic("")), "{subjects}");
    assert_eq!(scene.simulator.requests().total(), 1, "introspection only");

    let worker = scene.worker();
    scene.all_delivered().await;
    scene.end(worker).await;
    let ended = check(&scene).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.line("Kafka topics").contains("all there"));
    assert!(ended.line("positions").starts_with("ok "));
    assert!(ended.line("auditevents-value").contains("registered, id "));
    scene.finish().await;
}

#[tokio::test]
async fn check_ends_soon_where_kafka_is_not_reached_and_checks_the_rest_all_the_same() {
    let scene = Scene::start().await;
    edit(&scene, &scene.bootstrap, &nowhere());
    let begun = Instant::now();
    let ended = check(&scene).await;
    assert!(begun.elapsed() < Duration::from_secs(50));
    ended.fails("Kafka topics", "no connection to Kafka");
    assert!(ended.line("connector acme").starts_with("ok "));
    assert!(ended.line("auditevents-value").starts_with("ok "));
    scene.close().await;
}

#[tokio::test]
async fn check_names_the_setting_where_the_registry_is_not_reached() {
    let scene = Scene::start().await;
    let registry = format!("http://{}", nowhere());
    edit(&scene, &scene.registry, &registry);
    let ended = check(&scene).await;
    ended.fails("auditevents-value", "check schema.registry.url");
    assert!(ended.line("Kafka topics").starts_with("ok "));
    scene.close().await;
}

#[tokio::test]
async fn check_says_what_is_wrong_with_a_token_and_what_to_do() {
    let mut scene = Scene::start().await;
    scene.simulator.revoke(&scene.token);
    check(&scene)
        .await
        .fails("connector acme", "issue a new token");

    give(
        &mut scene,
        TokenSpec {
            audience: Some("events.example.com".to_owned()),
            ..TokenSpec::default()
        },
    );
    check(&scene)
        .await
        .fails("connector acme", "onepassword.allowed.hosts");

    give(
        &mut scene,
        TokenSpec {
            features: vec![Stream::SignInAttempts],
            ..TokenSpec::default()
        },
    );
    let ended = check(&scene).await;
    assert_eq!(ended.status, Some(0), "nobody asks for more: {ended:?}");
    edit(
        &scene,
        "poll.interval.ms: 1000",
        "streams: [signinattempts, auditevents]",
    );
    let words = "the token does not cover auditevents: issue one that does";
    check(&scene).await.fails("connector acme", words);

    give(
        &mut scene,
        TokenSpec {
            expires_in: Some(Duration::from_hours(24)),
            ..TokenSpec::default()
        },
    );
    let ended = check(&scene).await;
    assert_eq!(ended.status, Some(0), "it is still good: {ended:?}");
    assert!(ended.line("the token expires at").starts_with("note "));
    scene.close().await;
}

/// Gives the connector another token.
fn give(scene: &mut Scene, spec: TokenSpec) {
    scene.token = scene.simulator.issue(spec);
    scene.program.write("token", scene.token.as_str()).unwrap();
}

#[tokio::test]
async fn a_missing_token_file_and_a_foreign_url_are_mistakes_of_the_file() {
    let scene = Scene::start().await;
    edit(&scene, "/token}", "/tokens}");
    edit(
        &scene,
        "poll.interval.ms: 1000",
        "onepassword.url: https://events.example.com",
    );
    let ended = check(&scene).await;
    assert_eq!((ended.status, ended.out.as_str()), (Some(78), ""));
    for words in ["/tokens", "onepassword.allowed.hosts"] {
        assert!(ended.err.contains(words), "{words:?} in {}", ended.err);
    }
    scene.close().await;
}

#[tokio::test]
async fn a_topic_that_would_forget_is_refused_with_the_command_that_mends_it() {
    let scene = Scene::start().await;
    let [cursors, connectors] = ["cursors", "connectors"].map(|what| scene.topic(what));
    let way_out = |topic| format!("--entity-name {topic} --add-config cleanup.policy=compact");
    create_topic(&scene, &cursors, ("cleanup.policy", "compact,delete")).await;
    let ended = check(&scene).await;
    ended.fails("Kafka topics", &way_out(&cursors));
    let words =
        format!("{cursors} would forget positions, as its cleanup.policy is \"compact,delete\"");
    ended.fails("Kafka topics", &words);
    create_topic(&scene, &connectors, ("cleanup.policy", "delete")).await;
    let ended = run_with_file(&scene.program, &["run"]).await;
    assert_eq!(ended.status, Some(1));
    for topic in [&cursors, &connectors] {
        assert!(ended.err.contains(&way_out(topic)), "{}", ended.err);
    }
    scene.close().await;
}

#[tokio::test]
async fn a_topic_that_nobody_can_write_to_at_present_is_told() {
    let (proxy, stack) = proxied().await;
    let script = Script {
        // The first bounds the delivery; the others keep the producer away once it was cut off.
        kafka: format!("transaction.timeout.ms: 10000\n{SLOW_TO_COME_BACK}"),
        ..Script::default()
    };
    let mut scene = Scene::on(&proxy.address(), stack.schema_registry_url(), script).await;
    scene.cluster().await;
    let cut = proxy.cut_before_request(ApiKey::Produce);
    let cut_off = async {
        cut.done().await;
        proxy.refuse(Switch::On);
    };
    let (ended, ()) = tokio::join!(check(&scene), in_time("the leader is cut off", cut_off));
    ended.fails("Kafka transactions", "the broker has not taken 1 records");
    stack.bootstrap_servers().clone_into(&mut scene.bootstrap);
    scene.close().await;
}

#[tokio::test]
async fn without_the_right_to_register_a_task_waits_for_the_schema_and_skips_nothing() {
    let scene = Scene::play(Script {
        worker: "schema.registry.auto.register: false".to_owned(),
        ..Script::default()
    })
    .await;
    scene.publish(5);
    let words = "onepassword-kafka schemas --register";
    check(&scene).await.fails("auditevents-value", words);

    let worker = scene.worker();
    logged(&worker, words).await;
    let failed = |m: &onepassword_kafka_dev::worker::Metrics| {
        m.sum("onepassword_task_state", &["FAILED"]) >= 3.0
    };
    metrics(&worker, "all tasks fail", failed).await;
    for stream in Stream::ALL {
        assert!(scene.messages(stream).await.is_empty());
    }

    let ended = run_with_file(&scene.program, &["schemas", "--register"]).await;
    assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
    for stream in Stream::ALL {
        ended.line(&format!("{}-value: id ", scene.topic(stream)));
    }
    scene.all_delivered().await;
    scene.end(worker).await;
    assert_eq!(check(&scene).await.status, Some(0));
    scene.finish().await;
}
