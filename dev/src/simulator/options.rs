//! What can be chosen when a simulator starts.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::faults::RetryAfter;

/// How a simulator behaves; [`Options::default`] is as close to the real service as is known.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether connections are encrypted. Default: [`Scheme::Https`].
    pub scheme: Scheme,
    /// The address to listen on. Default: loopback, which no other machine reaches.
    pub listen: IpAddr,
    /// The port; 0 (the default) takes a free one.
    pub port: u16,
    /// The name by which clients reach it, as its URL, its tokens and its certificate have it. Default: `localhost`.
    pub host: String,
    /// Everything random comes from it: the same seed gives the same events and the same faults, but not the same times.
    pub seed: u64,
    /// What the API sorts by. Default: [`Order::EventTime`].
    pub order: Order,
    /// Requests allowed per token; `None` lifts the limits. Default: 600 a minute and 30,000 an hour.
    pub rate_limits: Option<RateLimits>,
    /// Whether answers are compressed for clients that accept it. Default: [`Compression::Off`].
    pub compression: Compression,
    /// Events older than this are no longer served. Default: 120 days.
    pub retention: Duration,
    /// The share of generated events, 0 to 1, that carry one of the schema's surprises. Default: 0.1.
    pub surprises: f64,
}

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TLS, with a certificate authority made for this run.
    Https,
    /// Plain HTTP, for benchmarks and for reading the wire.
    Http,
}

/// What the API sorts its events by, and what `start_time` and `end_time` are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The event's own time in milliseconds, then its uuid: an event that arrives late is never seen by a cursor past it.
    EventTime,
    /// The time at which the API got to know the event: late arrivals are seen.
    InsertionTime,
}

/// Whether answers are compressed for clients that accept gzip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Never.
    Off,
    /// Where the request's `Accept-Encoding` names it.
    Gzip,
}

/// How many requests each token may make; windows are fixed and begin with their first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimits {
    /// Requests within one minute.
    pub per_minute: u32,
    /// Requests within one hour.
    pub per_hour: u32,
    /// Whether the 429 says when to come back; the real service is not documented to.
    #[serde(default)]
    pub advice: Advice,
}

/// Whether an answer with 429 says when to come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// No `Retry-After`.
    #[default]
    None,
    /// `Retry-After` in seconds until the window ends.
    Seconds,
    /// `Retry-After` as the date at which the window ends.
    HttpDate,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            scheme: Scheme::Https,
            listen: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            host: "localhost".to_owned(),
            seed: 1,
            order: Order::EventTime,
            rate_limits: Some(RateLimits::default()),
            compression: Compression::Off,
            retention: Duration::from_hours(120 * 24),
            surprises: 0.1,
        }
    }
}

// === impl RateLimits ===

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            per_minute: 600,
            per_hour: 30_000,
            advice: Advice::None,
        }
    }
}

// === impl Advice ===

impl Advice {
    /// The header to send when the window ends after `seconds`.
    pub(super) fn after(self, seconds: u32) -> Option<RetryAfter> {
        match self {
            Self::None => None,
            Self::Seconds => Some(RetryAfter::Seconds(seconds)),
            Self::HttpDate => Some(RetryAfter::HttpDate(seconds)),
        }
    }
}
