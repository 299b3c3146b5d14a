//! The shape of events on the wire: the union of the three streams' members, of which each event has some.

use std::borrow::Cow;

use serde::Serialize;

/// Mostly words from the catalogue, sometimes made up.
pub(super) type Text = Cow<'static, str>;

/// An event of any stream, as v2 shows it. A member that is `None` is left out.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Event {
    pub(super) uuid: String,
    pub(super) timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) category: Option<Text>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) country: Option<Text>,
    #[serde(skip_serializing_if = "Details::is_absent")]
    pub(super) details: Details,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target_user: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) used_version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vault_uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<Client>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor_uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor_details: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) object_type: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) object_uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) object_details: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aux_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aux_uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aux_details: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aux_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<Session>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account_uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor_account_uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actor_type: Option<Text>,
    /// A member that no reference knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) risk: Option<serde_json::Value>,
}

/// What more there is to say of a sign-in attempt.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(untagged)]
pub(super) enum Details {
    /// No such member.
    #[default]
    Absent,
    /// `null`, the usual case.
    Null,
    /// What a firewall rule blocked.
    Blocked { value: Text },
}

/// A person, or a service account.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "they are the API's names")]
pub(super) struct User {
    pub(super) uuid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<Text>,
    /// As documented; for accounts of managed service providers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_type: Option<Text>,
    /// As seen instead of `user_type`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_account_uuid: Option<String>,
}

/// The application that was used.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Client {
    pub(super) app_name: Text,
    pub(super) app_version: Text,
    pub(super) platform_name: Text,
    pub(super) platform_version: Text,
    pub(super) os_name: Text,
    pub(super) os_version: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip_address: Option<String>,
    /// As early documents called `ip_address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip: Option<String>,
    /// A member that no reference knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) channel: Option<Text>,
}

/// Where the request came from.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Location {
    pub(super) country: Text,
    pub(super) region: Text,
    pub(super) city: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) longitude: Option<f64>,
}

/// The session in which an audit event's actor worked.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Session {
    pub(super) uuid: String,
    pub(super) login_time: String,
    pub(super) device_uuid: String,
    pub(super) ip: String,
}

// === impl Details ===

impl Details {
    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// Takes from an item what only v2 has.
pub(super) fn downgrade(item: &mut serde_json::Value) {
    const EVENT: [&str; 3] = ["account_uuid", "actor_account_uuid", "actor_type"];
    const USER: [&str; 3] = ["user_type", "type", "user_account_uuid"];
    const USERS: [&str; 5] = [
        "target_user",
        "user",
        "actor_details",
        "object_details",
        "aux_details",
    ];
    let Some(event) = item.as_object_mut() else {
        return;
    };
    event.retain(|name, _| !EVENT.contains(&name.as_str()));
    for user in USERS {
        if let Some(user) = event.get_mut(user).and_then(|user| user.as_object_mut()) {
            user.retain(|name, _| !USER.contains(&name.as_str()));
        }
    }
}
