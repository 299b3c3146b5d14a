//! The proxy cuts where it was told to: first in front of an echoing model, then of a real broker.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task,
    time::timeout,
};

use super::*;
use crate::{
    admin::Admin,
    reader::{Isolation, read_topic},
    stack::Options,
};

const TIMEOUT: Duration = Duration::from_secs(30);

/// A broker that answers every request with its correlation id, and tells which API keys it has seen.
async fn model() -> (SocketAddr, watch::Receiver<Vec<i16>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, receiver) = watch::channel(Vec::new());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut request = [0; 12];
                while stream.read_exact(&mut request).await.is_ok() {
                    seen.send_modify(|keys| {
                        keys.push(i16::from_be_bytes([request[4], request[5]]));
                    });
                    let answer = [&4_i32.to_be_bytes()[..], &request[8..]].concat();
                    stream.write_all(&answer).await.unwrap();
                }
            });
        }
    });
    (address, receiver)
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

async fn send(stream: &mut TcpStream, key: ApiKey, id: i32) {
    let head = [
        8_i32.to_be_bytes().to_vec(),
        key.number().to_be_bytes().to_vec(),
    ]
    .concat();
    let request = [
        head,
        0_i16.to_be_bytes().to_vec(),
        id.to_be_bytes().to_vec(),
    ]
    .concat();
    stream.write_all(&request).await.unwrap();
}

async fn answer(stream: &mut TcpStream) -> Option<i32> {
    let mut answer = [0; 8];
    let read = timeout(TIMEOUT, stream.read_exact(&mut answer))
        .await
        .unwrap();
    read.ok()
        .map(|_| i32::from_be_bytes([answer[4], answer[5], answer[6], answer[7]]))
}

#[tokio::test]
async fn a_request_is_cut_before_or_after_the_broker_has_seen_it() {
    let (upstream, seen) = model().await;
    let proxy = Proxy::start(0, Some(upstream)).await.unwrap();
    let after = proxy.cut_after_request(ApiKey::EndTxn);
    let mut client = connect(&proxy).await;
    send(&mut client, ApiKey::Produce, 1).await;
    assert_eq!(answer(&mut client).await, Some(1));
    send(&mut client, ApiKey::EndTxn, 2).await;
    assert_eq!(answer(&mut client).await, None);
    after.done().await;
    assert_eq!(*seen.borrow(), [0, 26]);

    let before = proxy.cut_before_request(ApiKey::Produce);
    let mut client = connect(&proxy).await;
    send(&mut client, ApiKey::EndTxn, 3).await;
    assert_eq!(answer(&mut client).await, Some(3));
    send(&mut client, ApiKey::Produce, 4).await;
    assert_eq!(answer(&mut client).await, None);
    before.done().await;
    assert_eq!(*seen.borrow(), [0, 26, 26]);
    assert_eq!(
        (proxy.count(ApiKey::Produce), proxy.count(ApiKey::EndTxn)),
        (2, 2)
    );
}

#[tokio::test]
async fn a_black_hole_holds_what_it_later_delivers() {
    let (upstream, seen) = model().await;
    let proxy = Proxy::start(0, Some(upstream)).await.unwrap();
    let mut client = connect(&proxy).await;
    proxy.blackhole(Switch::On);
    send(&mut client, ApiKey::Fetch, 1).await;
    assert!(
        timeout(Duration::from_millis(100), client.readable())
            .await
            .is_err()
    );
    assert!(seen.borrow().is_empty());
    proxy.blackhole(Switch::Off);
    assert_eq!(answer(&mut client).await, Some(1));
    proxy.seen(ApiKey::Fetch, 1).await;
}

#[tokio::test]
async fn refused_and_cut_connections_are_closed() {
    let (upstream, _seen) = model().await;
    let proxy = Proxy::start(0, None).await.unwrap();
    assert_eq!(answer(&mut connect(&proxy).await).await, None);

    proxy.forward_to(upstream);
    let mut client = connect(&proxy).await;
    send(&mut client, ApiKey::Fetch, 1).await;
    assert_eq!(answer(&mut client).await, Some(1));

    proxy.refuse(Switch::On);
    assert_eq!(answer(&mut connect(&proxy).await).await, None);
    send(&mut client, ApiKey::Fetch, 2).await;
    assert_eq!(answer(&mut client).await, Some(2));
    proxy.cut_all();
    assert_eq!(answer(&mut client).await, None);
}

#[tokio::test]
async fn a_transaction_is_committed_although_its_answer_is_lost() {
    let proxy = Proxy::start(0, None).await.unwrap();
    let stack = Options::default()
        .proxied_at(proxy.port())
        .start()
        .await
        .unwrap();
    proxy.forward_to(stack.proxy_upstream().unwrap());
    let admin = Admin::new(stack.bootstrap_servers()).unwrap();
    admin.create_topic("proxied", 1, &[]).await.unwrap();

    let cut = proxy.cut_after_request(ApiKey::EndTxn);
    let bootstrap = proxy.address();
    let client = task::spawn_blocking(move || commit_one(&bootstrap));
    timeout(TIMEOUT, cut.done()).await.unwrap();
    client.await.unwrap();

    assert!(
        proxy.count(ApiKey::EndTxn) >= 2,
        "the client tries again, on the proxy"
    );
    let bootstrap = stack.bootstrap_servers();
    let messages = read_topic(bootstrap, "proxied", Isolation::Committed)
        .await
        .unwrap();
    assert_eq!(messages.len(), 1);
}

fn commit_one(bootstrap: &str) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", "proxied")
        .create()
        .unwrap();
    producer.init_transactions(TIMEOUT).unwrap();
    producer.begin_transaction().unwrap();
    producer
        .send(BaseRecord::to("proxied").key("k").payload("v"))
        .unwrap();
    producer.commit_transaction(TIMEOUT).unwrap();
}
