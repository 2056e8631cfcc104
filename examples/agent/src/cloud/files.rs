//! Files of audit entries, in any shape that `mim_events` reads.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use hybrid_examples::files::expand;
use hybrid_examples::progress;
use indicatif::ProgressBar;
use mim_events::entra::EntraReader;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use uuid::Uuid;

use super::chunk::Chunk;
use crate::config::Config;
use crate::engine::{self, Feed, Mode, Turn};
use crate::outbox::Outbox;
use crate::quarantine::Entry;
use crate::status::Source;

/// How far a file was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileMark {
    /// Elements that were dealt with.
    elements: u64,
    /// How long the file was.
    bytes: u64,
}

struct Files {
    paths: Vec<PathBuf>,
    at: usize,
    open: Option<Open>,
    /// Ids of all entries so far: files overlap.
    known: HashSet<Uuid>,
    troubles: Vec<Option<String>>,
    batch: u32,
    bar: ProgressBar,
    behind: u64,
}

struct Open {
    name: String,
    reader: EntraReader<File>,
    mark: FileMark,
}

pub(crate) fn read_files(config: &Config, mode: Mode, files: &[String]) -> Result<ExitCode> {
    let mut paths = Vec::new();
    let mut bytes = 0;
    for file in expand(files, "json|ndjson|jsonl|csv")? {
        let path = file
            .canonicalize()
            .with_context(|| file.display().to_string())?;
        bytes += path.metadata()?.len();
        paths.push(path);
    }
    let mut files = Files {
        troubles: vec![None; paths.len()],
        paths,
        at: 0,
        open: None,
        known: HashSet::new(),
        batch: config.spool.batch,
        bar: progress::bytes(bytes, "reading"),
        behind: 0,
    };
    let code = engine::run(config, mode, &mut files);
    files.bar.finish_and_clear();
    code
}

impl Files {
    /// Opens the next file, and goes to where it was left.
    fn open(&mut self, outbox: &Outbox) -> mim_events::Result<Open> {
        let path = &self.paths[self.at];
        let name = path.display().to_string();
        let mut reader = EntraReader::open(path)?;
        let bytes = path.metadata().map_or(0, |file| file.len());
        let mark = outbox.cursor.files.get(&name).copied().unwrap_or_default();
        let mut skipped = 0;
        // A shorter file is another one.
        while bytes >= mark.bytes && skipped < mark.elements {
            match reader.next() {
                Some(Ok(activity)) => {
                    self.known.insert(activity.id);
                }
                Some(Err(error)) if error.is_recoverable() => {}
                Some(Err(error)) => return Err(error),
                None => break,
            }
            skipped += 1;
        }
        let mark = FileMark {
            elements: skipped,
            bytes,
        };
        Ok(Open { name, reader, mark })
    }

    fn fail(&mut self, error: &mim_events::Error) {
        warn!(%error, "the file can't be read");
        self.troubles[self.at] = Some(error.to_string());
        self.open = None;
        self.at += 1;
    }
}

impl Feed for Files {
    fn read(&mut self, outbox: &mut Outbox) -> Result<Turn> {
        if outbox.is_blocked() {
            return Ok(Turn::More);
        }
        if self.at == self.paths.len() {
            return Ok(Turn::AtEnd);
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => match self.open(outbox) {
                Ok(open) => open,
                Err(error) => {
                    self.fail(&error);
                    return Ok(Turn::More);
                }
            },
        };
        let mut chunk = Chunk::default();
        let mut failed = None;
        let is_at_end = loop {
            if chunk.is_full(self.batch) {
                break false;
            }
            match open.reader.next() {
                Some(Ok(activity)) => {
                    chunk.take(&activity, open.reader.last_raw(), &mut self.known);
                }
                Some(Err(error)) if error.is_recoverable() => chunk.aside.push(Entry {
                    raw: open.reader.last_raw().map(str::to_owned),
                    ..Entry::of(&open.name, &error)
                }),
                Some(Err(error)) => {
                    failed = Some(error);
                    break true;
                }
                None => break true,
            }
            open.mark.elements += 1;
        };
        outbox.cursor.totals.duplicates += chunk.duplicates;
        outbox.cursor.totals.quarantined += chunk.aside.len() as u64;
        for entry in chunk.aside {
            outbox.set_aside(entry)?;
        }
        outbox.cursor.files.insert(open.name.clone(), open.mark);
        if !chunk.records.is_empty() {
            outbox.push_all(chunk.records)?;
        }
        self.bar.set_position(self.behind + open.reader.position());
        if is_at_end {
            outbox.commit()?;
            self.behind += open.mark.bytes;
            info!(file = open.name, summary = %open.reader.summary(), "read to its end");
            match failed {
                Some(error) => self.fail(&error),
                None => self.at += 1,
            }
        } else {
            self.open = Some(open);
        }
        Ok(Turn::More)
    }

    fn is_urgent(&mut self) -> bool {
        false
    }

    fn sources(&self, outbox: &Outbox) -> Vec<Source> {
        let source = |(path, trouble): (&PathBuf, &Option<String>)| {
            let name = path.display().to_string();
            Source {
                read_through: outbox.cursor.files.get(&name).map(|mark| mark.elements),
                name,
                newest: None,
                trouble: trouble.clone(),
            }
        };
        self.paths.iter().zip(&self.troubles).map(source).collect()
    }
}
