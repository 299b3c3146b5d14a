//! 1Password's identifiers: 26 characters of base32, without dashes.

const UPPER: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LOWER: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// As events, users, sessions and accounts have them.
pub(super) fn upper(random: &mut fastrand::Rng) -> String {
    spell(random.u128(..), UPPER)
}

/// As vaults, items, groups and devices have them.
pub(super) fn lower(random: &mut fastrand::Rng) -> String {
    spell(random.u128(..), LOWER)
}

/// Five bits a character; the last one gets the three that are left.
fn spell(mut bits: u128, alphabet: &[u8; 32]) -> String {
    let mut text = String::with_capacity(26);
    for _ in 0..26 {
        let digit = usize::try_from(bits & 31).expect("five bits");
        text.push(char::from(alphabet[digit]));
        bits >>= 5;
    }
    text
}
