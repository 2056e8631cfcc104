//! Every page at every width and look: nothing for axe to find, nothing that leaves the window, nothing
//! that the browser complains of; and a picture of each to look at.

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
        for width in [320, 390, 700, 1024, 1440, 2560] {
            browser.resize(width, 900).await;
            if let Some(overflow) = browser.overflow().await {
                wrong.push(format!("{name} at {width} px: {overflow}"));
            }
        }
        for (width, look) in [
            (1440, Look::Light),
            (1440, Look::Dark),
            (390, Look::Light),
            (390, Look::Dark),
            (1024, Look::ForcedColours),
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
