//! The logs that reading is measured on, and ways of reading them.
//!
//! Each set is a file in `target/bench-data`, made once. Everybody reads the
//! file itself (it stays in the page cache), as real readers do: a log in memory
//! would hide what a reader's way of reading costs.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use mim_events::eventlog::{
    LogWriter, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST, check_file,
};
use mim_events::generate::{Generator, Item, Options};

pub mod agree;
pub mod floor;
pub mod manifest;
pub mod own;
#[cfg(feature = "peers")]
pub mod peers;
pub(crate) mod random;
pub mod way;

/// Goes into the files' names; raise it when what is in them changes.
const VERSION: u32 = 1;
/// UTF-16 units of the texts of [`Set::Maximum`]: what MIM puts into one event.
const MAXIMUM: usize = 31_839;
const COMPUTER: &str = "mim01.harbor.example";

/// A log to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the benches' own")]
pub enum Set {
    /// Requests of the generator that fit one event: about ten in each chunk.
    Ordinary,
    /// Requests of the largest text that one event holds: one in each chunk.
    Maximum,
    /// Small records of a manifest provider, about a hundred in each chunk.
    Manifest,
}

impl Set {
    /// Every set.
    pub const ALL: [Self; 3] = [Self::Ordinary, Self::Maximum, Self::Manifest];

    /// The name in files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Maximum => "maximum",
            Self::Manifest => "manifest",
        }
    }

    /// The set of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// Which of an event's values is picked: the first that is a string in all events.
    #[must_use]
    pub fn picked(self) -> usize {
        match self {
            Self::Ordinary | Self::Maximum => 0,
            Self::Manifest => 1,
        }
    }

    /// The file of this many MB (decimal), made now if it is not there.
    #[must_use]
    pub fn file(self, megabytes: u64) -> PathBuf {
        let directory = directory();
        let name = format!("{}-{megabytes}mb-v{VERSION}.evtx", self.name());
        let path = directory.join(name);
        if !path.exists() {
            fs::create_dir_all(&directory).expect("the target directory can be written");
            let new = path.with_extension(format!("{}", std::process::id()));
            self.write(&new, megabytes * 1_000_000).expect("a log");
            let report = check_file(&new).expect("a log");
            assert!(report.is_ok(), "{report}");
            fs::rename(&new, &path).expect("the target directory can be written");
        }
        path
    }

    /// Writes a log of about so many bytes, and at least one event.
    ///
    /// # Errors
    /// What writing gives.
    pub fn write(self, path: &Path, bytes: u64) -> io::Result<()> {
        if self == Self::Manifest {
            let mut out = BufWriter::new(File::create(path)?);
            return manifest::write(&mut out, bytes.div_ceil(65_536).max(1), 42);
        }
        let mut writer = LogWriter::create(path).map_err(io::Error::other)?;
        let requests = Generator::new(&Options::new(42).requests(u64::MAX >> 20));
        for step in requests {
            if writer.records() > 0 && writer.bytes() >= bytes {
                break;
            }
            let Item::Request(request) = step.item else {
                continue;
            };
            let json = match self {
                Self::Maximum => enlarge(&request.json),
                _ => Some(request.json),
            };
            let Some(json) = json.filter(|json| json.encode_utf16().count() <= MAXIMUM) else {
                continue;
            };
            let event = OwnedLogEvent::new(MIM_PROVIDER, REQUEST)
                .channel(MIM_CHANNEL)
                .computer(COMPUTER)
                .created(step.time)
                .data(json);
            writer.write(&event.as_event()).map_err(io::Error::other)?;
        }
        writer.finish().map_err(io::Error::other)?;
        Ok(())
    }
}

/// `BENCH_MB`, the size of the logs in MB; 100 if it is not set.
#[must_use]
#[allow(
    clippy::disallowed_methods,
    reason = "no library: a smoke run is asked for so"
)]
pub fn megabytes() -> u64 {
    std::env::var("BENCH_MB").map_or(100, |size| size.parse().expect("BENCH_MB is a number"))
}

/// Where the files are.
pub(crate) fn directory() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    target.join("bench-data")
}

/// The request with its first parameter repeated until the text has exactly the
/// maximum's units; `None` if it has no list of parameters.
fn enlarge(json: &str) -> Option<String> {
    const LIST: &str = r#""RequestParameter":["#;
    let at = json.find(LIST)? + LIST.len();
    let end = at + json[at..].find("},{")? + 1;
    let parameter = &json[at..end];
    let mut out = json[..at].to_owned();
    let mut room = MAXIMUM.checked_sub(json.encode_utf16().count())?;
    let size = parameter.encode_utf16().count() + 1;
    while room >= size {
        out.push_str(parameter);
        out.push(',');
        room -= size;
    }
    out.extend(std::iter::repeat_n(' ', room));
    out.push_str(&json[at..]);
    Some(out)
}

/// What a picked event says, lent.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "the benches' own")]
pub struct Picked<'a> {
    /// `EventID`.
    pub event_id: u32,
    /// `TimeCreated`.
    pub created: Time<'a>,
    /// `Computer`.
    pub computer: &'a str,
    /// The picked value.
    pub text: &'a str,
}

/// A time in the form that a reader gives it in; nobody has to convert it.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_enums, reason = "the benches' own")]
pub enum Time<'a> {
    /// What this crate gives.
    Utc(chrono::DateTime<chrono::Utc>),
    /// FILETIME.
    Ticks(u64),
    /// ISO 8601, as the `evtx` crate's JSON has it.
    Text(&'a str),
}

impl Time<'_> {
    fn utc(self) -> chrono::DateTime<chrono::Utc> {
        match self {
            Self::Utc(time) => time,
            Self::Ticks(ticks) => chrono::DateTime::from_timestamp_nanos(
                (ticks as i64 - 116_444_736_000_000_000) * 100,
            ),
            Self::Text(text) => text.parse().expect("a time"),
        }
    }
}

/// What readers must agree on: how many events, and everything picked of them.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    events: u64,
    bytes: u64,
    hasher: crc32fast::Hasher,
}

impl Digest {
    /// Adds an event.
    pub fn add(&mut self, event: Picked<'_>) {
        self.events += 1;
        self.bytes += event.text.len() as u64;
        let head = format!(
            "{} {:?} {}",
            event.event_id,
            event.created.utc(),
            event.computer
        );
        self.hasher.update(head.as_bytes());
        self.hasher.update(event.text.as_bytes());
    }

    /// Number of events, bytes of their picked texts, and the checksum of all.
    #[must_use]
    pub fn finish(self) -> (u64, u64, u32) {
        (self.events, self.bytes, self.hasher.finalize())
    }
}
