//! Names that attack who reads them.

use serde_json::json;

use crate::driver::Driver;
use crate::site::Site;
use crate::tenant::READER;

const NAMES: [&str; 10] = [
    "<script>window.attacked = 1</script>",
    "\"><img src=x onerror=\"window.attacked = 1\">",
    "=HYPERLINK(\"http://evil.example\";\"click\")",
    "invoice\u{202e}fdp.exe",
    "\u{2067}\u{2067}\u{2067} never closed",
    "zero\u{200b}width\u{feff}marks\u{200e}",
    "NUL\u{1}and\u{7f}controls",
    "Z\u{351}\u{36b}\u{343}\u{36a}\u{302}\u{36b}\u{33d}\u{34f}\u{334}\u{319}\u{324}\u{31e}",
    "javascript:window.attacked=1",
    "{{constructor.constructor('window.attacked=1')()}}",
];

#[tokio::test]
async fn hostile_names_are_shown_and_do_nothing() {
    let site = Site::with_reader();
    let long = "W".repeat(10_000);
    let names: Vec<&str> = NAMES.into_iter().chain([long.as_str()]).collect();
    let mut lines = String::new();
    let now = chrono::Utc::now();
    for (number, name) in names.iter().enumerate() {
        let time = now - chrono::TimeDelta::minutes(number as i64 + 1);
        let time = time.format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        let document = json!({
            "HybridObjectID": format!("00000000-0000-4000-8000-{number:012}"),
            "ObjectType": "Request",
            "Operation": "Put",
            "TargetObjectType": "Group",
            "RequestStatus": "Completed",
            "DisplayName": name,
            "Creator": {"HybridObjectID": format!("10000000-0000-4000-8000-{number:012}"), "DisplayName": name, "AccountName": name},
            "Target": {"HybridObjectID": format!("20000000-0000-4000-8000-{number:012}"), "DisplayName": name},
            "CreatedTime": time,
            "CommittedTime": time,
            "CompletedTime": time,
            "RequestParameter": {"PropertyName": "Description", "Value": name, "Mode": "Modify"},
        });
        lines += &format!("{document}\n");
    }
    site.send(&lines);

    let driver = Driver::start();
    let browser = driver.browser(true).await;
    browser.resize(1440, 900).await;
    browser.open(&site.page("/log?system=1&noise=1")).await;
    browser.fill("input[type=password]", READER).await;
    browser
        .click("form:has(input[type=password]) button[type=submit]")
        .await;
    browser.wait_for("td.act a").await;
    let rows = browser.attributes("td.act a", "href").await;
    assert!(rows.len() >= names.len(), "{}", rows.len());
    // A row is no higher for what is in it, and nothing stands outside of the window.
    let heights = browser.ask(
        "return [...document.querySelectorAll('tbody tr:not(.day)')].map(row => row.offsetHeight)",
    );
    let heights = heights.await;
    let heights: Vec<u64> = heights
        .as_array()
        .unwrap()
        .iter()
        .filter_map(serde_json::Value::as_u64)
        .collect();
    assert!(heights.iter().all(|height| *height < 140), "{heights:?}");
    // A mark that turns the direction is a box with its number.
    let text = browser.texts("table").await.concat();
    assert!(
        text.contains("202E") && !text.contains('\u{202e}'),
        "{text}"
    );
    for href in ["/", "/people"].map(str::to_owned).iter().chain(&rows) {
        browser.open(&site.page(href)).await;
        assert_eq!(
            browser.ask("return typeof window.attacked").await,
            "undefined",
            "{href}"
        );
        assert_eq!(browser.overflow().await, None, "{href}");
        assert_eq!(browser.complaints().await, Vec::<String>::new(), "{href}");
    }
    browser.close().await;
}
