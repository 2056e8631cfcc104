//! `upload` and `receive` as real processes that are killed, and a network between them that drops,
//! delays, duplicates and cuts: what was received is the file.
//!
//! `KILLS` is how often one of them is killed (3), `SEED` what the random choices follow from.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "it waits for processes")]

mod common;
#[path = "common/network.rs"]
mod network;
#[path = "common/process.rs"]
mod process;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use self::common::program;
use self::network::{Network, Random};
use self::process::Process;

const RECORDS: u64 = 200_000;

fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().unwrap())
}

fn receive(folder: &Path, network: &Network) -> Process {
    let folder = folder.to_str().unwrap();
    let arguments = ["--dir", folder, "--listen", "127.0.0.1:0"];
    let mut process = Process::start("receive", &arguments);
    let line = process.wait_for("listening at ");
    let (_, address) = line.split_once("listening at ").unwrap();
    let address = address.split(',').next().unwrap().parse().unwrap();
    network.lead_to(Some(address));
    process
}

fn upload(folder: &Path, file: &Path, to: SocketAddr, batch: &str) -> Process {
    let (folder, file) = (folder.to_str().unwrap(), file.to_str().unwrap());
    let to = format!("http://{to}/v1/batches");
    let how = ["--batch", batch, "--timeout", "5", "--impatient"];
    let arguments = [&["--dir", folder, "--to", &to, file], &how[..]].concat();
    Process::start("upload", &arguments)
}

#[test]
fn what_is_received_is_the_file_whatever_is_killed_and_lost() {
    let (kills, seed) = (number("KILLS", 3), number("SEED", 1));
    let temporary = tempfile::tempdir().unwrap();
    let path = |name: &str| temporary.path().join(name);
    let mut lines = String::new();
    for line in 0..RECORDS {
        let text = "x".repeat((line % 40) as usize);
        writeln!(lines, r#"{{"line":{line},"text":"{text}"}}"#).unwrap();
    }
    std::fs::write(path("file.ndjson"), &lines).unwrap();

    let random = Random::new(seed);
    let network = Network::new(random.clone());
    let to = network.start();
    // 400 frames, or 2,000, of at least 10 ms each: the last kill falls before the end.
    let (batch, between) = if kills <= 3 {
        ("500", 1_000)
    } else {
        ("100", 150)
    };
    let mut receiver = receive(&path("received"), &network);
    let mut sender = upload(&path("spool"), &path("file.ndjson"), to, batch);
    let started = Instant::now();
    let mut killed = 0;
    while !sender.ended() {
        assert!(!receiver.ended(), "it stopped by itself");
        assert!(
            started.elapsed() < Duration::from_secs(300),
            "{:?}",
            network.counts()
        );
        if killed == kills {
            sleep(Duration::from_millis(20));
            continue;
        }
        sleep(Duration::from_millis(random.below(between)));
        if sender.ended() {
            break;
        }
        killed += 1;
        // In turn, so that few kills are also some of both.
        match killed % 2 {
            1 => {
                sender.kill();
                sender = upload(&path("spool"), &path("file.ndjson"), to, batch);
            }
            _ => {
                receiver.kill();
                network.lead_to(None);
                receiver = receive(&path("received"), &network);
            }
        }
    }
    println!(
        "{killed} kills in {:?}: {:?}",
        started.elapsed(),
        network.counts()
    );
    assert_eq!(killed, kills, "it was done before");
    receiver.kill();

    let folder = path("received");
    let dump = ["--dir", folder.to_str().unwrap(), "--dump"];
    let output = program("receive").args(dump).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let received = String::from_utf8(output.stdout).unwrap();
    let differs = received
        .lines()
        .zip(lines.lines())
        .find(|(found, wanted)| found != wanted);
    assert_eq!(differs, None);
    assert_eq!(received.len(), lines.len());
    let counts = network.counts();
    for counter in [
        &counts.dropped,
        &counts.delayed,
        &counts.duplicated,
        &counts.cut,
        &counts.unanswered,
    ] {
        assert!(counter.load(Ordering::Relaxed) > 0, "{counts:?}");
    }
}
