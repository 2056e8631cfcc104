//! What the journal needs from a disk: one flat directory of files.

use std::fmt::Debug;
use std::io;

/// A directory that a journal lives in. [`FsStorage`](super::FsStorage) is the real one.
///
/// The journal assumes of it what POSIX promises and no more: what was written is
/// durable when [`StorageFile::sync`] has returned, what was created, renamed or
/// removed when [`sync_dir`](Storage::sync_dir) has; until then a crash may keep any part of it, in any
/// order, but renaming puts the old or the new file under the name, never neither.
pub trait Storage: Debug {
    /// An open file.
    type File: StorageFile;
    /// Holds the lock until it is dropped.
    type Lock: Debug;

    /// Takes the lock of the directory, alone or `shared` with other readers.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if it is held elsewhere.
    fn lock(&self, shared: bool) -> io::Result<Self::Lock>;

    /// The names of all files.
    ///
    /// # Errors
    /// As the operating system says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes an empty file, replacing one of that name.
    ///
    /// # Errors
    /// As the operating system says.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file, for reading or also for writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none.
    fn open(&self, name: &str, writable: bool) -> io::Result<Self::File>;

    /// Gives a file another name, replacing what has it, at once.
    ///
    /// # Errors
    /// As the operating system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the operating system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes durable what was created, renamed and removed.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync_dir(&self) -> io::Result<()>;
}

/// An open file of a [`Storage`].
#[allow(clippy::len_without_is_empty)]
pub trait StorageFile: Debug {
    /// The file's length in bytes.
    ///
    /// # Errors
    /// As the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Reads up to `buffer.len()` bytes at `offset`; fewer only at the end of the file.
    ///
    /// # Errors
    /// As the operating system says.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all bytes at `offset`. After an error, any part may be written.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] if there is no room, else as the operating system says.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts or extends the file.
    ///
    /// # Errors
    /// As the operating system says.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Makes content and length durable. An error is final: nobody knows what of
    /// the writes since the last sync is on the disk, whatever a later sync says.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync(&mut self) -> io::Result<()>;
}
