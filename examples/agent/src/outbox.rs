//! The outbox: one stream's spool, with what is kept beside it.
//!
//! `STATE/STREAM/` holds `spool/`, `ledger.json`, `quarantine.ndjson` and `status.json`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Error, Result, ensure};
use bytes::Bytes;
use ingest_protocol::frame::{Header, Limits, Record};
use ingest_protocol::journal;
use ingest_protocol::sender::{Event, FrameId, PushError, SpoolError, SpooledSender};
use ingest_protocol::{Action, Answer, Code};
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::balance::Balance;
use crate::config::{Config, WhenFull};
use crate::cursor::Cursor;
use crate::disk;
use crate::ledger::{Acknowledged, Ledger};
use crate::quarantine::{Entry, Quarantine};
use crate::spool;

/// What is read is spooled when so much has come together.
const SETTLE_RECORDS: u32 = 1_000;
const SETTLE_BYTES: u64 = 8 << 20;
/// Entries of the quarantine that are told one by one.
const TOLD: u64 = 20;

pub(crate) struct Outbox {
    spool: SpooledSender,
    beside: Beside,
    /// How far was read; durable with what is spooled next.
    pub(crate) cursor: Cursor,
    when_full: WhenFull,
    /// Lost by the source, and not yet told to the spool.
    loss: u64,
    unsettled: (u32, u64),
    /// Entries of the quarantine in this run.
    told: u64,
    in_flight: Option<Header>,
    /// Why nothing more can be spooled.
    blocked: Option<Blocked>,
    /// Why the service does not take what is sent, if an operator has to do something.
    pub(crate) held: Option<String>,
}

/// What is kept beside the spool.
pub(crate) struct Beside {
    ledger: Ledger,
    quarantine: Quarantine,
}

/// Why nothing is read on.
#[derive(Clone, Debug)]
pub(crate) struct Blocked {
    pub(crate) why: String,
    /// The disk has no room, whatever the spool may take.
    pub(crate) is_disk_full: bool,
}

/// The folder of a stream.
pub(crate) fn folder(config: &Config, stream: &str) -> PathBuf {
    config.state.join(stream)
}

pub(crate) fn spool_folder(folder: &Path) -> PathBuf {
    folder.join("spool")
}

pub(crate) fn ledger_file(folder: &Path) -> PathBuf {
    folder.join("ledger.json")
}

pub(crate) fn status_file(folder: &Path) -> PathBuf {
    folder.join("status.json")
}

/// The spool of a stream, and how far was read as of what is durable in it.
fn open_spool(
    config: &Config,
    folder: &Path,
    limits: Option<Limits>,
) -> Result<(Cursor, SpooledSender)> {
    let place = || format!("spool {}", spool_folder(folder).display());
    let limits = limits.unwrap_or_default();
    let spool = spool::open(config, &spool_folder(folder), limits).with_context(place)?;
    let cursor = Cursor::read(spool.cursor()).with_context(place)?;
    Ok((cursor, spool))
}

impl Outbox {
    /// Opens a stream's folder, or makes it. `limits` is what the service said now.
    pub(crate) fn open(config: &Config, folder: &Path, limits: Option<Limits>) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let mut ledger = Ledger::open(&ledger_file(folder))?;
        let (cursor, spool) = open_spool(config, folder, limits.or(ledger.limits()))?;
        // The spool is locked: from here on, nobody else writes in the folder.
        if let Some(limits) = limits {
            ledger.set_limits(limits)?;
        }
        let quarantine = folder.join("quarantine.ndjson");
        let beside = Beside {
            quarantine: Quarantine::open(&quarantine, config.quarantine.max.0)?,
            ledger,
        };
        Ok(Self::of(config, cursor, spool, beside))
    }

    /// Gives up a spool whose disk failed: what of it is durable is learned by [`reopen`](Self::reopen).
    pub(crate) fn into_beside(mut self) -> Result<Beside> {
        self.look_at_events()?;
        Ok(self.beside)
    }

    /// Opens a stream's folder anew. What is kept beside is in memory, and not read from a disk that
    /// failed.
    pub(crate) fn reopen(
        config: &Config,
        folder: &Path,
        mut beside: Beside,
    ) -> Result<Self, Box<(Beside, Error)>> {
        let opened = open_spool(config, folder, beside.ledger.limits()).and_then(|opened| {
            beside.ledger.distrust();
            beside.quarantine.reopen()?;
            Ok(opened)
        });
        match opened {
            Ok((cursor, spool)) => Ok(Self::of(config, cursor, spool, beside)),
            Err(error) => Err(Box::new((beside, error))),
        }
    }

    fn of(config: &Config, cursor: Cursor, spool: SpooledSender, beside: Beside) -> Self {
        Self {
            cursor,
            spool,
            beside,
            when_full: config.spool.when_full,
            loss: 0,
            unsettled: (0, 0),
            told: 0,
            in_flight: None,
            blocked: None,
            held: None,
        }
    }

    /// Takes a record; the cursor says where to read on after it.
    pub(crate) fn push(&mut self, record: Record) -> Result<()> {
        self.declare(None)?;
        self.cursor.totals.spooled += 1;
        let cursor = self.cursor.to_bytes()?;
        self.push_with(record, Some(cursor))
    }

    /// Takes records that are spooled all or none, in one frame: the last one has the cursor. They must
    /// be no more than a batch, and of no more than a few MiB.
    pub(crate) fn push_all(&mut self, records: Vec<Record>) -> Result<()> {
        self.declare(None)?;
        // What came before is not in the same frame.
        self.spool.sender_mut().flush()?;
        self.cursor.totals.spooled += records.len() as u64;
        let cursor = self.cursor.to_bytes()?;
        let last = records.len().saturating_sub(1);
        for (at, record) in records.into_iter().enumerate() {
            self.push_with(record, Some(cursor.clone()).filter(|_| at == last))?;
        }
        self.spool.sender_mut().flush()?;
        self.settle()
    }

    fn push_with(&mut self, record: Record, cursor: Option<Vec<u8>>) -> Result<()> {
        let bytes = record.payload().len() as u64;
        let cursor = cursor.map(Bytes::from);
        if let Some(record) = self.try_push(record, cursor.clone())? {
            self.settle()?;
            let has_room = self.try_push(record, cursor)?.is_none();
            // Nothing is lost with this: the cursor stands before what is not spooled.
            let why = self.blocked.as_ref().map_or("", |blocked| &blocked.why);
            ensure!(has_room, "the spool takes no more: {why}");
        }
        self.unsettled.0 += 1;
        self.unsettled.1 += bytes;
        self.look_at_events()?;
        if self.unsettled.0 >= SETTLE_RECORDS || self.unsettled.1 >= SETTLE_BYTES {
            self.settle()?;
        }
        Ok(())
    }

    /// Takes a record, or gives it back if what is in memory has to be spooled first.
    fn try_push(&mut self, record: Record, cursor: Option<Bytes>) -> Result<Option<Record>> {
        let now = Instant::now();
        let pushed = match cursor {
            Some(cursor) => self.spool.push(record, cursor, now),
            None => self.spool.sender_mut().push(record, now),
        };
        match pushed {
            Ok(()) => Ok(None),
            Err(full @ PushError::Full { .. }) => Ok(Some(full.into_record())),
            Err(error) => Err(error).context("the spool"),
        }
    }

    /// Records that the source lost before they were read.
    pub(crate) fn lose(&mut self, records: u64) {
        // The numbers of a damaged log can be anything; the protocol counts no more at once.
        self.loss = self.loss.saturating_add(records).min(1 << 40);
    }

    /// Keeps what could not be read.
    pub(crate) fn set_aside(&mut self, entry: Entry) -> Result<()> {
        self.told += 1;
        if self.told <= TOLD {
            warn!(
                source = entry.source,
                record_id = entry.record_id,
                offset = entry.offset,
                reason = entry.reason,
                "could not be read; it is in the quarantine"
            );
        } else if self.told == TOLD + 1 {
            warn!("more could not be read; the quarantine and the metrics have it");
        }
        self.beside.quarantine.keep(entry)
    }

    /// Makes durable how far was read.
    pub(crate) fn commit(&mut self) -> Result<()> {
        let cursor = self.cursor_after(self.loss)?;
        self.declare(Some(cursor.clone()))?;
        self.spool.sender_mut().flush()?;
        self.settle()?;
        if self.blocked.is_some() || self.spool.cursor() == Some(&cursor[..]) {
            return Ok(());
        }
        match self.spool.advance(&cursor) {
            // It becomes durable with what is spooled next; until then nothing depends on it.
            Err(error) if error.is_retryable() => Ok(()),
            done => done.context("the spool"),
        }
    }

    /// Tells the spool of losses. Without records behind them they need a cursor of their own.
    fn declare(&mut self, cursor: Option<Bytes>) -> Result<()> {
        let lost = std::mem::take(&mut self.loss);
        if lost == 0 {
            return Ok(());
        }
        warn!(records = lost, "the log lost records before they were read");
        self.cursor.totals.lost = self.cursor.totals.lost.saturating_add(lost);
        self.spool.sender_mut().lose(lost, cursor)?;
        Ok(())
    }

    /// The cursor when a loss is told.
    fn cursor_after(&self, loss: u64) -> Result<Bytes> {
        let mut cursor = self.cursor.clone();
        cursor.totals.lost = cursor.totals.lost.saturating_add(loss);
        Ok(cursor.to_bytes()?.into())
    }

    /// Makes durable what was pushed, as far as there is room.
    fn settle(&mut self) -> Result<()> {
        self.look_at_events()?;
        self.unsettled = (0, 0);
        if !self.keep_beside()? {
            return Ok(());
        }
        let mut evicted = 0;
        let full = loop {
            let full = match self.spool.settle() {
                Ok(()) => {
                    tell_evicted(evicted);
                    if self.blocked.take().is_some() {
                        info!("there is room again");
                    }
                    return Ok(());
                }
                Err(error) if !error.is_retryable() => return Err(error).context("the spool"),
                Err(error) => error,
            };
            let is_over_cap = matches!(full, SpoolError::Journal(journal::Error::Full { .. }));
            if is_over_cap && self.when_full == WhenFull::Evict {
                match self.spool.evict() {
                    Ok(0) => {}
                    Ok(records) => {
                        evicted += records;
                        continue;
                    }
                    Err(error) if !error.is_retryable() => {
                        return Err(error).context("the spool");
                    }
                    Err(_) => {}
                }
            }
            break full;
        };
        tell_evicted(evicted);
        let is_disk_full = matches!(full, SpoolError::Journal(journal::Error::DiskFull { .. }));
        self.block(full.to_string(), is_disk_full);
        Ok(())
    }

    /// Makes durable what is kept beside the spool, which goes before what it is about in the spool
    /// itself. Whether there was room for it.
    fn keep_beside(&mut self) -> Result<bool> {
        let kept = self
            .beside
            .quarantine
            .sync()
            .and_then(|()| self.beside.ledger.sync());
        match kept {
            Err(error) if disk::is_full(&error) => {
                self.block(format!("the disk is full: {error:#}"), true);
                Ok(false)
            }
            kept => kept.map(|()| true),
        }
    }

    fn block(&mut self, why: String, is_disk_full: bool) {
        let was = self.blocked.as_ref().map(|blocked| blocked.is_disk_full);
        if was != Some(is_disk_full) {
            let what = if is_disk_full { "disk" } else { "spool" };
            warn!(
                why,
                "the {what} is full: nothing is read on until there is room; what was read is kept"
            );
        }
        self.blocked = Some(Blocked { why, is_disk_full });
    }

    /// Whether nothing more should be read now.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    pub(crate) fn blocked(&self) -> Option<&Blocked> {
        self.blocked.as_ref()
    }

    /// The frame to send now, if any.
    pub(crate) fn poll_transmit(&mut self) -> Result<Option<(FrameId, Bytes)>> {
        if self.in_flight.is_some() {
            return Ok(None);
        }
        self.settle()?;
        self.spool.handle_timeout(Instant::now());
        if !self.keep_beside()? {
            return Ok(None);
        }
        let transmit = self
            .spool
            .poll_transmit(Instant::now())
            .context("the spool")?;
        // A text that is too long is in the quarantine before the note of it is sent. The note
        // may be spooled a moment earlier: a kill in between leaves the note without the text.
        self.look_at_events()?;
        let is_kept = self.keep_beside()?;
        let Some(transmit) = transmit else {
            return Ok(None);
        };
        if !is_kept {
            self.spool.handle_failure(transmit.id, Instant::now());
            return Ok(None);
        }
        self.in_flight = Some(transmit.header);
        Ok(Some((transmit.id, transmit.frame)))
    }

    /// What came back for a frame, or why nothing did. Whether it was acknowledged.
    pub(crate) fn handle(&mut self, id: FrameId, answer: Result<Answer>) -> Result<bool> {
        let now = Instant::now();
        let is_ack = match answer {
            Ok(answer) => {
                let is_ack = matches!(answer, Answer::Ack(_));
                if let Answer::Problem(problem) = &answer {
                    let action = problem.action();
                    let wait = problem.retry_after;
                    warn!(status = problem.status, code = ?problem.code, ?action, wait, "the service did not take a batch");
                    if !matches!(action, Action::Hold | Action::Reauth | Action::Restamp) {
                        self.held = None;
                    }
                }
                self.spool.handle_answer(id, answer, now);
                is_ack
            }
            Err(error) => {
                warn!(error = format!("{error:#}"), "no answer from the service");
                self.spool.handle_failure(id, now);
                false
            }
        };
        if is_ack {
            self.held = None;
        }
        self.look_at_events()?;
        self.in_flight = None;
        Ok(is_ack)
    }

    fn look_at_events(&mut self) -> Result<()> {
        while let Some(event) = self.spool.poll_event() {
            match event {
                Event::Acknowledged {
                    stream,
                    first_seq,
                    count,
                    rejected_total,
                    rejected,
                    ..
                } => {
                    let lost = self.in_flight.map_or(0, |header| header.lost());
                    self.beside.ledger.acknowledged(&Acknowledged {
                        stream,
                        first_seq,
                        lost,
                        rejected: rejected_total,
                    })?;
                    info!(records = count, lost, waiting = self.spool.sender().backlog(), "acknowledged");
                    if rejected_total > 0 {
                        let first = rejected.first().map(|first| first.code.as_str());
                        warn!(records = rejected_total, first, "the service set records aside");
                    }
                }
                Event::Oversize(record) => self.set_aside(Entry {
                    source: "upload".to_owned(),
                    record_id: None,
                    after: record.time(),
                    reason: format!(
                        "a record of {} bytes is longer than the service takes: a note of it was sent",
                        record.payload().len()
                    ),
                    raw: Some(String::from_utf8_lossy(record.payload()).into_owned()),
                    ..Entry::default()
                })?,
                Event::StreamWanted(code) => {
                    warn!(code = code.as_str(), "goes on in a new stream");
                    self.spool.handle_stream(Uuid::now_v7().into())?;
                }
                Event::Held(problem) => {
                    let is_old = problem.code == Some(Code::STREAM_EXPIRED);
                    let why = match is_old {
                        true => "the service takes what is sent now for older than it keeps: is this machine's clock far behind?".to_owned(),
                        false => format!("the service refuses: status {}", problem.status),
                    };
                    error!(status = problem.status, code = ?problem.code, "held until an operator does something; tried again every 15 minutes");
                    self.held = Some(why);
                }
                Event::CredentialsWanted(problem) => {
                    error!(status = problem.status, "the key is not accepted");
                    self.held = Some("the key is not accepted".to_owned());
                }
                Event::Rewound { next_seq, lost } => {
                    warn!(next_seq, lost, "the service went back to a backup: what is held is sent again");
                }
                Event::Damaged { records } => {
                    error!(records, "the spool is damaged: records are lost");
                }
                Event::Split(_) => info!("the service takes less: batches are made smaller"),
                Event::Downgraded => info!("the service knows no compression"),
                _ => {}
            }
        }
        Ok(())
    }

    /// What became of all that was read.
    pub(crate) fn balance(&self) -> Balance {
        let totals = &self.cursor.totals;
        Balance::new(totals, self.loss, self.spool.sender(), &self.beside.ledger)
    }

    /// When something is to be done without anything happening before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.spool.poll_timeout()
    }

    /// Sends again at once.
    pub(crate) fn retry_now(&mut self) {
        self.spool.sender_mut().retry_now();
    }

    /// Whether all that was read is acknowledged.
    pub(crate) fn is_idle(&self) -> bool {
        self.spool.is_idle() && self.in_flight.is_none() && self.blocked.is_none()
    }

    /// Makes durable what was read, and ends. With what is kept beside the spool, if that failed.
    pub(crate) fn close(mut self) -> Result<(), Box<(Beside, Error)>> {
        let is_kept = self.commit().and_then(|()| self.keep_beside());
        let Self { spool, beside, .. } = self;
        match is_kept {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => return Err(Box::new((beside, error))),
        }
        match spool.close() {
            // What found no room is read again at the next start.
            Err(error) if !error.is_retryable() => {
                let error = Error::new(error).context("the spool");
                Err(Box::new((beside, error)))
            }
            _ => Ok(()),
        }
    }
}

fn tell_evicted(records: u64) {
    if records > 0 {
        warn!(
            records,
            "the spool is full: the oldest records that were never sent are given up"
        );
    }
}
