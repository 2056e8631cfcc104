//! The keyboard alone: what has the focus is seen, and it is never lost.

use serde_json::Value;

use crate::driver::{Browser, Driver};
use crate::site::Site;

const TAB: &str = "\u{e004}";
const ESCAPE: &str = "\u{e00c}";
const ENTER: &str = "\u{e007}";

/// What has the focus: its place among all elements, whether it is seen that it has, and what it says.
const FOCUS: &str = "
    const one = document.activeElement, style = getComputedStyle(one);
    const box = one.getBoundingClientRect();
    const seen = box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight
        && box.right > 0 && box.left < innerWidth;
    const ringed = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1)
        || style.boxShadow !== 'none';
    return [[...document.querySelectorAll('*')].indexOf(one), seen, ringed, one.outerHTML.slice(0, 90)]";

/// The place of the last element that can have the focus.
const LAST: &str = "
    const all = [...document.querySelectorAll('*')];
    return all.findLastIndex(one => one.tabIndex >= 0 && one.checkVisibility()
        && (!one.closest('details:not([open])') || one.matches('details > summary')))";

async fn focus(browser: &Browser) -> (i64, bool, bool, String) {
    let focus = browser.ask(FOCUS).await;
    (
        focus[0].as_i64().unwrap(),
        focus[1] == Value::Bool(true),
        focus[2] == Value::Bool(true),
        focus[3].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn the_focus_is_seen_at_every_stop_and_never_lost() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(true).await;
    let mut wrong = Vec::new();
    for (path, width) in [
        ("/", 1440),
        ("/log", 1440),
        ("/log", 390),
        ("/reports/new", 1024),
    ] {
        browser.resize(width, 900).await;
        browser.open(&site.page(path)).await;
        let mut before = -1;
        for stop in 0..60 {
            browser.press(TAB).await;
            let (place, seen, ringed, html) = focus(&browser).await;
            if html.starts_with("<body") {
                // Behind the last stop of the page comes the browser's own.
                let last = browser.ask(LAST).await.as_i64().unwrap();
                if before != last {
                    wrong.push(format!("{path} at {width}: lost at stop {stop}"));
                }
                break;
            }
            if !seen || !ringed {
                wrong.push(format!(
                    "{path} at {width}: seen {seen}, ringed {ringed}: {html}"
                ));
            }
            // In the order in which it is read.
            if place <= before {
                wrong.push(format!("{path} at {width}: back to {html}"));
            }
            before = place;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.close().await;
}

#[tokio::test]
async fn menus_are_opened_and_left_by_keys() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(true).await;
    browser.resize(1440, 900).await;
    browser.open(&site.page("/log?range=P30D")).await;
    // Past the frame: the link that leads there is the first stop.
    browser.press(TAB).await;
    browser.press(ENTER).await;
    let on_main = "return document.activeElement.id";
    assert_eq!(browser.ask(on_main).await, "main");
    browser.press(TAB).await;
    let (_, _, _, html) = focus(&browser).await;
    assert!(html.starts_with("<summary"), "{html}");
    let open = "return document.querySelectorAll('details.menu[open]').length";
    browser.press(ENTER).await;
    assert_eq!(browser.ask(open).await, 1);
    // Into the menu, and out of it: the focus is back where it was opened.
    browser.press(TAB).await;
    browser.press(ESCAPE).await;
    assert_eq!(browser.ask(open).await, 0);
    let (_, _, _, html) = focus(&browser).await;
    assert!(html.starts_with("<summary"), "{html}");

    // A row is found and opened, and what it says is left out.
    browser.press("j").await;
    browser.press("j").await;
    let activity = browser
        .ask("return document.activeElement.textContent")
        .await;
    browser.press("x").await;
    browser.wait_for("#chips").await;
    let chips = browser.texts("#chips .chip").await.concat();
    assert!(
        chips.contains(activity.as_str().unwrap()),
        "{activity}: {chips}"
    );
    browser.press("j").await;
    browser.press(ENTER).await;
    browser.wait_for("#s-facts").await;
    browser.press("g").await;
    browser.press("o").await;
    browser.wait_for(".stats").await;
    browser.press("?").await;
    browser.wait_for("main kbd").await;
    assert!(browser.url().await.ends_with("/keys"));
    browser.close().await;
}
