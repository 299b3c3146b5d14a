//! A session of the page: a cookie that says who has signed in and until when, and that nobody else can make.
//!
//! Nothing is kept of it. It holds for a working day, and ends before that where the user's password changes. Workers that
//! have the same sealing key know each other's sessions; without one they are a worker's own, and end with it.

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use openssl::{
    hash::MessageDigest,
    memcmp,
    pkey::{PKey, Private},
    sign::Signer,
};

use super::User;

/// What signs sessions, and knows them again.
#[derive(Debug)]
pub(super) struct Sessions(PKey<Private>);

/// What somebody shows as a session; nothing of it is judged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) name: String,
    expires: i64,
    signature: Vec<u8>,
}

/// How long a session holds.
pub(super) const LIFE: SignedDuration = SignedDuration::from_hours(12);

/// The cookie's name.
const NAME: &str = "onepassword-kafka";

// === impl Sessions ===

impl Sessions {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(PKey::hmac(key).expect("any bytes are a key"))
    }

    /// The value of `Set-Cookie` that begins a session.
    pub(super) fn begin(&self, user: &User, now: Timestamp, attributes: &str) -> HeaderValue {
        let expires = (now + LIFE).as_second();
        let signature = URL_SAFE_NO_PAD.encode(self.sign(user, expires));
        let name = URL_SAFE_NO_PAD.encode(&*user.name);
        let age = LIFE.as_secs();
        let cookie = format!("{NAME}={name}.{expires}.{signature}; Max-Age={age}; {attributes}");
        cookie.parse().expect("it is ASCII")
    }

    /// Whether `user` has signed in with this ticket, and not too long ago.
    pub(super) fn holds(&self, ticket: &Ticket, user: &User, now: Timestamp) -> bool {
        let signature = self.sign(user, ticket.expires);
        // Whoever has no password any more cannot have signed in.
        user.password.is_some()
            && now.as_second() < ticket.expires
            && signature.len() == ticket.signature.len()
            && memcmp::eq(&signature, &ticket.signature)
    }

    /// The password's hash is part of it, so that another password ends the session.
    fn sign(&self, user: &User, expires: i64) -> Vec<u8> {
        let password = user.password.as_ref().map(ToString::to_string);
        let signed = format!("{expires} {} {}", password.unwrap_or_default(), user.name);
        let signature = Signer::new(MessageDigest::sha256(), &self.0)
            .and_then(|mut signer| signer.sign_oneshot_to_vec(signed.as_bytes()));
        signature.expect("HMAC takes any text")
    }
}

// === impl Ticket ===

impl Ticket {
    /// The ticket among a request's cookies.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(COOKIE).into_iter();
        let mut cookies = cookies.flat_map(|line| line.to_str().unwrap_or_default().split(';'));
        let value =
            cookies.find_map(|cookie| cookie.trim().strip_prefix(NAME)?.strip_prefix('='))?;
        let mut parts = value.split('.');
        let (name, expires, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let ticket = Self {
            name: String::from_utf8(URL_SAFE_NO_PAD.decode(name).ok()?).ok()?,
            expires: expires.parse().ok()?,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        };
        parts.next().is_none().then_some(ticket)
    }
}

/// The value of `Set-Cookie` that ends a session.
pub(super) fn end(attributes: &str) -> HeaderValue {
    let cookie = format!("{NAME}=; Max-Age=0; {attributes}");
    cookie.parse().expect("it is ASCII")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{PasswordHash, Role},
        *,
    };

    /// Two passwords.
    const HASHES: [&str; 2] = [
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$b6qJumA/4cblFXUKfEvM0w",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$c6qJumA/4cblFXUKfEvM0w",
    ];

    fn user(name: &str) -> User {
        User {
            name: name.into(),
            role: Role::Admin,
            password: PasswordHash::parse(HASHES[0]).ok(),
            token: None,
        }
    }

    fn shown(cookie: &str) -> Option<Ticket> {
        Ticket::read(&HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())]))
    }

    #[test]
    fn a_session_is_its_users_until_the_end_of_the_day() {
        let sessions = Sessions::new(&[7; 32]);
        let now: Timestamp = "2026-11-25T08:00:00Z".parse().unwrap();
        let begun = sessions.begin(&user("alice"), now, "Path=/");
        let begun = begun.to_str().unwrap();
        assert!(begun.ends_with("; Max-Age=43200; Path=/"), "{begun}");
        let (cookie, _) = begun.split_once(';').unwrap();
        let ticket = shown(&format!("other=1; {cookie}")).unwrap();
        assert_eq!(ticket.name, "alice");
        let holds = |name: &str, now| sessions.holds(&ticket, &user(name), now);
        assert!(holds("alice", now + LIFE - SignedDuration::from_secs(1)));
        assert!(!holds("alice", now + LIFE));
        assert!(!holds("alice2", now));
        assert!(!Sessions::new(&[8; 32]).holds(&ticket, &user("alice"), now));
        for password in [None, PasswordHash::parse(HASHES[1]).ok()] {
            let changed = User {
                password,
                ..user("alice")
            };
            assert!(!sessions.holds(&ticket, &changed, now));
        }
    }

    #[test]
    fn what_is_no_ticket_is_none() {
        for cookie in [
            "",
            "onepassword-kafka",
            "onepassword-kafka=",
            "onepassword-kafka=a.b",
            "onepassword-kafka=YQ.1",
            "onepassword-kafka=YQ.x.YQ",
            "onepassword-kafka=YQ.1.YQ.YQ",
            "onepassword-kafka=_w.1.YQ",
            "xonepassword-kafka=YQ.1.YQ",
        ] {
            assert_eq!(shown(cookie), None, "{cookie}");
        }
        assert!(shown("onepassword-kafka=YQ.1.YQ").is_some());
    }
}
