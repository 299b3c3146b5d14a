//! The documentation is what the program does: fields come from the schemas, and each snippet says what runs it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod fields;
mod snippets;
