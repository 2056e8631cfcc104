//! Reports of one's own, downloads, and what belongs to an activity: without scripts.

use crate::driver::{Browser, Driver};
use crate::site::Site;
use crate::tasks::total;

/// The first option of a select field with this value.
async fn choose(browser: &Browser, css: &str, value: &str) {
    browser
        .click(&format!("{css} option[value='{value}']"))
        .await;
}

#[tokio::test]
async fn a_report_is_built_saved_and_edited_in_place() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(false).await;
    browser.resize(1280, 900).await;
    browser.open(&site.page("/reports")).await;
    browser.follow("New report").await;
    choose(&browser, "select[name=range]", "P30D").await;
    choose(&browser, "select[name=add]", "source").await;
    browser.fill("input[name=value]", "cloud").await;
    choose(&browser, "select[aria-label='Group by, first']", "result").await;
    browser.click("input[name=m][value=actors]").await;
    choose(&browser, "select[name=chart]", "ranking").await;
    let preview = "form[action='/reports/new'] button[type=submit]";
    browser.click(preview).await;
    let chips = browser.texts(".chips .chip").await.concat();
    assert!(
        chips.contains("Cloud") || chips.contains("cloud"),
        "{chips}"
    );
    let results = total(&browser).await;
    assert!(results > 1);

    browser.fill("#b-name", "Cloud by result").await;
    browser
        .click("form[action='/reports/custom'] button[type=submit]")
        .await;
    let saved = browser.url().await;
    assert!(saved.contains("/reports/custom/"), "{saved}");
    assert_eq!(browser.texts("main h1").await, ["Cloud by result"]);
    assert_eq!(total(&browser).await, results);

    // Edited in place: the same address, no second one in the list.
    browser
        .click("details.menu:has(form[action$='/delete']) > summary")
        .await;
    browser.follow("Edit").await;
    choose(&browser, "select[aria-label='Group by, first']", "day").await;
    browser.click(preview).await;
    let days = total(&browser).await;
    assert!(days > results, "{days}");
    browser.fill("#b-name", "Cloud by day").await;
    browser
        .click("form[action='/reports/custom'] button[type=submit]")
        .await;
    assert_eq!(browser.url().await, saved);
    assert_eq!(browser.texts("main h1").await, ["Cloud by day"]);
    assert_eq!(total(&browser).await, days);
    browser.open(&site.page("/reports")).await;
    let own = browser.texts("h2 a[href*='/reports/custom/']").await;
    assert_eq!(own, ["Cloud by day"]);

    // What it shows is what it exports.
    let folder = tempfile::tempdir().unwrap();
    browser.download_to(folder.path()).await;
    browser.open(&saved).await;
    browser
        .click("details.menu:has(a[href*='format=csv']) > summary")
        .await;
    browser.follow("CSV").await;
    let csv = browser.downloaded(folder.path(), ".csv").await;
    assert_eq!(csv.lines().count(), days + 1, "{csv}");

    browser
        .click("details.menu:has(form[action$='/delete']) > summary")
        .await;
    browser.click("form[action$='/delete'] button").await;
    assert_eq!(browser.count("h2 a[href*='/reports/custom/']").await, 0);
    browser.close().await;
}

#[tokio::test]
async fn the_log_is_downloaded_as_it_is_filtered() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(false).await;
    browser.resize(1280, 900).await;
    let folder = tempfile::tempdir().unwrap();
    browser.download_to(folder.path()).await;
    browser
        .open(&site.page("/log?range=P30D&result=failure"))
        .await;
    let all = total(&browser).await;
    for (label, ending) in [("NDJSON", ".ndjson"), ("JSON", ".json")] {
        browser
            .click("details.menu:has(a[href*='format=csv']) > summary")
            .await;
        browser.follow(label).await;
        let file = browser.downloaded(folder.path(), ending).await;
        let rows = match label {
            "NDJSON" => file.lines().count(),
            _ => {
                let file: serde_json::Value = serde_json::from_str(&file).unwrap();
                file["rows"].as_array().unwrap().len()
            }
        };
        assert_eq!(rows, all, "{label}");
        browser
            .open(&site.page("/log?range=P30D&result=failure"))
            .await;
    }
    browser.close().await;
}

#[tokio::test]
async fn what_belongs_to_an_activity_is_a_link_away() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(false).await;
    browser
        .open(&site.page("/log?range=P30D&source=onPremises&top=100"))
        .await;
    let rows = browser.attributes("td.act a", "href").await;
    let mut related = None;
    for href in &rows {
        browser.open(&site.page(href)).await;
        if browser.count("ul.tree a[href^='/log/']").await > 0 {
            related = browser
                .attributes("ul.tree a[href^='/log/']", "href")
                .await
                .pop();
            break;
        }
    }
    let related = related.expect("an activity with relations");
    let from = browser.url().await;
    browser.open(&site.page(&related)).await;
    // And back: they belong to each other.
    let back = browser.attributes("ul.tree a[href^='/log/']", "href").await;
    let id = from
        .rsplit("/log/")
        .next()
        .unwrap()
        .split('?')
        .next()
        .unwrap();
    assert!(back.iter().any(|href| href.contains(id)), "{id}: {back:?}");
    browser.close().await;
}
