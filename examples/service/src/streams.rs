//! Which sender began which stream: nobody else may send into it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
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
    /// The file and its length; `None` if what it holds is not what is known, and it is to be written anew.
    file: Option<(File, u64)>,
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
        let text = match fs::read(folder.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let mut owners = HashMap::new();
        let mut broken = 0_u64;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            match serde_json::from_slice::<Line<'_>>(line) {
                Ok(line) => {
                    owners.insert(line.stream, Arc::from(&*line.sender));
                }
                // A line that a crash cut short is of a stream that has no frame yet.
                Err(_) if line.last() != Some(&b'\n') => {}
                Err(_) => broken += 1,
            }
        }
        if broken > 0 {
            let kept = folder.join(format!("{NAME}.broken"));
            fs::write(&kept, &text)?;
            tracing::error!(
                folder = %folder.display(),
                "{broken} lines of {NAME} can't be read: who sends next into their streams has them; \
                 the file is kept as {NAME}.broken"
            );
        }
        let mut streams = Self {
            folder: folder.to_owned(),
            file: None,
            owners,
        };
        match streams.renew() {
            // It is written anew before it is appended to, and until then what was read is right.
            Err(error) if is_full(&error) => {
                tracing::error!(folder = %folder.display(), "the disk is full: {NAME} is not written anew");
            }
            renewed => renewed?,
        }
        Ok(streams)
    }

    /// Writes the file as what is known, and opens it.
    fn renew(&mut self) -> io::Result<()> {
        self.file = None;
        write(&self.folder, &self.owners)?;
        let mut file = OpenOptions::new()
            .write(true)
            .open(self.folder.join(NAME))?;
        let length = file.seek(SeekFrom::End(0))?;
        self.file = Some((file, length));
        Ok(())
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
        if self.file.is_none() {
            self.renew()?;
        }
        if let Some((file, length)) = &mut self.file {
            // On a full disk part of a line may be written, and the next one must not join it. If it
            // can't be taken back now, the file is written anew.
            if let Err(error) = append(file, *length, &lines) {
                if file.set_len(*length).is_err() {
                    self.file = None;
                }
                return Err(error);
            }
            *length += lines.len() as u64;
        }
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
        self.renew()
    }
}

/// Whether there is no room.
pub fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

/// Writes after so many bytes, durably.
fn append(file: &mut File, at: u64, lines: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(lines)?;
    file.sync_data()
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

    #[test]
    fn what_a_full_disk_left_joins_no_line() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(NAME);
        let stream = |n| StreamId(Uuid::from_u128(n));
        let mut streams = Streams::open(folder.path())?;
        streams.bind(&[(stream(1), Arc::from("a"))])?;
        OpenOptions::new()
            .append(true)
            .open(&path)?
            .write_all(b"{\"str")?;
        streams.bind(&[(stream(2), Arc::from("b"))])?;
        let again = Streams::open(folder.path())?;
        assert_eq!(again.owner(stream(2)).map(|owner| &**owner), Some("b"));

        // A folder that can't be written to, and then can: nothing goes into a file that is not there.
        let unfinished = folder.path().join(format!("{NAME}.new"));
        fs::create_dir(&unfinished)?;
        assert!(streams.forget(&[stream(1)]).is_err());
        assert!(streams.bind(&[(stream(3), Arc::from("c"))]).is_err());
        fs::remove_dir(&unfinished)?;
        streams.bind(&[(stream(3), Arc::from("c"))])?;
        let again = Streams::open(folder.path())?;
        let known = [1, 2, 3].map(|n| again.owner(stream(n)).is_some());
        assert_eq!(known, [false, true, true]);
        Ok(())
    }

    #[test]
    fn a_broken_line_amid_the_file_is_kept_aside() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let stream = StreamId(Uuid::from_u128(1));
        Streams::open(folder.path())?.bind(&[(stream, Arc::from("a"))])?;
        let path = folder.path().join(NAME);
        let aside = folder.path().join(format!("{NAME}.broken"));
        // What a crash cut short, even amid a character, is nothing to keep.
        let whole = fs::read(&path)?;
        fs::write(&path, [&whole[..], b"{\"sender\":\"\xC3"].concat())?;
        assert!(Streams::open(folder.path())?.owner(stream).is_some());
        assert!(!aside.exists());
        let broken = [b"{\"str\n", &whole[..]].concat();
        fs::write(&path, &broken)?;
        assert!(Streams::open(folder.path())?.owner(stream).is_some());
        assert_eq!(fs::read(aside)?, broken);
        Ok(())
    }
}
