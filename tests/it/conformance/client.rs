//! An HTTP/1.1 client that sends what it is told, be it as odd as it may: no target is tidied, no method refused.

use std::{collections::BTreeMap, fmt::Write, net::SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::scene::in_time;

/// A request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) target: String,
    pub(super) headers: &'a BTreeMap<String, String>,
    pub(super) body: Option<Vec<u8>>,
}

/// What matters of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Body,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Headers {
    pub(super) content_type: Option<String>,
    /// Without scheme, host and port.
    pub(super) location: Option<String>,
    /// In the order of the alphabet.
    pub(super) allow: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    Empty,
    Json(Value),
    /// A comma-separated list, in the order of the alphabet.
    Text(Vec<String>),
}

/// Asks, and takes the connection's end for the answer's.
pub(super) async fn ask(address: SocketAddr, request: &Request<'_>) -> Answer {
    let what = format!("{} {} is answered", request.method, request.target);
    let answer = in_time(&what, exchange(address, request)).await;
    Answer::parse(&answer).unwrap_or_else(|| panic!("no answer to {what}: {answer:?}"))
}

async fn exchange(address: SocketAddr, request: &Request<'_>) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever refuses a request need not read all of it, and may reset the connection.
    let _ = stream.write_all(&request.bytes(address)).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

// === impl Request ===

impl Request<'_> {
    fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let (method, target) = (self.method, &self.target);
        let mut head =
            format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        for (name, value) in self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if self.body.is_some() || ["POST", "PUT", "PATCH"].contains(&method) {
            let length = self.body.as_ref().map_or(0, Vec::len);
            let _ = write!(head, "Content-Length: {length}\r\n");
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }
}

// === impl Answer ===

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let (head, body) = (str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]);
        let (first, rest) = head.split_once("\r\n")?;
        let headers: BTreeMap<String, &str> = rest
            .split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value))
            .collect();
        let is_chunked = headers.get("transfer-encoding") == Some(&"chunked");
        let body = if is_chunked {
            whole(body)?
        } else {
            body.to_vec()
        };
        Some(Self {
            status: first.split(' ').nth(1)?.parse().ok()?,
            headers: Headers::of(|name| headers.get(name).copied()),
            body: Body::of(str::from_utf8(&body).ok()?),
        })
    }

    /// Whether it is Connect's way to refuse something.
    pub(super) fn is_error(&self, status: u16) -> bool {
        let code = self.json().and_then(|body| body["error_code"].as_u64());
        self.status == status && code == Some(status.into()) && self.message().is_some()
    }
}

/// What its body says.
impl Answer {
    pub(super) fn message(&self) -> Option<&str> {
        self.json()?.get("message")?.as_str()
    }

    /// How many mistakes a validation has found.
    pub(super) fn mistakes(&self) -> Option<u64> {
        self.json()?.get("error_count")?.as_u64()
    }

    /// The settings with which a validation has found something wrong.
    pub(super) fn wrong(&self) -> Vec<&str> {
        let settings = self.json().and_then(|body| body["configs"].as_array());
        let is_wrong = |setting: &&Value| setting["value"]["errors"] != Value::Array(Vec::new());
        let wrong = settings.into_iter().flatten().filter(is_wrong);
        wrong
            .filter_map(|setting| setting["value"]["name"].as_str())
            .collect()
    }

    /// Itself, where it had no tasks, with those of another.
    pub(super) fn with_tasks_of(&self, other: &Self) -> Self {
        let mut with = self.clone();
        if let (Body::Json(own), Some(others)) = (&mut with.body, other.json()) {
            let (own, others) = match own {
                Value::Array(_) => (Some(own), Some(others)),
                _ => (own.get_mut("tasks"), others.get("tasks")),
            };
            if let (Some(own), Some(others)) = (own, others)
                && *own == Value::Array(Vec::new())
            {
                others.clone_into(own);
            }
        }
        with
    }

    pub(super) fn text(&self) -> String {
        self.json().map(Value::to_string).unwrap_or_default()
    }

    fn json(&self) -> Option<&Value> {
        match &self.body {
            Body::Json(body) => Some(body),
            Body::Empty | Body::Text(_) => None,
        }
    }
}

// === impl Headers ===

impl Headers {
    /// Those that `get` knows, by names in lower case.
    pub(super) fn of<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let path = |url: &str| {
            let after = url.split_once("://").map_or(url, |(_, rest)| rest);
            after.find('/').map_or("", |at| &after[at..]).to_owned()
        };
        Self {
            content_type: get("content-type").map(str::to_owned),
            location: get("location").map(path),
            allow: get("allow").map(listed),
        }
    }
}

// === impl Body ===

impl Body {
    pub(super) fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self::Empty;
        }
        let json = serde_json::from_str(text);
        json.map_or_else(|_| Self::Text(listed(text)), Self::Json)
    }
}

fn listed(text: &str) -> Vec<String> {
    let mut items: Vec<_> = text.split(',').map(|item| item.trim().to_owned()).collect();
    items.sort_unstable();
    items
}

/// A body that came in chunks.
fn whole(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(str::from_utf8(&bytes[..end]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        let chunk = bytes.get(end + 2..end + 2 + length)?;
        body.extend(chunk);
        bytes = bytes.get(end + 2 + length + 2..)?;
    }
}
