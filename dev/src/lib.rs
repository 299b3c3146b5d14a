//! Development tools: a simulator of the 1Password Events API, a local Kafka with a schema registry, a browser, and the demo.

pub mod admin;
pub mod browser;
pub mod chart;
pub mod consumers;
pub mod node;
mod process;
pub mod prometheus;
pub mod proxy;
pub mod python;
pub mod reader;
pub mod simulator;
pub mod stack;
pub mod tls;
pub mod usage;
pub mod worker;
