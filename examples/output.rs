//! Reports and activities, written in the format that was asked for.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use report_query::activity::ActivityStore;
use report_query::{Parameters, QueryResult, ReportDefinition, Snapshot};

/// How results are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns
    Table,
    /// For spreadsheets; cells that look like formulas are defused
    Csv,
    /// One document, with the types of the columns
    Json,
    /// One object a line
    Ndjson,
}

/// Standard output, or a file.
///
/// # Errors
/// The file can't be made.
pub fn open(path: Option<&Path>) -> Result<BufWriter<Box<dyn Write>>> {
    let out: Box<dyn Write> = match path {
        Some(path) => Box::new(File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(io::stdout().lock()),
    };
    Ok(BufWriter::with_capacity(1 << 16, out))
}

/// Writes a report's result, of a table at most so many rows.
///
/// # Errors
/// What `out` says.
pub fn print_report(
    report: &ReportDefinition,
    result: &QueryResult,
    format: Format,
    rows: usize,
    at: usize,
    mut out: &mut dyn Write,
) -> Result<()> {
    match format {
        Format::Table => {
            let total = result.rows().len();
            let shown = QueryResult::new(
                result.columns().to_vec(),
                result.rows().take(rows).map(<[_]>::to_vec),
            )?;
            writeln!(
                out,
                "{}{} ({total})\n\n{shown}",
                if at > 0 { "\n" } else { "" },
                report.title
            )?;
            if total > rows {
                writeln!(
                    out,
                    "... {} more rows; --report {} shows them all",
                    total - rows,
                    report.name
                )?;
            }
        }
        Format::Csv if at > 0 => {
            writeln!(out)?;
            result.write_csv(&mut out)?;
        }
        Format::Csv => result.write_csv(&mut out)?,
        Format::Json => result.write_json(&mut out)?,
        Format::Ndjson => result.write_ndjson(&mut out)?,
    }
    Ok(())
}

/// Which activities the parameters pick: a report of their ids.
///
/// # Errors
/// None, unless the file beside this one is broken.
pub fn activities() -> Result<ReportDefinition> {
    Ok(serde_json::from_str(include_str!("activities.json"))?)
}

/// Writes the activities that the parameters pick, in the order of time and id.
///
/// # Errors
/// What `out` says, and parameters that can't be.
pub fn print_activities(
    picks: &ReportDefinition,
    parameters: &Parameters,
    snapshot: &Snapshot,
    format: Format,
    out: &mut dyn Write,
) -> Result<()> {
    let picked: Option<HashSet<_>> = if parameters.is_empty() {
        None
    } else {
        let ids = picks.run(snapshot, parameters)?;
        Some(ids.rows().filter_map(|row| row[0].as_id()).collect())
    };
    let mut separator = if format == Format::Json { "[\n" } else { "" };
    let mut any = false;
    for activity in ActivityStore::activities(snapshot)? {
        if picked
            .as_ref()
            .is_some_and(|picked| !picked.contains(&activity.id))
        {
            continue;
        }
        out.write_all(separator.as_bytes())?;
        serde_json::to_writer(&mut *out, &activity)?;
        separator = if format == Format::Json { ",\n" } else { "\n" };
        any = true;
    }
    out.write_all(match (format, any) {
        (Format::Json, true) => b"\n]\n",
        (Format::Json, false) => b"[]\n",
        (_, true) => b"\n",
        (_, false) => b"",
    })?;
    Ok(())
}
