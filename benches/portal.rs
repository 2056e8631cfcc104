//! The portal over millions of rows: when the first byte of a page is there, and when the last.
//!
//! ```text
//! cargo run --release -p hybrid-benches --no-default-features --features portal --bin portal -- --rows 1000000
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "no library: it measures and prints"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{TimeDelta, Utc};
use clap::Parser;
use mim_events::activity::Activity;
use mim_events::generate::Generator;

use self::tenant::{READER, configure};

#[path = "../examples/tests/common/tenant.rs"]
#[allow(dead_code, reason = "nobody sends here")]
mod tenant;

/// Rows that are appended at once.
const BATCH: usize = 20_000;
/// What is asked for, in turn.
const PAGES: [(&str, &str); 12] = [
    ("overview", "/"),
    ("log, 14 days, 100 rows, facets", "/log"),
    ("log, all days", "/log?range=P30D"),
    ("log, all days, 500 rows", "/log?range=P30D&top=500"),
    ("log, failures", "/log?range=P30D&result=failure"),
    ("log, search", "/log?range=P30D&q=password"),
    (
        "log, oldest first",
        "/log?range=P30D&orderby=activityDateTime+asc",
    ),
    ("report, password resets", "/reports/password-reset"),
    (
        "report, registrations",
        "/reports/password-reset-registration",
    ),
    (
        "report, self-service groups",
        "/reports/self-service-groups",
    ),
    ("report, audit log", "/reports/audit-log"),
    ("system", "/system"),
];

/// Serve the portal over invented activity, and time its pages
///
/// Prints for each page when its first byte was there and its last, the quickest and the slowest of some
/// times, and for an export of all rows its rate and the memory that it took. Server and client are this
/// process.
#[derive(Parser)]
struct Arguments {
    /// Rows in the store
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// How often each page is asked for
    #[arg(long, default_value_t = 5)]
    times: usize,
    /// Only pages with this in their names or addresses, and no export
    #[arg(long)]
    only: Option<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let config = configure(folder.path())?;
    with_room(&config)?;
    let (address, listening) = channel();
    let asked = arguments.rows;
    let began = Instant::now();
    thread::spawn(move || {
        let told = address.clone();
        let ended = service::serve_filled(&config, batches(asked), move |at, rows| {
            let _ = told.send(Ok((at, rows)));
        });
        let _ = address.send(Err(ended));
    });
    let (address, rows): (SocketAddr, u64) = match listening.recv()? {
        Ok(listening) => listening,
        Err(ended) => bail!("the service ended: {ended:?}"),
    };
    println!(
        "{rows} rows in {:.0} s, {} MiB resident",
        began.elapsed().as_secs_f64(),
        resident()?
    );
    let only = arguments.only.as_deref();
    let wanted =
        |name: &str, path: &str| only.is_none_or(|only| name.contains(only) || path.contains(only));
    for (name, path) in PAGES {
        if wanted(name, path) {
            time(address, name, path, arguments.times)?;
        }
    }
    if wanted("next page", "") {
        let first = get(address, "/log?range=P30D", |_| ())?;
        let next = next_page(&String::from_utf8_lossy(&first.body)).context("no next page")?;
        time(address, "log, next page", &next, arguments.times)?;
    }
    if only.is_none() {
        for format in ["csv", "ndjson"] {
            export(address, format)?;
        }
    }
    // The service would wait for a signal.
    std::process::exit(0)
}

/// Lets the tenant take all memory: how much there is, the machine says.
fn with_room(config: &Path) -> Result<()> {
    let text = fs::read_to_string(config)?;
    let roomy = text.replacen("\nid = ", "\nmax_memory = \"1 TiB\"\nid = ", 1);
    ensure!(roomy != text, "the configuration has no tenant");
    Ok(fs::write(config, roomy)?)
}

/// A month of activity up to now.
fn batches(rows: u64) -> impl Iterator<Item = Vec<Activity>> {
    let options = mim_events::generate::Options::new(42)
        // About as many rows come of a request with its entries in the cloud.
        .requests(rows / 2 + 10_000)
        .start(Utc::now() - TimeDelta::days(29))
        .days(29)
        .people(50_000)
        .groups(5_000);
    // Generating and appending go on beside each other.
    let (batch, batches) = std::sync::mpsc::sync_channel(4);
    thread::spawn(move || {
        let (mut left, mut next) = (rows as usize, Vec::with_capacity(BATCH));
        for activity in Generator::new(&options).flat_map(|step| step.truth) {
            next.push(activity);
            left -= 1;
            if next.len() == BATCH || left == 0 {
                let full = std::mem::replace(&mut next, Vec::with_capacity(BATCH));
                if batch.send(full).is_err() || left == 0 {
                    return;
                }
                if left % 1_000_000 == 0 {
                    eprintln!("{left} rows to go");
                }
            }
        }
        eprintln!("{left} rows are missing: the generator gave no more");
    });
    batches.into_iter()
}

/// An answer, and when it came.
struct Got {
    first: Duration,
    last: Duration,
    /// Rows in all, where the answer's head says.
    total: Option<u64>,
    body: Vec<u8>,
}

/// Asks for a page, and tells of each piece that comes. Without a client's library: what it keeps and waits
/// for is not measured.
fn get(address: SocketAddr, path: &str, mut piece: impl FnMut(&[u8])) -> Result<Got> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let asked = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {READER}\r\nConnection: close\r\n\r\n"
    );
    let began = Instant::now();
    stream.write_all(asked.as_bytes())?;
    let (mut head, mut body, mut first, mut total) = (Vec::new(), Vec::new(), None, None);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = stream.read(&mut buffer)?;
        let came = buffer.get(..read).unwrap_or_default();
        if read == 0 {
            break;
        }
        if first.is_some() {
            piece(came);
            if body.len() < 4 << 20 {
                body.extend_from_slice(came);
            }
            continue;
        }
        head.extend_from_slice(came);
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let status = String::from_utf8_lossy(&head[..end.min(head.len())]).into_owned();
            ensure!(status.starts_with("HTTP/1.1 200"), "{path}: {status}");
            total = status
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("x-total-count"))
                .and_then(|(_, rows)| rows.parse().ok());
            if head.len() > end + 4 {
                first = Some(began.elapsed());
                body.extend_from_slice(head.get(end + 4..).unwrap_or_default());
                piece(&body);
            }
        }
    }
    Ok(Got {
        first: first.with_context(|| format!("{path}: no body"))?,
        last: began.elapsed(),
        total,
        body,
    })
}

fn time(address: SocketAddr, name: &str, path: &str, times: usize) -> Result<()> {
    let (mut firsts, mut lasts, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..times.max(1) {
        let got = get(address, path, |_| ())?;
        firsts.push(got.first);
        lasts.push(got.last);
        bytes = got.body.len();
    }
    let ms = |times: &mut Vec<Duration>| {
        times.sort();
        let of = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1_000.0);
        format!("{:.0} to {:.0} ms", of(times.first()), of(times.last()))
    };
    println!(
        "{name}: first byte {}, last {}, {} kB",
        ms(&mut firsts),
        ms(&mut lasts),
        bytes / 1_000
    );
    Ok(())
}

/// The address that the page's link to the next has.
fn next_page(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("rel=\"next\"")?;
    let (_, link) = rest.split_once("href=\"")?;
    let (link, _) = link.split_once('"')?;
    Some(link.replace("&amp;", "&"))
}

fn export(address: SocketAddr, format: &str) -> Result<()> {
    let before = resident()?;
    let (mut lines, mut bytes, mut most, mut looked) = (0_u64, 0, before, 0);
    let got = get(
        address,
        &format!("/log?range=P30D&format={format}"),
        |piece| {
            lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
            bytes += piece.len();
            if bytes - looked > 1 << 22 {
                looked = bytes;
                most = most.max(resident().unwrap_or(0));
            }
        },
    )?;
    // Of a request with several states it is the last, and noise is left out.
    let rows = got.total.context("no total")?;
    // Pieces of the transfer have ends of lines of their own.
    ensure!(lines >= rows, "{lines} lines of {rows} rows");
    println!(
        "export of all {rows} rows as {format}: first byte {:.0} ms, {:.1} s, {:.0} rows/s, {:.1} MB/s; {before} MiB before, at most {} MiB more",
        got.first.as_secs_f64() * 1_000.0,
        got.last.as_secs_f64(),
        rows as f64 / got.last.as_secs_f64(),
        bytes as f64 / 1e6 / got.last.as_secs_f64(),
        most - before
    );
    Ok(())
}

/// The memory that this process has now, in MiB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().nth(1))
        .context("VmRSS")?
        .parse()?;
    Ok(kib / 1024)
}
