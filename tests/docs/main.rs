//! The documentation is what the program does: fields come from the schemas, each snippet says what runs it, and commands are
//! such as cargo takes.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod commands;
mod fields;
mod snippets;
