//! How long a worker needs before a shard's tasks can go on: its fence, and the positions behind it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use onepassword_kafka::{
    clock,
    event::{Cursor, Place, Position, Stream, TaskId},
    kafka::{Cluster, Cursors, Missing, Producer, TopicSettings, ensure as topics, restore},
};
use onepassword_kafka_dev::stack::Stack;

/// What it took.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) fence: Duration,
    pub(crate) restore: Duration,
}

pub(crate) const POSITIONS: usize = 10_000;
const SHARD: u32 = 0;
/// As long as real ones.
const CURSOR: usize = 200;

/// Writes the positions, and takes the shard over as another worker would.
pub(crate) async fn measure(stack: &Stack) -> anyhow::Result<Restored> {
    let cluster = cluster(stack);
    topics(&cluster, Missing::Create).await?;
    tokio::task::spawn_blocking(move || {
        write(&cluster)?;
        let begun = Instant::now();
        let _producer = Producer::fence(&cluster, SHARD)?;
        let (fence, fenced) = (begun.elapsed(), Instant::now());
        let positions = restore(&cluster, SHARD)?.positions;
        let restore = fenced.elapsed();
        ensure!(positions.len() == POSITIONS, "positions are missing");
        Ok(Restored { fence, restore })
    })
    .await?
}

fn cluster(stack: &Stack) -> Cluster {
    let servers = stack.bootstrap_servers().to_owned();
    let group = format!("restore-{:08x}", fastrand::u32(..));
    let topics = TopicSettings {
        prefix: group.clone(),
        partitions: 1,
        replication_factor: -1,
        retention_ms: -1,
        shards: 8,
    };
    let properties = [("bootstrap.servers".to_owned(), servers)];
    Cluster::new(properties.into_iter().collect(), group, topics)
}

fn write(cluster: &Cluster) -> anyhow::Result<()> {
    let now = clock::now();
    let cursor = Cursor::new("c".repeat(CURSOR)).map_err(anyhow::Error::msg)?;
    let position = Position {
        place: Place::After(cursor),
        ..Position::start(now, now)
    };
    let cursors = Cursors::of(cluster, SHARD);
    let mut producer = Producer::fence(cluster, SHARD)?;
    let mut transaction = producer.begin()?;
    for number in 0..POSITIONS {
        let task = TaskId {
            connector: format!("connector-{number}"),
            stream: Stream::AuditEvents,
        };
        cursors.store(
            &mut transaction,
            &task,
            Some(&position),
            now.as_millisecond(),
        )?;
    }
    Ok(transaction.commit()?)
}
