//! `upload` and `receive` as real processes that are killed, and a network between them that drops,
//! delays, duplicates and cuts: what was received is the file.
//!
//! `KILLS` is how often one of them is killed (3), `SEED` what the random choices follow from.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "it waits for processes")]

mod common;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use self::common::program;

const RECORDS: u64 = 200_000;

fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().unwrap())
}

/// SplitMix64, for threads that share it.
#[derive(Clone)]
struct Random(Arc<AtomicU64>);

impl Random {
    fn below(&self, limit: u64) -> u64 {
        let step = 0x9E37_79B9_7F4A_7C15;
        let mut mixed = self.0.fetch_add(step, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What the network did, to see that it did.
#[derive(Debug, Default)]
struct Counts {
    dropped: AtomicU64,
    delayed: AtomicU64,
    duplicated: AtomicU64,
    cut: AtomicU64,
    unanswered: AtomicU64,
    passed: AtomicU64,
}

/// A bad network: takes connections of the sender, and makes one to the receiver for each request.
#[derive(Clone)]
struct Network {
    to: Arc<Mutex<Option<SocketAddr>>>,
    random: Random,
    counts: Arc<Counts>,
}

impl Network {
    fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let network = self.clone();
        spawn(move || {
            for connection in listener.incoming() {
                let network = network.clone();
                // An error is one more thing that happens in a network.
                spawn(move || network.connection(connection?));
            }
        });
        address
    }

    fn connection(&self, mut sender: TcpStream) -> std::io::Result<()> {
        sender.set_nodelay(true)?;
        while let Some(request) = message(&mut sender)? {
            let counts = &self.counts;
            let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(self.random.below(12)));
            match self.random.below(24) {
                0 => {
                    count(&counts.dropped);
                    return Ok(());
                }
                1 => {
                    // Cut on the way there; what comes back goes back.
                    count(&counts.cut);
                    let part = self.random.below(request.len() as u64) as usize;
                    let mut receiver = self.send(&request[..part])?;
                    receiver.shutdown(Shutdown::Write)?;
                    let mut answer = Vec::new();
                    receiver.read_to_end(&mut answer)?;
                    return sender.write_all(&answer);
                }
                2 => {
                    // Once now and once later, maybe when much else has come.
                    count(&counts.duplicated);
                    let (network, later) = (self.clone(), request.clone());
                    let wait = Duration::from_millis(self.random.below(300));
                    spawn(move || {
                        sleep(wait);
                        message(&mut network.send(&later)?)
                    });
                }
                3 => {
                    count(&counts.delayed);
                    sleep(Duration::from_millis(self.random.below(200)));
                }
                _ => {}
            }
            let Some(answer) = message(&mut self.send(&request)?)? else {
                return Ok(());
            };
            if self.random.below(24) == 0 {
                // It is stored, and the sender does not hear of it, or not all.
                count(&counts.unanswered);
                let part = self.random.below(answer.len() as u64) as usize;
                return sender.write_all(&answer[..part]);
            }
            count(&counts.passed);
            sender.write_all(&answer)?;
        }
        Ok(())
    }

    fn send(&self, request: &[u8]) -> std::io::Result<TcpStream> {
        let to = *self.to.lock().unwrap();
        let mut receiver = TcpStream::connect(to.ok_or(std::io::ErrorKind::HostUnreachable)?)?;
        receiver.set_nodelay(true)?;
        receiver.write_all(request)?;
        Ok(receiver)
    }
}

/// One request or response with its `Content-Length`, as it is; `None` where the connection ends.
fn message(from: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 64 * 1024];
    loop {
        if let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let whole = head + 4 + length.map_or(0, |length| length.trim().parse().unwrap());
            while bytes.len() < whole {
                match from.read(&mut chunk)? {
                    0 => return Ok(None),
                    count => bytes.extend_from_slice(&chunk[..count]),
                }
            }
            return Ok(Some(bytes));
        }
        match from.read(&mut chunk)? {
            0 => return Ok(None),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// A process that is killed with the test.
struct Process {
    name: &'static str,
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    fn start(name: &'static str, arguments: &[&str]) -> (Self, String) {
        let mut command = program(name);
        let command = command.args(arguments).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        errors.read_line(&mut first).unwrap();
        let said = Arc::new(Mutex::new(first.clone()));
        let saying = Arc::clone(&said);
        spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                writeln!(saying.lock().unwrap(), "{line}").unwrap();
            }
        });
        (Self { name, child, said }, first)
    }

    /// As SIGKILL does it: nothing is finished.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The exit code, if it ended by itself; nothing else ends it well.
    fn ended(&mut self) -> bool {
        let Some(status) = self.child.try_wait().unwrap() else {
            return false;
        };
        assert!(
            status.success(),
            "{} {status}: {}",
            self.name,
            self.said.lock().unwrap()
        );
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn receive(folder: &Path, network: &Network) -> Process {
    let folder = folder.to_str().unwrap();
    let arguments = ["--dir", folder, "--listen", "127.0.0.1:0"];
    let (process, first) = Process::start("receive", &arguments);
    let address = first
        .strip_prefix("listening at ")
        .unwrap_or_else(|| panic!("{first}"));
    let address = address.split(',').next().unwrap().parse().unwrap();
    *network.to.lock().unwrap() = Some(address);
    process
}

fn upload(folder: &Path, file: &Path, to: SocketAddr, batch: &str) -> Process {
    let (folder, file) = (folder.to_str().unwrap(), file.to_str().unwrap());
    let to = format!("http://{to}/v1/batches");
    let how = ["--batch", batch, "--timeout", "5", "--impatient"];
    let arguments = [&["--dir", folder, "--to", &to, file], &how[..]].concat();
    Process::start("upload", &arguments).0
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

    let random = Random(Arc::new(AtomicU64::new(seed)));
    let network = Network {
        to: Arc::default(),
        random: random.clone(),
        counts: Arc::default(),
    };
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
            network.counts
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
                *network.to.lock().unwrap() = None;
                receiver = receive(&path("received"), &network);
            }
        }
    }
    println!(
        "{killed} kills in {:?}: {:?}",
        started.elapsed(),
        network.counts
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
    let counts = &network.counts;
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
