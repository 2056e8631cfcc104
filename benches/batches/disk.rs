//! A journal beside bare writes of the same bytes to the same disk.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use bytes::Bytes;
use ingest_protocol::journal::{Append, FsStorage, Journal, Options, SyncPolicy};

/// Where the plain file that is written over ends; it begins anew then, as a
/// segment would.
const PREPARED: u64 = 64 << 20;

/// A directory for one measurement, removed at its end.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one beside the benches' logs, so on the disk of the target directory.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let path = crate::logs::directory().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("the target directory can be written");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A journal whose caller syncs.
#[derive(Debug)]
pub struct Spool {
    journal: Journal<FsStorage>,
    appended: u64,
}

impl Spool {
    /// In a directory of its own.
    #[must_use]
    pub fn new(scratch: &Scratch) -> Self {
        let storage = FsStorage::create(scratch.0.join("journal")).expect("a directory");
        let options = Options::new([7; 16]).sync(SyncPolicy::Caller);
        let (journal, _) = Journal::open(storage, options).expect("a journal");
        Self {
            journal,
            appended: 0,
        }
    }

    /// Appends the frames, each with a cursor, and makes them durable.
    pub fn commit(&mut self, frames: &[Bytes]) {
        for frame in frames {
            self.appended += 1;
            let cursor = self.appended.to_le_bytes();
            let append = Append::new(1, frame).cursor(&cursor);
            self.journal.append(append).expect("the disk has room");
        }
        self.journal.sync().expect("the disk can be written");
    }

    /// Lets go of all that was appended, which gives back whole segments.
    pub fn release(&mut self) {
        self.journal.release(self.appended).expect("durable");
    }
}

/// A plain file.
#[derive(Debug)]
pub struct Plain {
    file: File,
    over: bool,
    at: u64,
}

impl Plain {
    /// A file that grows, or one of 64 MiB that is written over again and again, so that
    /// its blocks are there already.
    #[must_use]
    pub fn new(scratch: &Scratch, over: bool) -> Self {
        let name = if over { "over" } else { "growing" };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let path = scratch.0.join(name);
        let mut file = options.open(path).expect("the directory can be written");
        if over {
            let blank = vec![0; 1 << 20];
            for _ in 0..PREPARED >> 20 {
                file.write_all(&blank).expect("the disk has room");
            }
            file.sync_all().expect("the disk can be written");
        }
        Self { file, over, at: 0 }
    }

    /// Writes the frames, one call each, and makes them durable with one `fdatasync`.
    pub fn commit(&mut self, frames: &[Bytes]) {
        let bytes: u64 = frames.iter().map(|frame| frame.len() as u64).sum();
        if self.over && self.at + bytes > PREPARED {
            self.at = 0;
        }
        self.file.seek(SeekFrom::Start(self.at)).expect("a file");
        for frame in frames {
            self.file.write_all(frame).expect("the disk has room");
        }
        self.file.sync_data().expect("the disk can be written");
        self.at += bytes;
    }

    /// Begins anew where the file grows.
    pub fn release(&mut self) {
        if !self.over {
            self.file.set_len(0).expect("a file");
            self.at = 0;
        }
    }
}
