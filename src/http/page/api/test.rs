//! `POST /ui/api/test`: whether 1Password accepts the token of a configuration that is not declared yet, or, with
//! `{"connector":"…"}`, that of a connector.

use axum::{
    http::{StatusCode, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    connector::Accepted,
    http::{
        answer::{Failure, json},
        body,
        rest::Call,
    },
};

/// What 1Password has said.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Good {
        ok: bool,
        host: String,
        account_uuid: Option<String>,
        features: Vec<String>,
        issued_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
    },
    Bad {
        ok: bool,
        message: String,
    },
}

/// Asks 1Password about a configuration's token. A configuration that is wrong is refused with all that is wrong with it.
pub(super) async fn answer(call: Call<'_>) -> Result<Response, Failure> {
    let body = body::read(&call.head.headers, call.body).await?;
    let config = body::properties(&body)?;
    let said = match config.get("connector") {
        Some(Some(name)) if config.len() == 1 => call.control.probe_declared(name).await?,
        _ => call.control.probe(&config).await?,
    };
    let answer = Answer::from(said);
    let answer = json(StatusCode::OK, &answer);
    Ok(([(CACHE_CONTROL, "no-store")], answer).into_response())
}

// === impl Answer ===

impl From<Result<Accepted, String>> for Answer {
    fn from(said: Result<Accepted, String>) -> Self {
        match said {
            Ok(accepted) => Self::Good {
                ok: true,
                host: accepted.host,
                account_uuid: accepted.account_uuid,
                features: accepted.features,
                issued_at: accepted.issued_at,
                expires_at: accepted.expires_at,
            },
            Err(message) => Self::Bad { ok: false, message },
        }
    }
}
