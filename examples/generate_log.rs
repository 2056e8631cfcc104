//! Writes event logs and cloud exports of an invented organisation, with the truth about them.
//!
//! ```text
//! cargo run --release --example generate_log -- --requests 10000 --evtx mim.evtx --cloud entra.json --truth truth.ndjson
//! ```

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use clap::{CommandFactory, Parser, ValueEnum};
use hybrid_examples::{exit, progress, time};
use mim_events::eventlog::{LogWriter, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST};
use mim_events::generate::{CloudFormat, Files, Options, Written};
use mim_events::message::document_events;
use mim_events::request::Request;

/// Write an event log of Microsoft Identity Manager requests, an Entra ID audit export, and the
/// activities that a reader must find in them
///
/// What is written is invented, and the same for the same arguments: people who are busy in office
/// hours, groups they join, approvals, password resets, privileged roles, and what goes wrong with
/// them. With --payloads the log holds your own texts instead.
#[derive(Parser)]
#[command(
    name = "generate_log",
    after_help = "\
Examples:
  generate_log --requests 10000 --evtx mim.evtx --cloud entra.json --truth truth.ndjson
      a month of both systems, and its activities as `hybrid_report --report activities
      --format ndjson` must print them
  generate_log --requests 1000000 --seed 7 --days 90 --evtx big.evtx
      a large log alone; memory does not grow with it
  generate_log --payloads requests.ndjson --evtx requests.evtx
      a log of your own documents, one a line, valid JSON or not

Exit codes: 0 written, 1 a file could not be read or written, 2 wrong arguments."
)]
struct Arguments {
    /// How many requests to make
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    requests: u64,
    /// What all random choices follow from
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The event log to write
    #[arg(long, value_name = "FILE")]
    evtx: Option<PathBuf>,
    /// The cloud export to write
    #[arg(long, value_name = "FILE")]
    cloud: Option<PathBuf>,
    /// Where to write the activities that both hold: JSON, one a line, by time and id
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Where to write the rows that the reports must show: JSON, one a line
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// How many cloud records to make [default: half as many as requests]
    #[arg(long, value_name = "N")]
    cloud_records: Option<u64>,
    /// The form of the cloud export
    #[arg(long, value_enum, default_value = "graph-pages")]
    cloud_format: Format,
    /// When it begins: 2026-03-02 or 2026-03-02T08:00:00Z (without an offset: UTC)
    /// [default: 2026-03-02]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    start: Option<DateTime<Utc>>,
    /// For how many days
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=3_660))]
    days: u32,
    /// How many people there are; they are held in memory
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = people)]
    people: usize,
    /// The name of a computer that logs; may be given more than once
    #[arg(long, value_name = "NAME")]
    computer: Vec<String>,
    /// Write the lines of this file to --evtx, each as one event, or in parts where it is too long
    #[arg(
        long,
        value_name = "FILE",
        requires = "evtx",
        conflicts_with_all = ["requests", "seed", "cloud", "truth", "expected", "cloud_records", "days", "people"]
    )]
    payloads: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Microsoft Graph's answers, a page a line
    GraphPages,
    /// Microsoft Graph's objects, one a line
    GraphLines,
    /// The portal's JSON download
    PortalJson,
    /// Batches of an Event Hub, one a line
    EventHub,
    /// Diagnostic records of a storage account, one a line
    Blob,
    /// Rows of Log Analytics' AuditLogs, one a line
    LogAnalytics,
}

impl From<Format> for CloudFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::GraphPages => Self::GraphPages,
            Format::GraphLines => Self::GraphLines,
            Format::PortalJson => Self::PortalJson,
            Format::EventHub => Self::EventHub,
            Format::Blob => Self::Blob,
            Format::LogAnalytics => Self::LogAnalytics,
        }
    }
}

fn people(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 20..=1_000_000) => Ok(count),
        _ => Err("a number from 20 to 1000000".to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outputs = [
        &arguments.evtx,
        &arguments.cloud,
        &arguments.truth,
        &arguments.expected,
    ];
    let outputs: Vec<&PathBuf> = outputs.into_iter().flatten().collect();
    if outputs.is_empty() {
        exit::usage(
            Arguments::command(),
            "nothing to write: name at least one of --evtx, --cloud, --truth, --expected",
        );
    }
    let inputs = arguments.payloads.iter();
    let mut seen = std::collections::HashSet::new();
    for path in outputs.into_iter().chain(inputs) {
        if !seen.insert(path) {
            let message = format!("{} is named twice", path.display());
            exit::usage(Arguments::command(), message);
        }
    }
    exit::run(|| {
        match &arguments.payloads {
            Some(payloads) => log_payloads(payloads, &arguments)?,
            None => eprintln!("{}", generate(&arguments)?),
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn generate(arguments: &Arguments) -> Result<Written> {
    let mut options = Options::new(arguments.seed)
        .requests(arguments.requests)
        .days(arguments.days)
        .people(arguments.people)
        .computers(&arguments.computer)
        .cloud_format(arguments.cloud_format.into());
    if let Some(records) = arguments.cloud_records {
        options = options.cloud_records(records);
    }
    if let Some(start) = arguments.start {
        options = options.start(start);
    }
    let mut files = Files::new();
    if let Some(path) = &arguments.evtx {
        files = files.evtx(path);
    }
    if let Some(path) = &arguments.cloud {
        files = files.cloud(path);
    }
    if let Some(path) = &arguments.truth {
        files = files.truth(path);
    }
    if let Some(path) = &arguments.expected {
        files = files.expected(path);
    }
    let bar = progress::count(
        arguments.requests + options.all_cloud_records(),
        "requests and records",
    );
    let written = files.write(&options, |progress| {
        bar.set_position(progress.done);
        if progress.sorting {
            bar.set_message("sorting");
        }
    })?;
    bar.finish_and_clear();
    Ok(written)
}

/// Every line of the file as a document, a second apart.
fn log_payloads(payloads: &Path, arguments: &Arguments) -> Result<()> {
    let Some(evtx) = &arguments.evtx else {
        return Ok(());
    };
    let place = || payloads.display().to_string();
    let file = File::open(payloads).with_context(place)?;
    let size = file.metadata().with_context(place)?.len();
    let computer = arguments
        .computer
        .first()
        .map_or("mim01.harbor.example", String::as_str);
    let mut time = match arguments.start {
        Some(start) => start,
        None => time::parse("2026-03-02").map_err(anyhow::Error::msg)?,
    };
    let bar = progress::bytes(size, "payloads");
    let mut reader = BufReader::new(file);
    let mut writer = LogWriter::create(evtx)?;
    let mut line = Vec::new();
    let (mut lines, mut long) = (0_u64, 0_u64);
    while reader.read_until(b'\n', &mut line).with_context(place)? > 0 {
        bar.inc(line.len() as u64);
        lines += 1;
        // The line is the document as it is, but for its end.
        if line.ends_with(b"\n") {
            line.pop();
        }
        if line.ends_with(b"\r") {
            line.pop();
        }
        let text = std::str::from_utf8(&line)
            .with_context(|| format!("{}, line {lines}: not UTF-8", payloads.display()))?;
        let like = OwnedLogEvent::new(MIM_PROVIDER, REQUEST)
            .channel(MIM_CHANNEL)
            .computer(computer)
            .created(time);
        // What parts are kept together by: the request's own id, or one made of the line's number.
        let own = Request::from_json(text)
            .ok()
            .and_then(|request| request.id());
        let id = match own {
            Some(id) => id,
            None => format!("41370000-0000-4000-8000-{lines:012x}").parse()?,
        };
        let events = document_events(text, id, &like)?;
        long += u64::from(events.len() > 1);
        for event in &events {
            writer.write(&event.as_event())?;
        }
        time += TimeDelta::seconds(1);
        line.clear();
    }
    let events = writer.records();
    writer.finish()?;
    bar.finish_and_clear();
    eprintln!("{lines} payloads in {events} events, {long} of them in parts");
    Ok(())
}
