//! Which sender began which stream: nobody else may send into it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ingest_protocol::StreamId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::saved::write_durably;

const NAME: &str = "streams.ndjson";

/// A stream for a batch that nobody sends again: lines without an `Idempotency-Key`. It is a UUID of
/// version 8: the time as in version 7, and in its last four bytes who sends, so that nothing else
/// has to be kept of it.
#[must_use]
pub fn single(sender: &str) -> StreamId {
    let mut bytes = Uuid::now_v7().into_bytes();
    bytes[6] = 0x80 | (bytes[6] & 0x0F);
    bytes[12..].copy_from_slice(&mark(sender));
    StreamId(Uuid::from_bytes(bytes))
}

/// Whether a stream is such a one.
#[must_use]
pub fn is_single(stream: StreamId) -> bool {
    stream.0.get_version_num() == 8
}

/// Whether that sender sent such a stream.
#[must_use]
pub fn is_single_of(stream: StreamId, sender: &str) -> bool {
    is_single(stream) && stream.0.as_bytes()[12..] == mark(sender)
}

/// The one name that all such streams of a sender have in lists.
#[must_use]
pub fn singles_of(sender: &str) -> StreamId {
    StreamId(Uuid::new_v5(&Uuid::NAMESPACE_OID, sender.as_bytes()))
}

/// When a stream began, where its UUID says so.
#[must_use]
pub fn began(stream: StreamId) -> Option<DateTime<Utc>> {
    let bytes = stream.0.as_bytes();
    matches!(stream.0.get_version_num(), 7 | 8).then_some(())?;
    let millis = bytes[..6]
        .iter()
        .fold(0, |millis, byte| millis << 8 | i64::from(*byte));
    DateTime::from_timestamp_millis(millis)
}

fn mark(sender: &str) -> [u8; 4] {
    let hash = Sha256::digest(sender.as_bytes());
    [hash[0], hash[1], hash[2], hash[3]]
}

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
    #[serde(borrow)]
    sender: Cow<'a, str>,
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
            .map(|line| (line.stream, Arc::from(&*line.sender)))
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
                    sender: Cow::Borrowed(sender),
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
        let before = self.owners.len();
        gone.iter().for_each(|stream| {
            self.owners.remove(stream);
        });
        if self.owners.len() == before {
            return Ok(());
        }
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
                sender: Cow::Borrowed(sender),
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
    fn a_single_batch_says_when_it_came_and_who_sent_it() {
        let before = Utc::now() - chrono::TimeDelta::milliseconds(1);
        let (one, other) = (single("mim-01"), single("mim-01"));
        assert!(one != other && is_single(one) && !is_single(StreamId(Uuid::now_v7())));
        assert!(is_single_of(one, "mim-01") && !is_single_of(one, "mim-02"));
        assert!(began(one).is_some_and(|began| began >= before && began <= Utc::now()));
        assert_eq!(one.0.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(began(StreamId(Uuid::new_v4())), None);
    }

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
