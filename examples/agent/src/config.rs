//! The configuration file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ingest_protocol::Audience;
use ingest_protocol::http::BATCHES_PATH;
use serde::Deserialize;

use crate::keys::{Key, place};
use crate::secrets::{Place, Secret};
use crate::units::{Size, Span};

/// What `agent.toml` says; `agent.example.toml` documents every key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// For whom the records are.
    pub(crate) tenant: Audience,
    /// The service's address, without a path of the protocol.
    #[serde(deserialize_with = "base_address")]
    pub(crate) url: http::Uri,
    /// Folder of the spools and of all that the agent keeps.
    pub(crate) state: PathBuf,
    #[serde(default = "ten_minutes")]
    pub(crate) interval: Span,
    /// A log that grew by so much is read at once.
    #[serde(default = "one_mib")]
    pub(crate) read_when_grown: Size,
    pub(crate) key: Key,
    #[serde(default)]
    pub(crate) logs: Vec<Log>,
    #[serde(default)]
    pub(crate) spool: Spool,
    #[serde(default)]
    pub(crate) quarantine: Quarantine,
    #[serde(default)]
    pub(crate) http: Http,
    #[serde(default)]
    pub(crate) metrics: Metrics,
    #[serde(default)]
    pub(crate) log: Logging,
    pub(crate) cloud: Option<Cloud>,
}

/// A log to follow.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    /// Under this name its bookmark is kept; the path's file name by default.
    name: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Spool {
    pub(crate) max: Size,
    pub(crate) when_full: WhenFull,
    pub(crate) batch: u32,
}

/// What becomes of records when the spool is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WhenFull {
    /// The oldest that were never sent are given up, and declared lost.
    Evict,
    /// The log is not read on; what it overwrites meanwhile is lost, and counted.
    Wait,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Quarantine {
    /// Beyond this, entries are kept without the text that could not be read.
    pub(crate) max: Size,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    /// A private certification authority (PEM), trusted instead of the public ones.
    pub(crate) ca: Option<PathBuf>,
    /// `http://host:port`, in which a password may stand; without it no proxy is used, whatever
    /// the environment says.
    pub(crate) proxy: Option<Secret>,
    pub(crate) timeout: Span,
    /// Lets the key be sent in the clear to other machines.
    pub(crate) allow_plain: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Metrics {
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Logging {
    pub(crate) format: LogFormat,
    pub(crate) level: LogLevel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// How Entra's audit log is polled.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cloud {
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    #[serde(default = "ten_minutes")]
    pub(crate) interval: Span,
    /// How far the first poll looks back.
    #[serde(default = "seven_days")]
    pub(crate) first: Span,
    /// What is read again for late arrivals.
    #[serde(default = "two_hours")]
    pub(crate) overlap: Span,
    /// How far before now a window ends.
    #[serde(default = "fifteen_minutes")]
    pub(crate) delay: Span,
    /// The longest window of one walk.
    #[serde(default = "one_day")]
    pub(crate) window: Span,
    #[serde(default = "page_size")]
    pub(crate) page: u32,
}

fn ten_minutes() -> Span {
    Span(Duration::from_secs(600))
}
fn fifteen_minutes() -> Span {
    Span(Duration::from_secs(900))
}
fn two_hours() -> Span {
    Span(Duration::from_secs(7200))
}
fn one_day() -> Span {
    Span(Duration::from_secs(86_400))
}
fn seven_days() -> Span {
    Span(Duration::from_secs(7 * 86_400))
}
fn one_mib() -> Size {
    Size(1 << 20)
}
fn page_size() -> u32 {
    500
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            max: Size(1 << 30),
            when_full: WhenFull::Evict,
            batch: 1_000,
        }
    }
}

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            max: Size(256 << 20),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            ca: None,
            proxy: None,
            timeout: Span(Duration::from_secs(60)),
            allow_plain: false,
        }
    }
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: LogLevel::Info,
        }
    }
}

impl Log {
    pub(crate) fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| file_name(&self.path))
    }
}

/// The last part of a path as text.
pub(crate) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

impl Cloud {
    pub(crate) fn token(&self) -> Result<Option<Place>> {
        place(self.token_file.as_ref(), self.token_env.as_ref(), "token").context("[cloud]")
    }
}

impl Config {
    /// Reads the file; paths in it are relative to its folder.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("configuration {}", path.display()))?;
        let mut config =
            Self::parse(&text).with_context(|| format!("configuration {}", path.display()))?;
        if let Some(folder) = path.parent() {
            config.relative_to(folder);
        }
        Ok(config)
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text).map_err(|error| {
            // Its own text shows the line, where a secret may stand by mistake.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            let column = before.map_or(0, |before| {
                before.len() - before.rfind('\n').map_or(0, |at| at + 1)
            }) + 1;
            anyhow!("line {line}, column {column}: {}", error.message())
        })?;
        config.check()?;
        Ok(config)
    }

    fn relative_to(&mut self, folder: &Path) {
        let files = [&mut self.http.ca].into_iter().chain(self.key.files());
        let cloud = self.cloud.as_mut().map(|cloud| &mut cloud.token_file);
        let logs = self.logs.iter_mut().map(|log| &mut log.path);
        for path in files
            .into_iter()
            .chain(cloud)
            .flatten()
            .chain(logs)
            .chain([&mut self.state])
        {
            *path = folder.join(&*path);
        }
    }

    fn check(&self) -> Result<()> {
        self.key.credentials()?;
        if let Some(cloud) = &self.cloud {
            cloud.token()?;
            ensure!(
                (1..=999).contains(&cloud.page),
                "[cloud] `page` must be 1 to 999"
            );
            ensure!(!cloud.window.0.is_zero(), "[cloud] `window` must not be 0");
        }
        ensure!(!self.interval.0.is_zero(), "`interval` must not be 0");
        ensure!(
            !self.http.timeout.0.is_zero(),
            "[http] `timeout` must not be 0"
        );
        ensure!(
            self.spool.max.0 >= 1 << 20,
            "[spool] `max` must be at least 1 MiB"
        );
        ensure!(
            (1..=10_000).contains(&self.spool.batch),
            "[spool] `batch` must be 1 to 10000"
        );
        let mut names: Vec<_> = self.logs.iter().map(Log::name).collect();
        names.sort();
        if let Some(twice) = names.windows(2).find(|two| two[0] == two[1]) {
            bail!(
                "[[logs]]: two have the name `{}`: give one a `name` of its own",
                twice[0]
            );
        }
        if let Some(listen) = self.metrics.listen {
            ensure!(
                listen.ip().is_loopback(),
                "[metrics] `listen` must be a loopback address: nobody is asked who they are"
            );
        }
        let is_plain = self.url.scheme_str() == Some("http");
        ensure!(
            !is_plain || self.http.allow_plain || is_loopback(&self.url),
            "`url` must be https: over http everybody on the way can read records and key \
             ([http] `allow_plain = true` allows it)"
        );
        Ok(())
    }
}

/// Whether an address is this machine's own.
pub(crate) fn is_loopback(uri: &http::Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

fn base_address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<http::Uri, D::Error> {
    use serde::de::Error as _;
    let text = String::deserialize(deserializer)?;
    let wrong = || D::Error::custom("`url` is written https://host or https://host:port/path");
    let base = text.trim_end_matches('/');
    let base = base.strip_suffix(BATCHES_PATH).unwrap_or(base);
    let uri: http::Uri = base.parse().map_err(|_| wrong())?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    // A user in it would be a secret.
    let is_plain = uri.query().is_none() && !base.contains('@') && !base.contains('#');
    if is_web && is_plain && uri.host().is_some_and(|host| !host.is_empty()) {
        Ok(uri)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../agent.example.toml");
    const SMALL: &str = "tenant = \"6f1d2c3b-4a59-4e8f-9b70-112233445566\"\n\
        url = \"https://reports.example.com\"\nstate = \"state\"\n[key]\ntoken_env = \"TOKEN\"\n";

    #[test]
    fn the_example_parses_and_has_the_defaults() -> Result<()> {
        let example = Config::parse(EXAMPLE)?;
        assert_eq!(example.logs.len(), 1);
        // What is commented out there is the default, and can be turned on.
        let all: Vec<&str> = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .collect();
        let all = Config::parse(&all.join("\n"))?;
        let small = Config::parse(SMALL)?;
        assert_eq!(all.interval, small.interval);
        assert_eq!(all.read_when_grown, small.read_when_grown);
        assert_eq!(all.spool.max, small.spool.max);
        assert_eq!(all.spool.when_full, small.spool.when_full);
        assert_eq!(all.spool.batch, small.spool.batch);
        assert_eq!(all.quarantine.max, small.quarantine.max);
        assert_eq!(all.http.timeout, small.http.timeout);
        assert_eq!(all.log.format, small.log.format);
        assert_eq!(all.log.level, small.log.level);
        let cloud = all.cloud.context("cloud")?;
        assert_eq!(cloud.overlap, two_hours());
        assert_eq!(cloud.page, page_size());
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_without_the_line() {
        let wrong = |text: &str| format!("{:#}", Config::parse(text).expect_err(text));
        let error = wrong(&SMALL.replace("token_env", "token"));
        assert!(
            error.contains("line 5") && error.contains("unknown field `token`"),
            "{error}"
        );
        assert!(!error.contains("TOKEN"), "{error}");
        let error = wrong(&format!("intervall = 3\n{SMALL}"));
        assert!(
            error.contains("line 1, column 1: unknown field `intervall`"),
            "{error}"
        );
        for (from, to, told) in [
            ("https://reports", "http://reports", "must be https"),
            (
                "https://reports",
                "https://user:pass@reports",
                "is written https://host",
            ),
            ("token_env = \"TOKEN\"", "", "either a token or an HMAC key"),
            ("token_env", "hmac_key_env", "`hmac_key_id`"),
            (
                "[key]",
                "[metrics]\nlisten = \"0.0.0.0:1\"\n[key]",
                "loopback",
            ),
            ("[key]", "[spool]\nmax = \"1 KiB\"\n[key]", "at least 1 MiB"),
            (
                "[key]",
                "[[logs]]\npath = \"a/x.evtx\"\n[[logs]]\npath = \"b/x.evtx\"\n[key]",
                "`x.evtx`",
            ),
        ] {
            let error = wrong(&SMALL.replace(from, to));
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn the_address_may_be_the_base_or_that_of_batches() -> Result<()> {
        for (url, wanted) in [
            (
                "https://reports.example.com/v1/batches",
                "https://reports.example.com/",
            ),
            (
                "https://reports.example.com/in/",
                "https://reports.example.com/in",
            ),
            ("http://127.0.0.1:8443", "http://127.0.0.1:8443/"),
            ("http://[::1]:8443/", "http://[::1]:8443/"),
        ] {
            let config = Config::parse(&SMALL.replace("https://reports.example.com", url))?;
            assert_eq!(config.url.to_string(), wanted);
        }
        Ok(())
    }
}
