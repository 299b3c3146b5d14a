//! 1Password's identifiers: 26 characters of base32, without dashes.

const UPPER: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LENGTH: usize = 26;

/// As events, users, sessions and accounts have them.
pub(super) fn upper(random: &mut fastrand::Rng) -> String {
    (0..LENGTH)
        .map(|_| char::from(UPPER[random.usize(..UPPER.len())]))
        .collect()
}

/// As vaults, items, groups and devices have them.
pub(super) fn lower(random: &mut fastrand::Rng) -> String {
    upper(random).to_ascii_lowercase()
}
