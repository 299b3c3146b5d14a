//! The browser sees, does, and complains of what it should: on two small pages, one in order and one with faults.

use std::{fs, net::Ipv4Addr, time::Duration};

use axum::{
    Router,
    response::{Html, IntoResponse},
    routing::get,
};
use tokio::net::TcpListener;

use super::*;

const GOOD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Good</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<main>
  <h1>Connectors</h1>
  <label for="name">Name</label> <input id="name">
  <button id="greet">Greet</button>
  <p id="greeting"></p>
</main>
<script src="/script.js"></script>
</html>"#;

/// A field without a label, and a script that the page's policy forbids.
const BAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Bad</title>
<link rel="icon" href="data:,">
<main>
  <h1>Connectors</h1>
  <input id="name">
</main>
<script>document.title = "forbidden";</script>
<img alt="" src="http://example.com/pixel.png">
</html>"#;

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px sans-serif; }
body { background: white; color: black; }
@media (prefers-color-scheme: dark) { body { background: black; color: white; } }
";

/// The answer comes later, as from a server.
const SCRIPT: &str = "
const name = document.getElementById('name');
document.getElementById('greet').addEventListener('click', () => setTimeout(() => {
    document.getElementById('greeting').textContent = `Hello, ${name.value}!`;
}, 100));
";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src * data:";

/// Where both pages are served until the test ends.
async fn pages() -> String {
    fn with(kind: &'static str, body: &'static str) -> impl IntoResponse + Clone {
        ([("content-type", kind)], body)
    }
    let policy = [("content-security-policy", POLICY)];
    let router = Router::new()
        .route("/good", get((policy, Html(GOOD))))
        .route("/bad", get((policy, Html(BAD))))
        .route("/style.css", get(with("text/css", STYLE)))
        .route("/script.js", get(with("text/javascript", SCRIPT)));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

/// The command lines of what runs with `folder` in them.
fn running_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap();
    let commands = entries.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    commands
        .map(|command| String::from_utf8_lossy(&command).replace('\0', " "))
        .filter(|command| command.contains(folder))
        .collect()
}

#[tokio::test]
async fn a_page_is_used_as_by_a_person() {
    let (browser, pages) = (Browser::start().await.unwrap(), pages().await);
    let page = browser.page(Look::Light, 800, 600).await;
    page.open(&format!("{pages}/good")).await;
    page.wait_for("#name").await;
    assert_eq!(page.text("h1").await, "Connectors");
    assert_eq!(page.count("input").await, 1);
    page.fill("#name", "nobody").await;
    page.fill("#name", "Ada").await;
    page.press(key::TAB).await;
    assert_eq!(page.script("document.activeElement.id").await, "greet");
    page.press(key::BACK_TAB).await;
    assert_eq!(page.script("document.activeElement.id").await, "name");
    page.click("#greet").await;
    page.wait_until("greeting.textContent != ''", "there is a greeting")
        .await;
    assert_eq!(page.text("#greeting").await, "Hello, Ada!");
    assert_eq!(page.axe().await, Vec::<String>::new());
    assert_eq!(page.complaints().await, Vec::<String>::new());
    let requests = page.requests().await;
    let urls: Vec<_> = requests.iter().map(|request| &*request.url).collect();
    let expected = ["good", "style.css", "script.js"].map(|name| format!("{pages}/{name}"));
    assert_eq!(urls, expected);
    for (request, body) in requests.iter().zip([GOOD, STYLE, SCRIPT]) {
        let least = u64::try_from(body.len()).unwrap();
        assert!((least..least + 500).contains(&request.bytes), "{request:?}");
    }
}

#[tokio::test]
async fn a_planted_fault_of_each_kind_is_told() {
    let (browser, pages) = (Browser::start().await.unwrap(), pages().await);
    let page = browser.page(Look::Light, 800, 600).await;
    page.open(&format!("{pages}/bad")).await;
    assert_eq!(page.script("document.title").await, "Bad");
    let found = page.axe().await;
    let [fault] = &*found else {
        panic!("{found:?}")
    };
    assert!(fault.starts_with("label (critical): "), "{fault}");
    assert!(fault.contains("#name"), "{fault}");
    let mut complaints = page.complaints().await;
    complaints.sort();
    let [elsewhere, policy] = &*complaints else {
        panic!("{complaints:#?}")
    };
    assert!(
        elsewhere.starts_with("network: http://example.com/pixel.png"),
        "{elsewhere}"
    );
    assert!(policy.starts_with("security: "), "{policy}");
    assert!(policy.contains("script-src 'self'"), "{policy}");
    let requests = page.requests().await;
    let urls: Vec<_> = requests.iter().map(|request| &*request.url).collect();
    assert_eq!(
        urls,
        [&*format!("{pages}/bad"), "http://example.com/pixel.png"]
    );
    page.open(&format!("{pages}/missing")).await;
    let complaints = page.complaints().await;
    assert!(complaints[0].contains("404"), "{complaints:?}");
}

#[tokio::test]
async fn a_page_has_the_asked_look_and_size() {
    let (browser, pages) = (Browser::start().await.unwrap(), pages().await);
    for (look, width, colour) in [
        (Look::Light, 800, "rgb(255, 255, 255)"),
        (Look::Dark, 360, "rgb(0, 0, 0)"),
    ] {
        let page = browser.page(look, width, 600).await;
        page.open(&format!("{pages}/good")).await;
        let background = page.script("getComputedStyle(document.body).backgroundColor");
        assert_eq!(background.await, colour);
        assert_eq!(page.script("innerWidth").await, width);
        let picture = browser.scratch.path().join("page.png");
        page.screenshot(&picture).await;
        let picture = fs::read(&picture).unwrap();
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert_eq!(picture[16..20], width.to_be_bytes());
        assert_eq!(picture[20..24], 600_u32.to_be_bytes());
    }
}

#[tokio::test]
async fn what_is_stored_on_one_page_is_not_on_another() {
    let (browser, pages) = (Browser::start().await.unwrap(), pages().await);
    for _ in 0..2 {
        let page = browser.page(Look::Light, 800, 600).await;
        page.open(&format!("{pages}/good")).await;
        assert_eq!(
            page.script("localStorage.getItem('seen')").await,
            Value::Null
        );
        page.script("localStorage.setItem('seen', 'yes')").await;
    }
}

#[tokio::test]
async fn a_dropped_browser_leaves_nothing() {
    let browser = Browser::start().await.unwrap();
    browser.page(Look::Light, 800, 600).await;
    let folder = browser.scratch.path().to_owned();
    let name = folder.display().to_string();
    assert!(!running_in(&name).is_empty());
    drop(browser);
    assert!(!folder.exists());
    while !running_in(&name).is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
