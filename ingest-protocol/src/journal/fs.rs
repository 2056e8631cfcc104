//! The real disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::storage::{Storage, StorageFile};

const LOCK: &str = "lock";

/// A directory of the file system. On Unix its files are for the owner alone.
///
/// ```
/// use ingest_protocol::journal::{FsStorage, Journal, Options};
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("spool");
/// let storage = FsStorage::create(&path)?;
/// let (journal, _) = Journal::open(storage, Options::new(*b"sixteen random B"))?;
/// # let _ = journal;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FsStorage {
    directory: PathBuf,
}

impl FsStorage {
    /// A directory that exists. Nothing is touched yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Makes the directory, with those above it, if it does not exist, and sees to it that it
    /// outlives a crash.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn create(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        create_durably(&directory, sync_directory)?;
        Ok(Self::new(directory))
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Makes what is missing of a path, each name durable in the directory above before the
/// next is made.
fn create_durably(
    directory: &Path,
    mut sync: impl FnMut(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut missing = Vec::new();
    let mut at: &Path = directory;
    while !at.as_os_str().is_empty() && !at.try_exists()? {
        missing.push(at);
        let Some(parent) = at.parent() else { break };
        at = parent;
    }
    if !at.as_os_str().is_empty() {
        // A process that made it may have been killed before its name was durable. Where that
        // can't be seen to, it was not made here.
        let synced = sync(&at.join(".."));
        let elsewhere = [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
        ];
        match synced {
            Err(error) if elsewhere.contains(&error.kind()) => {}
            other => other?,
        }
    }
    for path in missing.iter().rev() {
        create_private(path)?;
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
        sync(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

fn create_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    let created = {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().mode(0o700).create(path)
    };
    #[cfg(not(unix))]
    let created = fs::create_dir(path);
    match created {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Windows can't sync a directory, and NTFS logs changes of names itself.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

impl Storage for FsStorage {
    type File = FsFile;
    type Lock = FsLock;

    fn lock(&self, shared: bool) -> io::Result<FsLock> {
        let path = self.path(LOCK);
        let file = if shared {
            File::open(path)?
        } else {
            private(OpenOptions::new().read(true).write(true).create(true)).open(path)?
        };
        let locked = if shared {
            file.try_lock_shared()
        } else {
            file.try_lock()
        };
        match locked {
            Ok(()) => Ok(FsLock(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            // A name that is not Unicode is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<FsFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        private(&mut options).open(self.path(name)).map(FsFile)
    }

    fn open(&self, name: &str, writable: bool) -> io::Result<FsFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(writable);
        options.open(self.path(name)).map(FsFile)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        sync_directory(&self.directory)
    }
}

/// The lock of a directory, until it is dropped.
#[derive(Debug)]
pub struct FsLock(File);

impl Drop for FsLock {
    fn drop(&mut self) {
        // A process that is begun on another thread has the file, too, until it runs its own
        // program: closed here alone, the file would stay locked for as long.
        let _ = self.0.unlock();
    }
}

/// An open file of [`FsStorage`].
#[derive(Debug)]
pub struct FsFile(File);

impl StorageFile for FsFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.seek(SeekFrom::Start(offset))?;
        let mut done = 0;
        while done < buffer.len() {
            match self.0.read(&mut buffer[done..]) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(offset))?;
        self.0.write_all(bytes)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path and what became durable in the course of it, as paths below `root`.
    fn create(root: &Path, path: &str, fails_at: usize) -> (io::Result<()>, Vec<String>) {
        let mut synced = Vec::new();
        let result = create_durably(&root.join(path), |directory| {
            if synced.len() == fails_at {
                return Err(io::Error::other("killed"));
            }
            let real = directory.canonicalize()?;
            let below = real.strip_prefix(root).unwrap_or(Path::new("above"));
            synced.push(below.to_string_lossy().replace('\\', "/"));
            Ok(())
        });
        (result, synced)
    }

    #[test]
    fn a_directory_found_is_made_durable_as_one_that_is_made() -> io::Result<()> {
        let temporary = tempfile::tempdir()?;
        let root = temporary.path().canonicalize()?;
        // Killed after `a/b` was made and before it was durable in `a`.
        let (killed, synced) = create(&root, "a/b/c", 2);
        assert!(killed.is_err() && root.join("a/b").exists() && !root.join("a/b/c").exists());
        assert_eq!(synced, ["above", ""]);
        let (again, synced) = create(&root, "a/b/c", usize::MAX);
        again?;
        assert_eq!(synced, ["a", "a/b"]);
        // The last one is there, too.
        let (again, synced) = create(&root, "a/b/c", usize::MAX);
        again?;
        assert_eq!(synced, ["a/b"]);
        Ok(())
    }

    #[test]
    fn a_lock_ends_while_another_process_still_holds_its_file() -> io::Result<()> {
        let temporary = tempfile::tempdir()?;
        let storage = FsStorage::new(temporary.path());
        for shared in [false, true] {
            drop(storage.lock(false)?);
            let lock = storage.lock(shared)?;
            // What a process has that was begun meanwhile, until it runs its own program.
            let _inherited = lock.0.try_clone()?;
            assert!(storage.lock(false).is_err());
            drop(lock);
            drop(storage.lock(false)?);
        }
        Ok(())
    }

    #[test]
    fn a_directory_above_that_is_not_ours_is_left_alone() -> io::Result<()> {
        let temporary = tempfile::tempdir()?;
        for (kind, passes) in [
            (io::ErrorKind::PermissionDenied, true),
            (io::ErrorKind::ReadOnlyFilesystem, true),
            (io::ErrorKind::Other, false),
        ] {
            let found = create_durably(temporary.path(), |_| Err(kind.into()));
            assert_eq!(found.is_ok(), passes, "{kind}");
            let made = create_durably(&temporary.path().join("new"), |directory| {
                match directory.ends_with("..") {
                    true => Ok(()),
                    false => Err(kind.into()),
                }
            });
            assert!(made.is_err(), "{kind}");
            fs::remove_dir(temporary.path().join("new"))?;
        }
        Ok(())
    }
}
