//! Items of `auditevents`. Source: Events API reference 1.4.1, `AuditEventV2`.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    API_VERSION, EventTime, Location, Origin, Session, User,
    json::{At, Extra, Unreadable, event},
    scan::Scan,
};

event! {
    /// A change that somebody made to the account.
    AuditEvent {
        /// Who did it.
        actor_uuid("actor_uuid"): Cow<'a, str>,
        /// Who did it, in full.
        actor_details("actor_details"): User<'a>,
        /// `user` or `external_user`.
        actor_type("actor_type"): Cow<'a, str>,
        /// The actor's own account, on managed accounts.
        actor_account_uuid("actor_account_uuid"): Cow<'a, str>,
        /// What was done: `create`, `join`, …
        action("action"): Cow<'a, str>,
        /// What kind of thing it was done to: `user`, `gm`, …
        object_type("object_type"): Cow<'a, str>,
        /// The thing.
        object_uuid("object_uuid"): Cow<'a, str>,
        /// The thing in full, where it is a user.
        object_details("object_details"): User<'a>,
        /// A number that belongs to the action, for example a device's id.
        aux_id("aux_id"): i64,
        /// A second thing, for example the user who joined a group.
        aux_uuid("aux_uuid"): Cow<'a, str>,
        /// The second thing in full, where it is a user.
        aux_details("aux_details"): User<'a>,
        /// Free text, a role's letter, or JSON in a string.
        aux_info("aux_info"): Cow<'a, str>,
        /// The session in which it was done.
        session("session"): Session<'a>,
        /// Where the session's address was.
        location("location"): Location<'a>,
    }
}
