//! Items of `itemusages`. Source: Events API reference 1.4.1, `ItemUsageV2`.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    API_VERSION, Client, EventTime, Location, Origin, User,
    json::{At, Extra, Unreadable, event},
    scan::Scan,
};

event! {
    /// A use of an item in a shared vault.
    ItemUsage {
        /// The item's version that was used; 0 occurs.
        used_version("used_version"): i64,
        /// The vault.
        vault_uuid("vault_uuid"): Cow<'a, str>,
        /// The item.
        item_uuid("item_uuid"): Cow<'a, str>,
        /// What was done: `fill`, `reveal`, …; absent for clients before 8.4.0.
        action("action"): Cow<'a, str>,
        /// Who did it.
        user("user"): User<'a>,
        /// What with.
        client("client"): Client<'a>,
        /// Where the address was.
        location("location"): Location<'a>,
    }
}
