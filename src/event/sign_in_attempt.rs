//! Items of `signinattempts`. Source: Events API reference 1.4.1, `SignInAttemptV2`.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    API_VERSION, Client, Details, EventTime, Location, Origin, User,
    json::{At, Extra, Unreadable, event},
    scan::Scan,
};

event! {
    /// An attempt to sign in.
    SignInAttempt {
        /// The session that it created.
        session_uuid("session_uuid"): Cow<'a, str>,
        /// How it ended, in groups: `success`, `credentials_failed`, …
        category("category"): Cow<'a, str>,
        /// How it ended, precisely: `credentials_ok`, `mfa_missing`, …
        r#type("type"): Cow<'a, str>,
        /// Where from, as a code or a name.
        country("country"): Cow<'a, str>,
        /// What a rule matched; usually null.
        details("details"): Details<'a>,
        /// Whose account it was.
        target_user("target_user"): User<'a>,
        /// What with.
        client("client"): Client<'a>,
        /// Where the address was.
        location("location"): Location<'a>,
    }
}
