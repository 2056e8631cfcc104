//! `agent check`: whether the agent could work as it is configured.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use ingest_protocol::frame::{Limits, Sealer, Stamp};
use ingest_protocol::{Answer, Code};
use mim_events::eventlog::{LogFilter, LogReader};
use uuid::Uuid;

use crate::client::{Client, Service};
use crate::clock;
use crate::config::Config;
use crate::keys::Credentials;
use crate::outbox;
use crate::secrets::Place;

#[derive(Default)]
struct Checks {
    failed: u32,
}

impl Checks {
    fn tell(&mut self, what: &str, done: Result<String>) -> Result<()> {
        let mut out = std::io::stdout().lock();
        match done {
            Ok(text) => writeln!(out, "ok    {what}: {text}")?,
            Err(error) => {
                self.failed += 1;
                writeln!(out, "FAIL  {what}: {error:#}")?;
            }
        }
        Ok(())
    }
}

pub(crate) fn check(config: &Config) -> Result<ExitCode> {
    let mut checks = Checks::default();
    checks.tell("configuration", Ok(format!("tenant {}", config.tenant)))?;
    for log in &config.logs {
        checks.tell(&format!("log {}", log.name()), readable(&log.path))?;
    }
    if config.logs.is_empty() {
        checks.tell(
            "logs",
            Err(anyhow::anyhow!("the configuration has no [[logs]]")),
        )?;
    }
    checks.tell("state", writable(config))?;
    checks.tell("key", key(config))?;
    if let Some(place) = config
        .cloud
        .as_ref()
        .map(|cloud| cloud.token())
        .transpose()?
        .flatten()
    {
        checks.tell("key of [cloud]", secret(&place))?;
    }
    service(config, &mut checks)?;
    Ok(ExitCode::from(u8::from(checks.failed > 0)))
}

fn readable(path: &Path) -> Result<String> {
    let mut reader = LogReader::open(path)?.with_filter(LogFilter::requests());
    let mut requests = 0_u64;
    // Enough to see that the records can be read.
    while requests < 1_000
        && let Some(event) = reader.next_event()
    {
        match event {
            Ok(_) => requests += 1,
            Err(error) if error.is_recoverable() => {}
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(
        requests > 0 || reader.summary().filtered.total() == 0,
        "it holds events, but none of requests: is hybridReportingRequestLoggingEnabled set?"
    );
    let more = if requests == 1_000 { "at least " } else { "" };
    Ok(format!("readable, {more}{requests} events of requests"))
}

fn writable(config: &Config) -> Result<String> {
    let folder = outbox::folder(config, "logs");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let probe = folder.join("check.probe");
    crate::disk::replace(&probe, b"", true).with_context(|| folder.display().to_string())?;
    std::fs::remove_file(&probe)?;
    Ok(format!("{} can be written to", config.state.display()))
}

fn key(config: &Config) -> Result<String> {
    match config.key.credentials()? {
        Credentials::Token(place) => secret(&place),
        Credentials::Hmac(id, place) => {
            place.read_key(id)?;
            warn_if_open(&place);
            Ok(format!("{place} is readable, key id {id}"))
        }
    }
}

fn secret(place: &Place) -> Result<String> {
    place.read()?;
    warn_if_open(place);
    Ok(format!("{place} is readable"))
}

fn warn_if_open(place: &Place) {
    if place.is_open_to_others() {
        tracing::warn!("{place} can be read by others: let only the agent's account read it");
    }
}

/// Whether the service takes what is sent with the key: a frame without records, of a stream that
/// never goes on, is answered as a batch would be, and nothing is stored.
fn accepted(config: &Config, client: &Client, service: &Service) -> Result<String> {
    let credentials = config.key.credentials()?;
    let is_signer = matches!(credentials, Credentials::Hmac(..));
    let taken = match (service.status, service.limits) {
        (200, Some(limits)) => format!(
            "accepted; batches of up to {} records and {} bytes are taken",
            limits.records, limits.frame_bytes
        ),
        (200, None) => bail!("the answer is none of the protocol: is `url` the service's address?"),
        // Who signs has shown nothing yet.
        (401 | 403, _) if is_signer => "accepted".to_owned(),
        (401, _) => bail!("refused: the service does not know the key (status 401)"),
        (403, _) => bail!("refused: the key has not the right to send (status 403)"),
        (404, _) => bail!("status 404: is `url` the service's address?"),
        (status, _) => bail!("status {status}"),
    };
    let mut sealer = Sealer::new(Limits::FLOOR);
    if let Credentials::Hmac(id, place) = credentials {
        sealer = sealer.with_mac(place.read_key(id)?);
    }
    let stamp = Stamp::new(config.tenant, Uuid::now_v7().into(), 1);
    let problem = match client.send(&sealer.seal(&stamp, &[])?)?.answer {
        Answer::Ack(_) => return Ok(taken),
        Answer::Problem(problem) => problem,
    };
    let status = problem.status;
    let code = problem.code.as_ref().map_or("", Code::as_str);
    match code {
        // It was opened before that was seen; the clock is told below.
        "stream_expired" => Ok(taken),
        "unknown_key" => bail!(
            "refused: the service knows no key of this id for this `tenant` (status {status})"
        ),
        "bad_mac" => bail!("refused: under its id the service has another key (status {status})"),
        "wrong_audience" => bail!("refused: the key is not of this `tenant` (status {status})"),
        _ if status == 401 => bail!("refused: the service does not know the key (status 401)"),
        _ => bail!("a batch would not be taken now: {code} (status {status})"),
    }
}

fn service(config: &Config, checks: &mut Checks) -> Result<()> {
    let what = format!("service {}", config.url);
    let asked = Client::new(config).and_then(|client| Ok((client.service()?, client)));
    let (service, client) = match asked {
        Ok(asked) => asked,
        Err(error) => return checks.tell(&what, Err(error.context("it can't be reached"))),
    };
    checks.tell(&what, Ok("reachable".to_owned()))?;
    checks.tell("key at the service", accepted(config, &client, &service))?;
    let clock = match service.ahead {
        None => Ok("the service does not tell its time".to_owned()),
        Some(ahead) if clock::is_off(ahead) => Err(anyhow::anyhow!(clock::told(ahead))),
        Some(ahead) => Ok(format!("differs by {ahead} s")),
    };
    checks.tell("clock", clock)
}
