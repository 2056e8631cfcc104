//! The audit log: what it says, counts, pages, exports and refuses.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use super::html::{between, chips, links, number, text_of, total, unescape};
use super::process::{AUDIT, Service, entry};

/// Rows of a CSV whose cells may hold line breaks.
fn rows(csv: &str) -> usize {
    let mut quoted = false;
    let ends = csv.chars().filter(|letter| {
        if *letter == '"' {
            quoted = !quoted;
        }
        *letter == '\n' && !quoted
    });
    ends.count() - 1
}

/// The same question three ways: the page's total, the export's rows, the API's rows.
#[track_caller]
fn agree(service: &Service, path: &str) -> u64 {
    let page = service.page(path);
    let said = total(&page);
    let with = |format: &str| {
        let separator = if path.contains('?') { '&' } else { '?' };
        format!("{path}{separator}format={format}")
    };
    let csv = service.get(&with("csv"));
    assert_eq!(csv.status, 200, "{path}");
    assert_eq!(csv.header("x-total-count"), said.to_string(), "{path}");
    assert_eq!(rows(csv.text()) as u64, said, "{path}");
    let query = service.page(&with("query"));
    let query = between(&query, "id=\"query\" tabindex=\"0\">", "</pre>").unwrap();
    assert_eq!(service.query(&unescape(query)).len() as u64, said, "{path}");
    said
}

#[test]
fn totals_exports_and_the_api_agree_whatever_is_filtered() {
    let service = Service::filled(300);
    let all = agree(&service, "/log?range=P30D");
    assert!(all > 200, "{all}");
    let mut parts = 0;
    for source in ["onPremises", "cloud"] {
        parts += agree(&service, &format!("/log?range=P30D&source={source}"));
    }
    assert_eq!(parts, all);
    let failed = agree(&service, "/log?range=P30D&result=failure");
    let others = agree(&service, "/log?range=P30D&result.not=failure");
    assert_eq!(failed + others, all);
    assert!(failed > 0);
    for filter in [
        "range=PT72H",
        "range=P30D&category=MIM+Service",
        "range=P30D&category=GroupManagement&resourceType=Group&result=success",
        "range=P30D&initiatedBy.starts=a",
        "range=P30D&target.starts=HARBOR",
        "range=P30D&target.starts=Night&q=night",
        "range=P30D&q=password",
        "range=P30D&weekday=1&weekday=2&hour=9&hour=10&hour=11",
        "range=P30D&kind=member.add&kind=member.remove&source.not=cloud",
        "range=P30D&system=1",
        "range=P30D&noise=1&loggedByService.not=MIM+Service",
        "range=P30D&operationType.not=Put",
    ] {
        agree(&service, &format!("/log?{filter}"));
    }
    let shown = agree(&service, "/log?range=P30D&noise=1&system=1");
    assert!(shown >= all);
    // The report of the crate and the log count the same rows.
    let report = service.page("/reports/audit-log?from=2000-01-01");
    assert_eq!(
        total(&report),
        agree(&service, "/log?from=2000-01-01"),
        "the report audit-log"
    );
}

#[test]
fn every_choice_says_what_it_leaves() {
    let service = Service::filled(200);
    let page = service.page("/log?range=P30D&counts=all");
    assert!(!page.contains("Counts took too long"));
    let mut followed = 0;
    for facet in page.split("<section class=\"facet\">").skip(1) {
        let facet = facet.split("</section>").next().unwrap();
        for choice in facet.split("<li>").skip(1) {
            let link = &links(choice)[0];
            let count = number(between(choice, "<span class=\"ct\">", "</span>").unwrap());
            assert_eq!(total(&service.page(link)), count, "{link}");
            followed += 1;
        }
    }
    assert!(followed > 20, "{followed}");
    // A second choice beside the first adds to it.
    let one = service.page("/log?range=P30D&counts=all&result=failure");
    let link = links(between(&one, "<h3 id=\"facet-result\">", "</ul>").unwrap())
        .into_iter()
        .find(|link| link.contains("result=failure&result=success"))
        .unwrap();
    let both = total(&service.page(&link));
    assert!(both > total(&one), "{link}");
}

#[test]
fn chips_name_what_is_filtered_and_take_it_away() {
    let service = Service::filled(150);
    let all = total(&service.page("/log?range=P30D"));
    let page = service.page("/log?range=P30D&result=failure&result=denied&source.not=cloud&q=a");
    let names = chips(&page);
    assert_eq!(names.len(), 5, "{names:?}");
    for name in [
        "Source is not Cloud",
        "Result is denied or failure",
        "Text contains a",
        "Left out: system events",
        "Left out: by-products",
    ] {
        let name = name.replace("denied or failure", "Denied or Failed");
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let area = between(&page, "<ul class=\"chips\" id=\"chips\"", "</ul>").unwrap();
    let clear = links(area).pop().unwrap();
    assert_eq!(clear, "/log?range=P30D");
    // One after the other taken away, all rows are there again, and system events more.
    let mut link = "/log?range=P30D&result=failure&result=denied&source.not=cloud&q=a".to_owned();
    let mut last = total(&page);
    for _ in 0..3 {
        let page = service.page(&link);
        let area = between(&page, "<ul class=\"chips\" id=\"chips\"", "</ul>").unwrap();
        link = links(area)[0].clone();
        let now = total(&service.page(&link));
        assert!(now >= last, "{link}");
        last = now;
    }
    assert_eq!(last, all);
}

#[test]
fn pages_hold_each_row_once_while_rows_arrive() {
    let service = Service::filled(250);
    let first = service.page("/log?range=P30D&top=50");
    let all = total(&first);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut page = first;
    let mut times: Vec<String> = Vec::new();
    let mut posted = 0;
    loop {
        assert_eq!(total(&page), all, "the total stands still");
        let body = between(&page, "<tbody role=\"rowgroup\">", "</tbody>").unwrap();
        for row in body.split("<tr role=\"row\">").skip(1) {
            let link = links(row)
                .into_iter()
                .find(|link| link.starts_with("/log/"))
                .unwrap();
            let id = link["/log/".len()..].split('?').next().unwrap().to_owned();
            assert!(seen.insert(id), "{link} twice");
            times.push(between(row, "datetime=\"", "\"").unwrap().to_owned());
        }
        let next = page
            .split("<a class=\"btn\" rel=\"next\" href=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .map(unescape);
        let Some(next) = next else { break };
        let name = format!("arrived-{posted}");
        service.post_lines(&[entry(&name, Utc::now(), "Newcomer", "Night Shift", "late")]);
        posted += 1;
        page = service.page(&next);
    }
    assert_eq!(seen.len() as u64, all);
    assert!(posted > 2);
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first");
    // What came since is counted, and shown when asked for.
    let count = between(&service.page("/log?range=P30D"), "data-count=\"", "\"")
        .map(unescape)
        .unwrap();
    assert_eq!(service.get(&count).text(), "{\"new\":0}");
    service.post_lines(&[entry(
        "arrived-last",
        Utc::now(),
        "Newcomer",
        "Night Shift",
        "late",
    )]);
    assert_eq!(service.get(&count).text(), "{\"new\":1}");
    assert_eq!(total(&service.page("/log?range=P30D")), all + posted + 1);
}

/// The ids of a page's rows, in their order.
fn ids(page: &str) -> Vec<String> {
    page.split("<td role=\"cell\" class=\"act\"")
        .skip(1)
        .filter_map(|cell| between(cell, "href=\"/log/", "\""))
        .map(|link| link.split('?').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn rows_are_sorted_by_every_column_and_pages_follow() {
    let service = Service::filled(150);
    for (column, key) in [
        ("activityDisplayName", "activity"),
        ("result", "result"),
        ("initiatedBy", "actor"),
        ("targetResources", "target"),
        ("category", "category"),
        ("resultReason", "reason"),
    ] {
        for direction in ["asc", "desc"] {
            let select = format!("activityDisplayName,{column}");
            let address =
                format!("/log?range=P30D&orderby={column}+{direction}&top=50&select={select}");
            let page = service.page(&address);
            let next = links(&page)
                .into_iter()
                .find(|link| link.contains("skiptoken="))
                .unwrap();
            assert_eq!(total(&service.page(&next)), total(&page));
            let word = if direction == "asc" {
                "ascending"
            } else {
                "descending"
            };
            assert!(page.contains(&format!("aria-sort=\"{word}\"")), "{column}");
            // Pages show what the export has, in its order; and that is the order of the column.
            let export = service.get(&format!("{address}&format=ndjson"));
            let rows: Vec<Value> = export
                .text()
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            let mut shown = ids(&page);
            shown.extend(ids(&service.page(&next)));
            let id = |row: &Value| row["id"].as_str().unwrap_or_default().to_owned();
            let exported: Vec<String> = rows.iter().map(id).collect();
            assert!(
                shown.len() > 50 && exported.starts_with(&shown),
                "{address}"
            );
            let mut keys: Vec<Option<&str>> = rows.iter().map(|row| row[key].as_str()).collect();
            if direction == "desc" {
                keys.reverse();
            }
            // What has no value stands at one end.
            let known: Vec<&str> = keys.iter().copied().flatten().collect();
            assert!(
                known.is_sorted() && known.first() < known.last(),
                "{address}: {known:?}"
            );
            let ends = [
                keys.split(Option::is_none).next(),
                keys.rsplit(Option::is_none).next(),
            ];
            assert!(
                ends.iter().any(|end| end.unwrap().len() == known.len()),
                "{address}"
            );
            // A token of another order or filter is refused, not misread.
            let other = next.replace("range=P30D", "range=P29D");
            let answer = service.get(&other);
            assert_eq!(answer.status, 400, "{other}");
            assert!(answer.text().contains("skiptoken"));
        }
    }
}

#[test]
fn hostile_names_are_shown_and_do_nothing() {
    let service = Service::start();
    let now = Utc::now() - TimeDelta::minutes(5);
    let long = "A very long name ".repeat(600);
    let names = [
        "<script>alert(1)</script>",
        "=HYPERLINK(\"http://x.example\";\"pay\")",
        "Anna \u{202e}nimdA",
        "isolate \u{2067}left open",
        "zero\u{200b}width\u{feff}",
        "\" onmouseover=alert(1) x=\"",
        "nul\u{0}bell\u{7}",
        "\u{301}\u{301}lone",
        "javascript:alert(1)",
        long.trim_end(),
    ];
    let documents: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(index, name)| entry(&format!("hostile-{index}"), now, name, name, name))
        .collect();
    service.post_lines(&documents);
    let log = service.page("/log");
    assert_eq!(total(&log), names.len() as u64);
    let open: Vec<String> = links(&log)
        .into_iter()
        .filter(|link| link.starts_with("/log/") && link.len() > 20)
        .collect();
    assert!(open.len() >= names.len());
    let people = service.page("/people");
    let person = links(&people)
        .into_iter()
        .find(|link| link.starts_with("/people/"))
        .unwrap();
    assert!(!person.contains("harbor"), "{person}");
    let mut pages = vec![log, people, service.page(&person), service.page("/")];
    pages.extend(open.iter().map(|link| service.page(link)));
    pages.push(service.page("/reports/self-service-groups"));
    pages.push(service.page("/reports/new?by=actor&by=group"));
    pages.push(service.page("/log?q=%3Cscript%3E%E2%80%AE"));
    for page in &pages {
        // A field of a form gives back what was typed into it, to the letter.
        let typed = page.split(" value=\"").enumerate();
        let page: String = typed
            .map(|(index, part)| match index {
                0 => part,
                _ => part.split_once('"').map_or("", |(_, rest)| rest),
            })
            .collect();
        for acts in [
            "<script>alert",
            "\u{202e}",
            "\u{2067}",
            "\u{200b}",
            "\u{feff}",
            "\u{0}",
            "\u{7}",
            "\" onmouseover",
            "href=\"javascript:",
            " style=",
        ] {
            assert!(!page.contains(acts), "{acts:?} in {}", text_of(&page));
        }
        assert_eq!(page.matches("<script").count(), 1, "our own");
        assert!(page.len() < 400_000);
    }
    assert!(pages[0].contains(">U+202E</span>nimdA"), "{}", pages[0]);
    assert!(pages[0].contains("\u{25cc}\u{301}"));
    let csv = service.get("/log?format=csv");
    for line in csv.text().lines() {
        assert!(
            !line
                .split(',')
                .any(|cell| cell.trim_matches('"').starts_with('=')),
            "{line}"
        );
    }
    // What was searched for is found, whatever it is made of.
    let query: String = form_urlencoded::byte_serialize("Anna \u{202e}nimdA".as_bytes()).collect();
    assert_eq!(total(&service.page(&format!("/log?q={query}"))), 1);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let service = Service::start();
    for (path, name) in [
        ("/log?colour=red", "colour"),
        ("/log?result=good", "result"),
        ("/log?from=yesterday", "from"),
        ("/log?top=7", "top"),
        ("/log?tz=Mars", "tz"),
        ("/log?skiptoken=50.zzz&asof=1.1", "skiptoken"),
        ("/?foo=1", "foo"),
        ("/reports/password-reset?colour=red", "colour"),
        ("/reports/password-reset?source=moon", "source"),
        ("/reports/password-reset?page=9", "page"),
        ("/reports/new?by=colour", "by"),
        ("/people?x=1", "x"),
        ("/system?x=1", "x"),
        ("/views?x=1", "x"),
    ] {
        let answer = service.get(path);
        assert_eq!(answer.status, 400, "{path}");
        let main = between(answer.text(), "<main", "</main>").unwrap();
        assert!(
            text_of(main).contains(&format!("Parameter {name} ")),
            "{path}: {}",
            text_of(main)
        );
    }
    // Another order of the same parameters has one address.
    let answer = service.get_as("/log?result=denied&range=P7D&result=failure&q=", AUDIT);
    assert_eq!(answer.status, 303);
    let there = answer.header("location").to_owned();
    assert_eq!(there, "/log?range=P7D&result=denied&result=failure");
    assert_eq!(service.get_as(&there, AUDIT).status, 200);
}

#[test]
fn a_fixed_link_shows_the_same_to_everybody_and_zones_shift_days() {
    let service = Service::filled(120);
    let page = service.page("/log?result=failure&range=P30D");
    let fixed = links(&page)
        .into_iter()
        .find(|link| link.contains("from=") && link.contains("asof=") && link.contains("tz="))
        .unwrap();
    let table = |page: &str| {
        between(page, "<table class=\"t\"", "</table>")
            .unwrap()
            .to_owned()
    };
    let then = table(&service.page(&fixed));
    service.post_lines(&[entry(
        "later",
        Utc::now(),
        "Newcomer",
        "Night Shift",
        "late",
    )]);
    // In a session of its own, with another zone and look.
    let signed = service.post("/signin", &[("token", AUDIT), ("next", "/")], Some("a=b"));
    let session = signed.header("set-cookie").split(';').next().unwrap();
    let asked = http::Request::get(&fixed).header(
        "Cookie",
        format!("{session}; portal=zone=Asia%2FKolkata&theme=dark"),
    );
    let now = service.send(asked.body(Vec::new()).unwrap());
    assert_eq!(now.status, 200);
    assert_eq!(table(now.text()), then);
    let without = service.page("/log?result=failure&range=P30D");
    assert_ne!(table(&without), then, "the newcomer failed");
    let kolkata = service.page("/log?range=P30D&tz=Asia%2FKolkata");
    assert!(kolkata.contains("Time (+05:30)"));
    assert!(service.page("/log?tz=UTC").contains("Time (UTC)"));
    let here = service.page("/log");
    assert!(here.contains("Europe/Berlin"));
}

#[test]
fn a_zone_in_the_address_is_carried_on() {
    let service = Service::filled(60);
    let zone = "tz=Asia%2FKolkata";
    let mut waiting: Vec<String> = ["/", "/log", "/people", "/reports"]
        .map(|path| format!("{path}?{zone}"))
        .into();
    let mut followed: BTreeSet<String> = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        let page = service.page(&path);
        let main = between(&page, "<main", "</main>").unwrap();
        for link in links(main) {
            let (bare, query) = link.split_once('?').unwrap_or((&link, ""));
            let parts: Vec<&str> = bare.split('/').skip(1).collect();
            let shows_times = matches!(parts.as_slice(), ["log" | "people" | "reports", ..] | [""]);
            // Files hold UTC, and the zone of a view is a part of it.
            let is_file = ["raw", "graph", "definition"].contains(parts.last().unwrap());
            if !shows_times || is_file {
                continue;
            }
            assert!(query.contains(zone), "{link} at {path}");
            let kind = match parts.as_slice() {
                [place, id] if id.len() > 24 => format!("{place}/id"),
                _ => bare.to_owned(),
            };
            if !query.contains("format=") && followed.insert(kind) {
                waiting.push(link);
            }
        }
    }
    for kind in ["log/id", "people/id", "/reports/new", "/reports/audit-log"] {
        assert!(followed.contains(kind), "{kind}: {followed:?}");
    }
}

#[test]
fn the_question_as_graphs_filter_is_one_that_graph_takes() {
    let service = Service::filled(60);
    for filter in [
        "result=failure&category=GroupManagement&category=UserManagement",
        "loggedByService.not=PIM&activityDisplayName=Update+user",
        "target.starts=Night&initiatedBy.starts=a",
        "initiatedBy=7c9e6679-7425-40de-944b-e07fc1f90ae7&target=7c9e6679-7425-40de-944b-e07fc1f90ae7",
    ] {
        let page = service.page(&format!("/log?range=P30D&{filter}&format=query"));
        let text = between(
            &page,
            "<pre class=\"raw\" id=\"graph\" tabindex=\"0\">",
            "</pre>",
        )
        .unwrap();
        let asked: String = form_urlencoded::byte_serialize(text_of(text).as_bytes()).collect();
        let answer = service.get_as(
            &format!("/v1.0/auditLogs/directoryAudits?$top=1&$filter={asked}"),
            AUDIT,
        );
        assert_eq!(answer.status, 200, "{}: {}", text_of(text), answer.text());
        assert!(page.contains("AuditLogs"));
    }
}

#[test]
fn a_reader_has_one_export_at_a_time() {
    let service = Service::start();
    let reason = "A reason with many words. ".repeat(200);
    let now = Utc::now() - TimeDelta::minutes(5);
    let documents: Vec<String> = (0..1_600)
        .map(|index| {
            entry(
                &format!("large-{index}"),
                now,
                "Somebody",
                "Night Shift",
                &reason,
            )
        })
        .collect();
    service.post_lines(&documents);
    let path = "/log?select=activityDateTime%2CresultReason&format=csv";
    // More than the buffers between the two hold, and nobody reads it.
    let mut stalled = std::net::TcpStream::connect(&service.address).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {AUDIT}\r\n\r\n",
        service.address
    );
    stalled.write_all(request.as_bytes()).unwrap();
    let mut first = [0; 12];
    stalled.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let refused = service.get(path);
    assert_eq!(refused.status, 429);
    assert!(refused.text().contains("An export of yours is running"));
    assert_eq!(service.get("/log").status, 200, "pages are there meanwhile");
    drop(stalled);
    let started = Instant::now();
    let answer = loop {
        let answer = service.get(path);
        if answer.status == 200 {
            break answer;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "never free");
        sleep(Duration::from_millis(50));
    };
    assert_eq!(rows(answer.text()), 1_600);
}

#[test]
fn moments_that_can_not_be_are_refused_and_take_nothing() {
    let service = Service::filled(40);
    for (path, parameter) in [
        (
            "/log?to=%2B262130-01-01&asof=18446744073709551615.8210000000000000",
            "asof",
        ),
        ("/log?asof=3.8210000000000000", "asof"),
        ("/log?asof=3.-8210000000000000", "asof"),
        ("/log?from=-262143-01-01", "from"),
        ("/log?to=%2B262142-12-31", "to"),
        ("/?from=-262000-01-01", "from"),
        ("/?to=-262143-01-01", "to"),
        ("/reports/new?from=-262143-01-01", "from"),
    ] {
        let answer = service.get(path);
        assert_eq!(answer.status, 400, "{path}");
        assert!(
            answer
                .text()
                .contains(&format!("<code><bdi>{parameter}</bdi>"))
                || answer.text().contains(&format!("<code>{parameter}</code>")),
            "{path}: {}",
            answer.text()
        );
    }
    // The widest that can be.
    for path in [
        "/log?from=0001-01-02&to=9999-12-31",
        "/?from=0001-01-02&to=9999-12-31",
    ] {
        let page = service.page(path);
        assert!(page.matches("<rect").count() < 2_000, "{path}");
    }
}

#[test]
fn people_in_chips_are_shown_by_name() {
    let service = Service::filled(150);
    let log = service.page("/log?range=P30D&source=onPremises");
    let cell = between(&log, "class=\"who\" data-l=\"By\"", "</td>").unwrap();
    let by = links(cell)
        .into_iter()
        .find(|link| link.contains("initiatedBy="))
        .unwrap();
    let name = text_of(between(cell, "<bdi>", "</bdi>").unwrap());
    let id = links(&log)
        .iter()
        .flat_map(|link| link.split(['?', '&']))
        .find_map(|part| part.strip_prefix("target=").map(str::to_owned))
        .unwrap();
    let page = service.page(&format!("{by}&target.not={id}&initiatedBy.starts=7"));
    let chips = chips(&page);
    assert!(
        chips.contains(&format!("Initiated by is {name}")),
        "{chips:?}"
    );
    let other = chips
        .iter()
        .find(|chip| chip.starts_with("Target is not"))
        .unwrap();
    assert!(!other.contains(&id), "{other}");
    assert!(
        chips.contains(&"Initiated by starts with 7".to_owned()),
        "{chips:?}"
    );
}

#[test]
fn a_page_that_can_not_be_drawn_to_its_end_says_so_in_its_place() {
    let service = Service::start_with("limits.query_rows = 20\n");
    service.fill(60);
    let answer = service.get("/log?range=P30D");
    // Its frame was on its way before.
    assert_eq!(answer.status, 200);
    let main = between(answer.text(), "<main", "</main>").unwrap();
    assert!(text_of(main).contains("Too much for one answer"), "{main}");
    assert!(answer.text().trim_end().ends_with("</html>"));
    // What is wrong with the address is found out first.
    for wrong in ["skiptoken=50.abc&asof=1.1", "colour=red"] {
        let answer = service.get(&format!("/log?range=P30D&{wrong}"));
        assert_eq!(answer.status, 400, "{wrong}");
    }
}
