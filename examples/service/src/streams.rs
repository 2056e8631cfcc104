//! Which sender began which stream: nobody else may send into it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ingest_protocol::StreamId;
use serde::{Deserialize, Serialize};

use crate::saved::write_durably;

const NAME: &str = "streams.ndjson";

/// Who began each stream, in a file that is appended to before a stream's first frame is stored.
#[derive(Debug)]
pub struct Streams {
    folder: PathBuf,
    file: File,
    owners: HashMap<StreamId, Arc<str>>,
}

#[derive(Deserialize, Serialize)]
struct Line<'a> {
    stream: StreamId,
    sender: &'a str,
}

impl Streams {
    /// Reads the folder's file, or begins one.
    ///
    /// # Errors
    /// As the disk says.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(folder.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        // A line that a crash cut short is of a stream that has no frame yet.
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Line<'_>>(line).ok());
        let owners = lines
            .map(|line| (line.stream, Arc::from(line.sender)))
            .collect();
        write(folder, &owners)?;
        Ok(Self {
            folder: folder.to_owned(),
            file: OpenOptions::new().append(true).open(folder.join(NAME))?,
            owners,
        })
    }

    /// Who began a stream.
    pub fn owner(&self, stream: StreamId) -> Option<&Arc<str>> {
        self.owners.get(&stream)
    }

    /// Binds new streams to who sends them, durably.
    ///
    /// # Errors
    /// As the disk says; then none is bound.
    pub fn bind(&mut self, new: &[(StreamId, Arc<str>)]) -> io::Result<()> {
        let mut lines = Vec::new();
        for (stream, sender) in new {
            serde_json::to_writer(
                &mut lines,
                &Line {
                    stream: *stream,
                    sender,
                },
            )?;
            lines.push(b'\n');
        }
        self.file.write_all(&lines)?;
        self.file.sync_data()?;
        self.owners.extend(new.iter().cloned());
        Ok(())
    }

    /// Forgets streams whose data are gone.
    ///
    /// # Errors
    /// As the disk says; they are forgotten at the next start.
    pub fn forget(&mut self, gone: &[StreamId]) -> io::Result<()> {
        gone.iter().for_each(|stream| {
            self.owners.remove(stream);
        });
        write(&self.folder, &self.owners)?;
        self.file = OpenOptions::new()
            .append(true)
            .open(self.folder.join(NAME))?;
        Ok(())
    }
}

fn write(folder: &Path, owners: &HashMap<StreamId, Arc<str>>) -> io::Result<()> {
    let mut sorted: Vec<_> = owners.iter().collect();
    sorted.sort();
    let mut lines = Vec::new();
    for (stream, sender) in sorted {
        serde_json::to_writer(
            &mut lines,
            &Line {
                stream: *stream,
                sender,
            },
        )?;
        lines.push(b'\n');
    }
    write_durably(folder, NAME, &lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_began_a_stream_is_known_after_a_crash() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let stream = |n| StreamId(uuid::Uuid::from_u128(n));
        let mut streams = Streams::open(folder.path())?;
        let two = [
            (stream(1), Arc::from("mim-01")),
            (stream(2), Arc::from("mim \"02\"")),
        ];
        streams.bind(&two)?;
        streams.forget(&[stream(1)])?;
        streams.bind(&[(stream(3), Arc::from("c"))])?;
        OpenOptions::new()
            .append(true)
            .open(folder.path().join(NAME))?
            .write_all(b"{\"str")?;
        let streams = Streams::open(folder.path())?;
        let owner = |n| streams.owner(stream(n)).map(|owner| &**owner);
        assert_eq!(
            [owner(1), owner(2), owner(3)],
            [None, Some("mim \"02\""), Some("c")]
        );
        Ok(())
    }
}
