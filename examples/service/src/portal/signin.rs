//! Signing in and out: one token, once, for a session's cookie.

use std::sync::Arc;

use axum::extract::{RawForm, RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::layout::{note, plain};
use super::params::Pairs;
use crate::app::App;

/// A path on this service and nothing else: browsers take `//host` and `/\host` for other places.
pub fn own_path(next: &str) -> Option<&str> {
    let inside = next.strip_prefix('/')?;
    let other = inside.starts_with(['/', '\\']);
    let harmless = next.len() <= 8_000 && next.bytes().all(|byte| byte.is_ascii_graphic());
    (!other && harmless && !next.starts_with("/signin") && !next.starts_with("/signout"))
        .then_some(next)
}

fn next(pairs: &Pairs) -> &str {
    pairs.get("next").and_then(own_path).unwrap_or("/")
}

fn form(next: &str, problem: Option<&str>, said: Option<Markup>) -> Markup {
    plain(
        "Sign in",
        html! {
            section.card {
                div.body {
                    h1 { "Sign in" }
                    @if let Some(said) = said { (said) }
                    @if let Some(problem) = problem {
                        (note("bad", "warn", html! { a href="#token" { (problem) } }))
                    }
                    form.stack method="post" action="/signin" {
                        input type="hidden" name="next" value=(next);
                        div.field {
                            label for="token" { "Access token" }
                            input.inp #token name="token" type="password" autocomplete="off" required
                                autofocus aria-describedby="token-hint" aria-invalid=[problem.map(|_| "true")];
                            p.hint #token-hint { "Whoever runs the service hands it out. It is sent once and not kept here." }
                        }
                        p { button.btn.primary type="submit" { "Sign in" } }
                    }
                }
            }
        },
    )
}

pub async fn show(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let pairs = Pairs::parse(query.as_deref().unwrap_or_default());
    let said = if pairs.get("out").is_some() {
        Some(note("good", "ok", html! { "You are signed out." }))
    } else if headers
        .get_all(axum::http::header::COOKIE)
        .iter()
        .any(|cookie| {
            cookie
                .to_str()
                .is_ok_and(|text| text.contains(crate::session::COOKIE_NAME))
        })
        && app.sessions.find(&headers).is_none()
    {
        let text = "You were signed out after 8 hours, or an hour without use. Your page opens again after you sign in.";
        Some(note("", "clock", html! { (text) }))
    } else {
        None
    };
    Html(form(next(&pairs), None, said).into_string()).into_response()
}

pub async fn sign_in(State(app): State<Arc<App>>, RawForm(body): RawForm) -> Response {
    let pairs: Pairs = Pairs::parse(&String::from_utf8_lossy(&body));
    let next = next(&pairs);
    let token = pairs.get("token").unwrap_or_default().trim();
    match app.reader_by_token(token) {
        Some(reader) => {
            let cookie = app.sessions.sign_in(&reader);
            (AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(next)).into_response()
        }
        None => {
            let page = form(next, Some("This token is not known."), None);
            (StatusCode::UNAUTHORIZED, Html(page.into_string())).into_response()
        }
    }
}

pub async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let cookie = app.sessions.sign_out(&headers);
    (
        AppendHeaders([(SET_COOKIE, cookie)]),
        Redirect::to("/signin?out=1"),
    )
        .into_response()
}

/// A form's body as pairs; what is no UTF-8 becomes the replacement character.
pub fn pairs(body: &[u8]) -> Pairs {
    Pairs::parse(&String::from_utf8_lossy(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_paths_are_returned_to() {
        for path in ["/", "/log?q=a%20b&result=failure", "/reports/audit-log"] {
            assert_eq!(own_path(path), Some(path));
        }
        for path in [
            "//evil",
            "/\\evil",
            "https://evil/",
            "evil",
            "",
            "/signin?next=/signin",
            "/a\nb",
            "/\t/evil",
            "javascript:alert(1)",
        ] {
            assert_eq!(own_path(path), None, "{path}");
        }
    }
}
