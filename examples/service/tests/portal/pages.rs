//! The other pages: the overview, one activity, people, reports, the system.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use serde_json::Value;

use super::html::{between, links, number, table_rows, text_of, total, unescape};
use super::process::{AUDIT, Service, entry};

#[test]
fn every_number_of_the_overview_is_the_total_of_its_rows() {
    let service = Service::filled(250);
    let page = service.page("/");
    for heading in ["Activity by day", "Not successful, by day"] {
        let rows = table_rows(&page, heading);
        assert_eq!(rows.len(), 14, "{heading}");
        for (link, count) in rows {
            assert_eq!(total(&service.page(&link)), count, "{heading}: {link}");
        }
    }
    let mut compared = 0;
    let cards = between(&page, "<div class=\"stats\">", "<div class=\"grid\">").unwrap();
    for big in cards.split("<p class=\"big\">").skip(1) {
        let big = big.split("</p>").next().unwrap();
        let count = number(between(big, "\">", "</a>").unwrap());
        assert_eq!(total(&service.page(&links(big)[0])), count, "{big}");
    }
    // The change is that of two totals, each with its rows behind it.
    for card in cards.split("<section class=\"card stat\">").skip(1) {
        let Some(delta) =
            between(card, "fewer than ", "</p>").or(between(card, "more than ", "</p>"))
        else {
            continue;
        };
        let now = number(
            between(
                between(card, "<p class=\"big\">", "</p>").unwrap(),
                "\">",
                "</a>",
            )
            .unwrap(),
        );
        let before = total(&service.page(&links(delta)[0]));
        let share = (now as f64 - before as f64).abs() * 100.0 / before as f64;
        assert!(
            card.contains(&format!("<b>{share:.1}\u{202f}%</b>")),
            "{now} {before} {}",
            text_of(card)
        );
        compared += 1;
    }
    assert!(compared > 0);
    let mut ranked = 0;
    for row in page.split("<td class=\"nm\">").skip(1) {
        let row = row.split("</tr>").next().unwrap();
        let count = number(between(row, "<td class=\"num\">", "</td>").unwrap());
        assert_eq!(
            total(&service.page(&links(row)[0])),
            count,
            "{}",
            text_of(row)
        );
        ranked += 1;
    }
    assert!(ranked > 4, "{ranked}");
    let heat = between(&page, "aria-label=\"Busiest hours, table\"", "</table>").unwrap();
    let mut cells = 0;
    for cell in heat.split("<td class=\"num\">").skip(1) {
        let cell = cell.split("</td>").next().unwrap();
        let count = number(&text_of(cell));
        if count > 0 && cells < 12 {
            assert_eq!(total(&service.page(&links(cell)[0])), count, "{cell}");
            cells += 1;
        }
    }
    assert_eq!(cells, 12);
    // With two weeks kept before these, there is something to compare with; with a month, not.
    assert!(page.contains("the 14 days before"));
    assert!(service.page("/?range=P30D").contains("No period before"));
    // All that is kept begins in the middle of a day.
    assert!(page.contains("href=\"/?range=P31D\"") && !page.contains("range=P30D"));
    // Of one source there is nothing to say of the other.
    let cloud = service.page("/?source=cloud");
    let card = between(&cloud, "<h2>All activity</h2>", "</section>").unwrap();
    let split = card.rsplit("class=\"kv\"").next().unwrap();
    assert!(
        !split.contains("On-premises") && split.contains("Cloud"),
        "{split}"
    );
    let count = number(between(split, "<b>", "</b>").unwrap());
    assert_eq!(total(&service.page(&links(split)[0])), count);
}

#[test]
fn reports_have_the_limits_of_queries() {
    let service = Service::start_with("limits.query_groups = 2\n");
    service.fill(60);
    let saved = service.post(
        "/reports/custom",
        &[("name", "By activity"), ("query", "range=P30D&by=result")],
        None,
    );
    for path in [
        saved.header("location"),
        "/reports/new?range=P30D&by=activity",
    ] {
        let answer = service.get(path);
        assert_eq!(answer.status, 422, "{path}");
        assert!(
            answer.text().contains("nothing is ever cut silently"),
            "{path}"
        );
    }
}

#[test]
fn every_page_that_is_linked_is_there_and_loads_nothing_from_elsewhere() {
    let service = Service::filled(80);
    let mut waiting = vec![
        "/".to_owned(),
        "/reports".to_owned(),
        "/system".to_owned(),
        "/keys".to_owned(),
    ];
    let mut kinds: BTreeSet<(String, usize)> = BTreeSet::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) || path.contains("format=") && !path.contains("format=print")
        {
            continue;
        }
        let answer = service.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        assert_eq!(answer.header("cache-control"), "private, no-store");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'")
        );
        let page = answer.text();
        for never in [
            " style=\"",
            "<style",
            " onclick",
            "src=\"http",
            "href=\"http",
            "<img",
        ] {
            assert!(!page.contains(never), "{never} in {path}");
        }
        assert!(page.contains("<html lang=\"en\""), "{path}");
        assert_eq!(page.matches("<h1").count(), 1, "{path}");
        assert_eq!(page.matches("<main").count(), 1, "{path}");
        for link in links(page) {
            // A few of each kind: the same page with as many other parameters, or another id.
            let (bare, query) = link.split_once('?').unwrap_or((&link, ""));
            let shape: String = bare
                .split('/')
                .map(|part| if part.len() > 24 { "id" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let names: BTreeSet<&str> = query
                .split('&')
                .filter_map(|pair| pair.split('=').next())
                .collect();
            let key = format!("{shape} {names:?}");
            let count = (0..2).find(|count| !kinds.contains(&(key.clone(), *count)));
            if let Some(count) = count {
                kinds.insert((key, count));
                waiting.push(link);
            }
        }
        if seen.len() > 220 {
            break;
        }
    }
    assert!(seen.len() > 100, "{}", seen.len());
}

#[test]
fn reports_show_what_the_api_gives() {
    let service = Service::filled(250);
    for name in [
        "password-reset",
        "password-reset-registration",
        "self-service-groups",
        "audit-log",
    ] {
        let page = service.page(&format!("/reports/{name}?from=2000-01-01"));
        let api = service.get_as(
            &format!("/v1/reports/{name}?from=2000-01-01&format=json"),
            AUDIT,
        );
        let api: Value = serde_json::from_slice(&api.body).unwrap();
        let rows = api["rows"].as_array().unwrap().len() as u64;
        assert!(rows > 0, "{name}");
        assert_eq!(total(&page), rows, "{name}");
        let csv = service.get(&format!("/reports/{name}?from=2000-01-01&format=csv"));
        assert_eq!(csv.header("x-total-count"), rows.to_string());
        assert!(
            csv.header("content-disposition")
                .contains(&format!("{name}.csv"))
        );
        assert_eq!(csv.header("content-security-policy"), "sandbox");
        for row in table_rows_if(&page, "By day").into_iter().rev().take(3) {
            assert_eq!(total(&service.page(&row.0)), row.1, "{}", row.0);
        }
        if rows > 100 {
            let next = service.page(&format!("/reports/{name}?from=2000-01-01&page=2"));
            assert!(text_of(&next).contains("101–"), "{name}");
        }
    }
}

fn table_rows_if(page: &str, heading: &str) -> Vec<(String, u64)> {
    if page.contains(&format!("aria-label=\"{heading}, table\"")) {
        table_rows(page, heading)
    } else {
        Vec::new()
    }
}

#[test]
fn a_custom_report_is_built_saved_run_edited_and_deleted() {
    let service = Service::filled(150);
    // As the form sends it: a new filter in its three fields, empty ones beside.
    let form = "/reports/new?range=P30D&add=category&op=is&value=GroupManagement&q=&by=activity&by=result&by=&m=rows&m=actors&m=success_rate&orderby=rows+desc&limit=100&chart=ranking";
    let answer = service.get_as(form, AUDIT);
    assert_eq!(answer.status, 303);
    let address = answer.header("location").to_owned();
    assert!(
        address.contains("category=GroupManagement") && !address.contains("value="),
        "{address}"
    );
    let preview = service.page(&address);
    let rows = total(&preview);
    assert!(rows > 2);
    let query = unescape(between(&preview, "name=\"query\" value=\"", "\"").unwrap());
    assert_eq!(
        service
            .post("/reports/custom", &[("name", ""), ("query", &query)], None)
            .status,
        400
    );
    let saved = service.post(
        "/reports/custom",
        &[("name", "Groups <b>"), ("query", &query)],
        None,
    );
    assert_eq!(saved.status, 303, "{}", saved.text());
    let at = saved.header("location").to_owned();
    let page = service.page(&at);
    assert_eq!(total(&page), rows);
    assert!(page.contains("Groups &lt;b&gt;") && !page.contains("Groups <b>"));
    assert!(service.page("/reports").contains(&at));
    // The same definition at the API.
    let id = at.rsplit('/').next().unwrap();
    let api = service.get_as(&format!("/v1/reports/{id}"), AUDIT);
    let api: Value = serde_json::from_slice(&api.body).unwrap();
    assert_eq!(api["rows"].as_array().unwrap().len() as u64, rows);
    let definition = service.get(&format!("{at}/definition"));
    let definition: Value = serde_json::from_slice(&definition.body).unwrap();
    assert_eq!(definition["title"], "Groups <b>");
    // Edited: by result alone.
    let edit = links(&page)
        .into_iter()
        .find(|link| link.starts_with("/reports/new?"))
        .unwrap();
    let form = service.page(&edit.replace("by=activity&by=result", "by=result"));
    let query = unescape(between(&form, "name=\"query\" value=\"", "\"").unwrap());
    let again = service.post(
        "/reports/custom",
        &[("name", "By result"), ("query", &query)],
        None,
    );
    assert_eq!(again.header("location"), at);
    let page = service.page(&at);
    assert!(total(&page) < rows && page.contains("By result"));
    assert_eq!(service.post(&format!("{at}/delete"), &[], None).status, 303);
    assert_eq!(service.get(&at).status, 404);
}

#[test]
fn a_view_is_saved_opened_and_deleted() {
    let service = Service::filled(60);
    let view = "range=P30D&result=failure&result=denied&orderby=result+asc&top=100";
    let saved = service.post("/views", &[("name", "Troubles"), ("query", view)], None);
    assert_eq!(saved.status, 303);
    let at = saved.header("location").to_owned();
    let opened = service.get_as(&at, AUDIT);
    let there = opened.header("location").to_owned();
    assert_eq!(
        there,
        "/log?range=P30D&result=denied&result=failure&orderby=result+asc&top=100"
    );
    assert!(service.page(&there).contains("Troubles"));
    assert_eq!(
        service
            .post("/views", &[("name", "x"), ("query", "colour=red")], None)
            .status,
        400
    );
    assert_eq!(
        service
            .post(
                &format!("/views/{}/delete", at.rsplit('/').next().unwrap()),
                &[],
                None
            )
            .status,
        303
    );
    assert_eq!(service.get(&at).status, 404);
}

#[test]
fn one_activity_has_its_neighbours_and_its_document() {
    let service = Service::filled(150);
    let log = service.page("/log?range=P30D&category=GroupManagement");
    let opened: Vec<String> = links(&log)
        .into_iter()
        .filter(|link| link.starts_with("/log/") && link.contains("back="))
        .collect();
    let page = service.page(&opened[1]);
    for part in ["Timeline", "Facts", "Show the document", "Newer", "Older"] {
        assert!(page.contains(part), "{part}");
    }
    let bare = |link: &str| link.split('?').next().unwrap().to_owned();
    let beside: Vec<String> = links(&page)
        .into_iter()
        .filter(|link| link.starts_with("/log/") && link.contains("back="))
        .map(|link| bare(&link))
        .collect();
    assert!(
        beside.contains(&bare(&opened[0])) && beside.contains(&bare(&opened[2])),
        "{beside:?}"
    );
    let id = bare(&opened[1]);
    let raw = service.get(&format!("{id}/raw"));
    assert_eq!(
        (raw.status, raw.header("content-security-policy")),
        (200, "sandbox")
    );
    // What came, byte for byte, as the API has it; the page shows it when asked.
    let uuid = &id["/log/".len()..];
    let sent = service.get(&format!("/v1/activities/{uuid}/raw"));
    assert_eq!((sent.status, &sent.body), (200, &raw.body));
    let record: Value = serde_json::from_slice(&raw.body).unwrap();
    let own = record["correlationId"].as_str().or(record["id"].as_str());
    let shows_record = |page: &str| page.contains("<pre class=\"raw\"");
    assert!(!shows_record(&page));
    let asked = links(&page)
        .into_iter()
        .find(|link| link.contains("document=1"))
        .unwrap();
    let page = service.page(asked.split('#').next().unwrap());
    assert!(shows_record(&page) && own.is_none_or(|own| page.contains(own)));
    assert_eq!(service.get(&format!("{id}?document=2")).status, 400);
    let graph: Value = serde_json::from_slice(&service.get(&format!("{id}/graph")).body).unwrap();
    assert!(graph["activityDisplayName"].is_string());
    assert_eq!(
        service
            .get("/log/7c9e6679-7425-40de-944b-e07fc1f90ae7")
            .status,
        404
    );
    assert_eq!(service.get("/log/nothing").status, 404);
    let read = service.page("/system/readers");
    assert!(read.contains("raw document") && read.contains("audit"));
}

#[test]
fn a_persons_page_counts_what_the_log_shows() {
    let service = Service::filled(200);
    let people = service.page("/people");
    let person = links(&people)
        .into_iter()
        .find(|link| link.starts_with("/people/"))
        .unwrap();
    let page = service.page(&person);
    let facts = between(&page, "<div class=\"facts\">", "</section>").unwrap();
    for fact in facts.split("<b>").skip(1) {
        let count = number(between(fact, "\">", "</a>").unwrap());
        assert_eq!(total(&service.page(&links(fact)[0])), count, "{fact}");
    }
    for tab in ["did", "done", "groups", "methods"] {
        service.page(&format!("{person}?tab={tab}"));
    }
    assert_eq!(service.get(&format!("{person}?tab=secrets")).status, 400);
    assert_eq!(
        service
            .get("/people/00000000000000000000000000000000")
            .status,
        404
    );
    let name = text_of(between(&page, "<h1>", "</h1>").unwrap());
    let query: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    assert!(links(&service.page(&format!("/people?q={query}"))).contains(&person));
}

#[test]
fn what_is_printed_holds_all_rows_and_says_what_it_is_of() {
    let service = Service::start();
    let before = Utc::now() - TimeDelta::minutes(5);
    let documents: Vec<String> = (0..10_001)
        .map(|index| {
            let reason = if index < 130 { "late" } else { "early" };
            entry(
                &format!("printed-{index}"),
                before,
                "Somebody",
                "Night Shift",
                reason,
            )
        })
        .collect();
    service.post_lines(&documents);
    let link = |page: &str| {
        let mut prints = links(page).into_iter();
        prints.find(|link| link.contains("format=print")).unwrap()
    };
    let log = service.page("/log?q=late");
    assert_eq!(log.matches("<td role=\"cell\" class=\"act\"").count(), 50);
    let print = service.page(&link(&log));
    assert_eq!(
        print.matches("<td role=\"cell\" class=\"act\"").count(),
        130
    );
    let main = text_of(between(&print, "<main", "</main>").unwrap());
    for said in [
        "130 activities, all of them",
        "Text contains late",
        "Europe/Berlin, as of ",
    ] {
        assert!(main.contains(said), "{said}: {main}");
    }
    assert!(!print.contains("class=\"pager\"") && !print.contains("skiptoken"));
    // It is of the moment of the page that it was asked from.
    service.post_lines(&[entry("more", before, "Somebody", "Night Shift", "late")]);
    assert_eq!(total(&service.page(&link(&log))), 130);
    // What is too much for paper is said, not cut; and the file has it.
    let all = service.page("/log");
    let answer = service.get(&link(&all));
    assert_eq!(answer.status, 422);
    assert!(
        text_of(answer.text()).contains("10 002 rows, and 10 000 are printed at most"),
        "{}",
        text_of(answer.text())
    );
    let csv = service.get("/log?format=csv");
    assert_eq!((csv.status, csv.header("x-total-count")), (200, "10002"));
    // Reports likewise.
    let report = "/reports/audit-log?search=late";
    let page = service.page(report);
    assert_eq!(total(&page), 131);
    let print = service.page(&link(&page));
    let rows = between(&print, "<table class=\"t\">", "</table>").unwrap();
    assert_eq!(rows.matches("<tr>").count(), 1 + 131);
    assert!(
        text_of(&print).contains("Search late"),
        "{}",
        text_of(&print)
    );
    let print = service.get("/reports/audit-log?format=print");
    assert_eq!(print.status, 422);
}

#[test]
fn without_activity_every_page_says_so() {
    let service = Service::start();
    for path in [
        "/",
        "/log",
        "/people",
        "/reports/password-reset",
        "/reports/new",
        "/system",
        "/system/quarantine",
    ] {
        let page = service.page(path);
        assert!(page.contains("class=\"empty\""), "{path}");
    }
    assert!(service.page("/log").contains("No activity has arrived"));
}
