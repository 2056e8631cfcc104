//! Writes event logs of every kind that the writer knows, with the truth about each, for
//! parsers that are not ours to read: `.ci/foreign-parsers.py`.
//!
//! ```text
//! cargo run --release --example write_fixtures -- DIR [REQUESTS]
//! ```
//!
//! Prints a line for each file, its path and its number of records. Beside `NAME.evtx` stands
//! `NAME.ndjson`: a line for each record that the log must hold, oldest first. A text that is
//! not well-formed UTF-16 has U+FFFD there, as the parsers do.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use hybrid_examples::exit;
use mim_events::eventlog::{
    Layout, LogEvent, LogReader, LogWriter, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST,
};
use mim_events::generate::{Files, Options};
use serde_json::{Value, json};

/// The longest text that Windows takes for one string of an event.
const LONGEST: usize = 31_839;
const COMPUTER: &str = "mim01.example.test";

fn main() -> ExitCode {
    exit::run(|| {
        let mut arguments = std::env::args_os().skip(1);
        let folder = arguments
            .next()
            .context("usage: write_fixtures DIR [REQUESTS]")?;
        let requests = match arguments.next() {
            Some(count) => count.to_string_lossy().parse().context("REQUESTS")?,
            None => 200,
        };
        let folder = PathBuf::from(folder);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let path = |name: &str| folder.join(name).with_extension("evtx");
        generated(&path("generated"), requests)?;
        texts(&path("texts"))?;
        binary(&path("binary"))?;
        wrapped(&path("wrapped"))?;
        version_3_2(&path("version-3-2"))?;
        let sources = ["generated", "texts", "binary", "wrapped", "version-3-2"].map(path);
        exported(&path("exported"), &sources)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// A log as `generate_log` writes it. Its truth is what our reader reads.
fn generated(path: &Path, requests: u64) -> Result<()> {
    let options = Options::new(8).requests(requests);
    let written = Files::new().evtx(path).write(&options, |_| {})?;
    let mut truth = Truth::default();
    let mut reader = LogReader::open(path)?;
    while let Some(event) = reader.next_event() {
        truth.push(&event?, truth.lines.len() as u64 + 1);
    }
    let read = truth.lines.len() as u64;
    ensure!(
        read == written.events,
        "{read} of {} events read",
        written.events
    );
    truth.save(path)
}

/// What a text can be: of any length and script, alone, one of several, or named.
fn texts(path: &Path) -> Result<()> {
    let mut log = Log::create(path, 1_000_001, |writer| writer)?;
    let emoji = "\u{1F9D1}\u{200D}\u{1F4BB}";
    for text in [
        "x".repeat(LONGEST),
        "\u{1F512}".repeat(LONGEST / 2) + ".",
        r#"{"Operation":"Create","Name":"O'Neil & <Sons> \"é\""}"#.to_owned(),
        "  spaces, a tab\t, lines\r\nof both\nkinds  ".to_owned(),
        "&lt;not markup&gt; &#65; %1 %%1 ]]> <![CDATA[x]]>".to_owned(),
        format!("שלום, 你好, Ω, e\u{301}, \u{FEFF}, {emoji}"),
    ] {
        log.write(&event(&log, REQUEST).data(text))?;
    }

    log.write(&event(&log, REQUEST))?;
    log.write(&event(&log, REQUEST).data("one").data("").data("three"))?;
    // libevtx reads 64 strings of an event at most.
    let many = (0..60).fold(event(&log, REQUEST), |event, at| {
        event.data(format!("{at} {emoji}"))
    });
    log.write(&many)?;
    log.write(
        &event(&log, 4624)
            .named_data("TargetUserName", "zoë")
            .named_data("LogonType", "3"),
    )?;

    // Heads: other providers share the chunk, so it has several templates.
    for (user, id, level, qualifiers) in [
        ("S-1-5-18", 1, 1, 0xC000),
        (
            "S-1-5-21-3623811015-3361044348-30300820-1013",
            u16::MAX,
            2,
            0x8000,
        ),
        (
            "S-1-15-3-1-2-3-4-5-6-7-8-9-10-11-12-13-4294967295",
            0,
            3,
            u16::MAX,
        ),
        ("S-1-1-0", 5, 5, 1),
    ] {
        let event = OwnedLogEvent::new(format!("Überwachung {level}"), id.into())
            .channel("Application")
            .computer(format!("srv-{level}.example.test"))
            .created(log.time)
            .user(user)
            .level(level)
            .qualifiers(Some(qualifiers))
            .data("with a user");
        log.write(&event)?;
    }
    log.finish()
}

/// Bytes besides the strings, as a classic event's `Binary`.
fn binary(path: &Path) -> Result<()> {
    let mut log = Log::create(path, 2_000_001, |writer| writer)?;
    let all: Vec<u8> = (0..=255).collect();
    for bytes in [&all[..1], &all, &all.repeat(120)] {
        log.write(&event(&log, REQUEST).binary(bytes))?;
        log.write(&event(&log, REQUEST).data("one").data("two").binary(bytes))?;
    }
    log.write(&event(&log, REQUEST).data("none"))?;
    log.write(&event(&log, REQUEST).data("an empty one").binary([]))?;
    log.finish()
}

/// A circular log that went round and stopped in the middle of the file.
fn wrapped(path: &Path) -> Result<()> {
    let (chunks, written) = (5, 13);
    let max_size = (4 + 64 * chunks as u64) << 10;
    let mut log = Log::create(path, 3_000_001, |writer| writer.with_max_size(max_size))?;
    // Each fills a chunk, but for two small ones that the last chunk takes too.
    for _ in 0..written {
        log.write(&event(&log, REQUEST).data("w".repeat(LONGEST - 1000)))?;
    }
    log.truth.lines.drain(..written - chunks);
    log.write(&event(&log, REQUEST).data("the last but one"))?;
    log.write(&event(&log, REQUEST).data("the last one"))?;
    log.finish()
}

/// The version of Windows Server 2022, with its larger template.
fn version_3_2(path: &Path) -> Result<()> {
    let mut log = Log::create(path, u64::from(u32::MAX) - 100, |writer| {
        writer.with_layout(Layout::V3_2)
    })?;
    let longest = Layout::V3_2.text_capacity(MIM_PROVIDER, MIM_CHANNEL, COMPUTER, None);
    log.write(&event(&log, REQUEST).data("x".repeat(longest)))?;
    for at in 0..300 {
        let event = event(&log, REQUEST)
            .data(format!("{at}"))
            .data("and another");
        log.write(&event.user("S-1-5-20").binary([at as u8; 3]))?;
    }
    log.finish()
}

/// What passes a filter, from the logs before, in one: a filtered export.
fn exported(path: &Path, sources: &[PathBuf]) -> Result<()> {
    let mut log = Log::create(path, 1, |writer| writer)?;
    for source in sources {
        let mut reader = LogReader::open(source)?;
        while let Some(event) = reader.next_event() {
            let event = event?;
            // Two of three, so that none of the copies is of a whole chunk.
            if event.record_id() % 3 != 0 {
                log.writer.copy_event(&event)?;
                log.truth.push(&event, log.number);
                log.number += 1;
            }
        }
    }
    log.finish()
}

/// A log that is written, and its truth.
struct Log {
    writer: LogWriter<File>,
    path: PathBuf,
    /// When the next event happens.
    time: DateTime<Utc>,
    /// The number of the next record.
    number: u64,
    truth: Truth,
}

impl Log {
    /// A log whose first record has the number `first`.
    fn create(
        path: &Path,
        first: u64,
        options: impl FnOnce(LogWriter<File>) -> LogWriter<File>,
    ) -> Result<Self> {
        Ok(Self {
            writer: options(LogWriter::create(path)?).with_first_record(first),
            path: path.to_path_buf(),
            time: "2026-03-02T08:00:00.1234567Z".parse()?,
            number: first,
            truth: Truth::default(),
        })
    }

    fn write(&mut self, event: &OwnedLogEvent) -> Result<()> {
        let id = self.writer.write(&event.as_event())?;
        let event = event.clone().record_id(id);
        self.truth.push(&event.as_event(), self.number);
        self.number += 1;
        self.time += TimeDelta::milliseconds(61_001);
        Ok(())
    }

    fn finish(self) -> Result<()> {
        self.writer.finish()?;
        self.truth.save(&self.path)
    }
}

/// An event of MIM's, with all but its data.
fn event(log: &Log, id: u32) -> OwnedLogEvent {
    OwnedLogEvent::new(MIM_PROVIDER, id)
        .channel(MIM_CHANNEL)
        .computer(COMPUTER)
        .created(log.time)
}

/// What a log holds, a line of JSON for each record.
#[derive(Default)]
struct Truth {
    lines: Vec<Value>,
}

impl Truth {
    fn push(&mut self, event: &LogEvent<'_>, number: u64) {
        let created = event
            .created()
            .map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
        let strings: Vec<String> = event
            .data()
            .map(|datum| datum.value.to_string_lossy())
            .collect();
        self.lines.push(json!({
            "number": number,
            "id": event.record_id(),
            "provider": event.provider(),
            "event": event.event_id(),
            "qualifiers": event.qualifiers(),
            "level": event.level(),
            "created": created,
            "channel": event.channel(),
            "computer": event.computer(),
            "user": event.user(),
            "strings": strings,
            "binary": event.binary().map(hex),
        }));
    }

    /// Writes it beside the log, and the log's line to standard output.
    fn save(&self, log: &Path) -> Result<()> {
        let path = log.with_extension("ndjson");
        let place = || path.display().to_string();
        let mut file = BufWriter::new(File::create(&path).with_context(place)?);
        for line in &self.lines {
            writeln!(file, "{line}").with_context(place)?;
        }
        file.flush().with_context(place)?;
        println!("{} {}", log.display(), self.lines.len());
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
