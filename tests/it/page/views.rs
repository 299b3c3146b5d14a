//! Every view, with all four lights, light and dark, wide and narrow: everybody can use it, and it fits.

use std::{env, path::Path};

use onepassword_kafka_dev::{
    browser::{Browser, Look, Page},
    worker::Worker,
};

use super::{
    RENEW, SECRETS,
    cast::{Api, CAST},
    root, tile, without_connectors,
};
use crate::security::{self, Guarded, PASSWORD};

/// A view: its name, its address, what is pressed there, and what is there then.
type View = (
    &'static str,
    &'static str,
    Option<&'static str>,
    &'static str,
);

const VIEWS: [View; 10] = [
    ("overview", "/ui/", None, ".tile"),
    ("add", "/ui/add", None, "[data-form]"),
    (
        "edit",
        "/ui/integrations/Acme/edit",
        Some("summary"),
        "details[open]",
    ),
    (
        "integration",
        "/ui/integrations/Acme",
        None,
        "[data-part=polls] td",
    ),
    (
        "failed",
        "/ui/integrations/Globex",
        None,
        "[data-part=troubles] li",
    ),
    (
        "checks",
        "/ui/integrations/Globex",
        Some("[data-checks] summary"),
        "[data-checklist] li:nth-child(7)",
    ),
    (
        "rewind",
        "/ui/integrations/Acme",
        Some("[data-open=rewind]"),
        "#rewind[open]",
    ),
    (
        "delete",
        "/ui/integrations/Acme",
        Some("[data-open=delete]"),
        "#delete[open]",
    ),
    (
        "search",
        "/ui/search",
        Some("form .primary"),
        "[data-exports]:not([hidden])",
    ),
    ("sign-in", "/ui/sign-in", None, ".sign-in"),
];

const APPEARANCES: [(&str, Look, u32, u32); 4] = [
    ("light", Look::Light, 1280, 900),
    ("dark", Look::Dark, 1280, 900),
    ("light-narrow", Look::Light, 360, 780),
    ("dark-narrow", Look::Dark, 360, 780),
];

/// The cast before a signed-in browser.
struct Gallery {
    guarded: Guarded,
    worker: Worker,
    root: String,
    page: Page,
    _browser: Browser,
}

// === impl Gallery ===

impl Gallery {
    async fn open() -> Self {
        let guarded = Guarded::new(SECRETS).await;
        without_connectors(&guarded.scene);
        let worker = guarded.scene.worker();
        security::healthy(&worker).await;
        let browser = Browser::start().await.unwrap();
        let page = browser.page(Look::Light, 1280, 900).await;
        let root = root(&worker).await;
        page.open(&format!("{root}/ui/")).await;
        page.fill("#name", "alice").await;
        page.fill("#password", PASSWORD).await;
        page.click("button.primary").await;
        page.wait_for(".empty").await;
        Self {
            guarded,
            worker,
            root,
            page,
            _browser: browser,
        }
    }

    async fn enter(&self) {
        Api(self.root.clone()).enter(&self.guarded.scene).await;
        for (name, _, light) in CAST {
            self.page.wait_for(&tile(name, light)).await;
        }
    }

    async fn show(&self, (_, path, press, there): View) {
        self.page.open(&format!("{}{path}", self.root)).await;
        if let Some(button) = press {
            self.page.click(button).await;
        }
        self.page.wait_for(there).await;
    }

    /// Whoever looks at it closely finds nothing.
    async fn is_good(&self, view: &str) {
        for (appearance, look, width, height) in APPEARANCES {
            self.page.appear(look, width, height).await;
            let found = self.page.axe().await;
            assert_eq!(found, Vec::<String>::new(), "{view}, {appearance}");
            let excess = "document.documentElement.scrollWidth - innerWidth";
            let excess = self.page.script(excess).await.as_i64().unwrap();
            assert!(excess <= 0, "{view}, {appearance}: {excess} px too wide");
        }
    }

    async fn close(self) {
        assert_eq!(self.page.complaints().await, Vec::<String>::new());
        self.guarded.scene.end(self.worker).await;
        self.guarded.scene.close().await;
    }
}

#[tokio::test]
async fn every_view_can_be_used_by_everybody_and_fits_a_telephone() {
    let gallery = Gallery::open().await;
    gallery.is_good("nothing yet").await;
    gallery.enter().await;
    for view in VIEWS {
        gallery.show(view).await;
        gallery.is_good(view.0).await;
    }
    gallery.show(VIEWS[5]).await;
    let last_poll = gallery.page.text("[data-checklist] li:nth-child(6)").await;
    assert!(
        last_poll.starts_with("Look here") && last_poll.contains("failed"),
        "{last_poll}"
    );
    gallery.close().await;
}

#[tokio::test]
async fn an_overview_is_small_and_comes_from_its_worker_alone() {
    let gallery = Gallery::open().await;
    gallery.enter().await;
    gallery.show(VIEWS[0]).await;
    assert_eq!(gallery.page.script(RENEW).await, true);
    let requests = gallery.page.requests().await;
    let paths: Vec<_> = requests
        .iter()
        .map(|request| request.url.strip_prefix(&gallery.root).expect("it is ours"))
        .collect();
    for path in ["/ui/", "/ui/page.css", "/ui/page.js", "/ui/icon.svg"] {
        assert!(paths.contains(&path), "{paths:?}");
    }
    let weight: u64 = requests.iter().map(|request| request.bytes).sum();
    assert!((5_000..100_000).contains(&weight), "{weight} bytes");
    gallery.close().await;
}

/// `PICTURES=docs/images cargo test --test it -- --ignored pictures`
#[tokio::test]
#[ignore = "it writes the pictures of the documentation into the folder PICTURES"]
async fn pictures() {
    let folder = env::var("PICTURES").expect("PICTURES names a folder");
    std::fs::create_dir_all(&folder).unwrap();
    let gallery = Gallery::open().await;
    gallery.take(&folder, "empty").await;
    gallery.enter().await;
    for view in VIEWS {
        gallery.show(view).await;
        gallery.take(&folder, view.0).await;
    }
    gallery.close().await;
}

impl Gallery {
    async fn take(&self, folder: &str, view: &str) {
        for (appearance, look, width, height) in APPEARANCES {
            self.page.appear(look, width, height).await;
            let path = Path::new(folder).join(format!("{view}-{appearance}.png"));
            self.page.screenshot(&path).await;
        }
    }
}
