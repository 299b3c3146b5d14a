//! Tests of sealing and opening.

use super::*;

const SECRET: &str = "hidden.secret";

fn key(byte: u8) -> SealingKey {
    SealingKey::parse(&BASE64_STANDARD.encode([byte; KEY_LENGTH])).unwrap()
}

fn ring(bytes: &[u8]) -> Keyring {
    Keyring::new(bytes.iter().map(|byte| key(*byte)).collect())
}

fn sealed(ring: &Keyring) -> String {
    ring.seal(&SECRET.into()).unwrap()
}

fn opened(ring: &Keyring, reference: &str) -> Result<String, String> {
    let template = Template::parse(reference).map_err(|error| error.to_string())?;
    let secret = template.resolve(ring).map_err(|error| error.to_string())?;
    Ok(secret.expose_secret().to_owned())
}

#[test]
fn what_is_sealed_opens_and_never_looks_the_same_twice() {
    let ring = ring(&[1]);
    let (one, two) = (sealed(&ring), sealed(&ring));
    assert_ne!(one, two);
    for reference in [one, two] {
        assert!(reference.starts_with(&format!("${{sealed:{}.", key(1).id())));
        assert_eq!(opened(&ring, &reference).as_deref(), Ok(SECRET));
    }
}

#[test]
fn white_space_around_a_secret_is_not_part_of_it() {
    let ring = ring(&[1]);
    let reference = ring.seal(&" \thidden.secret\r\n".into()).unwrap();
    assert_eq!(opened(&ring, &reference).as_deref(), Ok(SECRET));
}

#[test]
fn what_can_be_no_secret_is_not_sealed() {
    let long = "x".repeat(LIMIT);
    let ring = ring(&[1]);
    assert!(ring.seal(&long.as_str().into()).is_ok());
    for (secret, why) in [
        (" \n", SealError::Empty),
        ("a\nb", SealError::Unprintable),
        (&format!("{long}x"), SealError::TooLong),
    ] {
        assert_eq!(ring.seal(&secret.into()), Err(why));
    }
    let none = Keyring::default();
    assert!(!none.can_seal());
    assert_eq!(none.seal(&SECRET.into()), Err(SealError::NoKey));
}

#[test]
fn no_character_of_it_can_be_altered() {
    let ring = ring(&[1]);
    let reference = sealed(&ring);
    for at in "${sealed:".len()..reference.len() - 1 {
        let mut altered = reference.clone().into_bytes();
        altered[at] = if altered[at] == b'0' { b'1' } else { b'0' };
        let altered = String::from_utf8(altered).unwrap();
        let why = opened(&ring, &altered).unwrap_err();
        assert!(!why.contains("hidden"), "{why}");
    }
    for length in 0..reference.len() - "${sealed:}".len() {
        let cut = format!("{}}}", &reference[.."${sealed:".len() + length]);
        let why = opened(&ring, &cut).unwrap_err();
        assert!(why.contains("damaged"), "{why}");
    }
}

#[test]
fn another_key_does_not_open_it_nor_one_that_takes_its_id() {
    let reference = sealed(&ring(&[1]));
    let why = opened(&ring(&[2]), &reference).unwrap_err();
    assert_eq!(
        why,
        format!(
            "${{sealed:{}.…}}: was sealed with a key that this worker does not have (secrets.sealing.key)",
            key(1).id()
        )
    );
    let renamed = reference.replace(key(1).id(), key(2).id());
    let why = opened(&ring(&[2]), &renamed).unwrap_err();
    assert!(why.ends_with("is damaged: seal the token again"), "{why}");
}

#[test]
fn a_key_is_changed_in_three_steps() {
    let old = sealed(&ring(&[1]));
    let both = ring(&[2, 1]);
    assert_eq!(opened(&both, &old).as_deref(), Ok(SECRET));
    let new = both.reseal(&format!(" {old}\n")).unwrap();
    let after = ring(&[2]);
    assert_eq!(opened(&after, &new).as_deref(), Ok(SECRET));
    assert_eq!(
        after.reseal(&old),
        Err(SealError::Closed(OpenError::UnknownKey))
    );
    assert_eq!(Keyring::default().reseal(&old), Err(SealError::NoKey));
}

#[test]
fn only_a_sealed_reference_is_sealed_again() {
    let ring = ring(&[1]);
    let reference = sealed(&ring);
    for text in [
        "",
        "hidden",
        "${env:CARGO_PKG_NAME}",
        "${sealed:hidden}",
        &format!("a{reference}"),
        &format!("{reference}{reference}"),
    ] {
        assert_eq!(ring.reseal(text), Err(SealError::NotSealed), "{text}");
    }
}

#[test]
fn a_bad_key_is_refused_without_it() {
    for (text, what) in [
        ("", "is the base64 of 0 bytes, not of 32"),
        ("aGlkZGVu", "is the base64 of 6 bytes, not of 32"),
        ("hidden!", "is not base64"),
    ] {
        let why = SealingKey::parse(text).unwrap_err();
        assert_eq!(
            why,
            format!("{what}: make one with `openssl rand -base64 32`")
        );
    }
}

#[test]
fn debug_shows_neither_key_nor_secret() {
    let ring = ring(b"k");
    let id = key(b'k').id().to_owned();
    assert_eq!(format!("{ring:?}"), format!("Keyring([{id}])"));
    let template = Template::parse(&sealed(&ring)).unwrap();
    assert_eq!(format!("{template:?}"), format!("${{sealed:{id}.…}}"));
}
