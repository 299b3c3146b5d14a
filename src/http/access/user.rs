//! Who may ask, as the worker's file has them: below `rest.credentials`, each with a name, a role and a hash.

use std::{collections::BTreeMap, sync::Arc};

use super::{PasswordHash, TokenHash};
use crate::setting::{
    Fallback, Kind, Mistakes, Reader, Reported, Setting, Value, Values, choice, refuse_unknown,
    text,
};

/// Somebody who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub(super) name: Arc<str>,
    pub(super) role: Role,
    pub(super) password: Option<PasswordHash>,
    pub(super) token: Option<TokenHash>,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Anything.
    Admin,
    /// Look, and change nothing.
    Viewer,
}

/// The settings below a user's name.
pub const CREDENTIAL_TABLE: &[Setting] = &[ROLE, PASSWORD_HASH, TOKEN_HASH];

/// Whoever need not say who they are is logged under this name.
pub(super) const ANONYMOUS: &str = "anonymous";

/// Whoever shows a password under a name that nobody has is logged under this one.
pub(super) const UNKNOWN: &str = "unknown";

const SECTION: &str = "rest.credentials";

const ROLE: Setting = Setting::new(
    "role",
    Kind::String,
    Fallback::Required,
    "`admin` may do anything, `viewer` may look and have settings validated.",
)
.choosing(&["admin", "viewer"]);

const PASSWORD_HASH: Setting = Setting::new(
    "password.hash",
    Kind::Password,
    Fallback::Value(""),
    "Argon2 hash of the password that the user shows with basic authentication, as `onepassword-kafka hash-password` \
     makes it. It may be a reference, such as `${file:/run/secrets/alice}`.",
);

const TOKEN_HASH: Setting = Setting::new(
    "token.hash",
    Kind::Password,
    Fallback::Value(""),
    "SHA-256 hash of the bearer token that the user shows, as `onepassword-kafka new-token` makes it. It may be a \
     reference. A user has a password, a token or both.",
);

// === impl User ===

impl User {
    /// Takes the users out of a file's values; nothing where there is a mistake.
    pub fn take_all(values: &mut Values, mistakes: &mut Mistakes) -> Option<Vec<Self>> {
        let section = values.remove(SECTION);
        if let Some(section) = section.filter(|section| section.text().is_some()) {
            let what = "users are expected below it, each with a name, a role and a hash";
            mistakes.add(SECTION, section.line, what);
            return None;
        }
        let users: Vec<_> = by_name(values.split_off(&format!("{SECTION}.")))
            .into_iter()
            .map(|(name, values)| Self::parse(&name, &values, mistakes))
            // All of them first: a bad user must not hide the next.
            .collect();
        let users: Vec<Self> = users.into_iter().collect::<Option<_>>()?;
        for (number, user) in users.iter().enumerate() {
            let shares = |other: &&Self| user.token.is_some() && other.token == user.token;
            if let Some(other) = users[..number].iter().find(shares) {
                let what = format!("is that of {} too: nobody could tell who asks", other.name);
                mistakes.add(&format!("{SECTION}.{}.token.hash", user.name), None, what);
                return None;
            }
        }
        Some(users)
    }

    fn parse(name: &str, values: &Values, mistakes: &mut Mistakes) -> Option<Self> {
        let mut inner = Mistakes::new();
        // An unknown name may be the role or the hash, misspelt: what else is missing says nothing then.
        let user = refuse_unknown(values, CREDENTIAL_TABLE, &mut inner)
            .and_then(|()| Self::read(name, &mut Reader::new(values, &mut inner)));
        mistakes.add_below(&format!("{SECTION}.{name}"), inner);
        user.ok()
    }

    fn read(name: &str, reader: &mut Reader<'_>) -> Result<Self, Reported> {
        let name = self::name(name).map_err(|what| reader.refuse(&ROLE, what));
        let roles = [("admin", Role::Admin), ("viewer", Role::Viewer)];
        let role = reader.one(&ROLE, choice(&roles));
        let password = reader.maybe(&PASSWORD_HASH, unless_empty(PasswordHash::parse));
        let token = reader.maybe(&TOKEN_HASH, unless_empty(TokenHash::parse));
        let user = Self {
            name: name?,
            role: role?,
            password: password?.flatten(),
            token: token?.flatten(),
        };
        if user.password.is_none() && user.token.is_none() {
            return Err(reader.refuse(&PASSWORD_HASH, "is missing, and so is token.hash"));
        }
        Ok(user)
    }
}

/// The default of a hash is none.
fn unless_empty<T>(
    parse: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<Option<T>, String> {
    move |text| match text {
        "" => Ok(None),
        text => parse(text).map(Some),
    }
}

fn name(written: &str) -> Result<Arc<str>, String> {
    match text(written) {
        Ok(name) if name.contains(':') => {
            Err("is below a name with ':' in it, which basic authentication cannot tell".to_owned())
        }
        Ok(name) if [ANONYMOUS, UNKNOWN].contains(&&*name) => Err(format!(
            "is below the name {name}, under which the log has those who have none"
        )),
        Ok(name) => Ok(name.into()),
        Err(what) => Err(format!("is below a name that {what}")),
    }
}

/// Each user's settings. A name may have dots in it: a setting is what is known to be one, or follows the first dot.
fn by_name(mut values: Values) -> BTreeMap<String, Values> {
    let mut users: BTreeMap<String, Values> = BTreeMap::new();
    let names: Vec<_> = values.names().map(str::to_owned).collect();
    for full in names {
        let value = values.remove(&full).expect("the name is from there");
        let known = CREDENTIAL_TABLE
            .iter()
            .find_map(|setting| full.strip_suffix(setting.name)?.strip_suffix('.'))
            .map(|user| (user, &full[user.len() + 1..]));
        if let Some((user, setting)) = known.or_else(|| full.split_once('.')) {
            let user = users.entry(user.to_owned()).or_default();
            user.insert(setting.to_owned(), value);
        } else {
            // Nothing stands below the name; its line tells where the settings are missed.
            let line = Value::absent(value.line);
            let user = users.entry(full).or_default();
            user.insert(ROLE.name.to_owned(), line);
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$b6qJumA/4cblFXUKfEvM0w";
    const TOKEN: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn taken(pairs: &[(&str, &str)]) -> Result<Vec<User>, String> {
        let mut values: Values = (1..)
            .zip(pairs)
            .map(|(line, &(name, text))| {
                (
                    format!("{SECTION}{name}"),
                    Value::new(text.to_owned(), Some(line)),
                )
            })
            .collect();
        values.insert("rest.listen".to_owned(), Value::absent(None));
        let mut mistakes = Mistakes::new();
        let users = User::take_all(&mut values, &mut mistakes);
        assert_eq!(values.names().collect::<Vec<_>>(), ["rest.listen"]);
        users.ok_or_else(|| mistakes.to_string())
    }

    #[test]
    fn a_user_has_a_name_a_role_and_a_hash_or_two() {
        let users = taken(&[
            (".alice.b.role", "admin"),
            (".alice.b.password.hash", PASSWORD),
            (".alice.b.token.hash", TOKEN),
            (".role.role", "viewer"),
            (".role.token.hash", &TOKEN.replace('b', "c")),
        ])
        .unwrap();
        let [alice, other] = &users[..] else {
            panic!("{users:?}")
        };
        assert_eq!((&*alice.name, alice.role), ("alice.b", Role::Admin));
        assert!(alice.password.is_some() && alice.token.is_some());
        assert_eq!((&*other.name, other.role), ("role", Role::Viewer));
        assert_eq!(taken(&[]), Ok(Vec::new()));
    }

    #[test]
    fn all_mistakes_are_told_with_their_lines_and_no_hash() {
        let mistakes = taken(&[
            (".alice.role", "root"),
            (".alice.password.hash", "hunter2"),
            (".bob.rol", "admin"),
            (".carol.role", "viewer"),
            (".d:e.role", "viewer"),
            (".d:e.token.hash", "hunter2"),
            (".anonymous.role", "viewer"),
            (".anonymous.token.hash", TOKEN),
            (".frank", "hunter2"),
        ])
        .unwrap_err();
        assert_eq!(
            mistakes.lines().collect::<Vec<_>>(),
            [
                "rest.credentials.alice.role, line 1: 'root' is none of admin, viewer",
                "rest.credentials.alice.password.hash, line 2: the value is no argon2 hash: make one with \
                 onepassword-kafka hash-password",
                "rest.credentials.anonymous.role, line 7: is below the name anonymous, under which the log has those \
                 who have none",
                "rest.credentials.bob.rol, line 3: there is no such setting, the nearest is role",
                "rest.credentials.carol.password.hash: is missing, and so is token.hash",
                "rest.credentials.d:e.role, line 5: is below a name with ':' in it, which basic authentication \
                 cannot tell",
                "rest.credentials.d:e.token.hash, line 6: the value is no sha256: with 64 hexadecimal digits: make \
                 one with onepassword-kafka new-token",
                "rest.credentials.frank.role, line 9: is missing",
            ]
        );
        let shared = taken(&[
            (".alice.role", "admin"),
            (".alice.token.hash", TOKEN),
            (".bob.role", "viewer"),
            (".bob.token.hash", TOKEN),
        ]);
        assert_eq!(
            shared.unwrap_err(),
            "rest.credentials.bob.token.hash: is that of alice too: nobody could tell who asks"
        );
        assert_eq!(
            taken(&[("", "alice")]).unwrap_err(),
            "rest.credentials, line 1: users are expected below it, each with a name, a role and a hash"
        );
    }
}
