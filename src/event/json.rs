//! How an item's JSON becomes a typed event without losing a value.
//!
//! Every member of every object goes one of two ways: into the field declared for it, or, when no field is
//! declared or the value is not of the field's type, into [`Extra`] as the JSON text that it was. A `null` is
//! the same as an absent member where a field is declared.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{TimeError, scan::Scan};

/// What no field could take: JSON Pointer (RFC 6901) → JSON text. Serializes as a map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra<'a>(Vec<(String, &'a str)>);

/// Why an item cannot become an event. None of these quotes the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A string, a number, a list …
    #[error("the item is not a JSON object")]
    NotAnObject,
    /// Nothing to tell this event from another by.
    #[error("the item has no uuid")]
    NoUuid,
    /// Nothing to say when it happened.
    #[error("the item has no timestamp")]
    NoTimestamp,
    /// A timestamp that is no time.
    #[error("the item's timestamp is {0}")]
    BadTimestamp(#[from] TimeError),
}

/// Where in an item a value lies: the names of the members that lead to it.
pub(super) struct At<'p> {
    pub(super) above: Option<&'p Self>,
    pub(super) name: &'p str,
}

/// A value that a declared field may hold.
pub(super) trait Field<'a>: Sized {
    /// The value ahead in `json`, which lies `at` this place; `None` when it is of another type.
    fn read(json: &mut Scan<'a>, at: &At<'_>, extra: &mut Extra<'a>) -> Option<Self>;
}

/// Declares an object of the API: a struct of nullable fields, how JSON fills it, and the order in which it is
/// serialized. A member may have several names, of which the first is the current one.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident ($($member:literal)|+): $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize)]
        pub struct $name<'a> {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
        }

        impl<'a> Field<'a> for $name<'a> {
            fn read(json: &mut Scan<'a>, at: &At<'_>, extra: &mut Extra<'a>) -> Option<Self> {
                let mut object = Self::default();
                json.members(|name, json| {
                    let at = At { above: Some(at), name };
                    match name {
                        $($($member)|+ => extra.fill(&mut object.$field, json, &at),)*
                        _ => extra.keep(json.value(), &at),
                    }
                })?;
                Some(object)
            }
        }
    };
}

/// Declares an event as [`object!`] does an object, with the fields that all events begin and end with.
macro_rules! event {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident ($($member:literal)|+): $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        pub struct $name<'a> {
            /// The event's uuid.
            pub uuid: Cow<'a, str>,
            /// When it happened, in microseconds since the epoch.
            pub timestamp: i64,
            /// When it happened, as the API told it.
            pub timestamp_raw: Cow<'a, str>,
            /// The connector that read it.
            pub connector: &'a str,
            /// The version of the API that it was read from.
            pub api_version: &'static str,
            /// The account, from the event or from introspection.
            pub account_uuid: Option<Cow<'a, str>>,
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            /// What no field could take.
            pub extra: Extra<'a>,
        }

        impl<'a> $name<'a> {
            pub(super) fn read(json: &'a RawValue, origin: &'a Origin) -> Result<Self, Unreadable> {
                let mut extra = Extra::default();
                let mut uuid: Option<Cow<'a, str>> = None;
                let mut timestamp: Option<Cow<'a, str>> = None;
                let mut account_uuid: Option<Cow<'a, str>> = None;
                $(let mut $field: Option<$type> = None;)*
                Scan::of(json)
                    .members(|name, json| {
                        let at = At { above: None, name };
                        match name {
                            "uuid" => extra.fill(&mut uuid, json, &at),
                            "timestamp" => extra.fill(&mut timestamp, json, &at),
                            "account_uuid" => extra.fill(&mut account_uuid, json, &at),
                            $($($member)|+ => extra.fill(&mut $field, json, &at),)*
                            _ => extra.keep(json.value(), &at),
                        }
                    })
                    .ok_or(Unreadable::NotAnObject)?;
                let timestamp_raw = timestamp.ok_or(Unreadable::NoTimestamp)?;
                Ok(Self {
                    uuid: uuid.filter(|uuid| !uuid.is_empty()).ok_or(Unreadable::NoUuid)?,
                    timestamp: EventTime::parse(&timestamp_raw)?.micros,
                    timestamp_raw,
                    connector: &origin.connector,
                    api_version: API_VERSION,
                    account_uuid: account_uuid.or_else(|| origin.account_uuid.as_deref().map(Cow::Borrowed)),
                    $($field,)*
                    extra,
                })
            }
        }
    };
}

pub(super) use {event, object};

// === impl Extra ===

impl<'a> Extra<'a> {
    /// Pointer and JSON text of everything that was kept, in the item's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(at, json)| (at.as_str(), *json))
    }

    pub(super) fn keep(&mut self, json: &'a str, at: &At<'_>) {
        let mut pointer = String::new();
        at.point(&mut pointer);
        self.0.push((pointer, json));
    }

    /// Fills an empty slot. A value that does not fit, or a second one for the same slot, is kept instead.
    pub(super) fn fill<T: Field<'a>>(
        &mut self,
        slot: &mut Option<T>,
        json: &mut Scan<'a>,
        at: &At<'_>,
    ) {
        if slot.is_none() {
            let mut ahead = *json;
            *slot = T::read(&mut ahead, at, self);
            if slot.is_some() {
                *json = ahead;
                return;
            }
        }
        match json.value() {
            "null" => {}
            other => self.keep(other, at),
        }
    }
}

impl Serialize for Extra<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (at, json) in &self.0 {
            map.serialize_entry(at, json)?;
        }
        map.end()
    }
}

// === impl Field ===

impl<'a> Field<'a> for Cow<'a, str> {
    fn read(json: &mut Scan<'a>, _: &At<'_>, _: &mut Extra<'a>) -> Option<Self> {
        json.string()
    }
}

impl<'a> Field<'a> for i64 {
    fn read(json: &mut Scan<'a>, _: &At<'_>, _: &mut Extra<'a>) -> Option<Self> {
        json.value().parse().ok()
    }
}

impl<'a> Field<'a> for f64 {
    /// A number that a double does not print back as it was read is kept as text as well.
    fn read(json: &mut Scan<'a>, at: &At<'_>, extra: &mut Extra<'a>) -> Option<Self> {
        let text = json.value();
        let number: Self = serde_json::from_str(text).ok()?;
        if !is_short_decimal(text) && number.to_string() != text {
            extra.keep(text, at);
        }
        Some(number)
    }
}

/// Whether this JSON number is sure to be printed back: a double holds 15 digits.
fn is_short_decimal(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.len() <= 16
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.contains('.')
        && !digits.ends_with('0')
}

// === impl At ===

impl At<'_> {
    /// Appends the JSON Pointer.
    fn point(&self, pointer: &mut String) {
        if let Some(above) = self.above {
            above.point(pointer);
        }
        pointer.push('/');
        for character in self.name.chars() {
            match character {
                '~' => pointer.push_str("~0"),
                '/' => pointer.push_str("~1"),
                other => pointer.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::event::{Event, Origin, Stream};

    fn extra(item: &str) -> Vec<(String, String)> {
        let origin = Origin {
            connector: "acme".to_owned(),
            account_uuid: None,
        };
        let item: &RawValue = serde_json::from_str(item).unwrap();
        let Event::SignInAttempt(event) =
            Event::read(Stream::SignInAttempts, item, &origin).unwrap()
        else {
            panic!("a sign-in attempt");
        };
        event
            .extra
            .iter()
            .map(|(at, json)| (at.to_owned(), json.to_owned()))
            .collect()
    }

    #[test]
    fn what_no_field_takes_is_kept_with_its_place() {
        let kept = extra(
            r#"{"uuid":"U","timestamp":"2024-01-01T00:00:00Z","new":{"a": [1]},"country":7,"a/b~c":null,
                "client":{"ip":"::1","ip_address":"::2","build":1.50},"location":"Paris"}"#,
        );
        let expected = [
            ("/new", r#"{"a": [1]}"#),
            ("/country", "7"),
            ("/a~1b~0c", "null"),
            ("/client/ip_address", "\"::2\""),
            ("/client/build", "1.50"),
            ("/location", "\"Paris\""),
        ];
        let expected: Vec<_> = expected
            .map(|(at, json)| (at.to_owned(), json.to_owned()))
            .into();
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_number_beyond_a_double_is_kept_as_text_too() {
        let location = |latitude: &str| {
            extra(&format!(
                r#"{{"uuid":"U","timestamp":"2024-01-01T00:00:00Z","location":{{"latitude":{latitude}}}}}"#
            ))
        };
        assert_eq!(location("43.5991"), []);
        assert_eq!(location("43"), []);
        assert_eq!(location("43.59910000000000000001").len(), 1);
    }

    #[test]
    fn an_item_that_is_no_event_says_why() {
        let origin = Origin {
            connector: "acme".to_owned(),
            account_uuid: None,
        };
        for (item, error) in [
            ("[]", Unreadable::NotAnObject),
            ("7", Unreadable::NotAnObject),
            (
                r#"{"timestamp":"2024-01-01T00:00:00Z"}"#,
                Unreadable::NoUuid,
            ),
            (
                r#"{"uuid":"","timestamp":"2024-01-01T00:00:00Z"}"#,
                Unreadable::NoUuid,
            ),
            (r#"{"uuid":"U"}"#, Unreadable::NoTimestamp),
            (r#"{"uuid":"U","timestamp":7}"#, Unreadable::NoTimestamp),
            (
                r#"{"uuid":"U","timestamp":"today"}"#,
                Unreadable::BadTimestamp(TimeError),
            ),
        ] {
            for stream in Stream::ALL {
                let item: &RawValue = serde_json::from_str(item).unwrap();
                assert_eq!(Event::read(stream, item, &origin), Err(error));
            }
        }
    }
}
