//! What the schema does not say and the service does all the same, or may do any day.

use std::net::Ipv6Addr;

use jiff::{Timestamp, tz::Offset};
use serde_json::json;

use super::{
    catalog::FOREIGN_NAMES,
    event::{Client, Details, Event, User},
    ids,
    stream::Stream,
};

/// One deviation from the plain event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surprise {
    UnknownWord,
    ExtraMembers,
    NoLocation,
    NoCoordinates,
    CountryByName,
    NoClient,
    NoAction,
    NoDetails,
    NoPerson,
    NamelessPerson,
    TypeForUserType,
    ManagedAccount,
    AuxInfoJson,
    LargeAuxId,
    EmptyTexts,
    Ipv6,
    LegacyIp,
    ForeignName,
    WholeSecond,
    Milliseconds,
    EightDigits,
    OffsetZone,
}

// === impl Surprise ===

impl Surprise {
    /// Those that can happen to any event.
    const COMMON: [Self; 13] = [
        Self::UnknownWord,
        Self::ExtraMembers,
        Self::NoLocation,
        Self::NoCoordinates,
        Self::CountryByName,
        Self::NoPerson,
        Self::NamelessPerson,
        Self::TypeForUserType,
        Self::ManagedAccount,
        Self::ForeignName,
        Self::Ipv6,
        Self::WholeSecond,
        Self::OffsetZone,
    ];

    const OWN: [Self; 2] = [Self::Milliseconds, Self::EightDigits];
    const OF_CLIENTS: [Self; 4] = [
        Self::NoClient,
        Self::EmptyTexts,
        Self::LegacyIp,
        Self::NoDetails,
    ];
    const OF_USAGES: [Self; 4] = [
        Self::NoClient,
        Self::EmptyTexts,
        Self::LegacyIp,
        Self::NoAction,
    ];
    const OF_AUDITS: [Self; 2] = [Self::AuxInfoJson, Self::LargeAuxId];

    /// One that can happen to this stream's events, each as likely as the others.
    pub(super) fn pick(stream: Stream, random: &mut fastrand::Rng) -> Self {
        let special: &[Self] = match stream {
            Stream::SignInAttempts => &Self::OF_CLIENTS,
            Stream::ItemUsages => &Self::OF_USAGES,
            Stream::AuditEvents => &Self::OF_AUDITS,
        };
        let all: Vec<Self> = [&Self::COMMON[..], &Self::OWN, special].concat();
        all[random.usize(..all.len())]
    }

    /// The event's time with fewer digits, if that is the surprise. Not before the millisecond of `floor`, so that no
    /// event slips behind what was served already; hence whole seconds are seen in the past only.
    pub(super) fn retime(self, at: Timestamp, floor: Timestamp) -> Timestamp {
        let unit = match self {
            Self::WholeSecond => 1_000_000_000,
            Self::Milliseconds => 1_000_000,
            Self::EightDigits => 10,
            _ => return at,
        };
        let whole = truncate(at, unit);
        if whole >= floor {
            whole
        } else {
            truncate(at, 1_000_000)
        }
    }

    pub(super) fn print(self, at: Timestamp) -> String {
        if self == Self::OffsetZone {
            return at.display_with_offset(Offset::constant(-3)).to_string();
        }
        at.to_string()
    }

    pub(super) fn befall(self, event: &mut Event, account: &str, random: &mut fastrand::Rng) {
        match self {
            Self::UnknownWord => unknown_word(event),
            Self::ExtraMembers => extra_members(event),
            Self::NoLocation => event.location = None,
            Self::NoCoordinates => coordinates(event, None),
            Self::CountryByName => country_by_name(event),
            Self::NoClient => event.client = None,
            Self::NoAction => event.action = None,
            Self::NoDetails => event.details = Details::Absent,
            Self::NoPerson => drop_person(event),
            Self::AuxInfoJson => event.aux_info = Some(aux_info(random)),
            Self::LargeAuxId => event.aux_id = Some(random.i64(1 << 31..1 << 52)),
            Self::EmptyTexts => on_client(event, empty_texts),
            Self::Ipv6 => ipv6(event, random),
            Self::LegacyIp => on_client(event, |client| client.ip = client.ip_address.take()),
            Self::NamelessPerson => on_person(event, |user| user.name = None),
            Self::TypeForUserType => on_person(event, |user| user.kind = Some("user".into())),
            Self::ManagedAccount => managed(event, account, random),
            Self::ForeignName => {
                let name = FOREIGN_NAMES[random.usize(..FOREIGN_NAMES.len())];
                on_person(event, |user| user.name = Some(name.into()));
            }
            Self::WholeSecond | Self::Milliseconds | Self::EightDigits | Self::OffsetZone => {}
        }
    }
}

fn truncate(at: Timestamp, unit: i128) -> Timestamp {
    let whole = at.as_nanosecond() - at.as_nanosecond().rem_euclid(unit);
    Timestamp::from_nanosecond(whole).unwrap_or(at)
}

fn on_person(event: &mut Event, change: impl Fn(&mut User)) {
    let people = [
        &mut event.target_user,
        &mut event.user,
        &mut event.actor_details,
    ];
    people.into_iter().flatten().for_each(change);
}

fn on_client(event: &mut Event, change: impl FnOnce(&mut Client)) {
    if let Some(client) = &mut event.client {
        change(client);
    }
}

fn drop_person(event: &mut Event) {
    event.target_user = None;
    event.user = None;
    event.actor_details = None;
}

fn unknown_word(event: &mut Event) {
    if event.category.is_some() {
        event.category = Some("quantum_failed".into());
        event.kind = Some("qubit_bad".into());
    } else {
        event.action = Some("teleport".into());
    }
    if event.object_type.is_some() {
        event.object_type = Some("hologram".into());
    }
}

fn extra_members(event: &mut Event) {
    event.risk = Some(json!({"score": 0.25, "reasons": ["travel", null], "model": {"id": 7}}));
    on_client(event, |client| client.channel = Some("beta".into()));
}

fn coordinates(event: &mut Event, to: Option<f64>) {
    if let Some(location) = &mut event.location {
        location.latitude = to;
        location.longitude = to;
    }
}

fn country_by_name(event: &mut Event) {
    if event.country.is_some() {
        event.country = Some("France".into());
    }
    if let Some(location) = &mut event.location {
        location.country = "United States".into();
    }
}

fn empty_texts(client: &mut Client) {
    let ip_address = client.ip_address.take();
    *client = Client {
        ip_address,
        ..Client::default()
    };
}

fn ipv6(event: &mut Event, random: &mut fastrand::Rng) {
    let documentation = 0x2001_0db8_u128 << 96;
    let address = Ipv6Addr::from_bits(documentation | u128::from(random.u64(..))).to_string();
    if let Some(session) = &mut event.session {
        session.ip.clone_from(&address);
    }
    on_client(event, |client| client.ip_address = Some(address));
}

fn managed(event: &mut Event, account: &str, random: &mut fastrand::Rng) {
    let home = ids::upper(random);
    if event.actor_type.is_some() {
        event.actor_type = Some("external_user".into());
        event.actor_account_uuid = Some(home.clone());
    }
    event.account_uuid = Some(account.to_owned());
    on_person(event, |user| {
        user.user_type = Some("external_user".into());
        user.user_account_uuid = Some(home.clone());
    });
}

fn aux_info(random: &mut fastrand::Rng) -> String {
    json!({"expiry": "2027-08-14T09:52:13Z", "deviceUuid": ids::lower(random)}).to_string()
}
