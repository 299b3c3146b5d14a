//! Paths, taken apart as Kafka Connect's server does it: what follows a `;` in a segment is cut off, and one slash at the
//! end is ignored. A path that could be taken for another one is refused with 400: one with `//`, or with `/`, `\`, `%`, a
//! control character or a whole `.` or `..` behind an escape.

use axum::http::StatusCode;

use super::answer::Failure;

/// What is said of a path that leads nowhere.
pub(super) fn nowhere() -> Failure {
    Failure::Gate(StatusCode::NOT_FOUND)
}

/// The segments of a path without their parameters, still encoded.
pub(super) fn segments(path: &str) -> Result<Vec<&str>, Failure> {
    if path.contains("//") {
        return Err(Failure::invalid("the path has an empty segment"));
    }
    let path = path.strip_prefix('/').ok_or_else(nowhere)?;
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let bare = |segment: &'_ str| segment.find(';').unwrap_or(segment.len());
    let segments: Vec<&str> = path
        .strip_suffix('/')
        .unwrap_or(path)
        .split('/')
        .map(|segment| &segment[..bare(segment)])
        .collect();
    if segments.contains(&"") {
        return Err(nowhere());
    }
    Ok(segments)
}

pub(super) fn decoded(segment: &str) -> Result<String, Failure> {
    let refuse = || Failure::invalid("the path has an escape that cannot stand in a name");
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => escaped(rest.next(), rest.next()).ok_or_else(refuse)?,
            byte => byte,
        });
    }
    let name = String::from_utf8(bytes).map_err(|_| refuse())?;
    let ambiguous = |c: char| matches!(c, '/' | '\\' | '%') || c.is_ascii_control();
    let hidden_dots = segment.contains('%') && matches!(name.as_str(), "." | "..");
    if name.contains(ambiguous) || hidden_dots {
        return Err(refuse());
    }
    Ok(name)
}

/// A name as it stands in a path: letters and digits are as they are, and so is what `plain` has.
pub(super) fn encoded(name: &str, plain: &str) -> String {
    let digit = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half)]);
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || plain.contains(character) {
            path.push(character);
        } else {
            path.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    path
}

fn escaped(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
