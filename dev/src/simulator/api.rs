//! The API's endpoints, and the journal that sees every request to them.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    answer::{Carriage, Envelope},
    control, event,
    faults::{Fault, Introspection, Scope},
    journal,
    refusal::{self, Refusal},
    server::Line,
    stream::{Stream, Version},
    tokens::Grant,
    world::World,
};

/// Marks an answer that will never arrive.
#[derive(Clone, Copy, Debug)]
struct Unsent;

const LARGEST_BODY: usize = 1024 * 1024;

/// All paths of the simulator.
pub(super) fn router(world: Arc<World>) -> Router {
    let mut api = Router::new()
        .route("/api/auth/introspect", get(introspect_v1))
        .route("/api/v2/auth/introspect", get(introspect_v2));
    for version in Version::ALL {
        for stream in Stream::ALL {
            let path = format!("/api/{version}/{stream}");
            api = api.route(
                &path,
                post(move |state, line, headers, body| {
                    serve(state, line, headers, body, version, stream)
                }),
            );
        }
    }
    api.fallback(async || refusal::not_found())
        .layer(middleware::from_fn_with_state(Arc::clone(&world), witness))
        .merge(control::router())
        .with_state(world)
}

/// Notes each request when it arrives and again when it is answered.
async fn witness(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let number = world.arrived(journal::Request::of(&parts, &body));
    let path = parts.uri.path().to_owned();
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let status = match response.extensions().get::<Unsent>() {
        Some(Unsent) => 0,
        None => response.status().as_u16(),
    };
    world.answered(number, &path, status);
    response
}

async fn serve(
    State(world): State<Arc<World>>,
    Extension(line): Extension<Line>,
    headers: HeaderMap,
    body: Bytes,
    version: Version,
    stream: Stream,
) -> Response {
    let caller = world.caller(&headers);
    let fault = world.fault(Scope::Stream(stream), &caller);
    if let Some(answer) = intercept(&world, &line, &fault, version).await {
        return answer;
    }
    match world
        .page(caller, stream, &body)
        .and_then(|page| reject(page, &body, &fault))
    {
        Err(refusal) => refusal.answer(world.faults().error_shape, version),
        Ok((mut envelope, asked)) => {
            envelope.suffer(&fault, &asked);
            if version == Version::V1 {
                downgrade(&mut envelope);
            }
            let json = envelope.render(version, &fault);
            Carriage::new(line, world.options.compression, &headers).send(json, &fault)
        }
    }
}

/// Answers in place of the service, or makes the client wait for it.
async fn intercept(
    world: &World,
    line: &Line,
    fault: &Fault,
    version: Version,
) -> Option<Response> {
    match fault {
        Fault::Status(status) => {
            let shape = world.faults().error_shape;
            Some(status.answer(shape, version))
        }
        Fault::ResetBeforeAnswer => {
            line.cut();
            Some(Extension(Unsent).into_response())
        }
        Fault::SlowHeaders { delay } => {
            tokio::time::sleep(*delay).await;
            None
        }
        _ => None,
    }
}

/// Refuses a cursor that is in order, if that is the fault.
fn reject(
    page: (Envelope, String),
    body: &[u8],
    fault: &Fault,
) -> Result<(Envelope, String), Refusal> {
    let continues = || {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        body["cursor"].is_string()
    };
    if *fault == Fault::CursorRejected && continues() {
        return Err(Refusal::BadRequest("the cursor is unknown"));
    }
    Ok(page)
}

fn downgrade(envelope: &mut Envelope) {
    for item in &mut envelope.items {
        let mut value: Value = serde_json::from_slice(item).expect("the log holds JSON");
        event::downgrade(&mut value);
        *item = value.to_string().into();
    }
}

async fn introspect_v1(
    state: State<Arc<World>>,
    line: Extension<Line>,
    headers: HeaderMap,
) -> Response {
    introspect(state, line, headers, Version::V1, |grant| {
        json!({
            "UUID": grant.integration,
            "IssuedAt": grant.issued_at.to_string(),
            "Features": grant.features,
        })
    })
    .await
}

async fn introspect_v2(
    state: State<Arc<World>>,
    line: Extension<Line>,
    headers: HeaderMap,
) -> Response {
    introspect(state, line, headers, Version::V2, |grant| {
        json!({
            "uuid": grant.integration,
            "issued_at": grant.issued_at.to_string(),
            "features": grant.features,
            "account_uuid": grant.account,
        })
    })
    .await
}

async fn introspect(
    State(world): State<Arc<World>>,
    Extension(line): Extension<Line>,
    headers: HeaderMap,
    version: Version,
    describe: fn(&Grant) -> Value,
) -> Response {
    let caller = world.caller(&headers);
    let fault = world.fault(Scope::Introspection, &caller);
    if let Some(answer) = intercept(&world, &line, &fault, version).await {
        return answer;
    }
    let (mode, shape) = {
        let faults = world.faults();
        (faults.introspection, faults.error_shape)
    };
    match (mode, version) {
        (Introspection::Absent, _) | (Introspection::WithoutV2, Version::V2) => {
            refusal::not_found()
        }
        (Introspection::Forbidden, _) => {
            refusal::error(StatusCode::FORBIDDEN, "Forbidden", shape, version)
        }
        _ => match world.admit(caller) {
            Err(refusal) => refusal.answer(shape, version),
            Ok(grant) => {
                let mut description = describe(&grant);
                if let (Introspection::WithoutAccount, Value::Object(members)) =
                    (mode, &mut description)
                {
                    members.remove("account_uuid");
                }
                let json = description.to_string().into_bytes();
                Carriage::new(line, world.options.compression, &headers).send(json, &fault)
            }
        },
    }
}
