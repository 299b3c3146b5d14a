//! Writes events: one author for each account and stream, who writes the same events for the same seed.

use std::hash::{DefaultHasher, Hasher as _};

use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::{
    catalog::{AUDIT_ACTIONS, CLIENTS, NAMES, OBJECT_TYPES, PLACES, SIGN_INS, USAGES},
    event::{Client, Details, Event, Location, Session, User},
    ids,
    stream::Stream,
    surprise::Surprise,
};

/// Makes up the events of one stream of one account.
#[derive(Debug)]
pub(super) struct Author {
    account: String,
    stream: Stream,
    surprises: f64,
    random: fastrand::Rng,
    staff: Vec<User>,
    vaults: Vec<String>,
    items: Vec<String>,
}

/// An event, ready to be served.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) uuid: String,
    pub(super) at: Timestamp,
    pub(super) json: Bytes,
}

// === impl Author ===

impl Author {
    pub(super) fn new(seed: u64, account: &str, stream: Stream, surprises: f64) -> Self {
        let mut company = seeded(&(seed, account));
        let mut many = |count, make: fn(&mut fastrand::Rng) -> String| -> Vec<String> {
            (0..count).map(|_| make(&mut company)).collect()
        };
        let staff = many(NAMES.len(), ids::upper);
        Self {
            account: account.to_owned(),
            stream,
            surprises,
            staff: staff.into_iter().zip(NAMES).map(employ).collect(),
            vaults: many(12, ids::lower),
            items: many(200, ids::lower),
            random: seeded(&(seed, account, stream)),
        }
    }

    /// Writes the next event for the time `at`; a surprise may make it a little older, but not older than `floor`.
    pub(super) fn write(&mut self, at: Timestamp, floor: Timestamp) -> Written {
        let uuid = ids::upper(&mut self.random);
        let mut event = match self.stream {
            Stream::SignInAttempts => self.sign_in(),
            Stream::ItemUsages => self.usage(),
            Stream::AuditEvents => self.audit(at),
        };
        event.uuid.clone_from(&uuid);
        event.timestamp = at.to_string();
        let mut moment = at;
        if self.random.f64() < self.surprises {
            let surprise = Surprise::pick(self.stream, &mut self.random);
            surprise.befall(&mut event, &self.account, &mut self.random);
            moment = surprise.retime(at, floor);
            event.timestamp = surprise.print(moment);
        }
        let json = serde_json::to_vec(&event).expect("an event holds text and finite numbers");
        Written {
            uuid,
            at: moment,
            json: json.into(),
        }
    }

    /// Any time shorter than `most`.
    pub(super) fn delay(&mut self, most: SignedDuration) -> SignedDuration {
        let nanos = i64::try_from(most.as_nanos()).unwrap_or(i64::MAX).max(1);
        SignedDuration::from_nanos(self.random.i64(0..nanos))
    }

    fn sign_in(&mut self) -> Event {
        let (category, kind) = self.pick(SIGN_INS);
        let (location, country) = self.place();
        let details = if kind.ends_with("_blocked") {
            Details::Blocked {
                value: country.into(),
            }
        } else {
            Details::Null
        };
        Event {
            session_uuid: Some(ids::upper(&mut self.random)),
            category: Some(category.into()),
            kind: Some(kind.into()),
            country: Some(country.into()),
            details,
            target_user: Some(self.person()),
            client: Some(self.client()),
            location: Some(location),
            account_uuid: Some(self.account.clone()),
            ..Event::default()
        }
    }

    fn usage(&mut self) -> Event {
        let (location, _) = self.place();
        let item = self.random.usize(..self.items.len());
        Event {
            used_version: Some(self.random.u32(..40)),
            vault_uuid: Some(self.vaults[item % self.vaults.len()].clone()),
            item_uuid: Some(self.items[item].clone()),
            user: Some(self.person()),
            client: Some(self.client()),
            action: Some(self.pick(USAGES).into()),
            location: Some(location),
            ..Event::default()
        }
    }

    fn audit(&mut self, at: Timestamp) -> Event {
        let actor = self.person();
        let object_type = self.pick(OBJECT_TYPES);
        let (location, _) = self.place();
        let mut event = Event {
            actor_uuid: Some(actor.uuid.clone()),
            actor_details: Some(actor),
            actor_type: Some("user".into()),
            action: Some(self.pick(AUDIT_ACTIONS).into()),
            object_type: Some(object_type.into()),
            object_uuid: Some(ids::lower(&mut self.random)),
            session: Some(self.session(at)),
            location: Some(location),
            account_uuid: Some(self.account.clone()),
            ..Event::default()
        };
        self.add_subjects(&mut event, object_type);
        event
    }

    /// An audit event says more of a user that it is about, of a membership's other side, and of a device.
    fn add_subjects(&mut self, event: &mut Event, object_type: &str) {
        match object_type {
            "user" => {
                let object = self.person();
                event.object_uuid = Some(object.uuid.clone());
                event.object_details = Some(object);
            }
            "gm" | "uva" => {
                let member = self.person();
                event.aux_uuid = Some(member.uuid.clone());
                event.aux_details = Some(member);
                event.aux_info = Some("A".to_owned());
            }
            "device" => event.aux_id = Some(self.random.i64(1..10_000_000)),
            _ => {}
        }
    }

    fn session(&mut self, at: Timestamp) -> Session {
        let hours = SignedDuration::from_secs(self.random.i64(60..30_000));
        Session {
            uuid: ids::upper(&mut self.random),
            login_time: at.checked_sub(hours).unwrap_or(at).to_string(),
            device_uuid: ids::lower(&mut self.random),
            ip: self.address(),
        }
    }

    fn client(&mut self) -> Client {
        let [
            app_name,
            app_version,
            platform_name,
            platform_version,
            os_name,
            os_version,
        ] = self.pick(CLIENTS).map(Into::into);
        Client {
            app_name,
            app_version,
            platform_name,
            platform_version,
            os_name,
            os_version,
            ip_address: Some(self.address()),
            ..Client::default()
        }
    }

    fn place(&mut self) -> (Location, &'static str) {
        let (code, region, city, latitude, longitude) = self.pick(PLACES);
        let location = Location {
            country: code.into(),
            region: region.into(),
            city: city.into(),
            latitude: Some(latitude),
            longitude: Some(longitude),
        };
        (location, code)
    }

    fn person(&mut self) -> User {
        self.staff[self.random.usize(..self.staff.len())].clone()
    }

    /// An address from the ranges that are kept for documentation (RFC 5737).
    fn address(&mut self) -> String {
        let range = self.pick(&["192.0.2", "198.51.100", "203.0.113"]);
        format!("{range}.{}", self.random.u8(1..255))
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(..from.len())]
    }
}

fn seeded(of: &impl std::hash::Hash) -> fastrand::Rng {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    fastrand::Rng::with_seed(hasher.finish())
}

fn employ((uuid, name): (String, &&'static str)) -> User {
    let address = name.to_lowercase().replace(' ', ".");
    User {
        uuid,
        name: Some((*name).into()),
        email: Some(format!("{address}@example.com").into()),
        ..User::default()
    }
}
