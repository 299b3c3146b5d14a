//! The domain: what 1Password reports and where a reader stands in it. Pure data, no I/O and no clock.
//!
//! Reading order: [`Stream`] names the three kinds of events, [`Page`] is one answer of the API, [`Event`]
//! is one item of it, and [`Position`] says where a task reads next.
//!
//! An event borrows its text from the page it was read from: a page is read, encoded and dropped whole.

mod audit_event;
mod item_usage;
mod json;
mod objects;
mod page;
mod position;
mod scan;
mod sign_in_attempt;
mod stream;
mod time;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

pub use self::{
    audit_event::AuditEvent,
    item_usage::ItemUsage,
    json::{Extra, Unreadable},
    objects::{Client, Details, Location, Session, User},
    page::{Cursor, Page, PageError},
    position::{Place, Position},
    sign_in_attempt::SignInAttempt,
    stream::{Stream, TaskId, UnknownStream},
    time::{EventTime, TimeError},
};

/// The version of the Events API that every event is read from.
pub const API_VERSION: &str = "v2";

/// One event, typed by its stream.
///
/// Serializing it yields the fields of the stream's Avro schema, in the schema's order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, on the stack"
)]
pub enum Event<'a> {
    /// An item of `signinattempts`.
    SignInAttempt(SignInAttempt<'a>),
    /// An item of `itemusages`.
    ItemUsage(ItemUsage<'a>),
    /// An item of `auditevents`.
    AuditEvent(AuditEvent<'a>),
}

/// What is known of an event beside its own JSON: where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The connector's name.
    pub connector: String,
    /// The account that the token belongs to, as introspection tells; fills an event's missing `account_uuid`.
    pub account_uuid: Option<String>,
}

// === impl Event ===

impl<'a> Event<'a> {
    /// Reads one item of `stream`. Members that are unknown, or not of the documented type, are kept in the
    /// event's `extra`.
    ///
    /// # Errors
    ///
    /// An item that is not an object, or without a `uuid` or a usable `timestamp`, cannot become an event.
    pub fn read(
        stream: Stream,
        item: &'a RawValue,
        origin: &'a Origin,
    ) -> Result<Self, Unreadable> {
        match stream {
            Stream::SignInAttempts => SignInAttempt::read(item, origin).map(Self::SignInAttempt),
            Stream::ItemUsages => ItemUsage::read(item, origin).map(Self::ItemUsage),
            Stream::AuditEvents => AuditEvent::read(item, origin).map(Self::AuditEvent),
        }
    }

    /// The event's uuid, unique within its stream and account.
    #[must_use]
    pub fn uuid(&self) -> &str {
        match self {
            Self::SignInAttempt(event) => &event.uuid,
            Self::ItemUsage(event) => &event.uuid,
            Self::AuditEvent(event) => &event.uuid,
        }
    }

    /// When it happened, as the API told it.
    #[must_use]
    pub fn time(&self) -> EventTime<'_> {
        let (micros, text) = match self {
            Self::SignInAttempt(event) => (event.timestamp, &event.timestamp_raw),
            Self::ItemUsage(event) => (event.timestamp, &event.timestamp_raw),
            Self::AuditEvent(event) => (event.timestamp, &event.timestamp_raw),
        };
        EventTime { micros, text }
    }

    /// The uuid of the user who acted, where the event names one.
    #[must_use]
    pub fn user_uuid(&self) -> Option<&str> {
        match self {
            Self::SignInAttempt(event) => event
                .target_user
                .as_ref()
                .and_then(|user| user.uuid.as_deref()),
            Self::ItemUsage(event) => event.user.as_ref().and_then(|user| user.uuid.as_deref()),
            Self::AuditEvent(event) => event.actor_uuid.as_deref(),
        }
        .filter(|uuid| !uuid.is_empty())
    }

    /// The uuid of the account, from the event or from introspection.
    #[must_use]
    pub fn account_uuid(&self) -> Option<&str> {
        let uuid: &Option<Cow<'_, str>> = match self {
            Self::SignInAttempt(event) => &event.account_uuid,
            Self::ItemUsage(event) => &event.account_uuid,
            Self::AuditEvent(event) => &event.account_uuid,
        };
        uuid.as_deref()
    }
}
