//! The main job: event logs and Entra audit exports in, hybrid reports out.
//!
//! ```sh
//! cargo run --release --example hybrid_report
//! cargo run --release --example hybrid_report -- --log 'logs/*.evtx' --cloud AuditLogs.json
//! ```

#![allow(clippy::disallowed_methods, reason = "programs read the clock")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use clap::{CommandFactory, Parser};
use hybrid_examples::output::{self, Format};
use hybrid_examples::{exit, files, progress, quarantine, sample::Sample, time};
use mim_events::activity::{Activity, Rules};
use mim_events::time::DateOrder;
use mim_events::{ActivityReader, Summary};
use report_query::activity::ActivityStore;
use report_query::{Parameters, ReportDefinition, Retention};

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

/// Rows of each report that a first run shows; the numbers of all are beside the titles.
const SAMPLE_ROWS: usize = 15;

const EXAMPLES: &str = "\
Examples:
  hybrid_report --log 'C:\\Logs\\*.evtx' --cloud AuditLogs.json
  hybrid_report --log mim.evtx --report password-reset --from 2026-03-01 --format csv --output resets.csv
  hybrid_report --log mim.evtx --report audit-log --actor dokafor --result denied
  hybrid_report --log mim.evtx --report activities --format ndjson | jq .kind

Reports: password-reset, password-reset-registration, self-service-groups, audit-log, activities

Exit codes: 0 done (a warning counts what was skipped), 1 an input could not be
read at all, 2 usage, 3 with --strict when anything was skipped";

impl Args {
    /// The parameters of the report, from the options that were given.
    fn parameters(&self, report: &ReportDefinition) -> Parameters {
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
        if self.hidden && report.parameters.iter().any(|known| known.name == "hidden") {
            parameters = parameters.set("hidden", true);
        }
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
        parameters
    }

    /// The reports that were asked for, and the format; nothing for `activities`.
    fn wanted(&self) -> (Vec<&'static ReportDefinition>, Format) {
        let usage = |message: String| exit::usage(Args::command(), message);
        let Some(name) = self.report.as_deref() else {
            return (
                ReportDefinition::builtins().iter().collect(),
                self.format.unwrap_or(Format::Table),
            );
        };
        if name == "activities" {
            return match self.format.unwrap_or(Format::Ndjson) {
                format @ (Format::Json | Format::Ndjson) => (Vec::new(), format),
                _ => usage("`activities` are written as ndjson or json".into()),
            };
        }
        match ReportDefinition::builtin(name) {
            Some(report) => (vec![report], self.format.unwrap_or(Format::Table)),
            None => {
                let known: Vec<_> = ReportDefinition::builtins()
                    .iter()
                    .map(|report| report.name.as_str())
                    .collect();
                usage(format!(
                    "no report `{name}`; there are {}, activities",
                    known.join(", ")
                ))
            }
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
    let (reports, format) = args.wanted();
    let first_run = args.log.is_empty() && args.cloud.is_empty();
    let sample = first_run.then(Sample::write).transpose()?;
    let (logs, clouds) = match &sample {
        Some(sample) => (vec![sample.log()], vec![sample.cloud()]),
        None => (
            files::expand(&args.log, "evtx")?,
            files::expand(&args.cloud, "json|ndjson|jsonl|csv")?,
        ),
    };
    let (reader, unread) = open(args, &logs, &clouds)?;
    let (activities, summary) = read(reader, args.quarantine.as_deref())?;

    // What lies ahead of this machine's clock is reported too, so the newest is "now".
    let newest = activities.iter().map(|activity| activity.time).max();
    let store = ActivityStore::new(Retention::FOREVER);
    store.append(activities, newest.unwrap_or_default());
    let snapshot = store.snapshot();

    let mut out = output::open(args.output.as_deref())?;
    if reports.is_empty() {
        let picks = output::activities()?;
        let parameters = args.parameters(&picks);
        output::print_activities(&picks, &parameters, &snapshot, format, &mut out)?;
    }
    let all_rows = !first_run || args.report.is_some();
    let rows = if all_rows { usize::MAX } else { SAMPLE_ROWS };
    for (at, report) in reports.iter().enumerate() {
        let result = report
            .run(&snapshot, &args.parameters(report))
            .map_err(|error| anyhow::anyhow!("report {}: {error}", report.name))?;
        output::print_report(report, &result, format, rows, at, &mut out)?;
    }
    out.flush()?;

    eprintln!("{summary}; {:.1} s", started.elapsed().as_secs_f64());
    if !summary.is_clean() {
        let reasons = quarantine::reasons(&summary);
        eprintln!("warning: something was skipped: {reasons}");
    }
    let failed = unread || summary.failed_files > 0;
    let strict = args.strict && !summary.is_clean();
    Ok(ExitCode::from(if failed {
        1
    } else {
        3 * u8::from(strict)
    }))
}

/// A reader of all files that can be opened, and whether one could not.
fn open(args: &Args, logs: &[PathBuf], clouds: &[PathBuf]) -> Result<(ActivityReader, bool)> {
    let mut reader = ActivityReader::new();
    if args.day_first {
        reader = reader.with_date_order(DateOrder::DayFirst);
    }
    if let Some(path) = &args.rules {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("rules {}", path.display()))?;
        let user = Rules::from_json(&text).with_context(|| format!("rules {}", path.display()))?;
        reader = reader.with_rules(Rules::with_user(user));
    }
    let mut unread = false;
    let mut tell = |result: mim_events::Result<()>| {
        if let Err(error) = result {
            eprintln!("error: {error}");
            unread = true;
        }
    };
    logs.iter().for_each(|log| tell(reader.add_log(log)));
    clouds
        .iter()
        .for_each(|cloud| tell(reader.add_cloud(cloud)));
    Ok((reader, unread))
}

/// All activities; what could not be read is told of and kept.
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
