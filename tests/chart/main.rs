//! The Helm chart: its values are the program's settings.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod definitions;
