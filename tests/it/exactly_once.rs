//! Every event exactly once, whatever happens to the workers.

use std::time::Duration;

use onepassword_kafka::{
    clock,
    event::{Position, TaskId},
    kafka::{self, Cursors, Producer, Record},
};
use onepassword_kafka_dev::{
    proxy::{ApiKey, Cut, Proxy, Switch},
    simulator::{Fault, Rule, Stream},
};

use crate::scene::{
    ACCOUNT, SLOW_TO_COME_BACK, Scene, Script, in_time, logged, metrics, proxied, uuids,
};

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
    let (proxy, stack) = proxied().await;
    let script = Script {
        kafka: "reconnect.backoff.max.ms: 500".to_owned(),
        ..Script::default()
    };
    let mut scene = Scene::on(&proxy.address(), stack.schema_registry_url(), script).await;
    let worker = scene.worker();
    let cuts: [fn(&Proxy) -> Cut; 2] = [
        |proxy| proxy.cut_after_request(ApiKey::EndTxn),
        |proxy| proxy.cut_before_request(ApiKey::EndTxn),
    ];
    for (round, cut) in (1_u32..=10).zip(cuts.into_iter().cycle()) {
        // librdkafka tries again by itself: only a commit that comes after the last one's end is another one.
        scene.publish(10);
        metrics(&worker, "commits", |m| {
            m.sum("onepassword_events_total", &[]) >= f64::from(60 * round - 30)
        })
        .await;
        let cut = cut(&proxy);
        scene.publish(10);
        in_time("a commit is cut off", cut.done()).await;
        metrics(&worker, "the commit goes through", |m| {
            m.sum("onepassword_events_total", &[]) >= f64::from(60 * round)
        })
        .await;
    }
    stack.bootstrap_servers().clone_into(&mut scene.bootstrap);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_worker_that_lives_on_gives_its_shards_up_in_order() {
    let scene = Scene::play(Script {
        connector: "streams: [signinattempts]".to_owned(),
        ..Script::default()
    })
    .await;
    // A connector for each stream, in three of the four shards: one at least moves when two of them do.
    let cluster = scene.cluster().await;
    let folder = scene.program.config().parent().unwrap().to_owned();
    let mut shards = vec![cluster.shard_of("acme")];
    let mut text = std::fs::read_to_string(scene.program.config()).unwrap();
    for stream in ["itemusages", "auditevents"] {
        let mut names = (0..).map(|n| format!("{stream}-{n}"));
        let name = names.find(|name| !shards.contains(&cluster.shard_of(name)));
        let name = name.unwrap();
        shards.push(cluster.shard_of(&name));
        let settings = [
            format!("  {name}:"),
            format!(
                "    onepassword.token: ${{file:{}/token}}",
                folder.display()
            ),
            "    poll.interval.ms: 1000".to_owned(),
            format!("    streams: [{stream}]\n"),
        ];
        text += &settings.join("\n");
    }
    scene.program.configure(&text).unwrap();
    let traffic = scene.simulator.traffic(ACCOUNT, 100.0);
    let first = scene.worker();
    logged(&first, "polled to the end").await;
    let second = scene.worker();
    metrics(&second, "its share", |m| {
        m.sum("onepassword_events_total", &[]) >= 150.0
    })
    .await;
    drop(traffic);
    scene.all_delivered().await;
    for worker in [&first, &second] {
        let fenced = worker
            .log()
            .into_iter()
            .find(|line| line.contains("another worker has taken this shard over"));
        assert_eq!(fenced, None, "a shard was taken, not given");
    }
    scene.end(first).await;
    scene.end(second).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_commit_whose_answer_never_comes_repeats_nothing() {
    a_commit_stays_unanswered(|proxy| proxy.cut_after_request(ApiKey::EndTxn)).await;
}

#[tokio::test]
async fn a_commit_that_never_reaches_the_broker_loses_nothing() {
    a_commit_stays_unanswered(|proxy| proxy.cut_before_request(ApiKey::EndTxn)).await;
}

/// Cuts a commit off, and keeps the producer from its coordinator until the worker gives it up. The group's connection
/// stays, so that nobody takes the shard away meanwhile.
async fn a_commit_stays_unanswered(cut: impl FnOnce(&Proxy) -> Cut) {
    let (proxy, stack) = proxied().await;
    let script = Script {
        kafka: SLOW_TO_COME_BACK.to_owned(),
        ..Script::default()
    };
    let mut scene = Scene::on(&proxy.address(), stack.schema_registry_url(), script).await;
    scene.publish(50);
    let worker = scene.worker();
    scene.all_delivered().await;
    let cut = cut(&proxy);
    scene.publish(50);
    in_time("a commit is cut off", cut.done()).await;
    proxy.refuse(Switch::On);
    logged(&worker, "the transaction's end is not answered yet").await;
    logged(&worker, "the producer failed").await;
    proxy.refuse(Switch::Off);
    scene.publish(50);
    stack.bootstrap_servers().clone_into(&mut scene.bootstrap);
    scene.all_delivered().await;
    scene.end(worker).await;
    scene.finish().await;
}

#[tokio::test]
async fn a_fence_bars_the_old_owner_before_positions_are_read() {
    let scene = Scene::start().await;
    let cluster = scene.cluster().await;
    let barred = tokio::task::spawn_blocking(move || {
        let shard = cluster.shard_of("acme");
        let mut old = Producer::fence(&cluster, shard).unwrap();
        owners_transaction(&mut old, &cluster, 1, &[])
            .commit()
            .unwrap();
        let late = owners_transaction(&mut old, &cluster, 2, &[]);
        let _new = Producer::fence(&cluster, shard).unwrap();
        assert_eq!(restored(&cluster), Some(1), "an open transaction was read");
        let told = late.commit();
        assert_eq!(restored(&cluster), Some(1), "the old owner has committed");
        told
    });
    let told = in_time("fences and reads", barred).await.unwrap();
    assert!(matches!(told, Err(kafka::Error::Fenced)), "{told:?}");
    scene.finish().await;
}

#[tokio::test]
async fn the_old_owners_last_commit_is_seen_by_the_next_one() {
    let (proxy, stack) = proxied().await;
    let script = Script {
        kafka: SLOW_TO_COME_BACK.to_owned(),
        ..Script::default()
    };
    let mut scene = Scene::on(&proxy.address(), stack.schema_registry_url(), script).await;
    scene
        .simulator
        .history(ACCOUNT, Stream::AuditEvents, 20, Duration::from_hours(1));
    let cluster = scene.cluster().await;
    let events: Vec<_> = uuids(&scene.simulator.published(ACCOUNT, Stream::AuditEvents)).collect();
    let topic = scene.topic(Stream::AuditEvents);
    // The old owner, about to commit all there is.
    let (commit, committing) = tokio::sync::oneshot::channel();
    let (opened, open) = tokio::sync::oneshot::channel();
    let old = tokio::task::spawn_blocking(move || {
        let mut old = Producer::fence(&cluster, cluster.shard_of("acme")).unwrap();
        let records: Vec<_> = events.iter().map(|uuid| (&*topic, &**uuid)).collect();
        let last = owners_transaction(&mut old, &cluster, 20, &records);
        opened.send(()).unwrap();
        committing.blocking_recv().unwrap();
        last.commit()
    });
    in_time("the old owner's transaction", open).await.unwrap();
    // The next owner is held up where it would fence the old one.
    let fence = proxy.cut_before_request(ApiKey::InitProducerId);
    let worker = scene.worker();
    in_time("the next owner's fence", fence.done()).await;
    commit.send(()).unwrap();
    in_time("the old owner's commit", old)
        .await
        .unwrap()
        .unwrap();
    let polled = worker.logged(|line| line.contains("auditevents") && line.contains("polled to"));
    in_time("the next owner polls", polled).await.unwrap();
    stack.bootstrap_servers().clone_into(&mut scene.bootstrap);
    scene.end(worker).await;
    scene.finish().await;
}

fn audit_events() -> TaskId {
    TaskId {
        connector: "acme".to_owned(),
        stream: onepassword_kafka::event::Stream::AuditEvents,
    }
}

/// What an owner has open in the middle of its work: events, by topic and uuid, and the position behind them.
fn owners_transaction<'p>(
    owner: &'p mut Producer,
    cluster: &kafka::Cluster,
    events_total: u64,
    events: &[(&str, &str)],
) -> kafka::Transaction<'p> {
    let now = clock::now();
    let mut transaction = owner.begin().unwrap();
    for (topic, uuid) in events {
        let record = Record {
            topic,
            key: None,
            value: b"",
            timestamp: now.as_millisecond(),
            headers: &[("ce_id", uuid.as_bytes())],
        };
        transaction.send(&record).unwrap();
    }
    let position = Position {
        events_total,
        ..Position::start(now, now)
    };
    let cursors = Cursors::of(cluster, cluster.shard_of("acme"));
    let now = now.as_millisecond();
    cursors
        .store(&mut transaction, &audit_events(), Some(&position), now)
        .unwrap();
    transaction
}

/// How many events the stored position has behind it.
fn restored(cluster: &kafka::Cluster) -> Option<u64> {
    let restored = kafka::restore(cluster, cluster.shard_of("acme")).unwrap();
    match restored.positions.get(&audit_events())? {
        kafka::Stored::Position(position) => Some(position.events_total),
        kafka::Stored::Unreadable(why) => panic!("{why}"),
    }
}
