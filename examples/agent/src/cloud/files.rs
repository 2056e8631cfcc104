//! Files of audit entries, in any shape that `mim_events` reads.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use hybrid_examples::files::expand;
use hybrid_examples::progress;
use indicatif::ProgressBar;
use mim_events::ErrorKind;
use mim_events::activity::Activity;
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
    /// The id of the last of the elements, or what stands for it; older marks have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<Uuid>,
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
    /// Ids of the elements before the mark.
    known: Vec<Uuid>,
}

impl Open {
    /// Opens a file, and goes to where it was left. One that is shorter now, or has another element
    /// there, is another file in its place: it is read from its beginning.
    fn at(path: &Path, left: FileMark) -> mim_events::Result<Self> {
        let mut open = Self::begin(path)?;
        while open.mark.bytes >= left.bytes && open.mark.elements < left.elements {
            match open.next() {
                Some(Ok(activity)) => open.known.push(activity.id),
                Some(Err(error)) if error.is_recoverable() => {}
                Some(Err(error)) if *error.kind() == ErrorKind::Io => return Err(error),
                Some(Err(_)) | None => break,
            }
        }
        let is_same = open.mark.elements == left.elements
            && (left.last.is_none() || left.last == open.mark.last);
        if is_same {
            return Ok(open);
        }
        info!(
            file = open.name,
            "another file in place of one that was read"
        );
        Self::begin(path)
    }

    fn begin(path: &Path) -> mim_events::Result<Self> {
        let reader = EntraReader::open(path)?;
        let bytes = path.metadata().map_or(0, |file| file.len());
        Ok(Self {
            name: path.display().to_string(),
            reader,
            mark: FileMark {
                bytes,
                ..FileMark::default()
            },
            known: Vec::new(),
        })
    }

    /// The next element, which the mark is then behind, unless nothing can be read after it.
    fn next(&mut self) -> Option<mim_events::Result<Activity>> {
        let next = self.reader.next()?;
        let id = match &next {
            Ok(activity) => activity.id,
            Err(error) if error.is_recoverable() => {
                let text = self.reader.last_raw().unwrap_or_default();
                Uuid::new_v5(&Uuid::nil(), text.as_bytes())
            }
            Err(_) => return Some(next),
        };
        self.mark.elements += 1;
        self.mark.last = Some(id);
        Some(next)
    }
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
    /// Opens the next file.
    fn open(&mut self, outbox: &Outbox) -> mim_events::Result<Open> {
        let path = &self.paths[self.at];
        let name = path.display().to_string();
        let left = outbox.cursor.files.get(&name).copied();
        let mut open = Open::at(path, left.unwrap_or_default())?;
        self.known.extend(open.known.drain(..));
        Ok(open)
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
            match open.next() {
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

    /// All ids are known again from the files, which are passed over as far as the cursor says.
    fn restart(&mut self) {
        self.open = None;
        self.known.clear();
        self.troubles.fill(None);
        (self.at, self.behind) = (0, 0);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> String {
        format!(
            r#"{{"id":"{id}","category":"GroupManagement","activityDateTime":"2026-03-02T08:15:09Z","activityDisplayName":"Add group","loggedByService":"Core Directory"}}"#
        )
    }

    /// How many elements are passed over in a file of `now`, of which `before` was read.
    fn passed(before: &[String], now: &[String]) -> Result<u64> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("export.ndjson");
        std::fs::write(&path, before.join("\n"))?;
        let mut open = Open::begin(&path)?;
        while open.next().is_some() {}
        assert_eq!(open.mark.elements, before.len() as u64);
        std::fs::write(&path, now.join("\n"))?;
        let again = Open::at(&path, open.mark)?;
        assert_eq!(again.known.is_empty(), again.mark.elements == 0);
        Ok(again.mark.elements)
    }

    #[test]
    fn a_file_is_read_on_unless_it_is_another() -> Result<()> {
        let of = |ids: &str| {
            ids.chars()
                .map(|id| entry(&id.to_string()))
                .collect::<Vec<_>>()
        };
        let mut broken = of("ab");
        broken.push("{\"id\":\"x\"}".to_owned());
        let mut longer = broken.clone();
        longer.push(entry("c"));
        for (before, now, wanted) in [
            (of("abc"), of("abc"), 3),
            (of("abc"), of("abcd"), 3),
            (broken.clone(), longer, 3),
            (of("abc"), of("defg"), 0),
            (of("abc"), of("def"), 0),
            (of("abc"), of("ab"), 0),
            // As long, of fewer elements.
            (of("abc"), vec![entry(&"d".repeat(900))], 0),
            (broken, of("abcd"), 0),
        ] {
            assert_eq!(passed(&before, &now)?, wanted, "{before:?} {now:?}");
        }
        Ok(())
    }

    #[test]
    fn a_mark_of_before_is_read_and_trusted() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("export.ndjson");
        std::fs::write(&path, [entry("a"), entry("b")].join("\n"))?;
        let mark: FileMark = serde_json::from_str(r#"{"elements":1,"bytes":100}"#)?;
        assert_eq!(Open::at(&path, mark)?.mark.elements, 1);
        Ok(())
    }
}
