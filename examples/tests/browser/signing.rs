//! Signing in and out, and links from other sites.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::driver::{Browser, Driver};
use crate::records::added;
use crate::site::{OTHER, Site};
use crate::tenant::READER;

pub(crate) async fn sign_in(browser: &Browser, token: &str) {
    browser
        .fill(
            "main input[type=password], form input[type=password]",
            token,
        )
        .await;
    browser
        .click("form:has(input[type=password]) button[type=submit]")
        .await;
}

/// A page of another site with one link.
fn elsewhere(href: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let page = format!("<!doctype html><title>Elsewhere</title><a href='{href}'>the report</a>");
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let length = page.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = connection.write_all((head + &page).as_bytes());
        }
    });
    // By a name, so that it is another site than the service's.
    format!("http://localhost:{port}/")
}

#[tokio::test]
async fn who_signs_in_sees_the_page_that_was_asked_for_until_signing_out() {
    let site = Site::with_reader();
    let driver = Driver::start();
    for script in [false, true] {
        let browser = driver.browser(script).await;
        browser.open(&site.page("/log?result=failure")).await;
        assert!(
            browser.url().await.contains("/signin"),
            "{}",
            browser.url().await
        );
        sign_in(&browser, "not the token at all").await;
        browser.wait_for("input[aria-invalid]").await;
        assert!(
            browser.url().await.contains("/signin"),
            "{}",
            browser.url().await
        );
        sign_in(&browser, READER).await;
        browser.wait_for("#chips").await;
        assert!(
            browser.url().await.ends_with("/log?result=failure"),
            "{}",
            browser.url().await
        );
        if script {
            // No script can read the cookie.
            assert_eq!(browser.ask("return document.cookie").await, "");
        }
        browser
            .click("details.menu:has(form[action='/signout']) > summary")
            .await;
        browser.click("form[action='/signout'] button").await;
        browser.wait_to_leave("/log?result=failure").await;
        browser.open(&site.page("/log")).await;
        assert!(
            browser.url().await.contains("/signin"),
            "{}",
            browser.url().await
        );
        browser.close().await;
    }
}

#[tokio::test]
async fn a_link_on_another_site_opens_the_page_of_who_is_signed_in() {
    let site = Site::with_reader();
    let driver = Driver::start();
    let browser = driver.browser(true).await;
    let elsewhere = elsewhere(&site.page("/log?result=failure"));
    browser.open(&elsewhere).await;
    browser.follow("the report").await;
    browser.wait_for("input[type=password]").await;
    sign_in(&browser, READER).await;
    browser.wait_for("p.tot, .empty").await;
    assert!(
        browser.url().await.ends_with("/log?result=failure"),
        "{}",
        browser.url().await
    );
    browser.open(&elsewhere).await;
    browser.follow("the report").await;
    browser.wait_for("#chips").await;
    assert!(
        browser.url().await.ends_with("/log?result=failure"),
        "{}",
        browser.url().await
    );
    browser.close().await;
}

#[tokio::test]
async fn what_is_of_another_tenant_is_not_there() {
    let site = Site::with_two_tenants();
    site.send(&added(chrono::Utc::now(), "Kim Doe", "Night Shift"));
    let driver = Driver::start();
    let ours = driver.browser(true).await;
    ours.open(&site.page("/log")).await;
    sign_in(&ours, READER).await;
    ours.wait_for("td.act a").await;
    let mut theirs = vec![ours.attributes("td.act a", "href").await.remove(0)];
    ours.open(&site.page("/people")).await;
    theirs.push(
        ours.attributes("main a[href^='/people/']", "href")
            .await
            .remove(0),
    );
    // A report is saved, too.
    ours.open(&site.page("/reports/new?by=result")).await;
    ours.fill("#b-name", "Night Shift by result").await;
    ours.click("form[action='/reports/custom'] button[type=submit]")
        .await;
    ours.wait_for("p.tot").await;
    let saved = ours.url().await;
    theirs.push(saved.strip_prefix(&site.base).unwrap().to_owned());
    ours.close().await;

    let other = driver.browser(true).await;
    other.open(&site.page("/reports")).await;
    sign_in(&other, OTHER).await;
    other.wait_for("main h1").await;
    for path in &theirs {
        other.open(&site.page(path)).await;
        assert_eq!(
            other.texts("main h1").await,
            ["There is nothing here"],
            "{path}"
        );
        let said = other.texts("body").await.concat();
        for never in ["Kim", "Robin", "Night Shift", "Contoso"] {
            assert!(!said.contains(never), "{never} at {path}: {said}");
        }
    }
    for path in ["/log", "/people", "/reports", "/system"] {
        other.open(&site.page(path)).await;
        let said = other.texts("body").await.concat();
        assert!(
            !said.contains("Night Shift") && !said.contains("Kim"),
            "{path}: {said}"
        );
    }
    other.close().await;
}
