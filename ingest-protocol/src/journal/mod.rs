//! The spool of an agent and the log of a service: an append-only journal on disk.
//!
//! An agent appends each sealed frame together with the **cursor** that says how far
//! it has read its source, and releases what the receiver acknowledged. A service
//! appends each frame together with the **state** of its stream (the watermark), and
//! releases what a snapshot contains. Both are one write and one sync, so that no crash
//! falls between the two. Bodies, cursors and states are opaque bytes here.
//!
//! ```
//! use ingest_protocol::journal::{Append, FsStorage, Item, Journal, Options, SyncPolicy};
//!
//! # let directory = tempfile::tempdir()?;
//! # let (path, random) = (directory.path(), *b"sixteen random B");
//! let options = Options::new(random).sync(SyncPolicy::Caller).cap_bytes(1 << 30);
//! let (mut journal, recovery) = Journal::open(FsStorage::new(path), options)?;
//! if recovery.is_loss() {
//!     eprintln!("{recovery}");
//! }
//! let bookmark = journal.cursor().map(<[u8]>::to_vec); // go on reading the source here
//! # let _ = bookmark;
//!
//! // Group commit: several appends, one sync.
//! journal.append(Append::new(1, b"frame 1").cursor(b"record 1000"))?;
//! journal.append(Append::new(1, b"frame 2").cursor(b"record 2000"))?;
//! journal.sync()?; // from here on both survive anything but the loss of the disk
//!
//! // The journal is the queue: what is sent is read from it, and only what is durable.
//! let mut reader = journal.reader();
//! while let Some(item) = journal.read(&mut reader)? {
//!     if let Item::Entry(entry) = item {
//!         // send entry.body(); when it is acknowledged:
//!         journal.release(entry.index())?;
//!     }
//! }
//! assert_eq!(journal.backlog(), 0);
//! journal.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it promises
//!
//! 1. What was durable (an append under [`SyncPolicy::EachAppend`], or a [`sync`](Journal::sync) that
//!    returned) is read back, in order, byte for byte, until it is released. If damage
//!    makes that impossible, opening says which entries are [lost](Finding::Lost).
//! 2. What was not yet durable when the program or machine stopped is read back as far as it
//!    is whole and nothing before it is missing. It is never read in part.
//! 3. The [cursor](Journal::cursor) after opening is that of the last entry read back, or of one before if
//!    it had none; so are the [states](Journal::states). Neither is ever forgotten by [`release`](Journal::release).
//! 4. After a failed write or sync nothing is appended any more
//!    ([`Error::Poisoned`]). Opening again writes anew, and syncs, what can be read of the entries that
//!    no later one confirms, since after a failed sync the cache shows what the disk does not have.
//!    A full disk is no such failure: nothing was appended, and after making room appending goes on.
//! 5. Entries have indices from 1, without holes. A [`Position`] kept elsewhere is refused by a
//!    journal that is another, older, or was restored from a copy.
//!
//! To tell a crash from damage, each entry says which ones before it were durable when it was
//! written, each segment begins where the one before durably ended, and [`close`](Journal::close)
//! notes the end. Damage to the very last entries of a journal that was not closed looks like a crash amid
//! their writing, and is reported as [`TornTail`](Finding::TornTail).
//!
//! Not handled here: when to sync by time (there is no clock), what to drop when
//! the journal is [full](Error::Full) (drop new records and declare them lost), secrecy (on Unix files are for
//! their owner alone; encrypt the bodies for more).
//!
//! # Format
//!
//! A journal is a directory of three sorts of files. Numbers are little-endian; checksums are
//! CRC-64/NVME (check value of `123456789`: `0xAE8B14860A799888`). `lock` is empty; the
//! process that has the journal open holds its lock. `*.new` is a file that is not finished.
//!
//! **Blocks.** Segments and marks are built of checked blocks of 512 bytes:
//!
//! ```text
//!   0   8  magic
//!   8   1  major = 1          others are refused
//!   9   1  minor = 0          ignored
//!  10   2  0
//!  12   4  must               flags; one that is not known is refused
//!  16      the fields, then zeros
//! 504   8  checksum of bytes 0..504
//! ```
//!
//! **`marks`**, 4,608 bytes: a block at 0, another at 4,096. They are written in turn, each synced;
//! the one with the larger version counts. Magic `89 49 47 4D 0D 0A 1A 0A` (`\x89IGM`).
//!
//! ```text
//!  16  16  journal id
//!  32   8  version of the marks; an even one stands at 0
//!  40   8  number of the newest segment that was durable, 0 for none
//!  48   8  number of the oldest segment that is kept, 0 for none
//!  56   8  released: entries up to this index may be gone
//!  64   8  durable: entries up to this index were durable
//! ```
//!
//! **`NNNNNNNNNNNNNNNN.segment`**, the name being its number from 1 in 16 hexadecimal digits: the head
//! block twice, the checkpoint, zeros to a multiple of 8, entries. Each opening of the journal
//! begins a new segment with its first append. A segment is written and
//! synced under another name up to its first entry, then renamed, then the directory is synced.
//! Magic `89 49 47 4A 0D 0A 1A 0A` (`\x89IGJ`).
//!
//! ```text
//!  12   4  must: bit 0  rewritten: all entries were durable before the file got its name
//!  16  16  journal id
//!  32  16  id of the opening that wrote the segment
//!  48  16  id of the opening that wrote the entry before the first, zeros for none
//!  64   8  number of the segment
//!  72   8  index of the first entry; all before it were durable
//!  80   8  how often it was rewritten
//!  88   8  length of the checkpoint
//!  96   8  checksum of the checkpoint
//!
//! CHECKPOINT the state before the first entry
//!   0   4  1 if there is a cursor, else 0
//!   4   4  length C of the cursor
//!   8   8  number of streams
//!  16   C  cursor
//!          for each stream: id 16 | length S 4 | state S
//!          more bytes are ignored
//! ```
//!
//! **Entries** begin at multiples of 8. Both checksums begin with the segment's seed: the
//! id of its opening and its number (8 bytes).
//!
//! ```text
//!   0   4  magic 49 47 4A 45 ("IGJE")
//!   4   1  kind     0-239 the caller's, 240 erased, 241-247 passed over, 248-255 refused if not known
//!   5   1  flags    1 has a cursor, 2 has a state, 4 forgets the stream; others are refused
//!   6   2  0        ignored
//!   8   8  index
//!  16   8  entries up to this index were durable
//!  24   8  entries up to this index were released
//!  32   4  length C of the cursor
//!  36   4  length S of the state
//!  40   4  length B of the body
//!  44   4  0        ignored
//!  48  16  stream, zeros without a state
//!  64   8  checksum of seed, bytes 0..64
//!  72   C  cursor
//!       S  state
//!       B  body
//!          zeros to a multiple of 8
//!       8  checksum of seed, the header's checksum (8 bytes), and all after the header
//! ```
//!
//! **Reading.** Bytes that are no entry are passed over, in steps of 8 from the place where one should
//! be. An index that is not above the last is passed over; in a segment that has a next, one
//! that is not below the next segment's first is void. In the last segment, an entry counts if each index
//! that is missing before it was durable by what the marks or any entry say; the first that does not
//! count ends the segment.
//!
//! **Evolution.** What a version wrote, all later ones read; golden files in the tests see to it.
//! Numbers are never used again for something else. What old readers may ignore goes into bytes that are
//! ignored and into kinds 241 to 247; what they must not ignore gets a `must` bit, an entry flag
//! or a kind from 248; then they refuse to open the journal and change nothing. A new major keeps the block
//! and its checksum.

mod append;
mod block;
mod checkpoint;
mod entry;
mod erase;
mod error;
mod fs;
mod head;
mod marks;
mod options;
mod position;
mod read;
mod reclaim;
mod recover;
mod report;
mod scan;
mod settle;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod sim;
mod state;
mod storage;

pub use entry::{Append, Entry};
pub use erase::Rewrite;
pub use error::{Error, Result};
pub use fs::{FsFile, FsLock, FsStorage};
pub use options::{Options, SyncPolicy};
pub use position::{Position, PositionProblem};
pub use read::{Item, Reader};
pub use report::{Finding, Recovery};
pub use state::Journal;
pub use storage::{Storage, StorageFile};
