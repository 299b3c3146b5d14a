//! Every event exactly once, whatever happens to the workers.

use std::time::Duration;

use onepassword_kafka_dev::{
    proxy::{ApiKey, Proxy},
    simulator::{Fault, Rule, Stream},
    stack::Options,
};

use crate::scene::{ACCOUNT, Scene, Script, in_time, logged, metrics};

/// How often the worker is killed.
const KILLS: u32 = 50;
/// Another seed is another sequence of moments; a failure names it.
const SEED: u64 = 20_261_124;

fn unruly(scene: &Scene) {
    scene.simulator.update_faults(|faults| {
        for fault in [
            Fault::status(503),
            Fault::ResetMidBody,
            Fault::TruncatedJson,
            Fault::EmptyWithMore,
        ] {
            faults
                .rules
                .push(Rule::always(fault).with_probability(0.02));
        }
    });
}

#[tokio::test]
async fn a_worker_killed_fifty_times_during_a_backfill_loses_and_repeats_nothing() {
    let scene = Scene::play(Script {
        kafka: "group.instance.id: the-only-one".to_owned(),
        connector: "page.limit: 10".to_owned(),
        ..Script::default()
    })
    .await;
    scene.history(6_000);
    unruly(&scene);
    let traffic = scene.simulator.traffic(ACCOUNT, 50.0);
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut interrupted = 0;
    for _ in 0..KILLS {
        let mut worker = scene.worker();
        logged(&worker, "the shard is restored").await;
        let moment = Duration::from_millis(random.u64(0..800));
        let met = tokio::time::timeout(
            moment,
            worker.logged(|line| line.contains("polled to the end")),
        )
        .await;
        interrupted += u32::from(met.is_err());
        worker.kill();
        scene.keep(&worker);
    }
    assert!(
        interrupted > KILLS / 2,
        "seed {SEED}: only {interrupted} kills fell into the backfill"
    );
    drop(traffic);
    let worker = scene.worker();
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_frozen_worker_is_fenced_and_once_woken_publishes_nothing() {
    let scene = Scene::play(Script {
        connector: "page.limit: 10".to_owned(),
        ..Script::default()
    })
    .await;
    scene.history(1_000);
    let frozen = scene.worker();
    metrics(&frozen, "the first commits", |m| {
        m.sum("onepassword_events_total", &[]) > 100.0
    })
    .await;
    frozen.freeze();
    let heir = scene.worker();
    scene.all_delivered().await;
    let before: Vec<_> = watermarks(&scene).await;
    frozen.wake();
    // Its broken transaction or the group tells it, whichever comes first.
    let told = [
        "another worker has taken this shard over",
        "the group takes shards back",
    ];
    let told = frozen.logged(|line| told.iter().any(|what| line.contains(what)));
    in_time("the woken worker learns that it is late", told)
        .await
        .unwrap();
    assert_eq!(
        watermarks(&scene).await,
        before,
        "the woken worker has written"
    );
    scene.end(heir).await;
    scene.end(frozen).await;
    scene.finish().await;
}

/// Where the event topics end, counting also what is not committed.
async fn watermarks(scene: &Scene) -> Vec<i64> {
    let admin = onepassword_kafka_dev::admin::Admin::new(&scene.bootstrap).unwrap();
    let mut ends = Vec::new();
    for stream in Stream::ALL {
        ends.extend(
            admin
                .watermarks(&scene.topic(stream))
                .await
                .unwrap()
                .iter()
                .map(|w| w.high),
        );
    }
    ends
}

#[tokio::test]
async fn workers_come_and_go_while_events_flow() {
    let scene = Scene::start().await;
    scene.history(2_000);
    let traffic = scene.simulator.traffic(ACCOUNT, 100.0);
    let mut workers = vec![scene.worker()];
    logged(&workers[0], "polled to the end").await;
    for _ in 0..3 {
        let next = scene.worker();
        logged(&next, "the group gives shards to this worker").await;
        scene.end(workers.pop().unwrap()).await;
        logged(&next, "polled to the end").await;
        workers.push(next);
    }
    drop(traffic);
    scene.all_delivered().await;
    for worker in workers {
        scene.end(worker).await;
    }
    scene.finish().await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_neither_loses_nor_repeats() {
    let proxy = Proxy::start(0, None).await.unwrap();
    let stack = Options::default()
        .proxied_at(proxy.port())
        .start()
        .await
        .unwrap();
    proxy.forward_to(stack.proxy_upstream().unwrap());
    let script = Script {
        connector: "page.limit: 100".to_owned(),
        ..Script::default()
    };
    let mut scene = Scene::on(&proxy.address(), stack.schema_registry_url(), script).await;
    scene.history(2_000);
    let worker = scene.worker();
    for _ in 0..5 {
        in_time(
            "a commit is cut off from its answer",
            proxy.cut_after_request(ApiKey::EndTxn).done(),
        )
        .await;
    }
    for _ in 0..5 {
        in_time(
            "a commit is cut off",
            proxy.cut_before_request(ApiKey::EndTxn).done(),
        )
        .await;
    }
    stack.bootstrap_servers().clone_into(&mut scene.bootstrap);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}
