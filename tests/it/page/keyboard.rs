//! The page without a mouse.

use onepassword_kafka_dev::browser::key::{ENTER, TAB};

use super::{SECOND, Stage};

/// Goes on to an element; each on the way is seen to have the focus.
async fn tab_to(stage: &Stage, css: &str) {
    const IS_SEEN: &str = "(({ outlineStyle, outlineWidth }) =>
        outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1)(getComputedStyle(document.activeElement))";
    for _ in 0..60 {
        stage.page.press(TAB).await;
        let page = &stage.page;
        if page
            .script("document.activeElement === document.body")
            .await
            == true
        {
            continue;
        }
        let element = page.script("document.activeElement.outerHTML").await;
        assert_eq!(page.script(IS_SEEN).await, true, "{element}");
        let is_there = format!("document.activeElement.matches({css:?})");
        if page.script(&is_there).await == true {
            return;
        }
    }
    panic!("{css} is not reached");
}

#[tokio::test]
async fn an_integration_is_added_with_the_keyboard_alone() {
    let stage = Stage::begin().await;
    let page = &stage.page;
    stage.open("/ui/").await;
    tab_to(&stage, "a.primary").await;
    page.press(ENTER).await;
    page.wait_for("[data-form]").await;
    page.wait_until(
        "document.activeElement.id === 'f-name'",
        "the name has the focus",
    )
    .await;
    page.press("Acme").await;
    tab_to(&stage, "#f-token").await;
    page.press(stage.scene.token.as_str()).await;
    tab_to(&stage, "[data-test]").await;
    page.press(" ").await;
    page.wait_for("[data-tested] .good").await;
    tab_to(&stage, "#f-interval").await;
    page.press(SECOND).await;
    tab_to(&stage, "[name=streams]").await;
    page.press(" ").await;
    tab_to(&stage, "form .primary").await;
    page.press(ENTER).await;
    page.wait_for("[data-part=head].green").await;

    stage.open("/ui/").await;
    stage.shines("Acme", "green").await;
    tab_to(&stage, ".tile h2 a").await;
    page.script("document.querySelector('.tile').old = true")
        .await;
    stage.scene.publish(3);
    let is_new = "!document.querySelector('.tile').old && document.querySelector('.tile').dataset.events === '6'";
    page.wait_until(is_new, "the tile is brought up to date")
        .await;
    assert_eq!(
        page.script("document.activeElement.matches('.tile h2 a')")
            .await,
        true
    );
    page.press(ENTER).await;
    page.wait_for("[data-part=head]").await;
    tab_to(&stage, "[data-path$='/pause']").await;
    page.press(ENTER).await;
    page.wait_for("[data-part=head].grey").await;
    stage.end().await;
}
