//! The keys that seal connectors' tokens.

use std::collections::BTreeSet;

use crate::{
    secret::{Keyring, SealingKey},
    setting::{Fallback, Kind, Mistakes, Reader, Reported, Setting, Values},
};

pub(super) const SEALING_KEY: Setting = Setting::new(
    "secrets.sealing.key",
    Kind::Password,
    Fallback::Words("tokens are not sealed"),
    "Key that seals the tokens of connectors of the `connectors` topic: base64 of 32 random bytes, as `openssl rand -base64 \
     32` makes it, best as a reference such as `${file:/run/secrets/sealing}`. All workers of a group need the same.",
);

pub(super) const PREVIOUS_KEYS: Setting = Setting::new(
    "secrets.sealing.previous.keys",
    Kind::Password,
    Fallback::Words("none"),
    "Keys that open what they have sealed and seal nothing any more, with commas between them: see \
     [docs/security.md](docs/security.md).",
)
.several();

/// The keys of `values`; nothing where there is a mistake. None of these quotes a key.
pub(super) fn keyring(values: &Values, mistakes: &mut Mistakes) -> Option<Keyring> {
    read(&mut Reader::new(values, mistakes)).ok()
}

fn read(reader: &mut Reader<'_>) -> Result<Keyring, Reported> {
    let current = reader.maybe(&SEALING_KEY, SealingKey::parse);
    let previous = reader.list(&PREVIOUS_KEYS, SealingKey::parse);
    if reader.is_given(&PREVIOUS_KEYS) && !reader.is_given(&SEALING_KEY) {
        let what = format!("needs {} beside it", SEALING_KEY.name);
        return Err(reader.refuse(&PREVIOUS_KEYS, what));
    }
    let (current, previous) = (current?, previous?.unwrap_or_default());
    let keys: Vec<_> = current.into_iter().chain(previous).collect();
    let ids: BTreeSet<_> = keys.iter().map(SealingKey::id).collect();
    if ids.len() < keys.len() {
        let what = format!("has a key twice, or the one of {} again", SEALING_KEY.name);
        return Err(reader.refuse(&PREVIOUS_KEYS, what));
    }
    Ok(Keyring::new(keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    const TWO: &str = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=";

    fn parsed(current: Option<&str>, previous: Option<&str>) -> Result<Keyring, String> {
        let given = [(SEALING_KEY, current), (PREVIOUS_KEYS, previous)];
        let values = given
            .into_iter()
            .filter_map(|(setting, text)| Some((setting.name.to_owned(), text?.to_owned())))
            .collect();
        let mut mistakes = Mistakes::new();
        keyring(&values, &mut mistakes).ok_or_else(|| mistakes.to_string())
    }

    #[test]
    fn what_the_current_key_seals_the_previous_ones_open_after_it() {
        assert!(!parsed(None, None).unwrap().can_seal());
        let old = parsed(Some(ONE), None).unwrap();
        let sealed = old.seal(&"hidden".into()).unwrap();
        let new = parsed(Some(TWO), Some(&format!(" {ONE} ,"))).unwrap();
        assert_ne!(new.reseal(&sealed), Ok(sealed));
    }

    #[test]
    fn a_key_that_is_none_is_told_and_not_shown() {
        const MAKE: &str = "make one with `openssl rand -base64 32`";
        let both = format!("{ONE},{TWO}");
        for (current, previous, what) in [
            (
                Some("hidden!"),
                Some(&*format!("aGlkZGVu,{ONE},hidden!")),
                &*format!(
                    "secrets.sealing.key: the value is not base64: {MAKE}\n\
                     secrets.sealing.previous.keys: the value is the base64 of 6 bytes, not of 32: {MAKE}\n\
                     secrets.sealing.previous.keys: the value is not base64: {MAKE}"
                ),
            ),
            (
                None,
                Some(ONE),
                "secrets.sealing.previous.keys: needs secrets.sealing.key beside it",
            ),
            (
                Some(ONE),
                Some(&*both),
                "secrets.sealing.previous.keys: has a key twice, or the one of secrets.sealing.key again",
            ),
        ] {
            assert_eq!(parsed(current, previous).unwrap_err(), what);
        }
    }
}
