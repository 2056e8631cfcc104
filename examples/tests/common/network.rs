//! A network that drops, delays, duplicates and cuts.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// SplitMix64, for threads that share it.
#[derive(Clone)]
pub(crate) struct Random(Arc<AtomicU64>);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    pub(crate) fn below(&self, limit: u64) -> u64 {
        let step = 0x9E37_79B9_7F4A_7C15;
        let mut mixed = self.0.fetch_add(step, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// What the network did, to see that it did.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) dropped: AtomicU64,
    pub(crate) delayed: AtomicU64,
    pub(crate) duplicated: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) unanswered: AtomicU64,
    pub(crate) passed: AtomicU64,
}

/// A bad network: takes connections of the sender, and makes one to the receiver for each request.
#[derive(Clone)]
pub(crate) struct Network {
    to: Arc<Mutex<Option<SocketAddr>>>,
    random: Random,
    counts: Arc<Counts>,
}

impl Network {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            to: Arc::default(),
            random,
            counts: Arc::default(),
        }
    }

    /// Where it leads from now on.
    pub(crate) fn lead_to(&self, to: Option<SocketAddr>) {
        *self.to.lock().unwrap() = to;
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Listens, for as long as the test runs.
    pub(crate) fn start(&self) -> SocketAddr {
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
