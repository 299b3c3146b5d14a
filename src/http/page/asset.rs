//! What views are drawn with. A browser keeps it, and asks each time whether it is still the same.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::sha::sha256;

/// A file that is part of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "page.css",
        media_type: "text/css; charset=utf-8",
        content: include_str!("page.css"),
    },
    Asset {
        name: "page.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("page.js"),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        content: include_str!("icon.svg"),
    },
];

// === impl Asset ===

impl Asset {
    pub(super) fn named(name: &str) -> Option<Self> {
        ASSETS.into_iter().find(|asset| asset.name == name)
    }

    pub(super) fn answer(&self, head: &Parts) -> Response {
        let tag = self.tag();
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(self.media_type)),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (ETAG, tag.clone()),
        ];
        if head.headers.get(IF_NONE_MATCH) == Some(&tag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, self.content).into_response()
    }

    fn tag(&self) -> HeaderValue {
        let hash = &sha256(self.content.as_bytes())[..12];
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash));
        tag.parse().expect("it is ASCII")
    }
}
