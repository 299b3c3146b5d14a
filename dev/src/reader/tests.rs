//! The reader sees what it promises to see, of a real broker and a real registry.

use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde_json::json;

use super::*;
use crate::{admin::Admin, stack::Stack};

const TIMEOUT: Duration = Duration::from_secs(20);

fn producer(bootstrap: &str, id: &str) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", id)
        .create()
        .unwrap();
    producer.init_transactions(TIMEOUT).unwrap();
    producer
}

fn send(producer: &BaseProducer, topic: &str, keys: &[&str]) {
    for key in keys {
        let header = Header {
            key: "ce_id",
            value: Some(*key),
        };
        let record = BaseRecord::to(topic)
            .partition(0)
            .key(*key)
            .payload("value")
            .timestamp(1234)
            .headers(OwnedHeaders::new().insert(header));
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(TIMEOUT).unwrap();
}

fn keys(messages: &[Message]) -> Vec<&str> {
    let keys = messages.iter().filter_map(|message| message.key.as_deref());
    keys.map(|key| std::str::from_utf8(key).unwrap()).collect()
}

#[tokio::test]
async fn only_committed_messages_are_seen_unless_all_are_wanted() {
    let stack = Stack::shared().await.unwrap();
    let bootstrap = stack.bootstrap_servers();
    let topic = &format!("reader-{:08x}", fastrand::u32(..));
    Admin::new(bootstrap)
        .unwrap()
        .create_topic(topic, 2, &[])
        .await
        .unwrap();
    assert_eq!(
        read_topic(bootstrap, topic, Isolation::Committed)
            .await
            .unwrap(),
        []
    );

    let first = producer(bootstrap, &format!("{topic}-1"));
    first.begin_transaction().unwrap();
    send(&first, topic, &["committed"]);
    first.commit_transaction(TIMEOUT).unwrap();
    first.begin_transaction().unwrap();
    send(&first, topic, &["aborted"]);
    first.abort_transaction(TIMEOUT).unwrap();

    // An aborted transaction comes last: that is an end like any other.
    let committed = read_topic(bootstrap, topic, Isolation::Committed)
        .await
        .unwrap();
    assert_eq!(keys(&committed), ["committed"]);
    assert_eq!(committed[0].timestamp_ms, Some(1234));
    assert_eq!(committed[0].value.as_deref(), Some(&b"value"[..]));
    assert!(check(["committed"], &committed).is_exactly_once());

    // An open one hides what follows it.
    let second = producer(bootstrap, &format!("{topic}-2"));
    second.begin_transaction().unwrap();
    send(&second, topic, &["open"]);
    first.begin_transaction().unwrap();
    send(&first, topic, &["behind"]);
    first.commit_transaction(TIMEOUT).unwrap();
    let committed = read_topic(bootstrap, topic, Isolation::Committed)
        .await
        .unwrap();
    assert_eq!(keys(&committed), ["committed"]);
    let all = read_topic(bootstrap, topic, Isolation::Uncommitted)
        .await
        .unwrap();
    assert_eq!(keys(&all), ["committed", "aborted", "open", "behind"]);
    second.commit_transaction(TIMEOUT).unwrap();
    let committed = read_topic(bootstrap, topic, Isolation::Committed)
        .await
        .unwrap();
    assert_eq!(keys(&committed), ["committed", "open", "behind"]);
}

#[tokio::test]
async fn a_value_is_decoded_with_the_registrys_schema() {
    let stack = Stack::shared().await.unwrap();
    let url = format!(
        "{}/subjects/decoder-value/versions",
        stack.schema_registry_url()
    );
    let registered: serde_json::Value = reqwest::Client::new()
        .post(url)
        .json(&json!({ "schema": "\"long\"" }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let id = u32::try_from(registered["id"].as_u64().unwrap()).unwrap();
    let mut decoder = Decoder::new(stack.schema_registry_url());
    let framed = |id: u32| [&[0][..], &id.to_be_bytes(), &[6]].concat();
    assert_eq!(decoder.decode(&framed(id)).await.unwrap(), json!(3));
    let unknown = decoder.decode(&framed(u32::MAX / 4)).await.unwrap_err();
    assert!(matches!(unknown, DecodeError::Registry(..)), "{unknown}");
}
