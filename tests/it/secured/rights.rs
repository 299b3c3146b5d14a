//! The documented rights: a worker with them does all that it promises, and without one of them it says which.

use onepassword_kafka::kafka::{Operation, Pattern, Resource, Right, TopicSettings};
use onepassword_kafka_dev::{
    simulator::Stream,
    stack::{Security, Stack},
};
use rdkafka::{
    ClientConfig, Message,
    consumer::{CommitMode, Consumer, StreamConsumer},
    error::KafkaError,
    types::RDKafkaErrorCode,
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use super::{administer, check_with, end, scene, security, stack, with_password};
use crate::{
    offsets::{resume, stop},
    operator::{Ended, edit, run},
    other,
    rest::{ask, healthy, tasks_are},
    scene::{Scene, Script, in_time, logged},
    search::found,
};

const SEALING: &str = "secrets.sealing.key: b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZCE=";

/// What the program prints for an administrator.
async fn printed(scene: &Scene, arguments: &[&str]) -> String {
    let file = scene.program.config().display().to_string();
    let ended = run(
        &scene.program,
        &[&["acls", "--config", &file], arguments].concat(),
    )
    .await;
    assert_eq!((ended.status, &*ended.err), (Some(0), ""));
    ended.out
}

/// The list that is documented, as this scene's worker needs it.
fn rights(scene: &Scene) -> Vec<Right> {
    let topics = TopicSettings {
        prefix: scene.name.clone(),
        partitions: 1,
        replication_factor: -1,
        retention_ms: -1,
        shards: 1,
    };
    Right::of_worker(&topics, &scene.name)
}

fn lacking(number: usize) -> String {
    format!("lacks-{number}")
}

/// Gives each right to all who do not lack it.
fn all_but_one(stack: &Stack, rights: &[Right]) -> String {
    let servers = security(stack).sasl();
    let line = |(number, right): (usize, &Right)| {
        let resource = match right.resource {
            Resource::Topic => "--topic",
            Resource::Group => "--group",
            Resource::TransactionalId => "--transactional-id",
        };
        let pattern = match right.pattern {
            Pattern::Literal => "literal",
            Pattern::Prefixed => "prefixed",
        };
        let others = (0..rights.len()).filter(|other| *other != number);
        let others = others.map(|other| format!("--allow-principal User:{}", lacking(other)));
        let others: Vec<_> = others.collect();
        format!(
            "kafka-acls.sh --bootstrap-server {servers} --command-config admin.properties --add {} \
             --operation {} --resource-pattern-type {pattern} {resource} {}",
            others.join(" "),
            right.operation.name(),
            right.name
        )
    };
    let lines: Vec<_> = rights.iter().enumerate().map(line).collect();
    lines.join("\n")
}

/// `check` by somebody who lacks a right.
async fn check_lacking(scene: &Scene, number: usize) -> Ended {
    let user = lacking(number);
    let name = format!("{user}.yaml");
    let lines = [
        ("sasl.username: exact", &*format!("sasl.username: {user}")),
        (&*Security::password("exact"), &*Security::password(&user)),
    ];
    check_with(scene, &name, &lines).await
}

/// All that a worker does in its life.
async fn lives(scene: &Scene) {
    scene.publish(10);
    let worker = scene.worker();
    healthy(&worker).await;
    scene.delivered(30).await;

    other::publish(scene, 10);
    let creation = json!({ "name": "other", "config": other::connector(scene) });
    let (status, created) = ask(&worker, Method::POST, "/connectors", Some(&creation)).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    scene.delivered(40).await;
    for (call, state) in [("pause", "PAUSED"), ("resume", "RUNNING")] {
        let path = format!("/connectors/other/{call}");
        ask(&worker, Method::PUT, &path, None).await;
        tasks_are(&worker, "other", 3, state).await;
    }
    let secret = json!({ "secret": scene.token.as_str() });
    let (status, _) = ask(&worker, Method::POST, "/ui/api/seal", Some(&secret)).await;
    assert_eq!(status, StatusCode::OK);

    stop(&worker).await;
    let offsets =
        json!({ "offsets": [{ "partition": { "stream": "auditevents" }, "offset": null }] });
    let path = "/connectors/acme/offsets";
    let (status, altered) = ask(&worker, Method::PATCH, path, Some(&offsets)).await;
    assert_eq!(status, StatusCode::OK, "{altered}");
    resume(&worker).await;
    scene.delivered(50).await;
    let rewind = json!({ "connector": "acme", "from": "earliest" });
    let (status, rewound) = ask(&worker, Method::POST, "/ui/api/rewind", Some(&rewind)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{rewound}");
    scene.delivered(80).await;
    let all = found(&worker, &[("limit", "1000")]).await;
    assert_eq!(all.len(), 80);

    let second = scene.worker();
    logged(&second, "the group gives shards to this worker").await;
    healthy(&second).await;
    end(scene, worker).await;
    scene.publish(10);
    scene.delivered(110).await;
    end(scene, second).await;
}

#[tokio::test]
async fn the_documented_rights_are_enough_and_none_is_superfluous() {
    let stack = stack().await;
    let script = Script {
        worker: format!("{}\n{SEALING}", other::script().worker),
        ..Script::default()
    };
    let properties = with_password(stack, "SCRAM-SHA-512", "exact");
    let scene = scene(&security(stack).sasl(), &properties, script).await;
    let rights = rights(&scene);
    let lines = printed(&scene, &["--principal", "User:exact"]).await;
    administer(stack, lines + &all_but_one(stack, &rights)).await;
    let is_for = |operation| move |right: &Right| right.operation == operation;
    let create = rights.iter().position(is_for(Operation::Create)).unwrap();
    let ended = check_lacking(&scene, create).await;
    assert_eq!(ended.status, Some(1), "{ended:?}");
    let line = ended.line("cursors is missing and cannot be created");
    assert!(line.contains(&rights[create].to_string()), "{line}");

    lives(&scene).await;
    let ended = check_with(&scene, "check.yaml", &[]).await;
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(
        ended.out.lines().all(|line| line.starts_with("ok ")),
        "{ended:?}"
    );

    for (number, lacked) in rights.iter().enumerate() {
        let ended = check_lacking(&scene, number).await;
        let right = lacked.to_string();
        match lacked.operation {
            // Topics are there by now.
            Operation::Create => assert_eq!(ended.status, Some(0), "{ended:?}"),
            Operation::DescribeConfigs => {
                assert!(ended.line(&right).starts_with("note "), "{ended:?}");
            }
            _ => ended.fails(&right, "`onepassword-kafka acls`"),
        }
    }

    let mut last = "exact".to_owned();
    for (number, right) in rights.iter().enumerate() {
        let user = lacking(number);
        edit(
            &scene,
            &format!("sasl.username: {last}"),
            &format!("sasl.username: {user}"),
        );
        edit(
            &scene,
            &Security::password(&last),
            &Security::password(&user),
        );
        last = user;
        scene.publish(5);
        let mut worker = scene.worker();
        if right.operation == Operation::Create {
            healthy(&worker).await;
            tasks_are(&worker, "acme", 3, "RUNNING").await;
        } else {
            logged(&worker, &right.to_string()).await;
        }
        worker.kill();
        scene.keep(&worker);
    }
    scene.close().await;
}

#[tokio::test]
async fn a_consumer_with_the_documented_rights_reads_events_and_nothing_else() {
    let stack = stack().await;
    let properties = with_password(stack, "SCRAM-SHA-512", "worker");
    let scene = scene(&security(stack).sasl(), &properties, Script::default()).await;
    let group = format!("{}-analysis", scene.name);
    let arguments = ["--principal", "User:reader", "--consumer", &group];
    let lines = printed(&scene, &arguments).await;
    administer(stack, lines).await;
    scene.publish(10);
    let worker = scene.worker();
    scene.all_delivered().await;
    end(&scene, worker).await;

    let reads = |topics: Vec<String>| {
        let consumer: StreamConsumer = ClientConfig::new()
            .set("bootstrap.servers", security(stack).sasl())
            .set("security.protocol", "sasl_ssl")
            .set("sasl.mechanism", "SCRAM-SHA-512")
            .set("sasl.username", "reader")
            .set("sasl.password", Security::password("reader"))
            .set(
                "ssl.ca.location",
                security(stack).authority().display().to_string(),
            )
            .set("group.id", &group)
            .set("auto.offset.reset", "earliest")
            .create()
            .unwrap();
        let topics: Vec<_> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).unwrap();
        consumer
    };
    let consumer = reads(Stream::ALL.map(|stream| scene.topic(stream)).into());
    in_time("the events", async {
        for _ in 0..30 {
            consumer.recv().await.unwrap().payload().unwrap();
        }
    })
    .await;
    consumer.commit_consumer_state(CommitMode::Sync).unwrap();
    drop(consumer);

    let mut refused = JoinSet::new();
    for topic in ["cursors", "connectors", "status", "deadletters"] {
        let consumer = reads(vec![scene.topic(topic)]);
        refused.spawn(async move { consumer.recv().await.map(drop) });
    }
    let refused = in_time("refusals", refused.join_all()).await;
    let refusal = KafkaError::MessageConsumption(RDKafkaErrorCode::TopicAuthorizationFailed);
    assert_eq!(refused, vec![Err(refusal); 4]);
    scene.finish().await;
}
