//! What people do in the log, without scripts, and with the keyboard.

use std::collections::BTreeSet;

use crate::driver::{Browser, Driver};
use crate::site::Site;

/// What stands at the end of a page: pages come in pieces, and a click does not wait for all of them.
const END: &str = "#said";

/// The number in the line above the table.
pub(crate) async fn total(browser: &Browser) -> usize {
    browser.wait_for(END).await;
    let total = browser.texts("p.tot b").await.remove(0);
    let digits: String = total.chars().filter(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no total: {total}"))
}

/// The links of the rows, each to its activity.
async fn rows(browser: &Browser) -> Vec<String> {
    browser.wait_for(END).await;
    let mut rows = browser.attributes("td.act a", "href").await;
    for row in &mut rows {
        row.truncate(row.find('?').unwrap_or(row.len()));
    }
    rows
}

#[tokio::test]
async fn without_scripts_the_log_is_filtered_sorted_and_paged_to_its_end() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(false).await;
    // On a narrow page the choices are behind a button.
    browser.resize(900, 900).await;
    let choices = "details.facets > summary";
    browser.open(&site.page("/log?range=P30D")).await;
    let all = total(&browser).await;

    // A choice: the count beside it is the total that it leads to.
    browser.click(choices).await;
    let beside = browser
        .texts("section.facet a[href$='source=cloud'] .ct")
        .await
        .remove(0);
    browser.click("section.facet a[href$='source=cloud']").await;
    let cloud = total(&browser).await;
    assert_eq!(beside.replace('\u{202f}', ""), cloud.to_string());
    assert!(
        browser
            .texts("#chips .chip")
            .await
            .concat()
            .contains("Cloud")
    );
    assert_eq!(browser.count("td.so .dot.onprem").await, 0);

    // Left out instead: the two add up.
    browser.open(&site.page("/log?range=P30D")).await;
    browser.click(choices).await;
    browser
        .click("section.facet a.ex[href$='source.not=cloud']")
        .await;
    assert_eq!(total(&browser).await + cloud, all);
    // Its chip is removed.
    browser.click("#chips a[aria-label*='Cloud']").await;
    assert_eq!(total(&browser).await, all);

    // From the newest to the oldest, and back.
    let newest = rows(&browser).await;
    browser.click("th.when a").await;
    let oldest = rows(&browser).await;
    assert_ne!(newest.first(), oldest.first());

    // To the end: each row once.
    browser.open(&site.page("/log?range=P30D&top=500")).await;
    let mut seen = BTreeSet::new();
    let mut count = 0;
    loop {
        assert_eq!(total(&browser).await, all);
        let rows = rows(&browser).await;
        count += rows.len();
        seen.extend(rows);
        if browser.count("a[rel=next]").await == 0 {
            break;
        }
        browser.click("a[rel=next]").await;
    }
    assert_eq!((count, seen.len()), (all, all));

    // Columns, by a form.
    browser.open(&site.page("/log")).await;
    browser
        .click("details.menu:has(input[name=select]) > summary")
        .await;
    browser
        .click("input[name=select][value=correlationId]")
        .await;
    browser
        .click("form:has(input[name=select]) button[type=submit]")
        .await;
    let heads = browser.texts("thead th").await.join("|");
    assert!(heads.contains("Correlation id"), "{heads}");

    // One activity, and back.
    browser.click("td.act a").await;
    assert!(
        browser.title().await.contains("Audit log"),
        "{}",
        browser.title().await
    );
    assert_eq!(browser.count("main h1").await, 1);
    browser.follow("Audit log").await;
    browser.close().await;
}

#[tokio::test]
async fn a_zone_and_a_theme_are_kept() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(false).await;
    browser.open(&site.page("/log")).await;
    let before = browser.texts("th.when").await.concat();
    assert!(before.contains("UTC"), "{before}");
    assert_eq!(browser.count("html[data-theme=dark]").await, 0);
    for (field, value) in [("zone", "Asia/Kolkata"), ("theme", "dark")] {
        browser.open(&site.page("/preferences")).await;
        browser
            .click(&format!("select#{field} option[value='{value}']"))
            .await;
        browser
            .click("form[action='/preferences']:has(select#zone) button[type=submit]")
            .await;
        browser.wait_to_leave("/preferences").await;
    }
    // Another page, whose address says neither.
    browser.open(&site.page("/log?range=P7D")).await;
    let zoned = browser.texts("th.when").await.concat();
    assert!(zoned.contains("+05:30"), "{zoned}");
    assert_eq!(browser.count("html[data-theme=dark]").await, 1);
    browser.close().await;
}

#[tokio::test]
async fn keys_lead_to_the_search_and_through_the_rows() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(true).await;
    browser.open(&site.page("/log")).await;
    let focus = "return [document.activeElement.tagName, document.activeElement.name].join(' ')";
    browser.press("/").await;
    assert_eq!(browser.ask(focus).await, "INPUT q");
    // While one types, keys are letters.
    browser.press("gs").await;
    assert!(browser.url().await.contains("/log"));
    browser.open(&site.page("/log")).await;
    browser.press("j").await;
    browser.press("j").await;
    let second = "return document.activeElement.getAttribute('href')";
    let second = browser.ask(second).await;
    let links = browser.attributes("td.act a", "href").await;
    assert_eq!(
        second.as_str(),
        links.get(1).map(String::as_str),
        "{links:?}"
    );
    // The first stop of a keyboard is the link past the navigation.
    browser.open(&site.page("/")).await;
    browser.press("\u{e004}").await;
    let skip = "return document.activeElement.textContent.trim()";
    let skip = browser.ask(skip).await;
    assert!(skip.as_str().unwrap().contains("Skip"), "{skip}");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn a_bar_of_a_chart_leads_to_a_log_with_its_total() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(true).await;
    browser.open(&site.page("/")).await;
    let bars = browser.ask(
        "return [...document.querySelectorAll('main figure svg a[href]')]
            .map(a => [a.getAttribute('href'), a.querySelector('title').textContent])",
    );
    let bars = bars.await;
    let bars = bars.as_array().unwrap();
    assert!(bars.len() > 20, "{}", bars.len());
    for bar in bars.iter().step_by(9) {
        let (href, title) = (bar[0].as_str().unwrap(), bar[1].as_str().unwrap());
        browser.open(&site.page(href)).await;
        let found = total(&browser).await;
        // "Mon 16 Nov: 65 on-premises, 33 cloud"
        let (_, parts) = title.split_once(": ").unwrap_or(("", title));
        let sum: usize = parts
            .split(|c: char| !c.is_ascii_digit() && c != '\u{202f}')
            .filter_map(|number| number.replace('\u{202f}', "").parse::<usize>().ok())
            .sum();
        assert_eq!(sum, found, "{title} at {href}");
    }
    browser.close().await;
}
