//! Who may look, who may change, and who has to sign in first.

use onepassword_kafka_dev::browser::{Browser, Look, Page};
use reqwest::{Client, Response, StatusCode, redirect::Policy};
use serde_json::json;
use url::form_urlencoded;

use super::{RENEW, root};
use crate::security::{self, Guarded, PASSWORD, WRONG};

/// Signs in as somebody, from the form that is shown.
async fn sign_in(page: &Page, name: &str, password: &str) {
    page.fill("#name", name).await;
    page.fill("#password", password).await;
    page.click("button.primary").await;
}

async fn is_at(page: &Page, path: &str) {
    let expression = format!("location.pathname + location.search === {}", json!(path));
    page.wait_until(&expression, path).await;
}

/// What the worker answers to the form, without a browser.
async fn posted(root: &str, then: &str) -> Response {
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let form: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("name", "alice"), ("password", PASSWORD), ("then", then)])
        .finish();
    let request = client.post(format!("{root}/ui/sign-in")).body(form);
    request.send().await.unwrap()
}

#[tokio::test]
async fn whoever_signs_in_comes_to_where_they_wanted_to_go() {
    let guarded = Guarded::new("").await;
    let worker = guarded.scene.worker();
    security::healthy(&worker).await;
    let (root, browser) = (root(&worker).await, Browser::start().await.unwrap());
    let page = browser.page(Look::Light, 1280, 900).await;
    page.open(&format!("{root}/ui/integrations/acme?a=1")).await;
    is_at(
        &page,
        "/ui/sign-in?then=%2Fui%2Fintegrations%2Facme%3Fa%3D1",
    )
    .await;
    assert_eq!(page.count("[data-part], nav").await, 0);
    sign_in(&page, "alice", WRONG).await;
    page.wait_for("#wrong").await;
    assert_eq!(
        page.text("#wrong").await,
        "There is no user with this name and password."
    );
    assert_eq!(
        page.script("document.querySelector('#name').value").await,
        "alice"
    );
    sign_in(&page, "alice", PASSWORD).await;
    is_at(&page, "/ui/integrations/acme?a=1").await;
    page.wait_for("[data-part=head]").await;
    assert_eq!(page.text(".user span").await, "alice");
    assert_eq!(page.script("document.cookie").await, "");
    page.click(".user button").await;
    is_at(&page, "/ui/sign-in").await;
    page.open(&format!("{root}/ui/")).await;
    is_at(&page, "/ui/sign-in?then=%2Fui%2F").await;

    for (then, place) in [
        ("/ui/add", "/ui/add"),
        ("https://evil.example/", "/ui/"),
        ("//evil.example/", "/ui/"),
        ("/ui/\\evil.example", "/ui/"),
    ] {
        let answer = posted(&root, then).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers()["location"], place);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(attributes.contains(&attribute), "{cookie}");
        }
    }
    guarded.scene.publish(1);
    guarded.scene.all_delivered().await;
    guarded.finish(worker).await;
}

#[tokio::test]
async fn a_viewer_changes_nothing_and_neither_does_another_site() {
    let guarded = Guarded::new("").await;
    let worker = guarded.scene.worker();
    security::healthy(&worker).await;
    let (root, browser) = (root(&worker).await, Browser::start().await.unwrap());
    let page = browser.page(Look::Light, 1280, 900).await;
    page.open(&format!("{root}/ui/")).await;
    sign_in(&page, "bob", PASSWORD).await;
    page.wait_for(".tile").await;
    assert_eq!(page.text(".user span").await, "bob viewer");
    for path in [
        "/ui/",
        "/ui/integrations/acme",
        "/ui/integrations/acme/edit",
        "/ui/add",
    ] {
        page.open(&format!("{root}{path}")).await;
        page.wait_for("nav").await;
        let changing = "main button, main .button, dialog, form[data-form]";
        assert_eq!(page.count(changing).await, 0, "{path}");
    }
    page.open(&format!("{root}/ui/integrations/acme")).await;
    assert_eq!(page.script(RENEW).await, true);
    assert_eq!(page.count("main button, main .button, dialog").await, 0);
    assert_eq!(page.complaints().await, Vec::<String>::new());
    for (method, path) in [
        ("PUT", "/connectors/acme/pause"),
        ("POST", "/connectors/acme/restart"),
        ("POST", "/connectors"),
        ("DELETE", "/connectors/acme"),
        ("POST", "/ui/api/seal"),
        ("POST", "/ui/api/test"),
    ] {
        let request = json!({
            "method": method,
            "headers": { "Content-Type": "application/json" },
            "body": "{}",
        });
        let status = format!("fetch('{path}', {request}).then(({{ status }}) => status)");
        assert_eq!(page.script(&status).await, 403, "{method} {path}");
    }

    let signed_in = posted(&root, "/ui/").await;
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
    let (cookie, _) = cookie.split_once(';').unwrap();
    for (origin, status) in [
        ("https://evil.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
        (&*root, StatusCode::ACCEPTED),
    ] {
        let request = Client::new().put(format!("{root}/connectors/acme/pause"));
        let request = request.header("cookie", cookie).header("origin", origin);
        assert_eq!(request.send().await.unwrap().status(), status, "{origin}");
    }
    page.wait_for("[data-part=head].grey").await;
    guarded.finish(worker).await;
}
