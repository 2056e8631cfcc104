//! One way of reading one log, as a program of its own: for scripts that count
//! instructions and memory, or run other programs beside it.
//!
//! ```text
//! workload make ordinary mb=100             writes the log if need be, prints its path
//! workload pick ordinary mb=100 passes=2    reads it twice
//! workload whole manifest lane=evtx memory  prints the peak of its memory, too
//! ```
//!
//! Ways: `floor`, `floor_crc`, `reject`, `reject_by_provider`, `pick`, `whole`, `whole_by_two`,
//! `request`, `activities`; logs: `ordinary`, `maximum`, `manifest`; lanes: `own`, `evtx`.
#![allow(missing_docs, clippy::print_stdout, clippy::print_stderr)]

use std::hint::black_box;
use std::process::ExitCode;

use hybrid_benches::logs::own::{self, Source};
use hybrid_benches::logs::{Set, floor, megabytes};
use mim_events::eventlog::Lane;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("workload: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let way = arguments.next().ok_or("no way of reading given")?;
    let set = arguments.next().ok_or("no log given")?;
    let set = Set::of(&set).ok_or_else(|| format!("no log is called {set}"))?;
    let (mut size, mut passes, mut lane, mut memory) = (megabytes(), 1, None, false);
    for argument in arguments {
        let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
        match argument.split_once('=') {
            Some(("mb", text)) => size = number(text)?,
            Some(("passes", text)) => passes = number(text)?,
            Some(("lane", "own")) => lane = Some(Lane::Own),
            Some(("lane", "evtx")) => lane = Some(Lane::Evtx),
            None if argument == "memory" => memory = true,
            _ => return Err(format!("{argument} is not understood")),
        }
    }
    let path = set.file(size);
    if way == "make" {
        println!("{}", path.display());
        return Ok(());
    }
    let log = Source { path: &path, lane };
    for pass in 0..passes {
        let result = read(&way, log, set).ok_or_else(|| format!("no way is called {way}"))?;
        if pass == 0 {
            println!("{way} {}: {result}", set.name());
        }
    }
    if memory {
        println!(
            "{} KiB at most",
            peak().ok_or("memory is measured on Linux only")?
        );
    }
    Ok(())
}

/// What was found; `None` if there is no such way.
fn read(way: &str, log: Source<'_>, set: Set) -> Option<String> {
    let mut buffer = vec![0; 65_536];
    Some(match way {
        "floor" => format!("{} bytes", floor::read(log.path, &mut buffer)),
        "floor_crc" => format!("{} bytes", floor::read_and_check(log.path, &mut buffer)),
        "reject" => format!("{} rejected", own::reject_by_id(log)),
        "reject_by_provider" => format!("{} rejected", own::reject_by_provider(log)),
        "pick" => {
            let (mut events, mut bytes) = (0, 0);
            own::pick(log, set, |event| {
                black_box(event);
                events += 1;
                bytes += event.text.len();
            });
            format!("{events} events, {bytes} bytes")
        }
        "whole" => format!("{} bytes", own::whole(log)),
        "whole_by_two" => format!("{} bytes", own::whole_by_two(log)),
        "request" => {
            let (requests, parameters) = own::request(log);
            format!("{requests} requests, {parameters} parameters")
        }
        "activities" => format!("{} activities", own::activities(log)),
        _ => return None,
    })
}

/// The most memory this process has had so far, in KiB, as Linux tells it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
