//! `agent status`: for people, whether the agent runs or not.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use ingest_protocol::journal::{self, FsStorage, Options};
use ingest_protocol::sender::{SenderConfig, SpoolError, SpooledSender};
use serde::Serialize;
use uuid::Uuid;

use crate::balance::Balance;
use crate::clock;
use crate::config::Config;
use crate::cursor::Cursor;
use crate::disk;
use crate::ledger::Ledger;
use crate::outbox;
use crate::status::{Source, Status, now};

/// Streams and what they are for people.
const STREAMS: [(&str, &str); 3] = [
    ("logs", "Event logs"),
    ("backfill", "Old event logs"),
    ("cloud", "Entra audit log"),
];

#[derive(Serialize)]
struct Told {
    stream: &'static str,
    is_running: bool,
    status: Status,
}

pub(crate) fn status(config: &Config, json: bool) -> Result<ExitCode> {
    let mut all = Vec::new();
    for (stream, _) in STREAMS {
        let folder = outbox::folder(config, stream);
        if outbox::spool_folder(&folder).is_dir() {
            let (is_running, status) = read(config, &folder)?;
            all.push(Told {
                stream,
                is_running,
                status,
            });
        }
    }
    let text = if json {
        serde_json::to_string_pretty(&all)? + "\n"
    } else if all.is_empty() {
        "Nothing was read yet: the agent never ran with this configuration.\n".to_owned()
    } else {
        let texts: Vec<String> = all.iter().map(text).collect();
        texts.join("\n")
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// From the spool itself, or, while an agent has it, from the file that the agent writes.
fn read(config: &Config, folder: &Path) -> Result<(bool, Status)> {
    let told = Status::read(&outbox::status_file(folder)).unwrap_or_default();
    let path = outbox::spool_folder(folder);
    let options = Options::new(Uuid::new_v4().into_bytes()).read_only();
    let sender = SenderConfig::new(config.tenant);
    let opened = SpooledSender::open(
        FsStorage::new(&path),
        options,
        sender,
        Uuid::now_v7().into(),
    );
    let spool = match opened {
        Ok((spool, _)) => spool,
        Err(SpoolError::Journal(journal::Error::Locked)) => return Ok((true, told)),
        Err(error) => return Err(error).with_context(|| format!("spool {}", path.display())),
    };
    let cursor = Cursor::read(spool.cursor())?;
    let ledger = Ledger::open(&outbox::ledger_file(folder))?;
    let logs = cursor.logs.iter().map(|(name, bookmark)| Source {
        name: name.clone(),
        read_through: bookmark.read_through(),
        newest: bookmark.newest(),
        trouble: None,
    });
    let mut sources: Vec<Source> = logs.collect();
    let others = told
        .sources
        .iter()
        .filter(|source| !cursor.logs.contains_key(&source.name));
    sources.extend(others.cloned());
    let balance = Balance::new(&cursor.totals, 0, spool.sender(), &ledger);
    Ok((
        false,
        Status {
            oldest: told.oldest.filter(|_| balance.spooled > 0),
            balance,
            spool_bytes: disk::folder_bytes(&path),
            spool_max: config.spool.max.0,
            next: None,
            clock_ahead: None,
            sources,
            ..told
        },
    ))
}

fn text(told: &Told) -> String {
    let Told {
        stream,
        is_running,
        status,
    } = told;
    let title = STREAMS
        .iter()
        .find(|(name, _)| name == stream)
        .map_or(*stream, |(_, title)| title);
    let Status {
        balance,
        oldest,
        last_read,
        last_success,
        next,
        blocked,
        held,
        clock_ahead,
        sources,
        at,
        process,
        spool_bytes,
        spool_max,
        ..
    } = status;
    let mut out = String::new();
    let state = match (is_running, at) {
        (true, Some(at)) => format!("running (process {process}), as of {}", exact(*at)),
        (true, None) => "running".to_owned(),
        (false, _) => "not running".to_owned(),
    };
    let _ = writeln!(out, "{title}: {state}");
    let mut count = |what: &str, number: u64, more: &str| {
        let _ = writeln!(out, "  {what:<24}{number:>12}{more}");
    };
    let waits = match oldest {
        Some(oldest) if balance.spooled > 0 => format!("  the oldest since {}", exact(*oldest)),
        _ => String::new(),
    };
    count("Read", balance.read, "");
    count("Acknowledged", balance.acknowledged, "");
    count("Waiting", balance.spooled, &waits);
    count("Quarantine of service", balance.quarantined_by_service, "");
    count("Quarantine of agent", balance.quarantined_by_agent, "");
    count("Incomplete", balance.incomplete, "");
    count("Lost by the log", balance.lost_by_log, "");
    count("Lost in the spool", balance.lost_in_spool, "");
    if balance.duplicates > 0 {
        count("Read before", balance.duplicates, "  not counted as read");
    }
    let _ = writeln!(
        out,
        "  {:<24}{spool_bytes:>12}  bytes, at most {spool_max}",
        "Spool"
    );
    let mut time = |what: &str, time: &Option<DateTime<Utc>>| {
        let text = time.map_or("never".to_owned(), exact);
        let _ = writeln!(out, "  {what:<24}{text}");
    };
    time("Last read", last_read);
    time("Last acknowledged", last_success);
    if next.is_some() {
        time("Next reading", next);
    }
    let off = clock_ahead
        .filter(|ahead| clock::is_off(*ahead))
        .map(clock::told);
    for why in [blocked, held, &off].into_iter().flatten() {
        let _ = writeln!(out, "  ATTENTION: {why}");
    }
    for source in sources {
        let _ = write!(out, "  {}:", source.name);
        if let Some(number) = source.read_through {
            let _ = write!(out, " read through record {number}");
        }
        // Records without a time have one of 1601.
        if let Some(newest) = source.newest.filter(|newest| newest.timestamp() > 0) {
            let _ = write!(out, ", of {}", exact(newest));
        }
        if let Some(trouble) = &source.trouble {
            let _ = write!(out, " ATTENTION: {trouble}");
        }
        out.push('\n');
    }
    out
}

/// With seconds and zone, and how long that is ago or ahead.
fn exact(time: DateTime<Utc>) -> String {
    let text = time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let seconds = (now() - time).num_seconds();
    let (far, unit) = match seconds.unsigned_abs() {
        n @ 0..120 => (n, "s"),
        n @ 120..7200 => (n / 60, "min"),
        n @ 7200..172_800 => (n / 3600, "h"),
        n => (n / 86_400, "d"),
    };
    if seconds >= 0 {
        format!("{text} ({far} {unit} ago)")
    } else {
        format!("{text} (in {far} {unit})")
    }
}
