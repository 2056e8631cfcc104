//! What every answer and every request has to do with browsers: security headers, refusing forms of
//! other sites, and the bounce for links from there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    REFRESH, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use crate::app::App;
use crate::refuse::{Problem, is_api};
use crate::session::COOKIE_NAME;

const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), fullscreen=(), \
    geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
    publickey-credentials-get=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()";
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The middleware: refuses what another site's page sends, lets its links bounce, and sets the
/// headers of every answer. An answer's own `Content-Security-Policy` and `Cache-Control` stay.
pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_tls = app.config.tls.is_some();
    let mut response = if is_forged(request.method(), request.headers(), is_tls) {
        app.metrics.cross_site.fetch_add(1, Ordering::Relaxed);
        Problem::forbidden("this request comes from another site's page").into_response()
    } else if let Some(to) = bounce(request.method(), request.uri(), request.headers()) {
        bounced(to)
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, CSP),
        (CACHE_CONTROL, "private, no-store"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if is_tls {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// Whether a request that may change something comes from another site's page. Programs, which send
/// neither header, are none: they have no cookie that somebody else could use.
fn is_forged(method: &Method, headers: &HeaderMap, is_tls: bool) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    if let Some(site) = headers.get(&FETCH_SITE) {
        return site != "same-origin";
    }
    match headers.get(ORIGIN) {
        Some(origin) => !is_own(origin, headers.get(HOST), is_tls),
        // A browser sends one of the two with every form; with a cookie, it is a browser.
        None => headers.contains_key(COOKIE),
    }
}

fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>, is_tls: bool) -> bool {
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), host.map(HeaderValue::to_str)) else {
        return false;
    };
    // Behind a proxy that ends TLS the scheme is the browser's, not ours.
    let authority = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://").filter(|_| !is_tls));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

/// Where a link from another site leads once more: browsers keep a `SameSite=Strict` cookie back from
/// it, and send it with a request that our own page causes.
fn bounce(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
    let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|found| found == value);
    let foreign = method == Method::GET
        && is(&FETCH_SITE, "cross-site")
        && is(&FETCH_MODE, "navigate")
        && !is_api(uri.path())
        && !has_session(headers);
    if !foreign {
        return None;
    }
    let here = uri.path_and_query()?.as_str();
    // `//host` would lead elsewhere.
    let here = format!("/{}", here.trim_start_matches(['/', '\\']));
    HeaderValue::from_str(&format!("0; url={here}")).ok()
}

fn has_session(headers: &HeaderMap) -> bool {
    let mut cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies.any(|text| text.contains(COOKIE_NAME))
}

fn bounced(to: HeaderValue) -> Response {
    let page = Html("<!doctype html><html lang=\"en\"><title>One moment</title><p>One moment.");
    (StatusCode::OK, [(REFRESH, to)], page).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                value.parse().expect("a value"),
            )
        });
        pairs.collect()
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let forged =
            |pairs: &[(&'static str, &str)]| is_forged(&Method::POST, &headers(pairs), false);
        for (pairs, refused) in [
            (&[("sec-fetch-site", "same-origin")][..], false),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("origin", "http://h:1"), ("host", "h:1")], false),
            (&[("origin", "https://h:1"), ("host", "h:1")], false),
            (&[("origin", "https://h:2"), ("host", "h:1")], true),
            (&[("origin", "null"), ("host", "h:1")], true),
            (&[("origin", "http://h:1")], true),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "http://h:1"),
                    ("host", "h:1"),
                ],
                true,
            ),
            (&[("cookie", "__Host-session=1")], true),
            (&[], false),
        ] {
            assert_eq!(forged(pairs), refused, "{pairs:?}");
        }
        let http = headers(&[("origin", "http://h:1"), ("host", "h:1")]);
        assert!(
            is_forged(&Method::POST, &http, true),
            "TLS has no http origin"
        );
        let cross = headers(&[("sec-fetch-site", "cross-site")]);
        assert!(!is_forged(&Method::GET, &cross, false));
        assert!(is_forged(&Method::DELETE, &cross, false));
    }

    #[test]
    fn links_from_other_sites_bounce_to_the_same_address() {
        let cross = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        let to = |uri: &str, pairs: &[(&'static str, &str)]| {
            bounce(&Method::GET, &uri.parse().expect("a URI"), &headers(pairs))
        };
        assert_eq!(
            to("/log?q=a%20b", &cross).expect("bounces"),
            "0; url=/log?q=a%20b"
        );
        assert_eq!(to("//evil/x", &cross).expect("bounces"), "0; url=/evil/x");
        assert_eq!(to("/v1/reports", &cross), None);
        assert_eq!(
            to(
                "/log",
                &[
                    ("sec-fetch-site", "same-origin"),
                    ("sec-fetch-mode", "navigate")
                ]
            ),
            None
        );
        assert_eq!(
            to(
                "/log",
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "no-cors")
                ]
            ),
            None
        );
        let session = [cross[0], cross[1], ("cookie", "a=b; __Host-session=1")];
        assert_eq!(to("/log", &session), None);
    }
}
