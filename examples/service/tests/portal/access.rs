//! Signing in and out, and who sees what.

use http::Request;

use super::html::{between, links, text_of, total};
use super::process::{AUDIT, BOARD, OTHER, Service};

fn cookie(answer: &super::process::Answer) -> String {
    answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

fn with_cookie(service: &Service, path: &str, cookie: &str) -> super::process::Answer {
    service.send(
        Request::get(path)
            .header("Cookie", cookie)
            .body(Vec::new())
            .unwrap(),
    )
}

#[test]
fn one_signs_in_comes_back_and_signs_out() {
    let service = Service::filled(40);
    let refused = service.get_as("/log?result=failure", "");
    assert_eq!(
        (refused.status, refused.header("location")),
        (303, "/signin?next=%2Flog%3Fresult%3Dfailure")
    );
    let form = service.get_as("/signin?next=%2Flog%3Fresult%3Dfailure", "");
    assert!(
        form.text()
            .contains("name=\"next\" value=\"/log?result=failure\"")
    );
    assert!(form.text().contains("autocomplete=\"off\""));

    let sign_in = |token: &str, next: &str| {
        service.post("/signin", &[("token", token), ("next", next)], Some("a=b"))
    };
    let wrong = sign_in("wrong-token-0123456789", "/log");
    assert_eq!(wrong.status, 401);
    assert!(!wrong.headers.contains_key("set-cookie") && !wrong.text().contains("wrong-token"));
    let signed = sign_in(AUDIT, "/log?result=failure");
    assert_eq!(
        (signed.status, signed.header("location")),
        (303, "/log?result=failure")
    );
    for part in [
        "__Host-session=",
        "HttpOnly",
        "Secure",
        "SameSite=Strict",
        "Path=/",
    ] {
        assert!(signed.header("set-cookie").contains(part), "{part}");
    }
    for evil in [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
    ] {
        assert_eq!(sign_in(AUDIT, evil).header("location"), "/", "{evil}");
    }
    let session = cookie(&signed);
    let page = with_cookie(&service, "/log?result=failure", &session);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("action=\"/signout\""));
    let out = service.post("/signout", &[], Some(&session));
    assert_eq!((out.status, out.header("location")), (303, "/signin?out=1"));
    assert_eq!(with_cookie(&service, "/log", &session).status, 303);
    let again = with_cookie(&service, "/signin", &session);
    assert!(again.text().contains("You were signed out"));
}

#[test]
fn other_sites_send_no_form_and_their_links_bounce() {
    let service = Service::start();
    let signed = service.post("/signin", &[("token", AUDIT), ("next", "/")], Some("a=b"));
    let session = cookie(&signed);
    for (path, body) in [
        ("/signout", ""),
        ("/preferences", "theme=dark"),
        ("/views", "name=x&query=result%3Dfailure"),
        ("/reports/custom", "name=x&query="),
        ("/signin", "token=x"),
    ] {
        for (name, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
        ] {
            let post = Request::post(path)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .header("Cookie", &session)
                .header(name, value);
            let answer = service.send(post.body(body.as_bytes().to_vec()).unwrap());
            assert_eq!(answer.status, 403, "{path} {name}: {value}");
        }
    }
    assert_eq!(
        with_cookie(&service, "/views", &session).status,
        200,
        "still signed in"
    );
    let link = Request::get("/log?result=failure&q=a+b")
        .header("Sec-Fetch-Site", "cross-site")
        .header("Sec-Fetch-Mode", "navigate");
    let bounced = service.send(link.body(Vec::new()).unwrap());
    assert_eq!(
        (bounced.status, bounced.header("refresh")),
        (200, "0; url=/log?result=failure&q=a+b")
    );
    assert!(bounced.body.len() < 300);
}

#[test]
fn without_the_rights_there_are_no_names_and_no_documents() {
    let service = Service::filled(150);
    let log = service.page("/log?range=P30D&source=onPremises");
    // Whoever acts first may be a service, whose name is no person's.
    let people = service.page("/people");
    let names: Vec<String> = people
        .split("<td class=\"act\">")
        .skip(1)
        .map(|cell| text_of(cell.split("</td>").next().unwrap()))
        // The built-in account's name is also a word in the names of roles and groups.
        .filter(|name| name != "Administrator")
        .collect();
    assert!(names.len() > 20 && names.iter().all(|name| name.len() > 3));
    let name = &names[0];
    let opened = links(&log)
        .into_iter()
        .find(|link| link.starts_with("/log/") && link.len() > 20)
        .unwrap();
    let id = opened.split('?').next().unwrap().to_owned();
    let person = links(&people)
        .into_iter()
        .find(|link| link.starts_with("/people/"))
        .unwrap();

    let masked = service.get_as("/log?range=P30D&source=onPremises", BOARD);
    assert_eq!(total(masked.text()), total(&log), "counts stay");
    assert!(masked.text().contains("Person "));
    let pages = [
        "/",
        "/log?range=P30D",
        "/people",
        "/reports/password-reset",
        "/reports/self-service-groups",
        "/log?range=P30D&format=csv",
        "/log?range=P30D&format=json",
        "/log?range=P30D&format=print",
        "/reports/new?by=actor",
        id.as_str(),
    ];
    for path in pages {
        let answer = service.get_as(path, BOARD);
        assert_eq!(answer.status, 200, "{path}");
        for known in names.iter().map(String::as_str).chain(["@harbor.example"]) {
            assert!(!answer.text().contains(known), "{known} in {path}");
        }
    }
    // Searched for by name, nobody is found; the same key opens the same person.
    let query: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    assert_eq!(
        total(
            service
                .get_as(&format!("/log?range=P30D&q={query}"), BOARD)
                .text()
        ),
        0
    );
    assert_eq!(service.get_as(&person, BOARD).status, 200);
    let raw = service.get_as(&format!("{id}/raw"), BOARD);
    assert_eq!(raw.status, 403);
    assert!(raw.text().contains("need the right"));
    assert!(
        service
            .get_as(&id, BOARD)
            .text()
            .contains("Raw documents need the right")
    );

    // Another tenant's are not there.
    assert_eq!(service.get_as(&id, OTHER).status, 404);
    assert_eq!(service.get_as(&person, OTHER).status, 404);
    assert!(
        service
            .get_as("/log", OTHER)
            .text()
            .contains("No activity has arrived")
    );
}

#[test]
fn what_is_of_another_tenant_is_as_if_it_had_never_been() {
    let service = Service::filled(60);
    // The cloud's entries have another id in Graph than in the portal's addresses.
    let log = service.page("/log?range=P30D&source=onPremises");
    let id = links(&log)
        .into_iter()
        .find_map(|link| {
            let id = link.strip_prefix("/log/")?.split('?').next()?.to_owned();
            (id.len() == 36).then_some(id)
        })
        .unwrap();
    let person = links(&service.page("/people"))
        .into_iter()
        .find_map(|link| link.strip_prefix("/people/").map(str::to_owned))
        .unwrap();
    let keep = |path: &str, query: &str| {
        let saved = service.post(path, &[("name", "Ours"), ("query", query)], None);
        saved
            .header("location")
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    };
    let view = keep("/views", "result=failure");
    let report = keep("/reports/custom", "by=activity");
    let unknown = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
    let nobody = "0".repeat(person.len());
    let post = |path: &str| {
        let post = Request::post(path)
            .header("Authorization", format!("Bearer {OTHER}"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Sec-Fetch-Site", "same-origin");
        service.send(post.body(Vec::new()).unwrap())
    };
    for (path, theirs, never) in [
        ("/log/{}", &id, unknown),
        ("/log/{}?document=1", &id, unknown),
        ("/log/{}/raw", &id, unknown),
        ("/log/{}/graph", &id, unknown),
        ("/people/{}", &person, nobody.as_str()),
        ("/people/{}?tab=groups", &person, &nobody),
        ("/v/{}", &view, unknown),
        ("/reports/custom/{}", &report, unknown),
        ("/reports/custom/{}?format=csv", &report, unknown),
        ("/reports/custom/{}/definition", &report, unknown),
        ("/reports/new?id={}", &report, unknown),
        ("/views/{}/delete", &view, unknown),
        ("/reports/custom/{}/delete", &report, unknown),
        ("/v1/activities/{}", &id, unknown),
        ("/v1/activities/{}/raw", &id, unknown),
        ("/v1/reports/{}", &report, unknown),
        ("/v1.0/auditLogs/directoryAudits/{}", &id, unknown),
    ] {
        let ask = |id: &str| {
            let path = path.replace("{}", id);
            let answer = if path.ends_with("/delete") {
                post(&path)
            } else {
                service.get_as(&path, OTHER)
            };
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            // Pages say what was asked for in their menus; errors of the API have a number each.
            let said = match between(answer.text(), "<main", "</main>") {
                Some(main) => main.to_owned(),
                None => error_of(answer.text()),
            };
            said.replace(id, "{}")
        };
        assert_eq!(ask(theirs), ask(never), "{path}");
    }
    // It is all there for whom it is of.
    for path in [
        format!("/log/{id}"),
        format!("/people/{person}"),
        format!("/v/{view}"),
        format!("/reports/custom/{report}"),
        format!("/v1/activities/{id}"),
        format!("/v1/reports/{report}"),
        format!("/v1.0/auditLogs/directoryAudits/{id}"),
    ] {
        assert_eq!(service.get(&path).status, 200, "{path}");
    }
}

/// What an error of the API says, without what is of this one request.
fn error_of(text: &str) -> String {
    let mut error: serde_json::Value = serde_json::from_str(text).unwrap();
    if let Some(error) = error
        .get_mut("error")
        .and_then(|error| error.as_object_mut())
    {
        error.remove("innerError");
    }
    error.to_string()
}

#[test]
fn preferences_are_kept_in_a_cookie() {
    let service = Service::filled(40);
    let set = service.post(
        "/preferences",
        &[
            ("zone", "Asia/Kolkata"),
            ("next", "/log?result=failure&tz=UTC"),
        ],
        None,
    );
    assert_eq!(
        (set.status, set.header("location")),
        (303, "/log?result=failure")
    );
    let kept = cookie(&set);
    let get = Request::get("/log")
        .header("Authorization", format!("Bearer {AUDIT}"))
        .header("Cookie", &kept);
    assert!(
        service
            .send(get.body(Vec::new()).unwrap())
            .text()
            .contains("Time (+05:30)")
    );
    let dark = service.post(
        "/preferences",
        &[("theme", "dark"), ("next", "//evil")],
        None,
    );
    assert_eq!(dark.header("location"), "/");
    let get = Request::get("/log")
        .header("Authorization", format!("Bearer {AUDIT}"))
        .header("Cookie", cookie(&dark));
    assert!(
        service
            .send(get.body(Vec::new()).unwrap())
            .text()
            .contains("data-theme=\"dark\"")
    );
    assert_eq!(
        service
            .post("/preferences", &[("zone", "Mars")], None)
            .status,
        400
    );
}

#[test]
fn assets_are_kept_for_ever_under_the_name_of_their_content() {
    let service = Service::start();
    let page = service.get_as("/signin", "");
    for (mark, kind) in [
        ("rel=\"stylesheet\" href=\"", "text/css"),
        ("type=\"module\" src=\"", "text/javascript"),
    ] {
        let path = between(page.text(), mark, "\"").unwrap();
        let asset = service.get_as(path, "");
        assert_eq!(asset.status, 200, "{path}");
        assert!(asset.header("content-type").starts_with(kind));
        assert!(asset.header("cache-control").contains("immutable"));
        assert_eq!(
            service.get_as(&path.replace("app.", "app.0"), "").status,
            404
        );
    }
    assert_eq!(service.get_as("/assets/icon.svg", "").status, 200);
    assert_eq!(
        service.get_as("/assets/..%2f..%2fCargo.toml", "").status,
        404
    );
}

#[test]
fn where_nothing_is_the_page_says_so_to_anybody() {
    let service = Service::start();
    for token in ["", AUDIT] {
        let answer = service.get_as("/nothing/here", token);
        assert_eq!(answer.status, 404);
        assert!(answer.text().contains("Nothing is at this address"));
        assert!(answer.text().contains("rel=\"stylesheet\""));
    }
}

#[test]
fn views_and_reports_that_name_people_are_for_those_who_may_see_names() {
    let service = Service::filled(60);
    let keep = |path: &str, name: &str, query: &str| {
        let saved = service.post(path, &[("name", name), ("query", query)], None);
        assert_eq!(saved.status, 303, "{query}: {}", saved.text());
        saved.header("location").to_owned()
    };
    let named = [
        keep("/views", "Of-somebody", "initiatedBy=Dana+Doe"),
        keep("/views", "With-text", "q=Dana+Doe"),
        keep(
            "/reports/custom",
            "Report-of",
            "by=activity&target=Dana+Doe",
        ),
        keep("/reports/custom", "Report-text", "by=activity&q=Dana+Doe"),
    ];
    let plain = [
        keep("/views", "Of-nobody", "result=failure"),
        keep(
            "/reports/custom",
            "Report-plain",
            "by=activity&result=failure",
        ),
    ];
    for at in &named {
        let id = at.rsplit('/').next().unwrap();
        let mut paths = vec![at.clone()];
        if at.contains("custom") {
            paths.extend([
                format!("{at}/definition"),
                format!("/reports/new?by=activity&id={id}"),
            ]);
        }
        for path in paths {
            let masked = service.get_as(&path, BOARD);
            assert_eq!(masked.status, 404, "{path}");
            assert!(!masked.text().contains("Dana"), "{path}");
            assert!(service.get_as(&path, AUDIT).status < 400, "{path}");
        }
        // What one can not see one can not delete.
        let post = Request::post(format!("{}/delete", at.replace("/v/", "/views/")))
            .header("Authorization", format!("Bearer {BOARD}"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Sec-Fetch-Site", "same-origin");
        assert_eq!(
            service.send(post.body(Vec::new()).unwrap()).status,
            404,
            "{at}"
        );
    }
    for (path, shown, hidden) in [
        ("/views", "Of-nobody", ["Of-somebody", "With-text"]),
        ("/log", "Of-nobody", ["Of-somebody", "With-text"]),
        ("/reports", "Report-plain", ["Report-of", "Report-text"]),
    ] {
        let (all, masked) = (service.page(path), service.get_as(path, BOARD));
        assert!(
            all.contains(shown) && masked.text().contains(shown),
            "{path}"
        );
        for name in hidden {
            assert!(
                all.contains(name) && !masked.text().contains(name),
                "{name} in {path}"
            );
        }
    }
    for at in &plain {
        assert!(service.get_as(at, BOARD).status < 400, "{at}");
    }
    // Edited so that it names nobody it is for everybody; and who saved last is said.
    let id = named[2].rsplit('/').next().unwrap();
    keep(
        "/reports/custom",
        "Report-of",
        &format!("by=activity&id={id}"),
    );
    assert_eq!(service.get_as(&named[2], BOARD).status, 200);
    let post = Request::post("/reports/custom")
        .header("Authorization", format!("Bearer {BOARD}"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Sec-Fetch-Site", "same-origin");
    let body = format!("name=Report-of&query=by%3Dkind%26id%3D{id}");
    assert_eq!(
        service.send(post.body(body.into_bytes()).unwrap()).status,
        303
    );
    let list = service.page("/reports");
    let card = between(&list, &format!("/reports/custom/{id}\""), "</section>").unwrap();
    assert!(text_of(card).contains("By board"), "{card}");
    // All of it is in the audit trail.
    let delete = format!("/views/{}/delete", plain[0].rsplit('/').next().unwrap());
    assert_eq!(service.post(&delete, &[], None).status, 303);
    assert_eq!(
        service
            .post(&format!("{}/delete", plain[1]), &[], None)
            .status,
        303
    );
    let trail = service.page("/system/readers");
    for what in [
        "saved view",
        "saved report",
        "deleted view",
        "deleted report",
    ] {
        assert!(trail.contains(what), "{what}");
    }
}
