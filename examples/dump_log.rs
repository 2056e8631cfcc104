//! Shows the events of Windows event logs, on any platform.
//!
//! ```text
//! cargo run --release --example dump_log -- Security.evtx --event-id 4624,4625
//! ```

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Parser, ValueEnum};
use hybrid_examples::{exit, files, time};
use mim_events::eventlog::{DataValue, LogEvent, LogFilter, LogReader, ReadSummary};
use mim_events::text::Utf16;

/// Show the events of Windows event logs (.evtx), on any platform
///
/// Events go to standard output, oldest first. What can't be read goes to
/// standard error with its chunk, file offset and record id, and a summary of
/// each file follows.
#[derive(Parser)]
#[command(after_help = "\
Examples:
  dump_log Security.evtx
      every event, as text
  dump_log logs/ --from 2026-03-01 --to 2026-04-01 --format ndjson
      the events of March in all logs of a folder, one JSON object a line
  dump_log 'archive/*.evtx' --event-id 4121,4137 --provider Microsoft.IdentityManagement.Service
      the requests that Microsoft Identity Manager logged
  dump_log Application.evtx --after-record 48213
      what came after the last event that was taken

Exit codes: 0 read (with a warning if something was skipped), 1 a log could
not be read at all, 2 wrong arguments.")]
struct Arguments {
    /// Logs, folders of logs, or patterns
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Only events of this provider (event source); may be given more than once
    #[arg(long, value_name = "NAME")]
    provider: Vec<String>,
    /// Only events of this channel (log name); may be given more than once
    #[arg(long, value_name = "NAME")]
    channel: Vec<String>,
    /// Only events with these ids
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    event_id: Vec<u32>,
    /// Only events that happened at this time or later: 2026-03-02 or
    /// 2026-03-02T08:15:00Z (without an offset: UTC)
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    from: Option<DateTime<Utc>>,
    /// Only events that happened before this time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    to: Option<DateTime<Utc>>,
    /// Only events whose EventRecordID is greater
    #[arg(long, value_name = "ID")]
    after_record: Option<u64>,
    /// How events are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A block of lines an event; control characters are shown, not sent
    Text,
    /// A JSON object a line; values as the `evtx` crate's XML has them
    Ndjson,
}

impl Arguments {
    fn filter(&self) -> LogFilter {
        let mut filter = LogFilter::all();
        for name in &self.provider {
            filter = filter.provider(name);
        }
        for name in &self.channel {
            filter = filter.channel(name);
        }
        if !self.event_id.is_empty() {
            filter = filter.event_ids(self.event_id.iter().copied());
        }
        filter = match (self.from, self.to) {
            (Some(from), Some(to)) => filter.created(from..to),
            (Some(from), None) => filter.created(from..),
            (None, Some(to)) => filter.created(..to),
            (None, None) => filter,
        };
        match self.after_record {
            Some(id) => filter.after_record(id),
            None => filter,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit::run(|| {
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let mut all_read = true;
        for argument in &arguments.files {
            // One that is missing does not keep the others from being shown.
            match files::expand(std::slice::from_ref(argument), "evtx") {
                Ok(files) => {
                    for file in files {
                        all_read &= dump(&file, &arguments, &mut out)?;
                        out.flush()?;
                    }
                }
                Err(error) => {
                    eprintln!("error: {error:#}");
                    all_read = false;
                }
            }
        }
        Ok(ExitCode::from(u8::from(!all_read)))
    })
}

/// Writes one log's events; `false` if it could not be read (to its end).
fn dump(file: &Path, arguments: &Arguments, out: &mut impl Write) -> io::Result<bool> {
    let mut reader = match LogReader::open(file) {
        Ok(reader) => reader.with_filter(arguments.filter()),
        Err(error) => {
            eprintln!("error: {}", explain(&error));
            return Ok(false);
        }
    };
    let name = file.to_string_lossy();
    let mut read = true;
    let mut scratch = String::new();
    while let Some(event) = reader.next_event() {
        match event {
            Ok(event) => match arguments.format {
                Format::Text => write_text(out, &event, &mut scratch)?,
                Format::Ndjson => write_json(out, &name, &event)?,
            },
            Err(error) => {
                read &= error.is_recoverable();
                eprintln!("warning: {}", explain(&error));
            }
        }
    }
    report(&name, reader.summary());
    Ok(read)
}

fn explain(error: &mim_events::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn report(file: &str, summary: ReadSummary) {
    let warning = if summary.has_losses() {
        "warning: "
    } else {
        ""
    };
    eprintln!("{warning}{file}: {summary}");
}

fn write_json(out: &mut impl Write, file: &str, event: &LogEvent<'_>) -> io::Result<()> {
    let data: Vec<(Option<String>, String)> = event
        .data()
        .map(|datum| {
            (
                datum.name.map(as_xml_has_it),
                value_as_xml_has_it(datum.value),
            )
        })
        .collect();
    let value = |out: &mut dyn Write, key: &str, value: &dyn ToJson| {
        write!(out, "{}\"{key}\":", if key == "file" { '{' } else { ',' })?;
        value.write(out)
    };
    value(out, "file", &file)?;
    value(out, "record", &event.record_id())?;
    value(out, "written", &event.written().map(rfc3339))?;
    value(out, "created", &event.created().map(rfc3339))?;
    value(out, "provider", &present(event.provider()))?;
    value(out, "event_id", &event.event_id())?;
    value(out, "level", &event.level())?;
    value(out, "channel", &present(event.channel()))?;
    value(out, "computer", &present(event.computer()))?;
    value(out, "user", &event.user())?;
    value(out, "data", &data)?;
    out.write_all(b"}\n")
}

/// What an event does not have is empty in it, and null here.
fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

trait ToJson {
    fn write(&self, out: &mut dyn Write) -> io::Result<()>;
}

macro_rules! to_json {
    ($($type:ty),*) => {$(
        impl ToJson for $type {
            fn write(&self, out: &mut dyn Write) -> io::Result<()> {
                Ok(serde_json::to_writer(out, self)?)
            }
        }
    )*};
}
to_json!(
    &str,
    Option<&str>,
    Option<String>,
    Option<u8>,
    u32,
    u64,
    Vec<(Option<String>, String)>
);

/// The 100 ns of a FILETIME, always seven digits.
fn rfc3339(time: DateTime<Utc>) -> String {
    let ticks = time.timestamp_subsec_nanos() / 100;
    format!("{}.{ticks:07}Z", time.format("%Y-%m-%dT%H:%M:%S"))
}

/// XML has no place for most control characters and for half characters:
/// Windows, and with it the `evtx` crate, writes `_` for each.
fn value_as_xml_has_it(value: DataValue<'_>) -> String {
    match value.as_utf16() {
        Some(text) => as_xml_has_it(text),
        None => value.to_string_lossy(),
    }
}

fn as_xml_has_it(text: Utf16<'_>) -> String {
    char::decode_utf16(text.units())
        .map(|c| match c {
            Ok('\t' | '\n' | '\r') => c.unwrap_or('_'),
            Ok('\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}') | Err(_) => '_',
            Ok(c) => c,
        })
        .collect()
}

fn write_text(out: &mut impl Write, event: &LogEvent<'_>, scratch: &mut String) -> io::Result<()> {
    let level = match event.level() {
        Some(0) => "always",
        Some(1) => "critical",
        Some(2) => "error",
        Some(3) => "warning",
        Some(4) => "information",
        Some(5) => "verbose",
        _ => "no level",
    };
    let created = event
        .created()
        .map_or_else(|| "no time".to_owned(), rfc3339);
    let mut head = format!(
        "#{} {created} {level} {} {}, log {}, computer {}",
        event.record_id(),
        event.provider(),
        event.event_id(),
        event.channel(),
        event.computer()
    );
    if let Some(user) = event.user() {
        head.push_str(", user ");
        head.push_str(user);
    }
    scratch.clear();
    head.chars().for_each(|c| visible(c, scratch));
    scratch.push('\n');
    for datum in event.data() {
        scratch.push_str("    ");
        if let Some(name) = datum.name {
            show(name, scratch);
            scratch.push_str(": ");
        }
        match datum.value.as_utf16() {
            Some(text) => show(text, scratch),
            None => {
                datum.value.decode_into(scratch);
            }
        }
        scratch.push('\n');
    }
    out.write_all(scratch.as_bytes())
}

/// A value's lines stay apart from the events' first lines by their indent.
fn show(text: Utf16<'_>, out: &mut String) {
    let mut units = char::decode_utf16(text.units()).peekable();
    while let Some(c) = units.next() {
        match c {
            Ok('\r') if units.peek() == Some(&Ok('\n')) => {}
            Ok('\n') => out.push_str("\n    "),
            Ok('\t') => out.push('\t'),
            Ok(c) => visible(c, out),
            Err(half) => {
                out.push_str(&format!("\\u{{{:x}}}", half.unpaired_surrogate()));
            }
        }
    }
}

/// Characters that would steer a terminal or turn the text around become
/// escapes that can be seen.
fn visible(c: char, out: &mut String) {
    let steers = c.is_control()
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}' | '\u{061C}' | '\u{FEFF}');
    if steers {
        out.extend(c.escape_unicode());
    } else {
        out.push(c);
    }
}
