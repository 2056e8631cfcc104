//! Every page at every width, look and size of text: nothing for axe to find, nothing that leaves the
//! window, nothing that the browser complains of; and a picture of each to look at.

use std::path::PathBuf;

use crate::driver::{Browser, Driver, Look};
use crate::site::Site;

const PAGES: [(&str, &str); 12] = [
    ("overview", "/"),
    ("log", "/log"),
    ("log-failed", "/log?result=failure"),
    ("log-nothing", "/log?q=there+is+nothing+of+this+name"),
    ("reports", "/reports"),
    ("report-resets", "/reports/password-reset"),
    ("report-groups", "/reports/self-service-groups"),
    ("builder", "/reports/new"),
    ("people", "/people"),
    ("system", "/system"),
    ("wrong", "/log?nosuch=1"),
    ("missing", "/log/00000000-0000-0000-0000-000000000000"),
];

/// Where pictures are left.
fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/portal-pictures");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A picture of the page as it is, at a width.
pub(crate) async fn keep(browser: &Browser, width: u32, name: &str) {
    let file = pictures().join(format!("{name}-{width}.png"));
    browser.picture(width, &file).await;
}

/// Pages that are reached by following links.
async fn found(browser: &Browser, site: &Site) -> Vec<(String, String)> {
    let mut pages: Vec<_> = PAGES
        .iter()
        .map(|(name, path)| ((*name).to_owned(), site.page(path)))
        .collect();
    for (name, from, link) in [
        ("activity", "/log", "main table a[href*='/log/']"),
        ("person", "/people", "main a[href*='/people/']"),
    ] {
        browser.open(&site.page(from)).await;
        let script = format!("return document.querySelector(\"{link}\").href");
        let href = browser.ask(&script).await;
        pages.push((name.to_owned(), href.as_str().unwrap().to_owned()));
    }
    pages
}

#[tokio::test]
async fn every_page_at_every_width_and_look() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(true).await;
    let axe = std::env::var("AXE")
        .ok()
        .map(|file| std::fs::read_to_string(file).unwrap());
    let mut wrong = Vec::new();
    browser.resize(1440, 900).await;
    let pages = found(&browser, &site).await;
    for (name, url) in &pages {
        browser.look(Look::Light).await;
        browser.open(url).await;
        for width in [320, 390, 700, 1024, 1280, 1440, 2560] {
            browser.resize(width, 900).await;
            if let Some(overflow) = browser.overflow().await {
                wrong.push(format!("{name} at {width} px: {overflow}"));
            }
        }
        for (width, look) in [
            (320, Look::Light),
            (320, Look::Dark),
            (390, Look::Light),
            (390, Look::Dark),
            (1024, Look::ForcedColours),
            (1024, Look::Grey),
            (1280, Look::Light),
            (1280, Look::Dark),
            (2560, Look::Light),
            (2560, Look::Dark),
        ] {
            browser.look(look).await;
            browser
                .picture(
                    width,
                    &pictures().join(format!("{name}-{width}-{look:?}.png")),
                )
                .await;
            if let Some(axe) = &axe {
                let found = browser.axe(axe).await;
                wrong.extend(
                    found
                        .iter()
                        .map(|rule| format!("{name} {width} {look:?}: {rule}")),
                );
            }
        }
        // A page of an error is said to be one by the browser, too.
        let complaints = browser.complaints().await;
        let known = |text: &&String| text.contains("the server responded with a status of 40");
        wrong.extend(
            complaints
                .iter()
                .filter(|text| !known(text))
                .map(|text| format!("{name}: {text}")),
        );
    }
    browser.close().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Text that is cut where it can't be scrolled to and nothing says so, such as by an ellipsis.
const CUT: &str = "
    const cut = [];
    for (const one of document.querySelectorAll('main *, nav *, header *')) {
        const style = getComputedStyle(one);
        const box = one.getBoundingClientRect();
        if (box.width < 2 || box.height < 2 || !one.textContent.trim() || one.closest('svg, .vh')) continue;
        const hides = value => value === 'hidden' || value === 'clip';
        const wide = hides(style.overflowX) && one.scrollWidth > one.clientWidth + 1
            && style.textOverflow !== 'ellipsis';
        const high = hides(style.overflowY) && one.scrollHeight > one.clientHeight + 2
            && style.webkitLineClamp === 'none' && one.clientHeight > 0;
        if (wide || high) cut.push(one.outerHTML.slice(0, 100));
    }
    return cut";

#[tokio::test]
async fn text_of_twice_the_size_is_read_everywhere() {
    let site = Site::demo();
    let driver = Driver::start();
    // The text alone, as somebody chose it for all pages.
    let browser = driver.browser_with_text(true, 32).await;
    browser.resize(1280, 900).await;
    let pages = found(&browser, &site).await;
    let size = browser.ask("return getComputedStyle(document.documentElement).fontSize");
    assert_eq!(size.await, "32px");
    let mut wrong = Vec::new();
    for (name, url) in &pages {
        browser.open(url).await;
        for width in [640, 1024, 1280, 2560] {
            browser.resize(width, 900).await;
            let at = format!("{name} at {width} px, text of 200 %");
            if let Some(overflow) = browser.overflow().await {
                wrong.push(format!("{at}: {overflow}"));
            }
            let cut = browser.ask(CUT).await;
            let cut = cut.as_array().unwrap().iter();
            wrong.extend(cut.map(|html| format!("{at}: {html} is cut")));
        }
        keep(&browser, 1280, &format!("{name}-enlarged")).await;
    }
    browser.close().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
