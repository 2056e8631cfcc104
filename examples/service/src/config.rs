//! The configuration file.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use chrono_tz::Tz;
use ingest_protocol::{Audience, KeyId};
use serde::{Deserialize, Deserializer};

/// What the service is told; every key is documented in `service.example.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The folder of all data, one subfolder for each tenant.
    pub data: PathBuf,
    /// For how many days activity is kept, in memory and on disk.
    #[serde(default = "default_days")]
    pub retention_days: u32,
    /// The zone in which the portal shows times unless a reader chooses another.
    #[serde(default = "default_zone", deserialize_with = "zone")]
    pub time_zone: Tz,
    /// Bounds of what is read and done at once.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// Seconds between two looks for activity that is too old.
    #[serde(default = "default_check")]
    pub retention_check_seconds: u64,
    /// Seconds that a clock which jumped ahead must go on evenly before anything is deleted by it.
    #[serde(default = "default_hold")]
    pub clock_hold_seconds: u64,
    /// Whoever can read `/metrics` without a token: `false` asks for a reader's.
    #[serde(default)]
    pub open_metrics: bool,
    /// The address that people and programs use, if a proxy stands before the service:
    /// `https://reports.example.com`.
    pub public_url: Option<String>,
    /// TLS; without it only a loopback address, or a proxy that ends TLS, should reach the service.
    pub tls: Option<TlsConfig>,
    /// Whose activity is kept.
    #[serde(default)]
    pub tenants: Vec<TenantConfig>,
}

/// Bounds of what is read and done at once.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Connections at once; more wait.
    pub connections: usize,
    /// Bytes of a tenant's batches, expanded, that are taken at once; more is answered with 429.
    #[serde(deserialize_with = "size")]
    pub batch_bytes: u64,
    /// Seconds until a request's header must have come.
    pub header_seconds: u64,
    /// Seconds until a request's body must have come.
    pub body_seconds: u64,
    /// Seconds until some of an answer must have been taken.
    pub write_seconds: u64,
    /// Seconds that one query may run.
    pub query_seconds: u64,
    /// Queries at once; more wait, and are answered with 503 after `query_seconds`.
    pub queries: usize,
    /// Rows between two stages of a query.
    pub query_rows: u64,
    /// Groups of one stage of a query.
    pub query_groups: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections: 1_024,
            batch_bytes: 512 << 20,
            header_seconds: 10,
            body_seconds: 60,
            write_seconds: 60,
            query_seconds: 30,
            queries: 16,
            query_rows: 20_000_000,
            query_groups: 1_000_000,
        }
    }
}

/// The certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate and those that lead to its root (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
}

/// Whose activity is kept, who sends it, and who reads it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantConfig {
    /// As people call it.
    pub name: String,
    /// As frames name it: their audience.
    pub id: Audience,
    /// Bytes that its activity may take in memory; above, batches are answered with 429.
    #[serde(default = "default_memory", deserialize_with = "size")]
    pub max_memory: u64,
    /// Read without signing in, by everybody on this machine. Needs a loopback address.
    #[serde(default)]
    pub open: bool,
    /// Who sends.
    #[serde(default)]
    pub senders: Vec<SenderConfig>,
    /// Who reads.
    #[serde(default)]
    pub readers: Vec<ReaderConfig>,
}

/// Who sends: by a token, or by the key of its frames' HMAC.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderConfig {
    /// As people call it.
    pub name: String,
    /// The file of its token.
    pub token_file: Option<PathBuf>,
    /// The environment variable of its token.
    pub token_env: Option<String>,
    /// The file of its HMAC key: 64 hexadecimal digits.
    pub hmac_key_file: Option<PathBuf>,
    /// The environment variable of its HMAC key.
    pub hmac_key_env: Option<String>,
    /// The name of the HMAC key in frames.
    pub key_id: Option<KeyId>,
}

/// Who reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderConfig {
    /// As people call them; it is in the audit trail.
    pub name: String,
    /// The file of their token.
    pub token_file: Option<PathBuf>,
    /// The environment variable of their token.
    pub token_env: Option<String>,
    /// What they may see beyond counts and pseudonyms.
    #[serde(default)]
    pub rights: Vec<Right>,
}

/// What a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Documents as they were logged, and the quarantine.
    Raw,
    /// Names, accounts and addresses of people.
    Persons,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

fn default_days() -> u32 {
    30
}

fn default_check() -> u64 {
    60
}

fn default_hold() -> u64 {
    3_600
}

fn default_zone() -> Tz {
    Tz::UTC
}

fn default_memory() -> u64 {
    4 << 30
}

fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<Tz, D::Error> {
    let name = String::deserialize(from)?;
    name.parse().map_err(|_| {
        serde::de::Error::custom("no such time zone; write it as `Europe/Berlin` or `UTC`")
    })
}

/// Bytes as a number, or as text with a unit: `512 MiB`.
fn size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(u64),
        Text(String),
    }
    match Size::deserialize(from)? {
        Size::Bytes(bytes) => Ok(bytes),
        Size::Text(text) => parse_size(&text)
            .ok_or_else(|| serde::de::Error::custom("no size; write it as `4 GiB`")),
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor: u64 = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}

impl Config {
    /// Reads and checks a file; its paths are meant from its own folder.
    ///
    /// # Errors
    /// The file can't be read, or says what can't be done.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the configuration {} can't be read", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).with_context(|| format!("in {}", path.display()))
    }

    /// Reads and checks a text; relative paths are meant from `folder`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        let mut config: Self = toml::from_str(text)?;
        config.resolve(folder);
        config.check()?;
        Ok(config)
    }

    fn resolve(&mut self, folder: &Path) {
        let from = |path: &mut PathBuf| *path = folder.join(&*path);
        from(&mut self.data);
        if let Some(tls) = &mut self.tls {
            from(&mut tls.certificate);
            from(&mut tls.key);
        }
        for tenant in &mut self.tenants {
            for sender in &mut tenant.senders {
                let files = [&mut sender.token_file, &mut sender.hmac_key_file];
                files.into_iter().flatten().for_each(from);
            }
            tenant
                .readers
                .iter_mut()
                .filter_map(|r| r.token_file.as_mut())
                .for_each(from);
        }
    }

    /// What no single value shows.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<()> {
        ensure!(
            !self.tenants.is_empty(),
            "there is no [[tenants]]: nobody could send or read"
        );
        ensure!(
            (1..=3_650).contains(&self.retention_days),
            "`retention_days` must be from 1 to 3650"
        );
        ensure!(
            self.retention_check_seconds > 0,
            "`retention_check_seconds` must not be 0"
        );
        if let Some(url) = &self.public_url {
            let uri: Option<axum::http::Uri> = url.parse().ok();
            let is_url = uri.is_some_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https"))
                    && uri.path() == "/"
                    && uri.query().is_none()
            });
            ensure!(
                is_url,
                "`public_url` is like `https://reports.example.com`, without a path"
            );
        }
        let limits = &self.limits;
        let counts = [limits.connections, limits.queries];
        ensure!(
            !counts.contains(&0),
            "`limits.connections` and `limits.queries` must not be 0"
        );
        ensure!(
            limits.write_seconds > 0,
            "`limits.write_seconds` must not be 0: nobody could read anything"
        );
        ensure!(
            limits.batch_bytes >= 96 << 20,
            "`limits.batch_bytes` must be at least 96 MiB, so that the largest batch fits"
        );
        let mut seen = HashSet::new();
        for tenant in &self.tenants {
            let name = &tenant.name;
            ensure!(
                seen.insert(tenant.id),
                "tenant {name}: another one has the same id"
            );
            ensure!(
                !tenant.id.0.is_nil(),
                "tenant {name}: the id must not be zero"
            );
            if tenant.open && !self.listen.ip().is_loopback() {
                bail!("tenant {name}: `open` needs a loopback address to listen at");
            }
            if tenant.open && self.tenants.len() > 1 {
                bail!("tenant {name}: `open` is for a service with one tenant");
            }
            // Two entries of one name are one sender's old and new secret.
            for sender in &tenant.senders {
                sender
                    .check()
                    .with_context(|| format!("tenant {name}, sender {}", sender.name))?;
            }
            let mut names = HashSet::new();
            for reader in &tenant.readers {
                ensure!(
                    names.insert(&reader.name),
                    "tenant {name}: two readers are called {}",
                    reader.name
                );
                ensure!(
                    reader.token_file.is_some() != reader.token_env.is_some(),
                    "tenant {name}, reader {}: one of `token_file` and `token_env` is needed",
                    reader.name
                );
            }
        }
        Ok(())
    }
}

impl SenderConfig {
    fn check(&self) -> Result<()> {
        let ways = [
            self.token_file.is_some(),
            self.token_env.is_some(),
            self.hmac_key_file.is_some(),
            self.hmac_key_env.is_some(),
        ];
        ensure!(
            ways.into_iter().filter(|way| *way).count() == 1,
            "one of `token_file`, `token_env`, `hmac_key_file` and `hmac_key_env` is needed"
        );
        let by_key = self.hmac_key_file.is_some() || self.hmac_key_env.is_some();
        ensure!(
            by_key == self.key_id.is_some(),
            "`key_id` names an HMAC key, and each has one"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        data = "data"
        [[tenants]]
        name = "Contoso"
        id = "6f1d2c3b-4a59-4e8f-9b70-112233445566"
        [[tenants.senders]]
        name = "mim-01"
        token_env = "MIM_01"
    "#;

    #[test]
    fn the_example_is_read_and_says_all() -> Result<()> {
        let text = include_str!("../service.example.toml");
        let config = Config::parse(text, Path::new("/etc/hybrid"))?;
        assert_eq!(config.data, Path::new("/etc/hybrid/data"));
        assert!(config.tls.is_some() && config.tenants.len() == 1);
        let tenant = &config.tenants[0];
        assert_eq!((tenant.senders.len(), tenant.readers.len()), (2, 2));
        assert_eq!(tenant.max_memory, 4 << 30);
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (change, said) in [
            ("", ""),
            ("colour = 1", "unknown field `colour`"),
            ("time_zone = \"Mars\"", "no such time zone"),
            ("retention_days = 0", "from 1 to 3650"),
            ("listen = \"here\"", "invalid socket address"),
            (
                "public_url = \"reports.example.com\"",
                "`public_url` is like",
            ),
            (
                "public_url = \"https://reports.example.com/x\"",
                "`public_url` is like",
            ),
        ] {
            let parsed = Config::parse(&format!("{change}\n{SMALL}"), Path::new(""));
            let found = parsed.err().map(|error| format!("{error:#}"));
            let found = found.unwrap_or_default();
            assert!(
                found.contains(said) && found.is_empty() == said.is_empty(),
                "{change}: {found}"
            );
        }
        for (more, said) in [
            ("[limits]\nbatch_bytes = \"1 KB\"", "no size"),
            ("[limits]\nbatch_bytes = \"1 MiB\"", "at least 96 MiB"),
            ("[limits]\nqueries = 0", "must not be 0"),
            ("[limits]\nwrite_seconds = 0", "must not be 0"),
            ("[tls]\nkey = \"k\"", "missing field `certificate`"),
            ("hmac_key_file = \"k\"", "one of `token_file`"),
            (
                "key_id = \"6f1d2c3b-4a59-4e8f-9b70-112233445566\"",
                "`key_id` names",
            ),
            ("[[tenants.readers]]\nname = \"r\"", "one of `token_file`"),
            (
                "[[tenants.readers]]\nname = \"r\"\ntoken_env = \"T\"\nrights = [\"all\"]",
                "unknown variant",
            ),
        ] {
            let parsed = Config::parse(&format!("{SMALL}\n{more}"), Path::new(""));
            let found = parsed
                .err()
                .map(|error| format!("{error:#}"))
                .unwrap_or_default();
            assert!(found.contains(said), "{more}: {found}");
        }
    }

    #[test]
    fn two_entries_of_one_sender_are_an_old_and_a_new_secret() -> Result<()> {
        let more = "[[tenants.senders]]\nname = \"mim-01\"\ntoken_file = \"t\"";
        let config = Config::parse(&format!("{SMALL}\n{more}"), Path::new(""))?;
        assert_eq!(config.tenants[0].senders.len(), 2);
        Ok(())
    }

    #[test]
    fn open_needs_loopback() -> Result<()> {
        let open = SMALL.replace("[[tenants.senders]]", "open = true\n[[tenants.senders]]");
        assert!(Config::parse(&open, Path::new(""))?.tenants[0].open);
        let far = format!("listen = \"0.0.0.0:1\"\n{open}");
        assert!(Config::parse(&far, Path::new("")).is_err());
        Ok(())
    }
}
