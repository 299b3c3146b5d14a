//! The objects that events share. Field lists: Events API reference 1.4.1, and what live accounts were seen to send.

use std::borrow::Cow;

use serde::Serialize;

use super::{
    json::{At, Extra, Field, object},
    scan::Scan,
};

object! {
    /// A user, as hydrated when the event was generated.
    User {
        /// 26 characters of base32, upper case.
        uuid("uuid"): Cow<'a, str>,
        /// The user's name.
        name("name"): Cow<'a, str>,
        /// The user's e-mail address.
        email("email"): Cow<'a, str>,
        /// `user` or `external_user`; live accounts send it as `type`.
        user_type("user_type" | "type"): Cow<'a, str>,
        /// The user's own account, on managed accounts.
        user_account_uuid("user_account_uuid"): Cow<'a, str>,
    }
}

object! {
    /// The 1Password client that was used.
    Client {
        /// Name of the app.
        app_name("app_name"): Cow<'a, str>,
        /// Build number of the app.
        app_version("app_version"): Cow<'a, str>,
        /// Name of the browser, computer or phone.
        platform_name("platform_name"): Cow<'a, str>,
        /// Version of the browser, model or processor.
        platform_version("platform_version"): Cow<'a, str>,
        /// Name of the operating system.
        os_name("os_name"): Cow<'a, str>,
        /// Version of the operating system.
        os_version("os_version"): Cow<'a, str>,
        /// IPv4 or IPv6 address; old documents call it `ip`.
        ip_address("ip_address" | "ip"): Cow<'a, str>,
    }
}

object! {
    /// Where an IP address was, at the time.
    Location {
        /// An ISO 3166 code or a name; both occur.
        country("country"): Cow<'a, str>,
        /// State or province.
        region("region"): Cow<'a, str>,
        /// City.
        city("city"): Cow<'a, str>,
        /// Degrees.
        latitude("latitude"): f64,
        /// Degrees.
        longitude("longitude"): f64,
    }
}

object! {
    /// What a sign-in rule matched.
    Details {
        /// The continent, country or address that was blocked.
        value("value"): Cow<'a, str>,
    }
}

object! {
    /// The session in which something was changed.
    Session {
        /// The session's uuid.
        uuid("uuid"): Cow<'a, str>,
        /// When it began, RFC 3339 as the API told it.
        login_time("login_time"): Cow<'a, str>,
        /// The device's uuid.
        device_uuid("device_uuid"): Cow<'a, str>,
        /// The device's address.
        ip("ip"): Cow<'a, str>,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use crate::event::{Event, Origin, Stream};

    #[test]
    fn a_member_that_goes_by_two_names_fills_one_field_under_either() {
        let origin = Origin {
            connector: "acme".to_owned(),
            account_uuid: None,
        };
        for (user_type, ip_address) in [("type", "ip"), ("user_type", "ip_address")] {
            let item = format!(
                r#"{{"uuid":"E","timestamp":"2024-01-01T00:00:00Z","user":{{"{user_type}":"external_user"}},
                    "client":{{"{ip_address}":"::1"}}}}"#
            );
            let item: &RawValue = serde_json::from_str(&item).unwrap();
            let event = Event::read(Stream::ItemUsages, item, &origin).unwrap();
            let event = serde_json::to_value(&event).unwrap();
            assert_eq!(event["user"]["user_type"], "external_user", "{user_type}");
            assert_eq!(event["client"]["ip_address"], "::1", "{ip_address}");
            assert_eq!(event["extra"], serde_json::json!({}));
        }
    }
}
