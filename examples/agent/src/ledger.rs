//! The ledger: what answers told that nothing else keeps.
//!
//! The spool knows what is acknowledged, but not how many of these records the service set
//! aside, nor how many losses it was told of. Both are written here before the spool notes the
//! acknowledgement durably. A frame that is sent again after a kill is known by its stamp, and
//! counts once: until it is acknowledged again, what it told stands in the spool, not here.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ingest_protocol::StreamId;
use ingest_protocol::frame::Limits;
use ingest_protocol::sender::Sender;
use serde::{Deserialize, Serialize};

use crate::disk;

const VERSION: u32 = 1;
/// More than can be acknowledged and not durably so.
const REMEMBERED: usize = 128;

#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    kept: Kept,
    /// Something is not written yet.
    is_dirty: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    /// Acknowledged records that the service set aside.
    #[serde(default)]
    rejected: u64,
    /// Lost records that the service was told of.
    #[serde(default)]
    lost: u64,
    /// The last frames that counted.
    #[serde(default)]
    frames: VecDeque<Counted>,
    /// What the service accepted when it was last asked.
    #[serde(default)]
    limits: Option<Limits>,
}

/// A frame that counted: its stream, first sequence number and losses, which are its stamp, and
/// how many of its records were set aside, which older ledgers do not say.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Counted(StreamId, u64, u64, #[serde(default)] u64);

/// An acknowledged frame.
pub(crate) struct Acknowledged {
    pub(crate) stream: StreamId,
    pub(crate) first_seq: u64,
    pub(crate) lost: u64,
    pub(crate) rejected: u64,
}

impl Ledger {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let unreadable = || format!("ledger {}", path.display());
        let kept = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(unreadable)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kept {
                version: VERSION,
                rejected: 0,
                lost: 0,
                frames: VecDeque::new(),
                limits: None,
            },
            Err(error) => return Err(error).with_context(unreadable),
        };
        ensure!(
            kept.version <= VERSION,
            "ledger {}: written by a newer version of this program",
            path.display()
        );
        Ok(Self {
            path: path.to_owned(),
            kept,
            is_dirty: false,
        })
    }

    /// Records that the service set aside, but for those that wait in the spool to be sent again.
    pub(crate) fn rejected(&self, sender: &Sender) -> u64 {
        let again = self
            .behind(sender)
            .map(|(_, Counted(.., rejected))| rejected);
        self.kept.rejected.saturating_sub(again.sum())
    }

    /// Lost records that the service was told of, but for those that the sender has yet to tell.
    pub(crate) fn lost(&self, sender: &Sender) -> u64 {
        let again = self
            .behind(sender)
            .map(|(next, Counted(_, first, lost, _))| {
                // A frame of losses alone ends where it begins.
                lost.min(first - next)
            });
        self.kept.lost.saturating_sub(again.sum())
    }

    /// Frames that the sender does not know to be acknowledged, since its spool notes that later.
    /// Of a stream before the current one, it knows all.
    fn behind(&self, sender: &Sender) -> impl Iterator<Item = (u64, Counted)> {
        let (stream, next) = sender.first_unacknowledged();
        let frames = self.kept.frames.iter().copied();
        frames
            .filter(move |Counted(of, first, ..)| *of == stream && *first >= next)
            .map(move |frame| (next, frame))
    }

    pub(crate) fn limits(&self) -> Option<Limits> {
        self.kept.limits
    }

    /// Takes notice of an acknowledgement. It is durable when this returns, or, where the disk does
    /// not take it, after [`sync`](Self::sync).
    pub(crate) fn acknowledged(&mut self, frame: &Acknowledged) -> Result<()> {
        let Acknowledged {
            stream,
            first_seq,
            lost,
            rejected,
        } = *frame;
        let is_known =
            self.kept.frames.iter().any(|Counted(of, first, told, _)| {
                (*of, *first, *told) == (stream, first_seq, lost)
            });
        if lost == 0 && rejected == 0 || is_known {
            return Ok(());
        }
        self.kept.lost = self.kept.lost.saturating_add(lost);
        self.kept.rejected = self.kept.rejected.saturating_add(rejected);
        let counted = Counted(stream, first_seq, lost, rejected);
        self.kept.frames.push_back(counted);
        if self.kept.frames.len() > REMEMBERED {
            self.kept.frames.pop_front();
        }
        self.change()
    }

    /// Keeps the service's limits for a start at which it can't be asked; durable as above.
    pub(crate) fn set_limits(&mut self, limits: Limits) -> Result<()> {
        if self.kept.limits == Some(limits) {
            return Ok(());
        }
        self.kept.limits = Some(limits);
        self.change()
    }

    fn change(&mut self) -> Result<()> {
        self.is_dirty = true;
        match self.sync() {
            Err(error) if disk::has_failed(&error) => Ok(()),
            done => done,
        }
    }

    /// The disk failed: whatever is on it, the next sync writes all anew.
    pub(crate) fn distrust(&mut self) {
        self.is_dirty = true;
    }

    /// Makes durable what is not yet.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.is_dirty {
            let bytes = serde_json::to_vec(&self.kept)?;
            disk::replace(&self.path, &bytes, true)
                .with_context(|| format!("ledger {}", self.path.display()))?;
            self.is_dirty = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;
    use ingest_protocol::frame::{Opener, Record};
    use ingest_protocol::journal::{FsStorage, Options};
    use ingest_protocol::receiver::{Receiver, ReceiverLog};
    use ingest_protocol::sender::{SenderConfig, SpooledSender};

    use super::*;
    use crate::balance::Balance;
    use crate::cursor::Totals;

    const STREAM: &str = "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01";
    const TENANT: &str = "6f1d2c3b-4a59-4e8f-9b70-112233445566";

    fn spool(folder: &Path, opening: u8) -> Result<SpooledSender> {
        let config = SenderConfig::new(TENANT.parse()?).max_records(2);
        let storage = FsStorage::create(folder)?;
        let options = Options::new([opening; 16]);
        Ok(SpooledSender::open(storage, options, config, STREAM.parse()?)?.0)
    }

    fn service(folder: &Path) -> Result<ReceiverLog> {
        let opener = Opener::new(Limits::default()).with_audience(TENANT.parse()?);
        let storage = FsStorage::create(folder.join("service"))?;
        let options = Options::new([7; 16]);
        Ok(ReceiverLog::open(storage, options, Receiver::new(opener))?.0)
    }

    /// Sends the next frame, and tells the ledger.
    fn send(
        spool: &mut SpooledSender,
        service: &mut ReceiverLog,
        ledger: &mut Ledger,
        rejected: u64,
    ) -> Result<()> {
        let now = Instant::now();
        let transmit = spool.poll_transmit(now)?.context("nothing to send")?;
        let header = transmit.header;
        let (answer, _) = service.receive(transmit.frame, None, |_| Vec::new())?;
        spool.handle_answer(transmit.id, answer, now);
        ledger.acknowledged(&Acknowledged {
            stream: header.stream(),
            first_seq: header.first_seq(),
            lost: header.lost(),
            rejected,
        })
    }

    #[test]
    fn what_is_sent_again_after_a_kill_stands_on_one_side_at_every_moment() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (place, file) = (folder.path().join("spool"), folder.path().join("ledger"));
        let mut ledger = Ledger::open(&file)?;
        let (mut sending, mut service) = (spool(&place, 1)?, service(folder.path())?);
        let now = Instant::now();
        for n in 0..8 {
            if n == 2 || n == 6 {
                sending.sender_mut().lose(5, None)?;
            }
            sending.push(Record::new("{}"), Bytes::new(), now)?;
        }
        sending.flush()?;
        let totals = Totals {
            spooled: 8,
            lost: 10,
            ..Totals::default()
        };
        let wanted = |acknowledged, quarantined_by_service, spooled| Balance {
            read: 18,
            lost_by_log: 10,
            acknowledged,
            quarantined_by_service,
            spooled,
            ..Balance::default()
        };
        let balance = |spool: &SpooledSender, ledger: &Ledger| {
            Balance::new(&totals, 0, spool.sender(), ledger)
        };
        for rejected in [0, 1, 0] {
            send(&mut sending, &mut service, &mut ledger, rejected)?;
        }
        assert_eq!(balance(&sending, &ledger), wanted(5, 1, 2));
        // Killed: the spool has no mark of what is done, and all is sent again.
        drop(sending);
        let mut ledger = Ledger::open(&file)?;
        let mut sending = spool(&place, 2)?;
        assert_eq!(balance(&sending, &ledger), wanted(0, 0, 8));
        for left in [
            wanted(2, 0, 6),
            wanted(3, 1, 4),
            wanted(5, 1, 2),
            wanted(7, 1, 0),
        ] {
            // A duplicate's answer does not say what was rejected.
            send(&mut sending, &mut service, &mut ledger, 0)?;
            assert_eq!(balance(&sending, &ledger), left);
        }
        Ok(())
    }

    #[test]
    fn a_frame_of_losses_alone_counts_where_it_was_acknowledged() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (place, file) = (folder.path().join("spool"), folder.path().join("ledger"));
        let mut ledger = Ledger::open(&file)?;
        let (mut sending, mut service) = (spool(&place, 1)?, service(folder.path())?);
        sending.sender_mut().lose(5, None)?;
        sending.flush()?;
        assert_eq!(
            (sending.sender().undeclared(), ledger.lost(sending.sender())),
            (5, 0)
        );
        send(&mut sending, &mut service, &mut ledger, 0)?;
        assert_eq!(
            (sending.sender().undeclared(), ledger.lost(sending.sender())),
            (0, 5)
        );
        Ok(())
    }

    #[test]
    fn a_ledger_that_does_not_say_what_a_frame_rejected_is_read() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("ledger");
        let text = format!(r#"{{"version":1,"rejected":2,"lost":5,"frames":[["{STREAM}",8,5]]}}"#);
        std::fs::write(&file, text)?;
        let ledger = Ledger::open(&file)?;
        let sending = spool(&folder.path().join("spool"), 1)?;
        // The sender is at 1: it will tell of the 5 again.
        assert_eq!(
            (
                ledger.lost(sending.sender()),
                ledger.rejected(sending.sender())
            ),
            (0, 2)
        );
        Ok(())
    }
}
