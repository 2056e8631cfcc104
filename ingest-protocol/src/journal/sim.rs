//! A disk in memory that is as bad as POSIX allows: for tests of programs that
//! keep a journal. Seeded, so that each run can be repeated.
//!
//! Until a file is synced, a crash keeps any subset of the 512-byte pieces that were written,
//! and any length in between; until the directory is synced, any subset of the changes
//! of names. A sync that fails writes some of what it should, forgets the rest, and
//! later syncs succeed.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::storage::{Storage, StorageFile};

const SECTOR: usize = 512;

/// A simulated disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk(Arc<Mutex<Disk>>);

#[derive(Clone, Debug, Default)]
struct Disk {
    random: u64,
    files: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    renamings: Vec<NameChange>,
    /// Handles and locks of earlier lives are dead.
    life: u64,
    writers: u64,
    readers: u64,
    operations: u64,
    dies_at: Option<u64>,
    dead: bool,
    capacity: Option<u64>,
    read_only: bool,
    sync_fails_at: Option<u64>,
    syncs: u64,
    write_fails: bool,
    read_spoiled_at: Option<u64>,
    reads: u64,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    durable: Vec<u8>,
    cache: Vec<u8>,
    changes: Vec<Change>,
    /// A sync failed: the cache may be dropped without being written.
    lost: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

#[derive(Clone, Debug)]
enum NameChange {
    Link(String, usize),
    Unlink(String),
    Rename(String, String, usize),
}

impl SimDisk {
    /// An empty disk.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Disk {
            random: seed,
            ..Disk::default()
        })))
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Power fails: what was not synced is kept in part or not at all. Open files and locks are dead.
    pub fn crash(&self) {
        let mut disk = self.disk();
        let disk = &mut *disk;
        let names = std::mem::take(&mut disk.renamings);
        let mode = disk.below(4);
        for change in names {
            if mode == 1 || (mode > 1 && disk.below(2) == 0) {
                change.apply(&mut disk.durable_names);
            }
        }
        disk.names = disk.durable_names.clone();
        for at in 0..disk.files.len() {
            disk.keep_some(at);
            let file = &mut disk.files[at];
            file.cache = file.durable.clone();
            file.lost = false;
        }
        disk.restart();
    }

    /// The process dies, the machine stays: what was written is still in the cache, but for
    /// what a failed sync forgot, which may be gone. Open files and locks are dead.
    pub fn kill(&self) {
        let mut disk = self.disk();
        for at in 0..disk.files.len() {
            if disk.files[at].lost && disk.files[at].changes.is_empty() && disk.below(2) == 0 {
                let file = &mut disk.files[at];
                file.cache = file.durable.clone();
                file.lost = false;
            }
        }
        disk.restart();
    }

    /// Every operation from the `n`th from now on fails, until [`crash`](Self::crash) or [`kill`](Self::kill).
    pub fn die_after(&self, n: u64) {
        let mut disk = self.disk();
        disk.dies_at = Some(disk.operations + n);
    }

    /// Whether it died.
    pub fn is_dead(&self) -> bool {
        self.disk().dead
    }

    /// Operations that changed the disk so far.
    pub fn operations(&self) -> u64 {
        self.disk().operations
    }

    /// The `n`th sync from now fails, once.
    pub fn fail_sync_after(&self, n: u64) {
        let mut disk = self.disk();
        disk.sync_fails_at = Some(disk.syncs + n);
    }

    /// The next write fails, once, and not for want of room.
    pub fn fail_write(&self) {
        self.disk().write_fails = true;
    }

    /// The `n`th read of a file from now gives some wrong bits, once; on the disk they are right.
    pub fn spoil_read_after(&self, n: u64) {
        let mut disk = self.disk();
        disk.read_spoiled_at = Some(disk.reads + n);
    }

    /// Bytes that all files together can take, or no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk().capacity = bytes;
    }

    /// Whether changes are refused.
    pub fn set_read_only(&self, read_only: bool) {
        self.disk().read_only = read_only;
    }

    /// Bytes in all files.
    pub fn used(&self) -> u64 {
        self.disk().used()
    }

    /// A copy as of now, everything in it durable: a backup.
    pub fn backup(&self) -> Self {
        let mut copy = self.disk().clone();
        for file in &mut copy.files {
            file.durable = file.cache.clone();
            file.changes.clear();
            file.lost = false;
        }
        copy.durable_names = copy.names.clone();
        copy.renamings.clear();
        copy.restart();
        Self(Arc::new(Mutex::new(copy)))
    }

    /// Names of files.
    pub fn names(&self) -> Vec<String> {
        self.disk().names.keys().cloned().collect()
    }

    /// A file's content.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        let disk = self.disk();
        let at = disk.names.get(name)?;
        Some(disk.files[*at].cache.clone())
    }

    /// Puts a file on the disk, durably.
    pub fn put(&self, name: &str, content: Vec<u8>) {
        let mut disk = self.disk();
        let at = disk.files.len();
        disk.files.push(Inode {
            durable: content.clone(),
            cache: content,
            ..Inode::default()
        });
        disk.names.insert(name.to_owned(), at);
        disk.durable_names.insert(name.to_owned(), at);
    }

    /// Takes a file off the disk, durably.
    pub fn take(&self, name: &str) -> Option<Vec<u8>> {
        let mut disk = self.disk();
        let at = disk.names.remove(name)?;
        disk.durable_names.remove(name);
        Some(disk.files[at].cache.clone())
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Link(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Unlink(name) => {
                names.remove(name);
            }
            Self::Rename(from, to, file) => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, new) => {
                if bytes.len() < at + new.len() {
                    bytes.resize(at + new.len(), 0);
                }
                bytes[*at..at + new.len()].copy_from_slice(new);
            }
            Self::Len(len) => bytes.resize(*len, 0),
        }
    }

    /// The pieces that a disk writes at once.
    fn pieces(self) -> Vec<Self> {
        let Self::Write(mut at, bytes) = self else {
            return vec![self];
        };
        let mut rest = bytes.as_slice();
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let len = rest.len().min(SECTOR - at % SECTOR);
            pieces.push(Self::Write(at, rest[..len].to_vec()));
            rest = &rest[len..];
            at += len;
        }
        pieces
    }
}

impl Disk {
    fn restart(&mut self) {
        self.life += 1;
        (self.writers, self.readers) = (0, 0);
        self.dead = false;
        self.dies_at = None;
        self.sync_fails_at = None;
        self.write_fails = false;
        self.read_spoiled_at = None;
    }

    /// SplitMix64.
    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    /// Some of a file's changes reach the disk, the rest never will.
    fn keep_some(&mut self, at: usize) {
        let changes = std::mem::take(&mut self.files[at].changes);
        if changes.is_empty() {
            return;
        }
        let pieces: Vec<_> = changes.into_iter().flat_map(Change::pieces).collect();
        let mode = self.below(5);
        let prefix = self.below(pieces.len() as u64 + 1);
        for (n, piece) in pieces.iter().enumerate() {
            let keep = match mode {
                0 => false,
                1 => true,
                2 => (n as u64) < prefix,
                3 => self.below(2) == 0,
                _ => self.below(8) > 0,
            };
            if keep {
                piece.apply(&mut self.files[at].durable);
            }
        }
        // The length may be ahead of the content.
        if self.below(3) == 0 {
            let file = &mut self.files[at];
            let len = file.durable.len().max(file.cache.len());
            file.durable.resize(len, 0);
        }
    }

    fn used(&self) -> u64 {
        let files = self.names.values().map(|at| self.files[*at].cache.len());
        files.sum::<usize>() as u64
    }

    fn check(&self, life: u64) -> io::Result<()> {
        if self.dead || life != self.life {
            return Err(io::Error::other("the simulated disk is off"));
        }
        Ok(())
    }

    /// Before each operation that changes something; false if it is the last, torn one.
    fn change(&mut self, life: u64) -> io::Result<bool> {
        self.check(life)?;
        if self.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.operations += 1;
        self.dead = self.dies_at.is_some_and(|at| self.operations >= at);
        Ok(!self.dead)
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.renamings.push(change);
    }

    fn write(&mut self, file: usize, change: Change) {
        change.apply(&mut self.files[file].cache);
        self.files[file].changes.push(change);
    }

    fn sync_fails(&mut self) -> bool {
        self.syncs += 1;
        let fails = self.sync_fails_at.is_some_and(|at| self.syncs >= at);
        if fails {
            self.sync_fails_at = None;
        }
        fails
    }
}

fn died<T>() -> io::Result<T> {
    Err(io::Error::other("the simulated disk died"))
}

/// Holds the lock of a [`SimDisk`].
#[derive(Debug)]
pub struct SimLock {
    disk: SimDisk,
    life: u64,
    shared: bool,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut disk = self.disk.disk();
        if disk.life == self.life {
            match self.shared {
                true => disk.readers -= 1,
                false => disk.writers -= 1,
            }
        }
    }
}

impl Storage for SimDisk {
    type File = SimFile;
    type Lock = SimLock;

    fn lock(&self, shared: bool) -> io::Result<SimLock> {
        let mut disk = self.disk();
        disk.check(disk.life)?;
        if disk.writers > 0 || (!shared && disk.readers > 0) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match shared {
            true => disk.readers += 1,
            false => disk.writers += 1,
        }
        Ok(SimLock {
            disk: self.clone(),
            life: disk.life,
            shared,
        })
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let disk = self.disk();
        disk.check(disk.life)?;
        Ok(disk.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<SimFile> {
        let mut disk = self.disk();
        let life = disk.life;
        let lives = disk.change(life)?;
        let file = disk.files.len();
        disk.files.push(Inode::default());
        disk.rename(NameChange::Link(name.to_owned(), file));
        if !lives {
            return died();
        }
        Ok(SimFile {
            disk: self.clone(),
            life,
            file,
            writable: true,
        })
    }

    fn open(&self, name: &str, writable: bool) -> io::Result<SimFile> {
        let disk = self.disk();
        disk.check(disk.life)?;
        let file = disk.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(SimFile {
            disk: self.clone(),
            life: disk.life,
            file: *file,
            writable,
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let life = disk.life;
        let lives = disk.change(life)?;
        let file = *disk.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        disk.rename(NameChange::Rename(from.to_owned(), to.to_owned(), file));
        if lives { Ok(()) } else { died() }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let life = disk.life;
        let lives = disk.change(life)?;
        if !disk.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.rename(NameChange::Unlink(name.to_owned()));
        if lives { Ok(()) } else { died() }
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut disk = self.disk();
        let life = disk.life;
        if !disk.change(life)? {
            return died();
        }
        if disk.sync_fails() {
            return Err(io::Error::other("simulated failure of a sync"));
        }
        disk.renamings.clear();
        disk.durable_names = disk.names.clone();
        Ok(())
    }
}

/// An open file of a [`SimDisk`].
#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    life: u64,
    file: usize,
    writable: bool,
}

impl SimFile {
    fn change(&self, disk: &mut Disk) -> io::Result<bool> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        disk.change(self.life)
    }
}

impl StorageFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        let disk = self.disk.disk();
        disk.check(self.life)?;
        Ok(disk.files[self.file].cache.len() as u64)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut disk = self.disk.disk();
        disk.check(self.life)?;
        let bytes = &disk.files[self.file].cache;
        let from = usize::try_from(offset).map_or(bytes.len(), |at| at.min(bytes.len()));
        let len = buffer.len().min(bytes.len() - from);
        buffer[..len].copy_from_slice(&bytes[from..from + len]);
        disk.reads += 1;
        if len > 0 && disk.read_spoiled_at.is_some_and(|at| disk.reads >= at) {
            disk.read_spoiled_at = None;
            for _ in 0..=disk.below(4) {
                let bit = disk.below(8 * len as u64) as usize;
                buffer[bit / 8] ^= 1 << (bit % 8);
            }
        }
        Ok(len)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.disk();
        let lives = self.change(&mut disk)?;
        let at = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut fits = bytes.len();
        if let Some(capacity) = disk.capacity {
            let free = capacity.saturating_sub(disk.used()) as usize;
            let room = disk.files[self.file].cache.len().saturating_add(free);
            fits = fits.min(room.saturating_sub(at));
        }
        let torn = !lives || std::mem::take(&mut disk.write_fails);
        if torn {
            fits = disk.below(fits as u64 + 1) as usize;
        }
        if fits > 0 {
            disk.write(self.file, Change::Write(at, bytes[..fits].to_vec()));
        }
        if torn {
            died()
        } else if fits < bytes.len() {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut disk = self.disk.disk();
        let lives = self.change(&mut disk)?;
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        disk.write(self.file, Change::Len(len));
        if lives { Ok(()) } else { died() }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.disk.disk();
        if !self.change(&mut disk)? {
            return died();
        }
        if disk.sync_fails() {
            disk.keep_some(self.file);
            disk.files[self.file].lost = true;
            return Err(io::Error::other("simulated failure of a sync"));
        }
        let file = &mut disk.files[self.file];
        let changes = std::mem::take(&mut file.changes);
        changes
            .iter()
            .for_each(|change| change.apply(&mut file.durable));
        Ok(())
    }
}
