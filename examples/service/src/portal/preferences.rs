//! What a reader prefers (zone, theme, row height, keys), and the list of keys.

use axum::extract::RawForm;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use maud::html;

use super::context::{Context, PREFERENCES, Preferences};
use super::failure::Failure;
use super::layout::{Place, Theme};
use super::params::{BadParameter, Pairs};
use super::signin::{own_path, pairs};
use super::time::{Clock, zone, zones};
use super::view::Density;

pub async fn show(context: Context) -> Response {
    context.answer(draw).await
}

fn draw(context: &Context) -> Result<Response, Failure> {
    context.only(&["next"])?;
    let next = context.pairs.get("next").and_then(own_path).unwrap_or("/");
    let shell = &context.shell;
    let body = html! {
        div.head { h1 { "Preferences" } p.lead { "Kept in this browser alone. An address with " code { "tz=" } " goes before the zone chosen here." } }
        section.card.message {
            div.body {
                form.stack method="post" action="/preferences" {
                    input type="hidden" name="next" value=(next);
                    div.field {
                        label for="zone" { "Time zone" }
                        select.sel #zone name="zone" {
                            @for zone in zones() {
                                @let clock = Clock { zone, ..context.clock };
                                option value=(zone.name()) selected[zone == context.clock.zone] {
                                    (clock.zone_label()) " (" (clock.offset_label(clock.now)) ")"
                                }
                            }
                        }
                    }
                    div.field {
                        label for="theme" { "Theme" }
                        select.sel #theme name="theme" {
                            @for theme in Theme::ALL {
                                option value=(theme.name()) selected[theme == shell.theme] {
                                    @match theme { Theme::System => "As the system", Theme::Light => "Light", Theme::Dark => "Dark" }
                                }
                            }
                        }
                    }
                    div.field {
                        label for="density" { "Row height" }
                        select.sel #density name="density" {
                            option value="comfortable" selected[context.density == Density::Comfortable] { "Comfortable" }
                            option value="compact" selected[context.density == Density::Compact] { "Compact" }
                        }
                    }
                    div.field {
                        label for="keys" { "Keyboard shortcuts" }
                        select.sel #keys name="keys" {
                            option value="on" selected[shell.keys] { "On" }
                            option value="off" selected[!shell.keys] { "Off" }
                        }
                    }
                    p { button.btn.primary type="submit" { "Save" } }
                }
            }
        }
    };
    Ok(context.page(Place::Other, "Preferences", body))
}

/// Takes one or all of them.
pub async fn save(context: Context, headers: HeaderMap, RawForm(body): RawForm) -> Response {
    let pairs = pairs(&body);
    match change(Preferences::of(&headers), &pairs) {
        Ok(kept) => {
            let next = pairs.get("next").and_then(own_path).unwrap_or("/");
            // The zone of the address would go before the one chosen now.
            let next = if pairs.get("zone").is_some() {
                without_zone(next)
            } else {
                next.to_owned()
            };
            let secure = if context.app.config.tls.is_some() {
                "; Secure"
            } else {
                ""
            };
            let cookie = format!(
                "{PREFERENCES}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax{secure}",
                kept.text()
            );
            match HeaderValue::from_str(&cookie) {
                Ok(cookie) => {
                    (AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(&next)).into_response()
                }
                Err(_) => Failure::internal("a cookie has no form").page(&context),
            }
        }
        Err(bad) => Failure::from(bad).page(&context),
    }
}

fn change(mut kept: Preferences, pairs: &Pairs) -> Result<Preferences, BadParameter> {
    for (name, value) in pairs.iter() {
        match (name, value) {
            ("next", _) => {}
            ("zone", name) => {
                kept.zone = Some(
                    zone(name).ok_or_else(|| BadParameter::new("zone", "must be a time zone"))?,
                );
            }
            ("theme", name) => {
                kept.theme = Theme::of_name(name)
                    .ok_or_else(|| BadParameter::new("theme", "must be system, light or dark"))?;
            }
            ("density", "comfortable") => kept.density = Density::Comfortable,
            ("density", "compact") => kept.density = Density::Compact,
            ("density", _) => {
                return Err(BadParameter::new(
                    "density",
                    "must be comfortable or compact",
                ));
            }
            ("keys", "on") => kept.keys_off = false,
            ("keys", "off") => kept.keys_off = true,
            ("keys", _) => return Err(BadParameter::new("keys", "must be on or off")),
            (name, _) => return Err(BadParameter::unknown(name)),
        }
    }
    Ok(kept)
}

fn without_zone(next: &str) -> String {
    let Some((path, query)) = next.split_once('?') else {
        return next.to_owned();
    };
    let mut kept = Pairs::default();
    for (name, value) in Pairs::parse(query).iter().filter(|(name, _)| *name != "tz") {
        kept.add(name, value);
    }
    kept.link(path)
}

pub async fn keys(context: Context) -> Response {
    context.answer(draw_keys).await
}

fn draw_keys(context: &Context) -> Result<Response, Failure> {
    context.only(&[])?;
    let keys: [(&[&str], &str); 9] = [
        (&["/"], "Search"),
        (
            &["g", "o"],
            "Overview; l the log, r reports, p people, s the system",
        ),
        (&["j"], "Next row, as the arrow down"),
        (&["k"], "Row before, as the arrow up"),
        (&["Enter"], "Open the row"),
        (&["x"], "Leave out the value of this cell"),
        (&["n"], "Next page"),
        (&["p"], "First page"),
        (&["?"], "This list"),
    ];
    let body = html! {
        div.head { h1 { "Keyboard shortcuts" } }
        section.card.message {
            div.body.stack {
                dl.keys {
                    @for (keys, what) in keys {
                        dt { @for key in keys { kbd { (key) } } }
                        dd { (what) }
                    }
                }
                p.text { "They do nothing while you type. " a href="/preferences" { "Switch them " (if context.shell.keys { "off" } else { "on" }) } }
            }
        }
    };
    Ok(context.page(Place::Other, "Keyboard shortcuts", body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_preference_is_changed_and_the_others_stay() {
        let kept = Preferences {
            theme: Theme::Dark,
            ..Preferences::default()
        };
        let changed = change(kept, &Pairs::parse("next=%2Flog&zone=UTC")).unwrap();
        assert_eq!((changed.theme, changed.zone), (Theme::Dark, zone("UTC")));
        for (form, name) in [
            ("zone=Mars", "zone"),
            ("theme=pink", "theme"),
            ("x=1", "x"),
            ("keys=maybe", "keys"),
        ] {
            assert_eq!(change(kept, &Pairs::parse(form)).unwrap_err().name, name);
        }
    }

    #[test]
    fn the_address_loses_its_zone() {
        assert_eq!(
            without_zone("/log?result=failure&tz=UTC&q=a+b"),
            "/log?result=failure&q=a+b"
        );
        assert_eq!(without_zone("/log"), "/log");
    }
}
