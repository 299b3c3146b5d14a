//! `POST /ui/api/seal`: `{"secret": "…"}` becomes a reference that only the workers can open, and `{"reference": "…"}` such a
//! one of the current key.

use axum::{
    http::{StatusCode, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
};
use secrecy::SecretString;
use serde::Serialize;

use crate::http::{
    answer::{Failure, json},
    body::{self, members, scalar},
    rest::Call,
};

/// What somebody wants.
enum Wanted {
    Seal(SecretString),
    SealAgain(String),
}

#[derive(Serialize)]
struct Sealed {
    reference: String,
}

/// Seals a token, or seals it again.
pub(super) async fn answer(call: Call<'_>) -> Result<Response, Failure> {
    let body = body::read(&call.head.headers, call.body).await?;
    let sealed = match wanted(&body)? {
        Wanted::Seal(secret) => call.control.seal(&secret),
        Wanted::SealAgain(reference) => call.control.reseal(&reference),
    };
    let reference = sealed.map_err(|error| Failure::invalid(error.to_string()))?;
    let answer = json(StatusCode::OK, &Sealed { reference });
    Ok(([(CACHE_CONTROL, "no-store")], answer).into_response())
}

fn wanted(body: &[u8]) -> Result<Wanted, Failure> {
    let mut members = members(body::json(body)?, "the body")?;
    let mut take = |name: &str| {
        let raw = members.remove(name);
        raw.map(|raw| scalar(raw, name)).transpose()
    };
    let (secret, reference) = (take("secret")?.flatten(), take("reference")?.flatten());
    match (secret, reference) {
        (Some(secret), None) if members.is_empty() => Ok(Wanted::Seal(secret.into())),
        (None, Some(reference)) if members.is_empty() => Ok(Wanted::SealAgain(reference)),
        _ => Err(Failure::invalid(
            "the body must have one member, secret or reference, with a text",
        )),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn one_member_is_wanted_and_none_is_repeated() {
        let secret = wanted(br#"{"secret":"hidden"}"#);
        assert!(matches!(secret, Ok(Wanted::Seal(secret)) if secret.expose_secret() == "hidden"));
        let again = wanted(br#"{"reference":"x"}"#);
        assert!(matches!(again, Ok(Wanted::SealAgain(reference)) if reference == "x"));
        for body in [
            "",
            "hidden",
            "{}",
            "[\"hidden\"]",
            r#"{"secret":null}"#,
            r#"{"secret":["hidden"]}"#,
            r#"{"secret":"hidden","reference":"hidden"}"#,
            r#"{"secret":"hidden","hidden":1}"#,
        ] {
            match wanted(body.as_bytes()) {
                Err(Failure::Refused(StatusCode::BAD_REQUEST, message)) => {
                    assert!(!message.contains("hidden"), "{message}");
                }
                _ => panic!("{body}"),
            }
        }
    }
}
