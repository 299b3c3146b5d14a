//! `/connectors` and what is below it.

use std::collections::BTreeMap;

use axum::{
    http::{
        HeaderMap, Method, StatusCode, Uri,
        header::{HOST, LOCATION},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    body,
    entities::{self, Expanded, InfoBody, StatusBody, TaskState},
    resource::Part,
    worker::STARTING,
};
use crate::{
    connector::{Control, Info, Put},
    http::{
        answer::{Failure, empty, json},
        body::{properties, read},
        origin::Scheme,
        path::encoded,
        query::{is_true, values},
        rest::Call,
    },
    relay::Target,
};

type Answer = Result<Response, Failure>;

/// What stands in a path as it is beside letters and digits (RFC 3986, `pchar`). As in Connect a `/` and a `%` do, too: no path
/// leads to such a name.
const PLAIN: &str = "-._~!$&'()*+,;=:@/%";

#[derive(Serialize)]
struct Topics {
    topics: Vec<String>,
}

/// All connectors.
pub(super) async fn all(call: Call<'_>) -> Answer {
    await_start(call.control)?;
    if call.head.method == Method::POST {
        create(call).await
    } else {
        Ok(list(&call))
    }
}

/// Something of one connector.
pub(super) async fn one(call: Call<'_>, name: &str, part: &Part) -> Answer {
    let control = call.control;
    await_start(control)?;
    match part {
        Part::Itself if call.head.method == Method::DELETE => delete(control, name).await,
        Part::Itself => Ok(ok(&InfoBody::from(info(control, name)?))),
        Part::Config => config(call, name).await,
        Part::Status => status(control, name),
        Part::Tasks => tasks(control, name),
        Part::TaskStatus(task) => task_status(control, name, number(task)?),
        Part::TaskRestart(task) => restart_task(control, name, number(task)?).await,
        Part::Restart => restart(&call.head.uri, control, name).await,
        Part::Pause => target(control, name, Target::Paused).await,
        Part::Resume => target(control, name, Target::Running).await,
        Part::Stop => target(control, name, Target::Stopped).await,
        Part::Topics => Ok(topics(control, name)),
        Part::TopicsReset => Ok(reset_topics(control, name)),
        Part::Offsets => offsets(call, name).await,
    }
}

/// Before the connectors topic has been read, "not found" would be a lie that has consequences.
fn await_start(control: &Control) -> Result<(), Failure> {
    if control.is_ready() {
        return Ok(());
    }
    let message = STARTING.to_owned();
    Err(Failure::Refused(StatusCode::SERVICE_UNAVAILABLE, message))
}

fn list(call: &Call<'_>) -> Response {
    let control = call.control;
    let wanted = values(&call.head.uri, "expand");
    if wanted.is_empty() {
        return ok(&control.names());
    }
    let wants = |what: &str| wanted.iter().any(|wanted| wanted == what);
    let expanded = |name: String| {
        let status = control.status(&name).filter(|_| wants("status"));
        let info = control.info(&name).filter(|_| wants("info"));
        let connector = Expanded {
            status: status.map(StatusBody::from),
            info: info.map(InfoBody::from),
        };
        (name, connector)
    };
    let connectors: BTreeMap<_, _> = control.names().into_iter().map(expanded).collect();
    ok(&connectors)
}

async fn create(call: Call<'_>) -> Answer {
    let body = read(&call.head.headers, call.body).await?;
    let wanted = body::creation(&body)?;
    let info = call
        .control
        .create(&wanted.name, wanted.config, wanted.target)
        .await?;
    Ok(created(call.scheme, &call.head.headers, info))
}

async fn config(call: Call<'_>, name: &str) -> Answer {
    let Call {
        control,
        head,
        body,
        scheme,
        ..
    } = call;
    if !matches!(head.method, Method::PUT | Method::PATCH) {
        return Ok(ok(&info(control, name)?.config));
    }
    let body = read(&head.headers, body).await?;
    let properties = properties(&body)?;
    if head.method == Method::PATCH {
        let info = control.patch(name, properties).await?;
        return Ok(ok(&InfoBody::from(info)));
    }
    match control.put(name, properties).await? {
        (Put::Created, info) => Ok(created(scheme, &head.headers, info)),
        (Put::Replaced, info) => Ok(ok(&InfoBody::from(info))),
    }
}

async fn delete(control: &Control, name: &str) -> Answer {
    control.delete(name).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn status(control: &Control, name: &str) -> Answer {
    match control.status(name) {
        Some(status) => Ok(ok(&StatusBody::from(status))),
        None => Err(Failure::not_found(format!(
            "No status found for connector {name}"
        ))),
    }
}

fn tasks(control: &Control, name: &str) -> Answer {
    let tasks = control.tasks(name).ok_or_else(|| unknown(name))?;
    Ok(ok(&entities::tasks(name, tasks)))
}

fn task_status(control: &Control, name: &str, task: i32) -> Answer {
    let states = control.status(name).map(|status| status.tasks);
    let state = u32::try_from(task)
        .ok()
        .and_then(|id| states?.remove_entry(&id));
    match state {
        Some(state) => Ok(ok(&TaskState::from(state))),
        None => Err(Failure::not_found(format!(
            "No status found for task {name}-{task}"
        ))),
    }
}

async fn restart_task(control: &Control, name: &str, task: i32) -> Answer {
    control.restart_task(name, task).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// As in KIP-745, only a request for more than the connector itself is answered with a status.
async fn restart(uri: &Uri, control: &Control, name: &str) -> Answer {
    let include_tasks = is_true(uri, "includeTasks");
    let only_failed = is_true(uri, "onlyFailed");
    let status = control.restart(name, include_tasks, only_failed).await?;
    if include_tasks || only_failed {
        Ok(json(StatusCode::ACCEPTED, &StatusBody::from(status)))
    } else {
        Ok(empty(StatusCode::NO_CONTENT))
    }
}

async fn target(control: &Control, name: &str, target: Target) -> Answer {
    control.target(name, target).await?;
    Ok(empty(match target {
        Target::Running | Target::Paused => StatusCode::ACCEPTED,
        Target::Stopped => StatusCode::NO_CONTENT,
    }))
}

fn topics(control: &Control, name: &str) -> Response {
    let topics = control.topics(name);
    ok(&BTreeMap::from([(name, Topics { topics })]))
}

fn reset_topics(control: &Control, name: &str) -> Response {
    control.reset_topics(name);
    empty(StatusCode::ACCEPTED)
}

async fn offsets(call: Call<'_>, name: &str) -> Answer {
    let Call {
        control,
        head,
        body,
        ..
    } = call;
    let message = if head.method == Method::PATCH {
        let body = read(&head.headers, body).await?;
        control.alter_offsets(name, body::offsets(&body)?).await?;
        "The offsets for this connector have been altered successfully"
    } else if head.method == Method::DELETE {
        control.reset_offsets(name).await?;
        "The offsets for this connector have been reset successfully"
    } else {
        let offsets = control.offsets(name).await?;
        return Ok(ok(&entities::offsets(offsets)));
    };
    Ok(ok(&BTreeMap::from([("message", message)])))
}

fn info(control: &Control, name: &str) -> Result<Info, Failure> {
    control.info(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Failure {
    Failure::not_found(format!("Connector {name} not found"))
}

/// A task's id; what is no number is found nowhere.
fn number(task: &str) -> Result<i32, Failure> {
    task.parse()
        .map_err(|_| Failure::late(StatusCode::NOT_FOUND))
}

fn ok(value: &impl Serialize) -> Response {
    json(StatusCode::OK, value)
}

fn created(scheme: Scheme, headers: &HeaderMap, info: Info) -> Response {
    let location = location(scheme, headers, &info.name);
    let body = json(StatusCode::CREATED, &InfoBody::from(info));
    ([(LOCATION, location)], body).into_response()
}

/// Where a connector is, on the host that was asked.
fn location(scheme: Scheme, headers: &HeaderMap, name: &str) -> String {
    let path = format!("/connectors/{}", encoded(name, PLAIN));
    match headers.get(HOST).and_then(|host| host.to_str().ok()) {
        Some(host) => format!("{scheme}://{host}{path}"),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_leads_to_the_connector_on_the_host_that_was_asked() {
        let host = HeaderMap::from_iter([(HOST, "worker:8083".parse().unwrap())]);
        for (name, path) in [
            ("c1", "/connectors/c1"),
            ("put space", "/connectors/put%20space"),
            ("que?ha#sh", "/connectors/que%3Fha%23sh"),
            ("\u{fc}\\", "/connectors/%C3%BC%5C"),
            ("a/b;c=d@e", "/connectors/a/b;c=d@e"),
        ] {
            for (scheme, address) in [
                (Scheme::Http, "http://worker:8083"),
                (Scheme::Https, "https://worker:8083"),
            ] {
                assert_eq!(location(scheme, &host, name), format!("{address}{path}"));
                assert_eq!(location(scheme, &HeaderMap::new(), name), path);
            }
        }
    }

    #[test]
    fn a_task_is_a_number_of_32_bits() {
        assert_eq!(number("00"), Ok(0));
        assert_eq!(number("-1"), Ok(-1));
        for task in ["x", "99999999999", "1.0"] {
            assert_eq!(number(task), Err(Failure::late(StatusCode::NOT_FOUND)));
        }
    }
}
