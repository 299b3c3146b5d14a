//! One answer of the API: `cursor`, `has_more`, `items`.
//!
//! Servers written in Go print an empty list as `null`; both that and an absent list are an empty page. A page
//! without a cursor is no page: going on from "nothing" would mean the last hour, and silently skip the rest.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One answer, its items still in their own words.
#[derive(Debug)]
pub struct Page<'a> {
    /// Where to go on.
    pub cursor: Cursor,
    /// Whether to go on at once; the next page may be empty all the same.
    pub has_more: bool,
    /// The events, oldest first.
    pub items: Vec<&'a RawValue>,
}

/// The API's bookmark: opaque, not empty, 4 KiB at most. It is never parsed here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Cursor(String);

/// Why an answer is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// Not JSON, cut off, or of another shape.
    #[error("not a page of events: {0}")]
    Json(String),
    /// Items without a bookmark behind them.
    #[error("a page without a cursor")]
    NoCursor,
    /// A bookmark that cannot be one.
    #[error("a page with an unusable cursor: {0}")]
    BadCursor(&'static str),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    cursor: Option<String>,
    #[serde(default)]
    has_more: Option<bool>,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

// === impl Page ===

impl<'a> Page<'a> {
    /// Reads the body of an answer.
    ///
    /// # Errors
    ///
    /// Anything but a JSON object with a usable `cursor`. The error quotes nothing of the body.
    pub fn read(body: &'a [u8]) -> Result<Self, PageError> {
        let envelope: Envelope<'a> =
            serde_json::from_slice(body).map_err(|error| describe(&error))?;
        let cursor = envelope.cursor.ok_or(PageError::NoCursor)?;
        Ok(Self {
            cursor: Cursor::new(cursor).map_err(PageError::BadCursor)?,
            has_more: envelope.has_more.unwrap_or(false),
            items: envelope.items.unwrap_or_default(),
        })
    }
}

// === impl Cursor ===

impl Cursor {
    /// Takes a bookmark as the API gave it.
    ///
    /// # Errors
    ///
    /// An empty one, or one over 4 KiB (real ones have 100 to 400 characters).
    pub fn new(text: String) -> Result<Self, &'static str> {
        match text.len() {
            0 => Err("it is empty"),
            1..=4096 => Ok(Self(text)),
            _ => Err("it is longer than 4 KiB"),
        }
    }

    /// As the API gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Cursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({} bytes)", self.0.len())
    }
}

/// `serde_json` quotes unexpected strings; a body's content must reach no log.
fn describe(error: &serde_json::Error) -> PageError {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Data => "JSON of another shape",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
    };
    PageError::Json(format!(
        "{what}, line {} column {}",
        error.line(),
        error.column()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_items_is_an_empty_page() {
        for body in [
            r#"{"cursor":"c"}"#,
            r#"{"cursor":"c","items":null}"#,
            r#"{"items":[],"has_more":false,"cursor":"c"}"#,
        ] {
            let page = Page::read(body.as_bytes()).unwrap();
            assert!(page.items.is_empty() && !page.has_more, "{body}");
        }
    }

    #[test]
    fn no_cursor_is_no_page() {
        for body in [
            r#"{"items":[{}],"has_more":true}"#,
            r#"{"cursor":null,"items":[]}"#,
        ] {
            assert!(
                matches!(Page::read(body.as_bytes()), Err(PageError::NoCursor)),
                "{body}"
            );
        }
        assert!(matches!(
            Page::read(br#"{"cursor":""}"#),
            Err(PageError::BadCursor(_))
        ));
    }

    #[test]
    fn an_error_quotes_nothing_of_the_body() {
        for body in [
            r#"{"cursor":{"a":"secret"}}"#,
            "secret",
            r#"{"cursor":"secret"#,
            r#"{"cursor":"c","items":"secret"}"#,
        ] {
            let error = Page::read(body.as_bytes()).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
