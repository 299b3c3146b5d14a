//! The promises, each against the real thing: Kafka, a schema registry, and a living 1Password.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod asyncapi;
mod avro;
mod clients;
mod conformance;
mod consume;
mod control;
mod delivery;
mod exactly_once;
mod loggers;
mod model;
mod offsets;
mod onepassword;
mod operator;
mod other;
mod outages;
mod page;
mod positions;
mod registry;
mod rest;
mod scene;
mod sealing;
mod search;
mod secured;
mod security;
mod traces;
mod troubles;
mod upgrade;
