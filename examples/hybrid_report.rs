//! The main job: event logs and Entra audit exports in, hybrid reports out.
//!
//! ```sh
//! cargo run --release --example hybrid_report
//! cargo run --release --example hybrid_report -- --log 'logs/*.evtx' --cloud AuditLogs.json
//! ```

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use clap::{CommandFactory, Parser, ValueEnum};
use hybrid_examples::{exit, files, progress, time};
use mim_events::activity::{Activity, Rules};
use mim_events::{ActivityReader, Summary};
use report_query::activity::ActivityStore;
use report_query::{Parameters, QueryResult, ReportDefinition, Retention};

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
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
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
        if self.hidden { parameters.set("hidden", true) } else { parameters }
    }

    fn reports(&self) -> Vec<ReportDefinition> {
        let Some(name) = &self.report else { return ReportDefinition::builtins() };
        let Some(report) = ReportDefinition::builtin(name) else {
            let known: Vec<_> = ReportDefinition::builtins().iter().map(|r| r.name().to_owned()).collect();
            exit::usage(Args::command(), format!("no report `{name}`; there are {}, activities", known.join(", ")));
        };
        vec![report]
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    exit::run(|| report(&args))
}

fn report(args: &Args) -> Result<ExitCode> {
    let started = Instant::now();
    let sample = if args.log.is_empty() && args.cloud.is_empty() { Some(Sample::write()?) } else { None };
    let (logs, clouds) = match &sample {
        Some(sample) => (vec![sample.log.clone()], vec![sample.cloud.clone()]),
        None => (files::expand(&args.log, "evtx")?, files::expand(&args.cloud, "json|ndjson|jsonl|csv")?),
    };

    let mut reader = ActivityReader::new();
    if let Some(path) = &args.rules {
        let text = std::fs::read_to_string(path).with_context(|| format!("rules {}", path.display()))?;
        reader = reader.with_rules(Rules::builtin().with_user(Rules::from_json(&text)?));
    }
    reader = reader.with_options(mim_events::request::ParseOptions::default().date_order(if args.day_first {
        mim_events::time::DateOrder::DayFirst
    } else {
        mim_events::time::DateOrder::MonthFirst
    }));
    for log in logs {
        reader = reader.log(log)?;
    }
    for cloud in clouds {
        reader = reader.cloud(cloud)?;
    }

    let (activities, summary) = read(reader, args.quarantine.as_deref())?;
    let out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(io::stdout().lock()),
    };
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let store = ActivityStore::new(Retention::FOREVER);
    store.append(activities, Utc::now());
    print(args, &store, &mut out)?;
    out.flush()?;

    if args.format == Format::Table {
        eprintln!("{summary}, {:.1} s", started.elapsed().as_secs_f64());
    }
    if summary.failed_files > 0 {
        return Ok(ExitCode::from(1));
    }
    if !summary.is_clean() {
        eprintln!("warning: {} skipped: {}", summary.quarantined, summary.skipped());
    }
    Ok(if args.strict && !summary.is_clean() { ExitCode::from(3) } else { ExitCode::SUCCESS })
}
