//! The Helm chart: its values are the program's settings, and what it renders suits Kubernetes and the program.
//!
//! What needs Helm is ignored by `cargo test`, which shall need no more than Rust and a Kafka:
//! `cargo test --test chart -- --ignored`.

#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::print_stdout, reason = "what is skipped is said")]

mod definitions;
mod examples;
mod refused;
mod rendered;
mod values;
