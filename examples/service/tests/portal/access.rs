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
    // The newest that a person did: accounts of services are no person's, and are shown.
    let mut by = log
        .split("class=\"who\" data-l=\"By\"")
        .skip(1)
        .map(|row| text_of(between(row, "<bdi>", "</bdi>").unwrap()));
    let name = by.find(|name| !name.starts_with("Built-in ")).unwrap();
    assert!(!name.is_empty());
    let opened = links(&log)
        .into_iter()
        .find(|link| link.starts_with("/log/") && link.len() > 20)
        .unwrap();
    let id = opened.split('?').next().unwrap().to_owned();
    let person = links(&service.page("/people"))
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
        for known in [name.as_str(), "@harbor.example"] {
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
