//! Days on which the clocks of a zone are changed, as a reader sees them.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::driver::{Browser, Driver};
use crate::records::added;
use crate::signing::sign_in;
use crate::site::Site;
use crate::tasks::total;
use crate::tenant::READER;

const BERLIN: &str = "tz=Europe%2FBerlin";

/// The last Sunday of a month that is over by some days.
fn last_sunday(month: u32) -> NaiveDate {
    let today = Utc::now().date_naive() - Days::new(3);
    let of_year = |year| {
        let days = (1..=31).rev();
        let mut days = days.filter_map(|day| NaiveDate::from_ymd_opt(year, month, day));
        days.find(|day| day.weekday() == chrono::Weekday::Sun)
            .unwrap()
    };
    let this = of_year(today.year());
    if this < today {
        this
    } else {
        of_year(today.year() - 1)
    }
}

/// Something each half hour of so many hours.
fn half_hours(from: DateTime<Utc>, hours: i64) -> String {
    let times = (0..2 * hours).map(|half| from + TimeDelta::minutes(30 * half));
    times
        .map(|time| added(time, "Kim Doe", "Night Shift"))
        .collect()
}

/// The times of the rows, from the earliest.
async fn times(browser: &Browser) -> Vec<String> {
    let mut times = browser.texts("td.when").await;
    times.reverse();
    times
}

#[tokio::test]
async fn days_of_a_clock_change_are_shown_whole() {
    let site = Site::with_two_tenants();
    // Summer time begins and ends in the European Union at one o'clock UTC.
    let (spring, autumn) = (last_sunday(3), last_sunday(10));
    let midnight =
        |day: NaiveDate, offset| day.and_time(NaiveTime::MIN).and_utc() - TimeDelta::hours(offset);
    site.send(&half_hours(midnight(spring, 1), 23));
    site.send(&half_hours(midnight(autumn, 2), 25));

    let driver = Driver::start();
    let browser = driver.browser(true).await;
    browser.resize(1440, 900).await;
    let of_day = |day| site.page(&format!("/log?from={day}&to={day}&top=100&{BERLIN}"));
    browser.open(&of_day(spring)).await;
    sign_in(&browser, READER).await;
    browser.wait_for("td.when").await;
    assert_eq!(total(&browser).await, 46);
    // A narrow head is broken after the region.
    let head = browser.texts("th.when").await.concat().replace('\n', "");
    assert!(head.contains("Europe/Berlin"), "{head}");
    let shown = times(&browser).await;
    assert_eq!(shown[3..5], ["01:30:00 +01:00", "03:00:00 +02:00"]);
    assert_eq!(shown.last().unwrap(), "23:30:00 +02:00");

    browser.open(&of_day(autumn)).await;
    assert_eq!(total(&browser).await, 50);
    let shown = times(&browser).await;
    let twice = [
        "02:00:00 +02:00",
        "02:30:00 +02:00",
        "02:00:00 +01:00",
        "02:30:00 +01:00",
    ];
    assert_eq!(shown[4..8], twice);
    for width in [320, 390, 700, 1024, 1440, 2560] {
        browser.resize(width, 900).await;
        assert_eq!(browser.overflow().await, None, "at {width} px");
    }
    crate::pages::keep(&browser, 1440, "clock-change").await;
    crate::pages::keep(&browser, 390, "clock-change").await;

    // The day before has one offset, and the head says it, whatever the clock says today.
    let eve = autumn - Days::new(1);
    site.send(&half_hours(midnight(eve, 2), 24));
    browser.open(&of_day(eve)).await;
    let head = browser.texts("th.when").await.concat();
    assert!(head.contains("(+02:00)"), "{head}");
    assert_eq!(times(&browser).await[5], "02:30:00");

    // A bar for each of the two days, of all that is in it.
    browser
        .open(&site.page(&format!("/?from={eve}&to={autumn}&{BERLIN}")))
        .await;
    let bars = browser.ask(
        "return [...document.querySelectorAll('main figure svg a[href*=\"/log\"] title')]
            .map(title => title.textContent).filter(text => / (48|50) cloud/.test(text))",
    );
    assert_eq!(bars.await.as_array().unwrap().len(), 2);
    browser.close().await;
}
