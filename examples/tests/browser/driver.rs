//! Chromium, driven through chromedriver.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Light,
    Dark,
    ForcedColours,
    /// Light, as somebody sees it who sees no colours.
    Grey,
    Print,
}

/// chromedriver, ended with the test.
pub(crate) struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    pub(crate) fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: install the packages chromium and chromium-driver");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("chromedriver ended").unwrap();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }

    /// A browser of its own: no cookie of another is there.
    pub(crate) async fn browser(&self, script: bool) -> Browser {
        self.browser_with_text(script, 16).await
    }

    /// One whose reader chose another size of text.
    pub(crate) async fn browser_with_text(&self, script: bool, pixels: u32) -> Browser {
        let mut arguments = vec!["--headless=new", "--hide-scrollbars", "--disable-gpu"];
        if cfg!(unix) {
            // Chromium's sandbox needs rights that containers and CI do not give.
            arguments.extend(["--no-sandbox", "--disable-dev-shm-usage"]);
        }
        let allowed = if script { 1 } else { 2 };
        let capabilities = json!({
            "goog:chromeOptions": {
                "args": arguments,
                "prefs": {
                    "profile.managed_default_content_settings.javascript": allowed,
                    "webkit.webprefs.default_font_size": pixels,
                },
            },
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!()
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .expect("a session of Chromium");
        Browser { client, script }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One browser with one page.
pub(crate) struct Browser {
    client: Client,
    script: bool,
}

impl Browser {
    pub(crate) async fn open(&self, url: &str) {
        self.client
            .goto(url)
            .await
            .unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    pub(crate) async fn url(&self) -> String {
        self.client.current_url().await.unwrap().to_string()
    }

    pub(crate) async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    /// The text of all elements that this finds, as a reader sees it.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        let read = |element: Element| async move { element.text().await.map(Some) };
        self.of_all(css, read).await
    }

    /// An attribute of all elements that this finds and that have it.
    pub(crate) async fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let read = |element: Element| async move { element.attr(name).await };
        self.of_all(css, read).await
    }

    /// Of all elements of one page: when another comes while they are read, of that one.
    async fn of_all<R>(&self, css: &str, read: impl Fn(Element) -> R) -> Vec<String>
    where
        R: Future<Output = Result<Option<String>, CmdError>>,
    {
        let deadline = Instant::now() + Duration::from_secs(20);
        'page: loop {
            let mut values = Vec::new();
            for element in self.client.find_all(Locator::Css(css)).await.unwrap() {
                match read(element).await {
                    Ok(value) => values.extend(value),
                    Err(error) if error.is_stale_element_reference() => {
                        assert!(Instant::now() < deadline, "{css}: {error}");
                        continue 'page;
                    }
                    Err(error) => panic!("{css}: {error}"),
                }
            }
            return values;
        }
    }

    pub(crate) async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.unwrap().len()
    }

    pub(crate) async fn click(&self, css: &str) {
        let found = self.client.find(Locator::Css(css)).await;
        let element = found.unwrap_or_else(|error| panic!("{css}: {error}"));
        element
            .click()
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Follows the first link with this text.
    pub(crate) async fn follow(&self, text: &str) {
        let found = self.client.find(Locator::LinkText(text)).await;
        let element = found.unwrap_or_else(|error| panic!("{text}: {error}"));
        element
            .click()
            .await
            .unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let found = self.client.find(Locator::Css(css)).await;
        let element = found.unwrap_or_else(|error| panic!("{css}: {error}"));
        element.clear().await.unwrap();
        element.send_keys(text).await.unwrap();
    }

    /// Presses keys where the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        let active = self.client.active_element().await.unwrap();
        active.send_keys(keys).await.unwrap();
    }

    /// What a script says of the page. It runs beside the page's own, whose policy it does not break.
    pub(crate) async fn ask(&self, script: &str) -> Value {
        assert!(self.script, "scripts are off");
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until an element is there.
    pub(crate) async fn wait_for(&self, css: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.count(css).await == 0 {
            assert!(
                Instant::now() < deadline,
                "no {css} at {}",
                self.url().await
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until another page is shown than this: one that is opened before would take its place.
    pub(crate) async fn wait_to_leave(&self, path: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.url().await.ends_with(path) {
            assert!(Instant::now() < deadline, "still at {path}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How far the page is wider than the window, and what stands out.
    pub(crate) async fn overflow(&self) -> Option<String> {
        let script = "
            const root = document.documentElement, wide = root.scrollWidth - root.clientWidth;
            if (wide <= 0) return null;
            const out = [...document.querySelectorAll('main *')]
                .filter(one => one.getBoundingClientRect().right > root.clientWidth)
                .map(one => one.outerHTML.slice(0, 90));
            return `${wide} px too wide: ${out.slice(-2).join(' ... ')}`";
        self.ask(script).await.as_str().map(str::to_owned)
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) {
        // The viewport, not the window with its frame.
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    pub(crate) async fn look(&self, look: Look) {
        let scheme = if look == Look::Dark { "dark" } else { "light" };
        let forced = if look == Look::ForcedColours {
            "active"
        } else {
            "none"
        };
        let media = if look == Look::Print { "print" } else { "" };
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "forced-colors", "value": forced},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        let media = json!({"media": media, "features": features});
        self.devtools("Emulation.setEmulatedMedia", media).await;
        let vision = if look == Look::Grey {
            "achromatopsia"
        } else {
            "none"
        };
        self.devtools(
            "Emulation.setEmulatedVisionDeficiency",
            json!({"type": vision}),
        )
        .await;
    }

    /// A picture of the whole page at a width.
    pub(crate) async fn picture(&self, width: u32, file: &Path) {
        self.resize(width, 900).await;
        let height = self
            .client
            .execute("return document.documentElement.scrollHeight", Vec::new())
            .await;
        let height = height.unwrap().as_u64().unwrap_or(900).clamp(900, 12_000);
        self.resize(width, height as u32).await;
        let picture = self.client.screenshot().await.unwrap();
        std::fs::write(file, picture).unwrap();
        self.resize(width, 900).await;
    }

    /// Where downloads of this browser go.
    pub(crate) async fn download_to(&self, folder: &Path) {
        let behavior = json!({"behavior": "allow", "downloadPath": folder});
        self.devtools("Browser.setDownloadBehavior", behavior).await;
    }

    /// Waits for a download of this name, and reads it.
    pub(crate) async fn downloaded(&self, folder: &Path, ending: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let files = std::fs::read_dir(folder).unwrap().flatten();
            let mut names = files.map(|file| file.path());
            // While it is written it has another ending.
            if let Some(file) = names.find(|path| path.to_string_lossy().ends_with(ending)) {
                return std::fs::read_to_string(file).unwrap();
            }
            assert!(Instant::now() < deadline, "no {ending} was downloaded");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the browser complained of since the last call: errors of scripts, what a policy refused.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", json!({"type": "browser"})).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let serious = entries
            .iter()
            .filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG");
        serious.map(|entry| entry["message"].to_string()).collect()
    }

    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.command(
            "goog/cdp/execute",
            json!({"cmd": command, "params": parameters}),
        )
        .await
    }

    async fn command(&self, path: &'static str, body: Value) -> Value {
        let command = Extension { path, body };
        let answer = self.client.issue_cmd(command).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What axe finds wrong at this page, serious or worse.
    pub(crate) async fn axe(&self, source: &str) -> Vec<String> {
        let script = format!(
            "{source}; const done = arguments[arguments.length - 1];
             axe.run(document, {{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}})
                .then(found => done(found.violations), error => done([{{id: String(error), impact: 'critical', nodes: []}}]));"
        );
        let found = self
            .client
            .execute_async(&script, Vec::new())
            .await
            .unwrap();
        let found = found.as_array().unwrap();
        let serious = found
            .iter()
            .filter(|rule| rule["impact"] == "serious" || rule["impact"] == "critical");
        serious
            .map(|rule| format!("{} at {}", rule["id"], rule["nodes"][0]["html"]))
            .collect()
    }

    pub(crate) async fn close(self) {
        self.client.close().await.unwrap();
    }
}

/// A command of chromedriver beyond the standard.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}
