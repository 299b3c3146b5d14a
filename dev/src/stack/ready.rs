//! Is it up? Questions to a broker or a registry whose only answer is yes or no.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};

use super::{Part, REGISTRY_PATH};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether `part` at `address` does its work.
pub(super) fn answers(part: Part, address: SocketAddr) -> bool {
    // The plain connection first: librdkafka would wait longer between its own attempts.
    let Ok(stream) = TcpStream::connect_timeout(&address, TIMEOUT) else {
        return false;
    };
    match part {
        Part::Kafka => describes_its_cluster(address),
        Part::Registry => {
            stream.set_read_timeout(Some(TIMEOUT)).is_ok()
                && http_ok(stream, &format!("{REGISTRY_PATH}/subjects"))
        }
    }
}

/// Whether `GET path` over `stream` is answered with 200.
pub(super) fn http_ok(mut stream: impl Read + Write, path: &str) -> bool {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut status = [0; "HTTP/1.1 200".len()];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut status).is_ok()
        && status.ends_with(b" 200")
}

fn describes_its_cluster(address: SocketAddr) -> bool {
    let consumer: Result<BaseConsumer, _> = ClientConfig::new()
        .set("bootstrap.servers", address.to_string())
        .create();
    consumer
        .and_then(|consumer| consumer.fetch_metadata(None, TIMEOUT))
        .is_ok_and(|metadata| !metadata.brokers().is_empty())
}
