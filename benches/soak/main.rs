//! A store at work: one writer at full rate, four readers, a clock that moves, people who are erased
//! and redacted, and every answer counted again.
//!
//! ```text
//! cargo run --release -p hybrid-benches --no-default-features --features soak --bin query_soak -- --seconds 60
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "no library: it measures and prints"
)]

use std::alloc::System;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cap::Cap;
use chrono::TimeDelta;
use clap::Parser;
use hybrid_benches::beside::processor;
use report_query::store::StoreStats;
use report_query::{Query, Retention, Snapshot, Store, StoreOptions, Value, col, item};

use self::questions::{KINDS, Question};
use self::stream::{BATCH, REDACTED, Stream, at};
use self::times::Times;

mod questions;
mod stream;
mod times;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const READERS: u64 = 4;
/// Of so many answers one is counted again.
const SAMPLE: u64 = 24;
/// How much more memory than after the first laps there may be: rows come and go in segments, and
/// a clock that does not get a processor lets some more stay. What leaks with each row is many times as
/// much after minutes.
const GROWTH: f64 = 1.3;
/// Laps before memory is compared: dictionaries and tables get their sizes.
const WARM: usize = 2;

/// Let a store work, and count every answer again
///
/// One writer appends at full rate, four readers ask, rows expire by a clock that moves with the rows,
/// people are erased and redacted. A sample of the answers is counted again row by row, every row is
/// known by its number, every batch's report and the store's counts have to add up, and between laps,
/// when nobody is at work, memory has to be what it was. Ends with 1 at the first thing that is wrong.
#[derive(Parser)]
struct Arguments {
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What the rows and questions follow from [default: the time]
    #[arg(long)]
    seed: Option<u64>,
    /// Rows in the store at once, about; at least 60,000
    #[arg(long, default_value_t = 150_000)]
    rows: u64,
    /// How often everybody stops for memory to be measured
    #[arg(long, default_value_t = 8)]
    laps: u64,
}

struct Soak {
    store: Store,
    stream: Stream,
    done: AtomicBool,
    /// New rows that were appended.
    rows: AtomicU64,
    asked: Mutex<Times>,
    /// Held for reading by whoever is at work.
    work: RwLock<()>,
}

/// Says what is wrong, and ends.
fn fail(what: impl AsRef<str>) -> ! {
    eprintln!("wrong: {}", what.as_ref());
    std::process::exit(1);
}

fn check(is: bool, what: impl FnOnce() -> String) {
    if !is {
        fail(what());
    }
}

fn main() {
    let arguments = Arguments::parse();
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = arguments
        .seed
        .unwrap_or_else(|| since.map_or(1, |since| since.as_nanos() as u64));
    println!("seed {seed}");
    let day = TimeDelta::days(1).num_microseconds().unwrap_or_default();
    let step = day / arguments.rows.max(60_000) as i64;
    let options = StoreOptions::new(Retention::days(1)).segment_rows(8_192);
    let soak = Soak {
        store: Store::new(stream::schema(), options)
            .unwrap_or_else(|error| fail(error.to_string())),
        stream: Stream { seed, step },
        done: AtomicBool::new(false),
        rows: AtomicU64::new(0),
        asked: Mutex::default(),
        work: RwLock::new(()),
    };
    let time = Duration::from_secs(arguments.seconds);
    thread::scope(|scope| {
        let writer = scope.spawn(|| soak.write());
        let keeper = scope.spawn(|| soak.keep());
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let soak = &soak;
                scope.spawn(move || soak.read(seed ^ reader))
            })
            .collect();
        soak.laps(time, arguments.laps.max(1));
        let (appending, computing) = writer.join().unwrap_or_else(|_| fail("the writer ended"));
        let kept = keeper.join().unwrap_or_else(|_| fail("the keeper ended"));
        let counted: u64 = readers
            .into_iter()
            .map(|reader| reader.join().unwrap_or_else(|_| fail("a reader ended")))
            .sum();
        let stats = soak.store.stats();
        let rows = soak.rows.load(Ordering::Acquire);
        let rate = |time: Duration| rows as f64 / time.as_secs_f64() / 1e6;
        println!(
            "rows: {rows} appended, {} duplicates, {} conflicts, {} expired, {} quarantined, {} invalid; {} dropped, {} erased, {} redacted, {} left",
            stats.duplicates,
            stats.conflicts,
            stats.expired,
            stats.quarantined,
            stats.invalid,
            stats.dropped,
            stats.erased,
            stats.redacted,
            stats.rows
        );
        println!(
            "writer: {:.2} M rows a second of the clock, {:.2} M of the processor",
            rate(appending),
            rate(computing)
        );
        let asked = soak.asked.lock().unwrap_or_else(PoisonError::into_inner);
        println!(
            "reports while writing: {} asked, {asked}; {counted} counted again",
            asked.len()
        );
        println!("a person erased or redacted: {}, {kept}", kept.len());
    });
    let snapshot = soak.store.snapshot();
    let rows = soak.walk(&snapshot);
    for kind in 0..KINDS {
        for about in 0..5 {
            soak.answer(Question { kind, about }, &snapshot, Some(&rows));
        }
    }
    println!("all is right");
}

impl Soak {
    /// Waits while everybody is to stop.
    fn at_work(&self) -> std::sync::RwLockReadGuard<'_, ()> {
        self.work.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// Stops everybody now and then, and looks at the memory.
    fn laps(&self, time: Duration, laps: u64) {
        let begin = Instant::now();
        let mut first: Option<f64> = None;
        for lap in 0..laps {
            let until = time.mul_f64((lap + 1) as f64 / laps as f64);
            thread::sleep(until.saturating_sub(begin.elapsed()));
            let stopped = self.work.write().unwrap_or_else(PoisonError::into_inner);
            if lap + 1 == laps {
                self.done.store(true, Ordering::Release);
            }
            let taken = ALLOCATOR.allocated();
            let said = self.store.memory_usage().total();
            drop(stopped);
            let megabytes = |bytes: usize| bytes as f64 / 1e6;
            let stats = self.store.stats();
            println!(
                "lap {}: {} rows, {:.1} MB taken, {:.1} MB said",
                lap + 1,
                stats.rows,
                megabytes(taken),
                megabytes(said)
            );
            check_counts(&stats);
            // Before the first day is over there is nothing to compare.
            if stats.dropped == 0 || (lap as usize) < WARM {
                continue;
            }
            check((taken as f64) < 1.10 * said as f64 + 3e6, || {
                format!("{taken} bytes taken, {said} said")
            });
            let first = *first.get_or_insert(taken as f64);
            check((taken as f64) < GROWTH * first, || {
                format!("memory grew from {first} to {taken} bytes")
            });
        }
    }

    /// Appends until it is over; how long that took by the clock and of the processor.
    fn write(&self) -> (Duration, Duration) {
        let (mut appending, mut computing) = (Duration::ZERO, Duration::ZERO);
        let mut n = 0;
        while !self.is_done() {
            let _at_work = self.at_work();
            let now = self.stream.now(n + BATCH);
            let (rows, expected) = self.stream.batch(n / BATCH);
            let (begin, before) = (Instant::now(), processor());
            let report = self.store.append(rows, now);
            appending += begin.elapsed();
            computing += processor() - before;
            check(expected.is_of(&report), || {
                format!("of batch {}: {report:?}, expected {expected:?}", n / BATCH)
            });
            n += BATCH;
            self.rows.store(n, Ordering::Release);
        }
        (appending, computing)
    }

    /// Lets rows expire, erases people and redacts them.
    fn keep(&self) -> Times {
        let mut times = Times::default();
        let mut next = 0;
        while !self.is_done() {
            thread::sleep(Duration::from_millis(20));
            let _at_work = self.at_work();
            let n = self.rows.load(Ordering::Acquire);
            self.store.expire(self.stream.now(n));
            // Those of a generation whose rows all have come, one after the other.
            if next >= 10 * Stream::gone(n) {
                continue;
            }
            // The expired ones need not be looked for.
            next = next.max(10 * Stream::gone(n).saturating_sub(1));
            let leaver = format!("leaver-{}-{}", next / 10, next % 10);
            let before = self.store.snapshot();
            let is_leaver = || {
                col("actor")
                    .eq(leaver.as_str())
                    .or(col("targets").any(item().eq(leaver.as_str())))
            };
            let begin = Instant::now();
            let erasure = if next % 2 == 0 {
                self.store.erase(is_leaver())
            } else {
                self.store.redact(
                    is_leaver(),
                    [
                        ("actor", REDACTED.into()),
                        ("name", Value::Null),
                        ("targets", Value::list([REDACTED])),
                    ],
                )
            };
            times.add(begin.elapsed());
            let erasure = erasure.unwrap_or_else(|error| fail(error.to_string()));
            let of_leaver = |snapshot: &Snapshot| {
                let found = Query::new().filter(is_leaver()).run(snapshot);
                found.unwrap_or_else(|error| fail(error.to_string())).len() as u64
            };
            check(of_leaver(&self.store.snapshot()) == 0, || {
                format!("{leaver} is still there")
            });
            // Some may have expired before.
            check(erasure.rows <= of_leaver(&before), || {
                format!("{} rows of {leaver} went", erasure.rows)
            });
            next += 1;
        }
        times
    }

    /// Asks until it is over; how many answers were counted again.
    fn read(&self, seed: u64) -> u64 {
        let random = Stream { seed, step: 0 };
        let mut times = Times::default();
        let mut counted = 0;
        for asked in 0.. {
            if self.is_done() {
                break;
            }
            let _at_work = self.at_work();
            let drawn = random.number_of_batch(asked);
            let question = Question {
                kind: (drawn % KINDS as u64) as usize,
                about: drawn >> 32,
            };
            let snapshot = self.store.snapshot();
            times.add(self.answer(question, &snapshot, None));
            if drawn >> 16 & 0xff < 256 / SAMPLE {
                let rows = self.walk(&snapshot);
                self.answer(question, &snapshot, Some(&rows));
                counted += 1;
            }
            check_counts(&self.store.stats());
        }
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .merge(&times);
        counted
    }

    /// How long an answer took, which is compared with what the rows come to.
    fn answer(
        &self,
        question: Question,
        snapshot: &Snapshot,
        rows: Option<&[Vec<Value>]>,
    ) -> Duration {
        let begin = Instant::now();
        let plan = question.query().bind(snapshot.schema());
        let answer = plan.and_then(|plan| plan.run(snapshot));
        let time = begin.elapsed();
        let answer = answer.unwrap_or_else(|error| fail(format!("{question:?}: {error}")));
        if let Some(rows) = rows
            && let Err(wrong) = question.check(rows, &answer)
        {
            fail(format!("{question:?} over {} rows: {wrong}", rows.len()));
        }
        time
    }

    /// All rows of a snapshot: each is what its number says, and none is missing.
    fn walk(&self, snapshot: &Snapshot) -> Vec<Vec<Value>> {
        let all = Query::new()
            .run(snapshot)
            .unwrap_or_else(|error| fail(error.to_string()));
        check(all.len() == snapshot.len(), || {
            format!("{} rows of {}", all.len(), snapshot.len())
        });
        let rows: Vec<Vec<Value>> = all.rows().map(<[Value]>::to_vec).collect();
        let is_ordered = rows.is_sorted_by(|a, b| a[..2] < b[..2]);
        check(is_ordered, || "rows out of order".to_owned());
        let Some(oldest) = rows.first().and_then(|row| row[at::TIME].as_time()) else {
            return rows;
        };
        let stream = self.stream;
        let newest = snapshot.newest_ingest() * BATCH;
        let mut numbers = HashSet::new();
        for row in &rows {
            let n = Stream::number(row[at::ID].as_id().unwrap_or_default());
            check(n < newest, || {
                format!("row {n} of a later batch than {newest}")
            });
            numbers.insert(n);
            let is_itself =
                *row == stream.row(n) || (Stream::is_leaver(n) && *row == stream.redacted(n));
            check(is_itself, || format!("row {n} is another"));
        }
        let first = (oldest - stream.now(0))
            .num_microseconds()
            .unwrap_or_default()
            / stream.step;
        for n in first.max(0) as u64..newest {
            let is_there =
                numbers.contains(&n) || stream.time(n) <= oldest || Stream::may_be_erased(n);
            check(is_there, || format!("row {n} of {newest} is missing"));
        }
        rows
    }
}

/// What came is there or was counted when it went.
fn check_counts(stats: &StoreStats) {
    let gone = stats.dropped + stats.erased + stats.evicted;
    check(stats.appended == stats.rows + gone, || {
        format!("counts that don't add up: {stats:?}")
    });
}
