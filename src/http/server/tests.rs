//! Tests of what a connection may ask for.

use axum::{
    body::to_bytes,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::JoinHandle,
};

use super::*;

struct Served {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
    /// A request for `/slow` has arrived.
    begun: Arc<Notify>,
    /// Lets its answer go.
    go: Arc<Notify>,
}

const LIMITS: Limits = Limits {
    connections: 64,
    request: Duration::from_millis(500),
};

impl Served {
    async fn new(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (arrived, waiting) = (Arc::clone(&begun), Arc::clone(&go));
        let router = Router::new().fallback(move |request: Request| {
            let (begun, go) = (Arc::clone(&arrived), Arc::clone(&waiting));
            async move {
                if request.uri().path() == "/slow" {
                    begun.notify_one();
                    go.notified().await;
                }
                echo(request, limits).await
            }
        });
        let serving = tokio::spawn(serve(listener, None, limits, router, shutdown.clone()));
        Self {
            address,
            shutdown,
            serving,
            begun,
            go,
        }
    }

    async fn client(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a text, and reads until the worker closes.
    async fn told(&self, text: &str) -> String {
        let mut client = self.client().await;
        // It may have closed already.
        let _ = client.write_all(text.as_bytes()).await;
        rest(client).await
    }
}

async fn rest(mut client: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn echo(request: Request, limits: Limits) -> Response {
    let body = timely(request.into_body(), limits.request);
    match to_bytes(body, 1 << 10).await {
        Ok(body) => body.into_response(),
        Err(error) if Late::is_behind(&error) => StatusCode::REQUEST_TIMEOUT.into_response(),
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    }
}

#[tokio::test]
async fn whoever_is_too_slow_is_dropped() {
    let served = Served::new(LIMITS).await;
    for begun in ["", "GET / HTTP/1.1\r\nhost: a\r\nx-half:"] {
        assert_eq!(served.told(begun).await, "", "{begun}");
    }
    let begun = "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf";
    let answer = served.told(begun).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let mut quiet = served.client().await;
    quiet
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let answer = rest(quiet).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_head_has_its_limits() {
    let served = Served::new(LIMITS).await;
    let long = "x".repeat(LONGEST_HEAD);
    let many = "x: 1\r\n".repeat(200);
    for (head, status) in [
        (format!("GET / HTTP/1.1\r\nlong: {long}\r\n\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), "431"),
        ("GET / HTTP/1.1\r\nbad header: 1\r\n\r\n".to_owned(), "400"),
        ("\u{0}\u{1}\u{2}\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = served.told(&head).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn where_all_places_are_taken_the_next_one_waits() {
    let one = Limits {
        connections: 1,
        ..LIMITS
    };
    let served = Served::new(one).await;
    let mut first = served.client().await;
    first
        .write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let close = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let mut second = std::pin::pin!(served.told(close));
    let early = timeout(LIMITS.request, second.as_mut()).await;
    assert!(early.is_err(), "{early:?}");
    served.go.notify_one();
    assert!(rest(first).await.starts_with("HTTP/1.1 200 "));
    assert!(second.await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn an_open_request_is_answered_before_the_end() {
    let served = Served::new(LIMITS).await;
    let idle = served.client().await;
    let mut open = served.client().await;
    open.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    served.begun.notified().await;
    served.shutdown.cancel();
    assert_eq!(rest(idle).await, "");
    served.go.notify_one();
    assert!(rest(open).await.starts_with("HTTP/1.1 200 "));
    served.serving.await.unwrap();
}
