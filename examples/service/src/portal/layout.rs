//! The frame of every page, and the parts that all pages share.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets;
use super::field::result_word;
use super::text;
use super::time::Clock;

/// The places of the side navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Overview,
    Log,
    Reports,
    People,
    System,
    Other,
}

/// What a reader chose to see pages like; kept in a cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

/// What the frame says of reader and page.
#[derive(Clone, Debug)]
pub struct Shell {
    pub clock: Clock,
    pub default_zone: chrono_tz::Tz,
    pub theme: Theme,
    pub keys: bool,
    pub tenant: String,
    pub reader: String,
    pub rights: String,
    /// There is a session that can be ended.
    pub session: bool,
    /// Path and query of this page.
    pub here: String,
}

const NAV: [(Place, &str, &str, &str); 5] = [
    (Place::Overview, "/", "home", "Overview"),
    (Place::Log, "/log", "log", "Audit log"),
    (Place::Reports, "/reports", "rep", "Reports"),
    (Place::People, "/people", "ppl", "People"),
    (Place::System, "/system", "sys", "System"),
];

const REPORTS: [(&str, &str); 4] = [
    ("/reports/password-reset", "Password resets"),
    ("/reports/password-reset-registration", "Registrations"),
    ("/reports/self-service-groups", "Self-service groups"),
    ("/reports#custom", "Custom reports"),
];

impl Shell {
    /// A whole page.
    pub fn page(&self, place: Place, title: &str, body: Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" data-theme=(self.theme.name()) data-keys=[(!self.keys).then_some("off")] {
                (head(&format!("{title} · {} · Hybrid Reporting", text::plain(&self.tenant))))
                body {
                    (PreEscaped(SPRITE))
                    div.app {
                        a.skip href="#main" { "Skip to the content" }
                        (self.nav(place))
                        (self.top())
                        main #main tabindex="-1" { (body) }
                    }
                    p.vh #said role="status" aria-live="polite" {}
                }
            }
        }
    }

    fn nav(&self, place: Place) -> Markup {
        let path = self.here.split('?').next().unwrap_or_default();
        html! {
            nav.nav aria-label="Main" {
                a.brand href="/" { (brand()) span { "Hybrid Reporting" } }
                ul {
                    @for (item, href, symbol, label) in NAV {
                        li { a href=(href) aria-current=[(item == place).then_some("page")] { (icon(symbol)) (label) } }
                    }
                }
                p.sec { "Reports" }
                ul.sub {
                    @for (href, label) in REPORTS {
                        li { a href=(href) aria-current=[(href == path).then_some("page")] { (label) } }
                    }
                }
                ul.foot {
                    li { a href="/keys" { (icon("keys")) "Shortcuts" span.n { kbd { "?" } } } }
                }
            }
        }
    }

    fn top(&self) -> Markup {
        html! {
            header.top {
                form.search role="search" aria-label="Everything" action="/log" {
                    label.vh for="find" { "Find a person, group or id" }
                    (icon("find"))
                    input.inp #find name="q" type="search" autocomplete="off" maxlength="500"
                        placeholder="Find a person, group or id";
                }
                div.right { (self.zones()) (self.account()) }
            }
        }
    }

    fn zones(&self) -> Markup {
        let mut zones = vec![self.default_zone];
        for zone in [self.clock.zone, chrono_tz::Tz::UTC] {
            if !zones.contains(&zone) {
                zones.push(zone);
            }
        }
        html! {
            details.menu name="menu" {
                summary.btn.ghost {
                    (icon("clock")) span.vh-s { span.vh { "Time zone: " } (self.clock.zone_label()) } (icon("down"))
                }
                div.pop {
                    p.hint { "Show times in" }
                    form method="post" action="/preferences" {
                        input type="hidden" name="next" value=(self.here);
                        @for zone in zones {
                            @let clock = Clock { zone, ..self.clock };
                            button.item name="zone" value=(zone.name()) type="submit"
                                aria-current=[(zone == self.clock.zone).then_some("true")] {
                                (clock.zone_label())
                                @if zone != chrono_tz::Tz::UTC { " (" (clock.offset_label(clock.now)) ")" }
                            }
                        }
                    }
                    a href={ "/preferences?next=" (encoded(&self.here)) } { "Other zone …" }
                }
            }
        }
    }

    fn account(&self) -> Markup {
        html! {
            details.menu name="menu" {
                summary.btn.ghost {
                    (icon("ppl")) span.vh-s { span.vh { "Tenant: " } (text::value(&self.tenant)) } (icon("down"))
                }
                div.pop {
                    p.hint { "Reader " (text::value(&self.reader)) ", " (self.rights) }
                    form method="post" action="/preferences" {
                        input type="hidden" name="next" value=(self.here);
                        @for theme in Theme::ALL {
                            button.item name="theme" value=(theme.name()) type="submit"
                                aria-current=[(theme == self.theme).then_some("true")] {
                                @match theme {
                                    Theme::System => "Light or dark as the system",
                                    Theme::Light => "Light",
                                    Theme::Dark => "Dark",
                                }
                            }
                        }
                    }
                    a href={ "/preferences?next=" (encoded(&self.here)) } { "Preferences" }
                    @if self.session {
                        form method="post" action="/signout" { button.item type="submit" { "Sign out" } }
                    } @else {
                        a href="/signin" { "Sign in" }
                    }
                }
            }
        }
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) }
            link rel="icon" type="image/svg+xml" href="/assets/icon.svg";
            link rel="stylesheet" href=(assets::style());
            script type="module" src=(assets::script()) {}
        }
    }
}

/// A page without the frame: signing in, and what is said before it is known who asks.
pub fn plain(title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("{title} · Hybrid Reporting")))
            body {
                (PreEscaped(SPRITE))
                div.plain {
                    main #main {
                        p.brand { (brand()) span { "Hybrid Reporting" } }
                        (body)
                    }
                }
            }
        }
    }
}

/// What a page says where there is nothing to list; the page has its own heading.
pub fn said(symbol: &str, heading: &str, body: Markup) -> Markup {
    html! {
        section.card.message {
            div.empty { (icon(symbol)) h2 { (heading) } (body) }
        }
    }
}

/// What a page says instead of what was asked for.
/// Stands in a page for what is written later. No text of a page can be it: `<` is escaped.
const MARK: &str = "<!--later-->";

/// What stands for a part that is written later; see [`halves`].
pub fn mark() -> Markup {
    PreEscaped(MARK.to_owned())
}

/// What stands before the [`mark`], and what after it.
pub fn halves(page: Markup) -> (String, String) {
    let mut above = page.into_string();
    let Some(at) = above.find(MARK) else {
        return (above, String::new());
    };
    let below = above.split_off(at + MARK.len());
    above.truncate(at);
    (above, below)
}

pub fn message(symbol: &str, heading: &str, body: Markup) -> Markup {
    html! {
        section.card.message {
            div.empty { (icon(symbol)) h1 { (heading) } (body) }
        }
    }
}

pub fn brand() -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" {
            rect.b1 x="2" y="8" width="13" height="13" rx="3" {}
            circle.b2 cx="15.5" cy="8.5" r="6.5" {}
        }
    }
}

pub fn icon(name: &str) -> Markup {
    html! { svg.ic aria-hidden="true" { use href={ "#i-" (name) } {} } }
}

/// A result, told by icon and word as well as by colour.
pub fn result(key: &str) -> Markup {
    let symbol = match key {
        "success" => "ok",
        "failure" => "fail",
        "denied" => "deny",
        "pending" => "wait",
        "canceled" => "minus",
        "expired" => "clock",
        _ => "what",
    };
    let class = if super::field::RESULTS.iter().any(|(known, _)| *known == key) {
        key
    } else {
        "unknown"
    };
    html! { span class={ "res " (class) } { (icon(symbol)) (result_word(key)) } }
}

/// A source, told by colour, shape and word.
pub fn source(key: &str) -> Markup {
    let (class, word) = if key == "identity_manager" {
        ("onprem", "On-premises")
    } else {
        ("cloud", "Cloud")
    };
    html! { span.src { span class={ "dot " (class) } {} (word) } }
}

/// A note that stands above the content.
pub fn note(class: &str, symbol: &str, body: Markup) -> Markup {
    html! { div class={ "note " (class) } role="status" { (icon(symbol)) div { (body) } } }
}

/// A button that opens a menu.
pub fn menu(label: Markup, body: Markup) -> Markup {
    html! {
        details.menu name="menu" {
            summary.btn { (label) (icon("down")) }
            div.pop { (body) }
        }
    }
}

/// Hidden fields that carry parameters through a form, those of some names left out.
pub fn carried(pairs: &super::params::Pairs, except: &[&str]) -> Markup {
    html! {
        @for (name, value) in pairs.iter().filter(|(name, _)| !except.contains(name)) {
            input type="hidden" name=(name) value=(value);
        }
    }
}

const SPRITE: &str = concat!(
    "<svg class=\"sprite\" aria-hidden=\"true\">",
    "<symbol id=\"i-home\" viewBox=\"0 0 16 16\"><path d=\"M2.5 7 8 2.5 13.5 7v6.5h-4v-4h-3v4h-4z\"/></symbol>",
    "<symbol id=\"i-log\" viewBox=\"0 0 16 16\"><path d=\"M3 3.5h10M3 8h10M3 12.5h6\"/></symbol>",
    "<symbol id=\"i-rep\" viewBox=\"0 0 16 16\"><path d=\"M3 13.5V8M8 13.5v-11M13 13.5V6\"/></symbol>",
    "<symbol id=\"i-ppl\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"5.2\" r=\"2.7\"/><path d=\"M2.8 13.5c.6-2.9 2.6-4.3 5.2-4.3s4.6 1.4 5.2 4.3\"/></symbol>",
    "<symbol id=\"i-sys\" viewBox=\"0 0 16 16\"><rect x=\"2.5\" y=\"2.8\" width=\"11\" height=\"4.2\" rx=\"1\"/><rect x=\"2.5\" y=\"9\" width=\"11\" height=\"4.2\" rx=\"1\"/><path d=\"M5 4.9h.01M5 11.1h.01\"/></symbol>",
    "<symbol id=\"i-find\" viewBox=\"0 0 16 16\"><circle cx=\"7\" cy=\"7\" r=\"4.3\"/><path d=\"m10.3 10.3 3.2 3.2\"/></symbol>",
    "<symbol id=\"i-x\" viewBox=\"0 0 16 16\"><path d=\"m4 4 8 8M12 4l-8 8\"/></symbol>",
    "<symbol id=\"i-down\" viewBox=\"0 0 16 16\"><path d=\"m4 6.2 4 4 4-4\"/></symbol>",
    "<symbol id=\"i-up\" viewBox=\"0 0 16 16\"><path d=\"m4 9.8 4-4 4 4\"/></symbol>",
    "<symbol id=\"i-ok\" viewBox=\"0 0 16 16\"><path d=\"m3.2 8.4 3.2 3.2 6.4-7\"/></symbol>",
    "<symbol id=\"i-fail\" viewBox=\"0 0 16 16\"><path d=\"m4.2 4.2 7.6 7.6M11.8 4.2l-7.6 7.6\"/></symbol>",
    "<symbol id=\"i-deny\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"5.6\"/><path d=\"m4.1 11.9 7.8-7.8\"/></symbol>",
    "<symbol id=\"i-wait\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"5.6\"/><path d=\"M8 4.8V8l2.2 1.6\"/></symbol>",
    "<symbol id=\"i-save\" viewBox=\"0 0 16 16\"><path d=\"M4 2.5h8v11L8 10.6l-4 2.9z\"/></symbol>",
    "<symbol id=\"i-get\" viewBox=\"0 0 16 16\"><path d=\"M8 2.5v7.2M4.9 6.9 8 10l3.1-3.1M3 13.2h10\"/></symbol>",
    "<symbol id=\"i-col\" viewBox=\"0 0 16 16\"><rect x=\"2.5\" y=\"3\" width=\"11\" height=\"10\" rx=\"1\"/><path d=\"M6.2 3v10M9.8 3v10\"/></symbol>",
    "<symbol id=\"i-filt\" viewBox=\"0 0 16 16\"><path d=\"M2.5 4h11M4.7 8h6.6M6.8 12h2.4\"/></symbol>",
    "<symbol id=\"i-link\" viewBox=\"0 0 16 16\"><path d=\"M6.6 9.4 9.4 6.6M7.3 4.6l1.2-1.2a2.9 2.9 0 0 1 4.1 4.1l-1.2 1.2M8.7 11.4l-1.2 1.2a2.9 2.9 0 0 1-4.1-4.1l1.2-1.2\"/></symbol>",
    "<symbol id=\"i-minus\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"5.6\"/><path d=\"M5.4 8h5.2\"/></symbol>",
    "<symbol id=\"i-clock\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"5.6\"/><path d=\"M8 4.8V8l2.2 1.6\"/></symbol>",
    "<symbol id=\"i-cal\" viewBox=\"0 0 16 16\"><rect x=\"2.5\" y=\"3.2\" width=\"11\" height=\"10.2\" rx=\"1\"/><path d=\"M2.5 6.5h11M5.5 2v2.4M10.5 2v2.4\"/></symbol>",
    "<symbol id=\"i-grp\" viewBox=\"0 0 16 16\"><circle cx=\"6\" cy=\"5.5\" r=\"2.2\"/><path d=\"M2 12.8c.4-2.4 1.9-3.6 4-3.6s3.6 1.2 4 3.6M10 3.5a2.2 2.2 0 0 1 0 4.1M11.5 9.4c1.4.4 2.2 1.6 2.5 3.4\"/></symbol>",
    "<symbol id=\"i-keys\" viewBox=\"0 0 16 16\"><rect x=\"1.8\" y=\"4\" width=\"12.4\" height=\"8\" rx=\"1.5\"/><path d=\"M4.5 6.7h.01M7 6.7h.01M9.3 6.7h.01M11.6 6.7h.01M5 9.4h6\"/></symbol>",
    "<symbol id=\"i-lock\" viewBox=\"0 0 16 16\"><rect x=\"3.2\" y=\"7\" width=\"9.6\" height=\"6.5\" rx=\"1.2\"/><path d=\"M5.3 7V5.2a2.7 2.7 0 0 1 5.4 0V7\"/></symbol>",
    "<symbol id=\"i-what\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"5.6\"/><path d=\"M6.3 6.4a1.7 1.7 0 1 1 2.6 1.5c-.6.4-.9.7-.9 1.3M8 11.1h.01\"/></symbol>",
    "<symbol id=\"i-warn\" viewBox=\"0 0 16 16\"><path d=\"M8 2.6 14 13.2H2zM8 6.6v3M8 11.4h.01\"/></symbol>",
    "<symbol id=\"i-print\" viewBox=\"0 0 16 16\"><path d=\"M4.5 6V2.5h7V6M4.5 11.5h-2V6h11v5.5h-2M4.5 9.5h7v4h-7z\"/></symbol>",
    "<symbol id=\"i-plus\" viewBox=\"0 0 16 16\"><path d=\"M8 3v10M3 8h10\"/></symbol>",
    "</svg>"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_never_colour_alone_and_never_a_class_from_outside() {
        for (key, word) in super::super::field::RESULTS {
            let html = result(key).into_string();
            assert!(html.contains(word) && html.contains("<use"), "{html}");
        }
        assert!(result("x\" onclick").into_string().contains("res unknown"));
    }

    #[test]
    fn every_icon_is_in_the_sprite() {
        for (.., symbol, _) in NAV {
            assert!(SPRITE.contains(&format!("id=\"i-{symbol}\"")));
        }
    }
}
