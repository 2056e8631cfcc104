//! The style, the script and the icon: part of the program, named by their content so
//! that browsers may keep them for ever.

use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../../assets/app.css");
const SCRIPT: &str = include_str!("../../assets/app.js");
const ICON: &str = include_str!("../../assets/icon.svg");

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path(STYLE, "css"));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| path(SCRIPT, "js"));

fn path(content: &str, extension: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    let hash: String = digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("/assets/app.{hash}.{extension}")
}

/// The address of the style.
pub fn style() -> &'static str {
    &STYLE_PATH
}

/// The address of the script.
pub fn script() -> &'static str {
    &SCRIPT_PATH
}

/// What an address below `/assets/` holds.
pub async fn serve(axum::extract::Path(name): axum::extract::Path<String>) -> Response {
    const FOR_EVER: &str = "public, max-age=31536000, immutable";
    let path = format!("/assets/{name}");
    let (kind, content, keep) = if path == style() {
        ("text/css; charset=utf-8", STYLE, FOR_EVER)
    } else if path == script() {
        ("text/javascript; charset=utf-8", SCRIPT, FOR_EVER)
    } else if name == "icon.svg" {
        ("image/svg+xml", ICON, "public, max-age=86400")
    } else {
        return StatusCode::NOT_FOUND.into_response();
    };
    (
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)],
        content,
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_writes_no_html() {
        assert!(SCRIPT.len() < 10_000);
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ] {
            assert!(!SCRIPT.contains(sink), "{sink}");
        }
    }

    #[test]
    fn the_style_loads_nothing() {
        for word in ["url(", "@import", "http:", "https:"] {
            assert!(!STYLE.contains(word), "{word}");
        }
        assert_eq!(STYLE.matches('{').count(), STYLE.matches('}').count());
    }
}
