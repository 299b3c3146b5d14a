//! TLS, and certificates that change while the worker runs.

use std::path::PathBuf;

use onepassword_kafka_dev::{tls::Identity, worker::Worker};
use reqwest::{Certificate, Client, ClientBuilder, Method, StatusCode};
use serde_json::json;

use super::{ALICE, Guarded};
use crate::{
    other,
    scene::{Scene, in_time, logged},
};

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn write(scene: &Scene, identity: &Identity) -> Self {
        let text = |pem: &[u8]| String::from_utf8(pem.to_vec()).unwrap();
        let write = |name, pem: &[u8]| scene.program.write(name, &text(pem)).unwrap();
        Self {
            certificate: write("rest.crt", &identity.certificate),
            key: write("rest.key", &identity.key),
        }
    }
}

/// A client that trusts one authority, and keeps no connection.
fn client(identity: &Identity) -> Client {
    let authority = Certificate::from_pem(&identity.authority).unwrap();
    ClientBuilder::new()
        .tls_certs_only([authority])
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

async fn get(worker: &Worker, client: &Client, path: &str) -> reqwest::Result<StatusCode> {
    let port = worker.rest().await.unwrap().port();
    let request = ALICE.on(client.get(format!("https://localhost:{port}{path}")));
    let answer = in_time(path, request.send()).await?;
    Ok(answer.status())
}

#[tokio::test]
async fn a_new_certificate_is_served_and_a_broken_one_is_told() {
    let (old, new) = (Identity::create().unwrap(), Identity::create().unwrap());
    let guarded = Guarded::new("secrets.dirs: [/]\n").await;
    let scene = &guarded.scene;
    let files = Files::write(scene, &old);
    let text = std::fs::read_to_string(scene.program.config()).unwrap();
    let tls = format!(
        "rest.tls:\n  certificate.file: {}\n  key.file: {}\n",
        files.certificate.display(),
        files.key.display()
    );
    scene.program.configure(&(tls + &text)).unwrap();
    let worker = scene.worker();
    let healthy = async {
        while get(&worker, &client(&old), "/health").await.ok() != Some(StatusCode::OK) {}
    };
    in_time("the worker is healthy", healthy).await;
    assert!(get(&worker, &client(&new), "/").await.is_err());
    let plain = format!("http://{}/", worker.rest().await.unwrap());
    assert!(reqwest::get(plain).await.is_err());

    let port = worker.rest().await.unwrap().port();
    let url = format!("https://localhost:{port}/connectors");
    let create = |origin: String| {
        let body = json!({ "name": "other", "config": other::connector(scene) });
        let request = ALICE.on(client(&old).request(Method::POST, &url));
        request
            .header("origin", origin)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
    };
    let refused = create(format!("http://localhost:{port}")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let created = create(format!("https://localhost:{port}")).await.unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(
        created.headers()["location"].to_str().unwrap(),
        format!("{url}/other")
    );

    Files::write(scene, &new);
    logged(&worker, "the REST API has a new certificate").await;
    assert_eq!(
        get(&worker, &client(&new), "/").await.unwrap(),
        StatusCode::OK
    );
    assert!(get(&worker, &client(&old), "/").await.is_err());
    scene.program.write("rest.crt", "no certificate").unwrap();
    let line = logged(&worker, "the REST API keeps the certificate").await;
    assert!(line.contains("the file holds no PEM certificate"), "{line}");
    assert_eq!(
        get(&worker, &client(&new), "/").await.unwrap(),
        StatusCode::OK
    );
    guarded.finish(worker).await;
}
