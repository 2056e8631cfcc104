//! Batches of many senders at once while reports are read, against the journal alone.
//!
//! ```text
//! cargo build --release -p service --examples
//! cargo run --release -p hybrid-benches --features load --bin load -- target/release/examples/service
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "no library: it measures and prints"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser;
use ingest_protocol::frame::{Limits, Opener, Record, Sealer, Stamp};
use ingest_protocol::http::{ANSWER_BYTES, answer, request};
use ingest_protocol::journal::{FsStorage, Options};
use ingest_protocol::receiver::{Receiver, ReceiverLog, Reception, Stored};
use ingest_protocol::{Answer, Audience};
use mim_events::generate::{Generator, Item};
use ureq::Agent;
use uuid::Uuid;

use self::tenant::{READER, SENDER, TENANT, configure};

#[path = "../examples/tests/common/tenant.rs"]
mod tenant;

const REPORTS: [&str; 4] = [
    "password-reset",
    "password-reset-registration",
    "self-service-groups",
    "audit-log",
];

/// Between two lines about progress.
const PROGRESS: Duration = Duration::from_secs(5);

/// Send batches from many senders at once to a service that this starts, while reports are read
///
/// Prints how many records a second were acknowledged durably, how that compares with the journal
/// alone on the same disk, how long reports took meanwhile and afterwards, and the service's memory.
/// An acknowledged record is durable, and in every report.
#[derive(Parser)]
struct Arguments {
    /// The program `service`
    service: PathBuf,
    /// Senders at once
    #[arg(long, default_value_t = 64)]
    senders: usize,
    /// Readers at once, each asking for one report after the other
    #[arg(long, default_value_t = 4)]
    readers: usize,
    /// Records in all
    #[arg(long, default_value_t = 200_000)]
    records: usize,
    /// Records of a batch
    #[arg(long, default_value_t = 500)]
    batch: usize,
    /// Seconds for which reports are read afterwards, without any sender
    #[arg(long, default_value_t = 20)]
    after: u64,
    /// Where the journals are written: a folder on the disk that is measured
    #[arg(long, default_value = "target")]
    folder: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(
        arguments.senders > 0 && arguments.batch > 0,
        "there must be senders, and records in a batch"
    );
    let frames = seal(&arguments)?;
    let bytes: usize = frames.iter().flatten().map(Bytes::len).sum();
    let count = frames.iter().map(Vec::len).sum::<usize>();
    println!(
        "{} records in {count} batches of {} senders, {bytes} bytes",
        arguments.records, arguments.senders
    );
    let folder = tempfile::tempdir_in(&arguments.folder)?;
    eprintln!("the journal alone ...");
    let (alone, one_by_one) = journal(&frames, arguments.senders, folder.path())?;
    let service = Service::start(&arguments.service, folder.path())?;
    let idle = service.memory();
    let seen = run(&service, &frames, &arguments)?;
    let (loaded, processor) = (service.memory(), service.processor());
    eprintln!("reports without senders ...");
    let after = read_for(&service, arguments.readers, arguments.after)?;
    let rate = |time: Duration| arguments.records as f64 / time.as_secs_f64();
    println!(
        "acknowledged durably: {:.4} times the journal alone ({:.0} against {:.0} records/s; {:.0} with a sync each)",
        rate(seen.time) / rate(alone),
        rate(seen.time),
        rate(alone),
        rate(one_by_one),
    );
    if let Some(seconds) = processor {
        println!(
            "processor of the service meanwhile: {seconds:.1} s in {:.1} s",
            seen.time.as_secs_f64()
        );
    }
    println!(
        "batches: p50 {:?}, p99 {:?}; {} answered with 429 or 503 and sent again",
        quantile(&seen.batches, 0.5),
        quantile(&seen.batches, 0.99),
        seen.again,
    );
    for (when, reports) in [("meanwhile", &seen.reports), ("afterwards", &after)] {
        if !reports.is_empty() {
            println!(
                "reports {when}: {}, p50 {:?}, p99 {:?}",
                reports.len(),
                quantile(reports, 0.5),
                quantile(reports, 0.99),
            );
        }
    }
    if let (Some(before), Some(loaded), Some(most)) = (idle, loaded, service.memory()) {
        println!(
            "peak memory: {loaded} MiB loaded, {most} MiB after reading, {before} MiB before the first batch"
        );
    }
    Ok(())
}

/// The frames of each sender; no two hold the same request.
fn seal(arguments: &Arguments) -> Result<Vec<Vec<Bytes>>> {
    let tenant: Audience = TENANT.parse()?;
    let now = Utc::now();
    let options = mim_events::generate::Options::new(42)
        .requests(arguments.records as u64)
        .cloud_records(0)
        .start(now - TimeDelta::days(26))
        .people(20_000);
    let mut documents = Generator::new(&options).filter_map(|step| match step.item {
        Item::Request(document) => Some(Record::new(document.json)),
        _ => None,
    });
    let each = arguments.records.div_ceil(arguments.senders);
    let mut sealer = Sealer::new(Limits::default()).with_zstd();
    let mut all = Vec::with_capacity(arguments.senders);
    for _ in 0..arguments.senders {
        let (stream, mut seq, mut frames) = (Uuid::now_v7(), 1, Vec::new());
        let mut left = each;
        while left > 0 {
            let records: Vec<Record> = documents.by_ref().take(left.min(arguments.batch)).collect();
            if records.is_empty() {
                break;
            }
            let stamp = Stamp::new(tenant, stream.into(), seq).with_sealed_at(now);
            frames.push(sealer.seal(&stamp, &records)?);
            seq += records.len() as u64;
            left -= records.len();
        }
        all.push(frames);
    }
    Ok(all)
}

/// The journal alone, as a service uses it: a frame of each sender with one sync, and then again
/// with a sync each.
fn journal(frames: &[Vec<Bytes>], senders: usize, folder: &Path) -> Result<(Duration, Duration)> {
    let time = |group: usize, name: &str| {
        let receiver = Receiver::new(Opener::new(Limits::default()).with_audience(TENANT.parse()?));
        let storage = FsStorage::create(folder.join(name))?;
        let options = Options::new(Uuid::new_v4().into_bytes());
        let (mut log, _) = ReceiverLog::open(storage, options, receiver.clone())?;
        let longest = frames.iter().map(Vec::len).max().unwrap_or(0);
        let in_turn: Vec<&Bytes> = (0..longest)
            .flat_map(|n| frames.iter().filter_map(move |frames| frames.get(n)))
            .collect();
        let began = Instant::now();
        for group in in_turn.chunks(group) {
            let mut waiting = Vec::with_capacity(group.len());
            for bytes in group {
                let header = receiver
                    .header(bytes)
                    .map_err(|problem| anyhow::anyhow!("{problem:?}"))?;
                let state = log.state(header.stream())?;
                match receiver.receive((*bytes).clone(), state.as_ref(), None) {
                    Reception::Commit(frame, commit) => waiting.push((frame, commit, Vec::new())),
                    other => bail!("{other:?}"),
                }
            }
            let stored = log.commit_all(waiting)?;
            ensure!(
                stored
                    .iter()
                    .all(|stored| matches!(stored, Stored::Committed(..))),
                "the journal refused a frame"
            );
        }
        Ok(began.elapsed())
    };
    Ok((time(senders, "alone")?, time(1, "one-by-one")?))
}

/// What was measured.
struct Seen {
    time: Duration,
    batches: Vec<Duration>,
    reports: Vec<Duration>,
    again: u64,
}

fn run(service: &Service, frames: &[Vec<Bytes>], arguments: &Arguments) -> Result<Seen> {
    let (done, again) = (AtomicBool::new(false), AtomicU64::new(0));
    let acknowledged = AtomicU64::new(0);
    let batches: usize = frames.iter().map(Vec::len).sum();
    thread::scope(|scope| {
        let reading: Vec<_> = (0..arguments.readers)
            .map(|reader| {
                let done = &done;
                scope.spawn(move || service.read(reader, done))
            })
            .collect();
        let began = Instant::now();
        let sending: Vec<_> = frames
            .iter()
            .map(|frames| {
                let (again, acknowledged) = (&again, &acknowledged);
                scope.spawn(move || service.send(frames, again, acknowledged))
            })
            .collect();
        let (done, acknowledged) = (&done, &acknowledged);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let seconds = began.elapsed().as_secs();
                let acknowledged = acknowledged.load(Ordering::Relaxed);
                eprintln!("{seconds} s: {acknowledged} of {batches} batches acknowledged");
                let told = Instant::now();
                while !done.load(Ordering::Relaxed) && told.elapsed() < PROGRESS {
                    thread::sleep(Duration::from_millis(50));
                }
            }
        });
        let batches = collect(sending);
        let time = began.elapsed();
        done.store(true, Ordering::Relaxed);
        Ok(Seen {
            time,
            batches: batches?,
            reports: collect(reading)?,
            again: again.load(Ordering::Relaxed),
        })
    })
}

/// What reports take without anything beside them.
fn read_for(service: &Service, readers: usize, seconds: u64) -> Result<Vec<Duration>> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reading = (0..readers).map(|reader| {
            let done = &done;
            scope.spawn(move || service.read(reader, done))
        });
        let reading: Vec<_> = reading.collect();
        thread::sleep(Duration::from_secs(seconds));
        done.store(true, Ordering::Relaxed);
        collect(reading)
    })
}

fn collect(
    threads: Vec<thread::ScopedJoinHandle<'_, Result<Vec<Duration>>>>,
) -> Result<Vec<Duration>> {
    let mut all = Vec::new();
    for thread in threads {
        let times = thread
            .join()
            .map_err(|_| anyhow::anyhow!("a thread panicked"))?;
        all.extend(times?);
    }
    all.sort();
    Ok(all)
}

fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    let at = rank.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or_default()
}

/// The program, with a tenant of its own.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    fn start(program: &Path, folder: &Path) -> Result<Self> {
        let config = configure(folder)?;
        let mut child = Command::new(program)
            .arg("--config")
            .arg(config)
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("the program {}", program.display()))?;
        let said = child.stderr.take().context("standard error")?;
        let mut lines = BufReader::new(said).lines();
        let address = loop {
            let line = lines.next().context("the service did not start")??;
            if let Some((_, address)) = line.split_once("listening at ") {
                break address.trim_end_matches('/').to_owned();
            }
        };
        // What it says is read on, or it would wait.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self { child, address })
    }

    fn agent() -> Agent {
        let config = Agent::config_builder().http_status_as_error(false);
        config
            .timeout_global(Some(Duration::from_secs(120)))
            .build()
            .into()
    }

    fn send(
        &self,
        frames: &[Bytes],
        again: &AtomicU64,
        acknowledged: &AtomicU64,
    ) -> Result<Vec<Duration>> {
        let (agent, uri) = (
            Self::agent(),
            format!("{}/v1/batches", self.address).parse()?,
        );
        let uri: http::Uri = uri;
        let mut times = Vec::with_capacity(frames.len());
        for frame in frames {
            let began = Instant::now();
            loop {
                let mut request = request(uri.clone(), frame.to_vec());
                let token = format!("Bearer {SENDER}").parse()?;
                request.headers_mut().insert("authorization", token);
                let mut response = agent.run(request)?;
                let body = response.body_mut().with_config();
                let body = body.limit(ANSWER_BYTES as u64 + 1).read_to_vec()?;
                let now: DateTime<Utc> = Utc::now();
                match answer(&response.map(|_| body), now) {
                    Answer::Ack(_) => break,
                    Answer::Problem(problem) if problem.retry_after.is_some() => {
                        again.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(100));
                    }
                    other => bail!("{other:?}"),
                }
            }
            acknowledged.fetch_add(1, Ordering::Relaxed);
            times.push(began.elapsed());
        }
        Ok(times)
    }

    fn read(&self, reader: usize, done: &AtomicBool) -> Result<Vec<Duration>> {
        let (agent, mut times) = (Self::agent(), Vec::new());
        for report in REPORTS.iter().cycle().skip(reader) {
            if done.load(Ordering::Relaxed) {
                break;
            }
            let began = Instant::now();
            let mut response = agent
                .get(format!("{}/v1/reports/{report}?format=json", self.address))
                .header("Authorization", format!("Bearer {READER}"))
                .call()?;
            let body = response.body_mut().with_config();
            body.limit(u64::MAX).read_to_vec()?;
            let status = response.status();
            ensure!(status == 200, "report {report}: {status}");
            times.push(began.elapsed());
        }
        Ok(times)
    }

    /// The processor time that it has had, in seconds, where the system tells.
    fn processor(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // After the program's name, which may have blanks in it.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        // Linux tells of hundredths, whatever its clock ticks.
        Some(ticks as f64 / 100.0)
    }

    /// The most memory it ever had, in MiB, where the system tells.
    fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib / 1024)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
