//! The main job: event logs and Entra audit exports in, hybrid reports out.
//!
//! ```sh
//! cargo run --release --example hybrid_report
//! cargo run --release --example hybrid_report -- --log 'logs/*.evtx' --cloud AuditLogs.json
//! ```

#![allow(clippy::disallowed_methods, reason = "programs read the clock")]

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use clap::{CommandFactory, Parser, ValueEnum};
use hybrid_examples::{exit, files, progress, quarantine, sample::Sample, time};
use mim_events::activity::{Activity, Rules};
use mim_events::time::DateOrder;
use mim_events::{ActivityReader, Summary};
use report_query::activity::ActivityStore;
use report_query::{Parameters, QueryResult, ReportDefinition, Retention, Snapshot};

/// One report over on-premises (MIM) and cloud (Entra ID) activity.
///
/// Reads Windows event logs with MIM's requests and exports of the Entra audit
/// log, in any shape, and prints the hybrid reports. Without any file it writes
/// a sample log and export into a temporary folder and reports those.
#[derive(Parser)]
#[command(name = "hybrid_report", after_help = EXAMPLES)]
struct Args {
    /// Event logs (.evtx): files, folders or globs
    #[arg(long, num_args = 1.., value_name = "FILE")]
    log: Vec<String>,
    /// Entra audit exports (JSON, NDJSON, CSV): files, folders or globs
    #[arg(long, num_args = 1.., value_name = "FILE")]
    cloud: Vec<String>,
    /// Rules of your own (JSON), tried before the built-in ones
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// One report by its name, or `activities` for every activity as it is; default: the four reports
    #[arg(long, value_name = "NAME")]
    report: Option<String>,
    /// From this time on: 2026-03-02 or 2026-03-02T08:00:00Z; default: a month before the newest
    #[arg(long, value_parser = time::parse, value_name = "TIME")]
    from: Option<DateTime<Utc>>,
    /// Before this time
    #[arg(long, value_parser = time::parse, value_name = "TIME")]
    to: Option<DateTime<Utc>>,
    /// `Identity Manager`, `Entra ID` or `all`
    #[arg(long)]
    source: Option<String>,
    /// Part of the actor's name, account or UPN
    #[arg(long)]
    actor: Option<String>,
    /// An activity's name or kind: `Add member to group`, `member.add`
    #[arg(long)]
    activity: Option<String>,
    /// A category: `GroupManagement`
    #[arg(long)]
    category: Option<String>,
    /// The type of a target: `Group`, `User`
    #[arg(long)]
    resource_type: Option<String>,
    /// A result: `success`, `failure`, `denied`, `pending`, ...
    #[arg(long)]
    result: Option<String>,
    /// Text anywhere in an activity
    #[arg(long)]
    search: Option<String>,
    /// Show rows that are hidden otherwise: noise and the system's own work
    #[arg(long)]
    hidden: bool,
    /// Short dates such as 3/4/2021 have the day first
    #[arg(long)]
    day_first: bool,
    /// How the report is written; `activities` are NDJSON if not given
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write the report there instead of to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the raw text of what could not be read there, with its place (NDJSON; holds people's data)
    #[arg(long, value_name = "FILE")]
    quarantine: Option<PathBuf>,
    /// End with exit code 3 when anything was skipped
    #[arg(long)]
    strict: bool,
}

const EXAMPLES: &str = "\
Examples:
  hybrid_report --log 'C:\\Logs\\*.evtx' --cloud AuditLogs.json
  hybrid_report --log mim.evtx --report password-reset --from 2026-03-01 --format csv --output resets.csv
  hybrid_report --log mim.evtx --report audit-log --actor dokafor --result denied
  hybrid_report --log mim.evtx --report activities --format ndjson | jq .kind

Reports: password-reset, password-reset-registration, self-service-groups, audit-log, activities

Exit codes: 0 done (a warning counts what was skipped), 1 an input could not be
read at all, 2 usage, 3 with --strict when anything was skipped";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Ndjson,
}

impl Args {
    /// The parameters of the report, from the options that were given.
    fn parameters(&self) -> Parameters {
        let texts = [
            ("source", &self.source),
            ("actor", &self.actor),
            ("activity", &self.activity),
            ("category", &self.category),
            ("resource_type", &self.resource_type),
            ("result", &self.result),
            ("search", &self.search),
        ];
        let mut parameters = Parameters::new();
        for (name, value) in texts {
            if let Some(value) = value {
                parameters = parameters.set(name, value.as_str());
            }
        }
        for (name, value) in [("from", self.from), ("to", self.to)] {
            if let Some(value) = value {
                parameters = parameters.set(name, value);
            }
        }
        if self.hidden {
            parameters.set("hidden", true)
        } else {
            parameters
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    exit::run(|| report(&args))
}

/// The whole job: files to activities, activities to reports.
fn report(args: &Args) -> Result<ExitCode> {
    let started = Instant::now();
    let sample = if args.log.is_empty() && args.cloud.is_empty() {
        Some(Sample::write()?)
    } else {
        None
    };
    let wanted = Wanted::of(args, sample.is_some());
    let (logs, clouds) = match &sample {
        Some(sample) => (vec![sample.log()], vec![sample.cloud()]),
        None => (
            files::expand(&args.log, "evtx")?,
            files::expand(&args.cloud, "json|ndjson|jsonl|csv")?,
        ),
    };
    let (activities, summary) = read(reader(args, logs, clouds)?, args.quarantine.as_deref())?;

    // What lies ahead of this machine's clock is reported too, so the newest row is "now".
    let now = activities
        .iter()
        .map(|activity| activity.time)
        .max()
        .unwrap_or_default();
    let store = ActivityStore::new(Retention::FOREVER);
    store.append(activities, now);
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(io::stdout().lock()),
    };
    let mut buffered = BufWriter::with_capacity(1 << 16, &mut out);
    wanted.print(args, &store.snapshot(), &mut buffered)?;
    buffered.flush()?;
    drop(buffered);

    eprintln!("{summary}; {:.1} s", started.elapsed().as_secs_f64());
    if !summary.is_clean() {
        eprintln!(
            "warning: something was skipped: {}",
            quarantine::reasons(&summary)
        );
    }
    Ok(ExitCode::from(match () {
        () if summary.failed_files > 0 => 1,
        () if args.strict && !summary.is_clean() => 3,
        () => 0,
    }))
}

fn reader(args: &Args, logs: Vec<PathBuf>, clouds: Vec<PathBuf>) -> Result<ActivityReader> {
    let order = if args.day_first {
        DateOrder::DayFirst
    } else {
        DateOrder::MonthFirst
    };
    let mut reader = ActivityReader::new().with_date_order(order);
    if let Some(path) = &args.rules {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("rules {}", path.display()))?;
        let user = Rules::from_json(&text).with_context(|| format!("rules {}", path.display()))?;
        reader = reader.with_rules(Rules::with_user(user));
    }
    for log in logs {
        reader = reader.log(log)?;
    }
    for cloud in clouds {
        reader = reader.cloud(cloud)?;
    }
    Ok(reader)
}

fn read(mut reader: ActivityReader, quarantine: Option<&Path>) -> Result<(Vec<Activity>, Summary)> {
    let mut quarantine = quarantine::Writer::create(quarantine)?;
    let bar = progress::bytes(reader.total(), "reading");
    let mut activities = Vec::new();
    while let Some(activity) = reader.next() {
        match activity {
            Ok(activity) => activities.push(activity),
            Err(error) => bar.suspend(|| quarantine.tell(&error)),
        }
        if activities.len() % 1024 == 0 {
            bar.set_position(reader.position());
        }
        quarantine.write(reader.take_quarantine())?;
    }
    bar.finish_and_clear();
    quarantine.finish()?;
    Ok((activities, reader.summary()))
}

/// Rows of each report that a first run shows; the numbers of all are beside the titles.
const SAMPLE_ROWS: usize = 15;

/// What is to be printed.
enum Wanted {
    /// Every activity as it is.
    Activities(Format),
    /// Reports, each with at most so many rows.
    Reports(Vec<&'static ReportDefinition>, Format, usize),
}

impl Wanted {
    fn of(args: &Args, sample: bool) -> Self {
        let usage = |message: String| exit::usage(Args::command(), message);
        match args.report.as_deref() {
            Some("activities") => match args.format.unwrap_or(Format::Ndjson) {
                format @ (Format::Json | Format::Ndjson) => Self::Activities(format),
                _ => usage("`activities` are written as ndjson or json".into()),
            },
            Some(name) => match ReportDefinition::builtin(name) {
                Some(report) => Self::Reports(
                    vec![report],
                    args.format.unwrap_or(Format::Table),
                    usize::MAX,
                ),
                None => {
                    let known: Vec<_> = ReportDefinition::builtins()
                        .iter()
                        .map(|r| r.name.as_str())
                        .collect();
                    usage(format!(
                        "no report `{name}`; there are {}, activities",
                        known.join(", ")
                    ))
                }
            },
            None => {
                let rows = if sample { SAMPLE_ROWS } else { usize::MAX };
                Self::Reports(
                    ReportDefinition::builtins().iter().collect(),
                    args.format.unwrap_or(Format::Table),
                    rows,
                )
            }
        }
    }

    fn print(&self, args: &Args, snapshot: &Snapshot, out: &mut dyn Write) -> Result<()> {
        match self {
            Self::Activities(format) => print_activities(args, snapshot, *format, out),
            Self::Reports(reports, format, rows) => {
                for (at, report) in reports.iter().enumerate() {
                    let result = match report.run(snapshot, &args.parameters()) {
                        Ok(result) => result,
                        Err(error) => bail!("report {}: {error}", report.name),
                    };
                    print_report(report, &result, *format, *rows, at, out)?;
                }
                Ok(())
            }
        }
    }
}

fn print_report(
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

/// The activities that the options pick, in the order of time and id.
fn print_activities(
    args: &Args,
    snapshot: &Snapshot,
    format: Format,
    out: &mut dyn Write,
) -> Result<()> {
    let parameters = args.parameters();
    let picked: Option<HashSet<_>> = if parameters.is_empty() {
        None
    } else {
        let definition: ReportDefinition = serde_json::from_str(include_str!("activities.json"))?;
        let ids = definition.run(snapshot, &parameters)?;
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
