//! How long files take that try to be slow: `cargo run --release --example hostile`, or
//! with files of one's own as arguments. None may take more than a second, by
//! any lane.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use mim_events::eventlog::{self, Lane, LogReader};

const MOST: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let mut files = Vec::new();
    for path in std::env::args().skip(1) {
        match std::fs::read(&path) {
            Ok(bytes) => files.push((path, bytes)),
            Err(error) => eprintln!("{path}: {error}"),
        }
    }
    if files.is_empty() {
        let own = mim_events_fuzz::hostile_files();
        files.extend(own.into_iter().map(|(name, log)| (name.to_owned(), log)));
    }
    let mut slowest = (Duration::ZERO, String::new());
    println!(
        "{:>8} {:>8} {:>8} {:>8} {:>8}  milliseconds",
        "both", "own", "evtx", "texts", "check"
    );
    for (name, log) in &files {
        let ways: [(&str, &dyn Fn()); 5] = [
            ("both", &|| read(log, None, false)),
            ("own", &|| read(log, Some(Lane::Own), false)),
            ("evtx", &|| read(log, Some(Lane::Evtx), false)),
            ("texts", &|| read(log, None, true)),
            ("check", &|| drop(eventlog::check(log))),
        ];
        for (way, run) in ways {
            let start = Instant::now();
            run();
            let took = start.elapsed();
            print!("{:>8} ", took.as_millis());
            if took > slowest.0 {
                slowest = (took, format!("{name}: {way}"));
            }
        }
        println!(" {name}");
    }
    println!("slowest: {} ms, {}", slowest.0.as_millis(), slowest.1);
    if slowest.0 > MOST {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Reads all; with `texts`, also every value as text.
fn read(log: &[u8], lane: Option<Lane>, texts: bool) {
    let Ok(mut reader) = LogReader::from_slice(log) else {
        return;
    };
    if let Some(lane) = lane {
        reader = reader.with_lane(lane);
    }
    let mut total = 0;
    while let Some(event) = reader.next_event() {
        let Ok(event) = event else { continue };
        total += if texts {
            event
                .data()
                .map(|datum| datum.value.to_string_lossy().len())
                .sum()
        } else {
            event.data().count()
        };
    }
    std::hint::black_box(total);
}
