//! Compression of what the page is made of, for whoever takes it (RFC 9110, 12.5.3). There is nothing secret in it that
//! others could guess at by its length.

use std::io::Write;

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY},
    },
    response::Response,
};
use flate2::{Compression, write::GzEncoder};

/// A body that is compressed as it comes, so that what was sent before makes it short.
#[derive(Debug)]
pub(super) struct Gzip(GzEncoder<Vec<u8>>);

/// How the body is compressed.
pub(super) const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Whole bodies of these types are compressed.
const TEXTS: [&str; 4] = ["text/html", "text/css", "text/javascript", "image/svg"];

// === impl Gzip ===

impl Gzip {
    pub(super) fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::default()))
    }

    /// What there is to send so that `text` can be read.
    pub(super) fn add(&mut self, text: &str) -> Bytes {
        let written = self.0.write_all(text.as_bytes());
        written
            .and_then(|()| self.0.flush())
            .expect("writing to memory does not fail");
        std::mem::take(self.0.get_mut()).into()
    }
}

/// Whether the asker takes it.
pub(super) fn is_taken(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).into_iter();
    let mut codings = values.flat_map(|value| value.to_str().unwrap_or_default().split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0")
    })
}

/// Compresses an answer that is a text.
pub(super) async fn compressed(answer: Response) -> Response {
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let has_text = answer.status() != StatusCode::NOT_MODIFIED;
    if !has_text || !TEXTS.iter().any(|text| kind.starts_with(text)) {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let text = to_bytes(body, usize::MAX).await;
    let text = text.expect("it is in memory");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(&text).and_then(|()| encoder.finish());
    head.headers.insert(CONTENT_ENCODING, GZIP);
    head.headers
        .insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    Response::from_parts(
        head,
        Body::from(compressed.expect("writing to memory does not fail")),
    )
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn whoever_names_it_takes_it() {
        let taken = |value: &str| {
            let value = value.parse().unwrap();
            is_taken(&HeaderMap::from_iter([(ACCEPT_ENCODING, value)]))
        };
        for value in ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.8"] {
            assert!(taken(value), "{value}");
        }
        for value in ["", "br", "identity", "gzip;q=0", "x-gzip"] {
            assert!(!taken(value), "{value}");
        }
        assert!(!is_taken(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn texts_are_compressed_and_nothing_else_is() {
        let text = "all the same ".repeat(1000);
        let html = ([(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response();
        let html = compressed(html).await;
        assert_eq!(html.headers()[CONTENT_ENCODING], "gzip");
        let length = to_bytes(html.into_body(), usize::MAX).await.unwrap().len();
        assert!(length < 200, "{length}");
        let json = ([(CONTENT_TYPE, "application/json")], "{}").into_response();
        assert!(
            !compressed(json)
                .await
                .headers()
                .contains_key(CONTENT_ENCODING)
        );
    }

    #[test]
    fn what_comes_again_is_short() {
        let mut gzip = Gzip::new();
        let text: Vec<_> = (0..500).map(|number| (number * 7919).to_string()).collect();
        let text = text.concat();
        let (first, second) = (gzip.add(&text).len(), gzip.add(&text).len());
        assert!(second * 5 < first, "{first}, {second}");
    }
}
