//! Room on the disk that is kept for when there is none: to delete what is too old, a new segment of the
//! journal may have to be begun first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::saved::write_durably;

const NAME: &str = "reserve";
/// More than a segment begins with.
const BYTES: usize = 1 << 20;

/// A file of a tenant's folder that is there for its length.
#[derive(Debug)]
pub struct Reserve(PathBuf);

impl Reserve {
    /// Of a folder; nothing is written yet.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Takes the room, if it is not taken yet.
    ///
    /// # Errors
    /// As the disk says; then none is taken.
    pub fn keep(&self) -> io::Result<()> {
        let length = fs::metadata(self.0.join(NAME)).map_or(0, |file| file.len());
        if length == BYTES as u64 {
            return Ok(());
        }
        // Bytes that no file system leaves out or makes small.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let words = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        let bytes: Vec<u8> = words.take(BYTES / 8).flatten().collect();
        write_durably(&self.0, NAME, &bytes)
    }

    /// Gives the room back; whether there was any.
    pub fn give(&self) -> bool {
        fs::remove_file(self.0.join(NAME)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_once_and_given_once() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let reserve = Reserve::of(folder.path());
        assert!(!reserve.give());
        reserve.keep()?;
        reserve.keep()?;
        let files: Vec<_> = fs::read_dir(folder.path())?.collect::<Result<_, _>>()?;
        let [file] = files.as_slice() else {
            panic!("{files:?}");
        };
        assert_eq!(file.metadata()?.len(), BYTES as u64);
        assert!(reserve.give() && !reserve.give());
        Ok(())
    }
}
