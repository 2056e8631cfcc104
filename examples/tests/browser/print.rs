//! What is printed.

use serde_json::json;

use crate::driver::{Driver, Look};
use crate::pages::keep;
use crate::site::Site;
use crate::tasks::total;

#[tokio::test]
async fn all_rows_are_printed_below_heads_and_filters() {
    let site = Site::demo();
    let driver = Driver::start();
    let browser = driver.browser(true).await;
    browser.resize(1024, 900).await;
    let log = "/log?range=P30D&source=cloud";
    browser.open(&site.page(log)).await;
    let all = total(&browser).await;
    assert!(all > 100, "more than a page: {all}");
    browser
        .open(&site.page(&format!("{log}&format=print")))
        .await;
    assert_eq!(browser.count("td.act").await, all);

    browser.look(Look::Print).await;
    let shown = "
        const shown = css => [...document.querySelectorAll(css)].filter(one => one.checkVisibility()).length;
        return {
            frame: shown('.nav, .top, .acts, .pager, .chip a'),
            chips: [...document.querySelectorAll('#chips .chip')].map(one => one.innerText).join('|'),
            lead: document.querySelector('p.lead').innerText,
            head: getComputedStyle(document.querySelector('table.t thead')).display,
            rows: shown('table.t td.act'),
        }";
    let shown = browser.ask(shown).await;
    assert_eq!(shown["frame"], 0, "{shown}");
    assert!(
        shown["chips"].as_str().unwrap().contains("Cloud"),
        "{shown}"
    );
    assert!(shown["lead"].as_str().unwrap().contains("as of"), "{shown}");
    // Browsers repeat such a head on each page.
    assert_eq!(shown["head"], "table-header-group");
    assert_eq!(shown["rows"], all);
    keep(&browser, 800, "print").await;

    // The paper itself: several pages, none of them wider than it.
    let paper = json!({"printBackground": false, "preferCSSPageSize": true});
    let pdf = browser.devtools("Page.printToPDF", paper).await;
    let pdf = decoded(pdf["data"].as_str().unwrap());
    let pages = pdf.windows(12).filter(|at| at == b"/Type /Page\n").count();
    assert!(pages > 2, "{pages} pages, {} bytes", pdf.len());
    browser.look(Look::Light).await;

    // A report, too.
    browser
        .open(&site.page("/reports/self-service-groups?format=print"))
        .await;
    browser.look(Look::Print).await;
    assert_eq!(browser.overflow().await, None);
    browser.close().await;
}

/// Base64, as devtools send files.
fn decoded(text: &str) -> Vec<u8> {
    let value = |byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let sextets: Vec<u8> = text.bytes().filter_map(value).collect();
    let of_four = |four: &[u8]| {
        let bits = four
            .iter()
            .fold(0_u32, |bits, six| bits << 6 | u32::from(*six));
        let bits = bits << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    sextets.chunks(4).flat_map(of_four).collect()
}
