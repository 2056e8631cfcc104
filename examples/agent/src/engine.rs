//! The main loop: reads what is new, uploads, tells the status, and ends well.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use crate::client::Client;
use crate::config::Config;
use crate::disk;
use crate::metrics::{self, Shown};
use crate::outbox::{self, Outbox};
use crate::status::{Source, Status, now};
use crate::stop::Stop;
use crate::upload::{Message, Uploader};

/// How often sources are looked at between two passes.
const LOOK: Duration = Duration::from_secs(1);
/// What can't be done now is not tried again before that.
const PAUSE: Duration = Duration::from_millis(10);
/// The status file is written no more often.
const TELL: Duration = Duration::from_millis(500);

/// ... and without any change not before that.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Exit code when `--once` ended and not all is acknowledged.
pub(crate) const WAITING: u8 = 3;

/// What an outbox is filled from.
pub(crate) trait Feed {
    /// Reads a little of what is new.
    fn read(&mut self, outbox: &mut Outbox) -> Result<Turn>;

    /// Whether it is to be read before its time.
    fn is_urgent(&mut self) -> bool;

    /// Its parts, for the status.
    fn sources(&self, outbox: &Outbox) -> Vec<Source>;
}

/// What a feed says after it read a little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There is more.
    More,
    /// There is more, but not before that.
    Later(Instant),
    /// All that is there was read.
    AtEnd,
}

/// How the loop runs.
#[derive(Clone, Debug)]
pub(crate) struct Mode {
    /// The folder's name in `state`.
    pub(crate) stream: &'static str,
    pub(crate) interval: Duration,
    /// Ends when all is read and acknowledged.
    pub(crate) once: bool,
    /// ... or when nothing was acknowledged for so long.
    pub(crate) patience: Duration,
    /// Tries again 50 ms after a failure, for tests.
    pub(crate) impatient: bool,
    pub(crate) metrics: Option<std::net::SocketAddr>,
}

struct Engine<'a> {
    mode: Mode,
    feed: &'a mut dyn Feed,
    outbox: Outbox,
    uploader: Uploader,
    messages: Receiver<Message>,
    stop: Stop,
    shown: Shown,
    file: PathBuf,
    spool: PathBuf,
    status: Status,
    ages: VecDeque<(u64, DateTime<Utc>)>,
    told: Option<Instant>,
    /// What stands in the status file, and since when.
    written: Option<(Instant, Status)>,
    is_sending: bool,
}

pub(crate) fn run(config: &Config, mode: Mode, feed: &mut dyn Feed) -> Result<ExitCode> {
    let client = Client::new(config)?;
    let (sender, messages) = channel();
    let shown = Shown::default();
    let listener = mode.metrics.map(metrics::bind).transpose()?;
    let stop = Stop::listen(sender.clone(), listener, shown.clone())?;
    let limits = match client.service() {
        Ok(service) => service.limits,
        Err(error) => {
            warn!(
                error = format!("{error:#}"),
                "the service can't be reached now"
            );
            None
        }
    };
    let folder = outbox::folder(config, mode.stream);
    let outbox = Outbox::open(config, &folder, limits)?;
    let file = outbox::status_file(&folder);
    let before = Status::read(&file).unwrap_or_default();
    let engine = Engine {
        ages: ages(&outbox, before.oldest),
        status: Status {
            process: std::process::id(),
            spool_max: config.spool.max.0,
            last_success: before.last_success,
            last_read: before.last_read,
            ..Status::default()
        },
        uploader: Uploader::start(client, sender)?,
        mode,
        feed,
        outbox,
        messages,
        stop,
        shown,
        file,
        spool: outbox::spool_folder(&folder),
        told: None,
        written: None,
        is_sending: false,
    };
    engine.run()
}

/// What waits since before the start waits since then.
fn ages(outbox: &Outbox, oldest: Option<DateTime<Utc>>) -> VecDeque<(u64, DateTime<Utc>)> {
    let waiting = outbox.balance().spooled;
    let since = oldest.unwrap_or_else(now);
    let all = (outbox.cursor.totals.spooled, since);
    [all].into_iter().filter(|_| waiting > 0).collect()
}

impl Engine<'_> {
    fn run(mut self) -> Result<ExitCode> {
        let began = Instant::now();
        info!(waiting = self.outbox.balance().spooled, "started");
        let (mut next_read, mut is_reading) = (began, false);
        let (mut is_at_end, mut progress) = (false, began);
        let code = loop {
            if self.stop.is_set() {
                info!("asked to stop");
                break ExitCode::SUCCESS;
            }
            if is_reading || Instant::now() >= next_read || self.feed.is_urgent() {
                let turn = self.feed.read(&mut self.outbox)?;
                is_reading = turn == Turn::More;
                match turn {
                    Turn::More if self.outbox.is_blocked() => {}
                    Turn::More => progress = Instant::now(),
                    Turn::Later(at) => next_read = at,
                    Turn::AtEnd => {
                        is_at_end = true;
                        self.status.last_read = Some(now());
                        next_read = Instant::now() + self.mode.interval;
                        if self.mode.once {
                            // Not again; what fails is not waited for.
                            next_read += Duration::from_secs(1 << 30);
                        }
                    }
                }
            }
            if !self.is_sending
                && let Some((id, frame)) = self.outbox.poll_transmit()?
            {
                self.uploader.send(id, frame)?;
                self.is_sending = true;
            }
            self.tell(next_read, false);
            let can_read = is_reading && !self.outbox.is_blocked();
            if self.mode.once && !can_read {
                if is_at_end && !is_reading && self.outbox.is_idle() {
                    info!("all is acknowledged");
                    break self.code_of_sources();
                }
                if progress.elapsed() > self.mode.patience {
                    let waiting = self.outbox.balance().spooled;
                    warn!(waiting, is_at_end, "not all was read and acknowledged");
                    break ExitCode::from(WAITING);
                }
            }
            // What is read on as soon as the spool has room is not waited for by the clock.
            let next = next_read.max(if is_reading {
                Instant::now() + LOOK
            } else {
                began
            });
            if self.wait(next, can_read)? {
                progress = Instant::now();
            }
        };
        self.tell(next_read, true);
        self.outbox.close()?;
        info!("ended");
        Ok(code)
    }

    /// Waits for what comes next; whether something was acknowledged.
    fn wait(&mut self, next_read: Instant, can_read: bool) -> Result<bool> {
        let began = Instant::now();
        let mut until = (began + LOOK).min(next_read.max(began));
        if !self.is_sending
            && let Some(at) = self.outbox.poll_timeout()
        {
            until = until.min(at);
        }
        if self.mode.impatient {
            until = until.min(began + Duration::from_millis(50));
        }
        let wait = match can_read {
            true => Duration::ZERO,
            false => until.saturating_duration_since(began).max(PAUSE),
        };
        match self.messages.recv_timeout(wait) {
            Ok(Message::Answer(id, answer)) => {
                self.is_sending = false;
                let is_ack = self.outbox.handle(id, answer.map(|answer| *answer))?;
                if is_ack {
                    self.status.batches_sent += 1;
                    self.status.last_success = Some(now());
                } else {
                    self.status.batches_failed += 1;
                }
                Ok(is_ack)
            }
            Ok(Message::Stop) => Ok(false),
            Err(RecvTimeoutError::Timeout) => {
                if self.mode.impatient && !self.is_sending && !can_read {
                    self.outbox.retry_now();
                }
                Ok(false)
            }
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("a thread ended"),
        }
    }

    fn code_of_sources(&self) -> ExitCode {
        let sources = self.feed.sources(&self.outbox);
        let failed = sources.iter().any(|source| source.trouble.is_some());
        ExitCode::from(u8::from(failed))
    }

    fn tell(&mut self, next_read: Instant, is_last: bool) {
        let balance = self.outbox.balance();
        debug_assert!(balance.is_even(), "{balance:?}");
        let at = now();
        let spooled = self.outbox.cursor.totals.spooled;
        if self.ages.back().is_none_or(|(number, _)| *number < spooled) && balance.spooled > 0 {
            self.ages.push_back((spooled, at));
        }
        let done = spooled.saturating_sub(balance.spooled);
        while self.ages.front().is_some_and(|(number, _)| *number <= done) {
            self.ages.pop_front();
        }
        let status = &mut self.status;
        status.balance = balance;
        status.oldest = self.ages.front().map(|(_, since)| *since);
        let wait = next_read.saturating_duration_since(Instant::now());
        let next = TimeDelta::from_std(wait)
            .ok()
            .filter(|_| !self.mode.once && !is_last)
            .map(|wait| at + wait);
        // The two clocks are not read at once: less than a second is no change.
        let is_same = matches!((status.next, next), (Some(told), Some(next))
            if (told - next).abs() < TimeDelta::seconds(1));
        if !is_same {
            status.next = next;
        }
        status.blocked = Some(self.outbox.blocked().to_owned()).filter(|why| !why.is_empty());
        status.held.clone_from(&self.outbox.held);
        let is_due = self.told.is_none_or(|told| told.elapsed() >= TELL);
        if is_due || is_last {
            self.told = Some(Instant::now());
            self.status.at = Some(at);
            self.status.sources = self.feed.sources(&self.outbox);
            self.status.spool_bytes = disk::folder_bytes(&self.spool);
            self.shown.set(self.status.clone());
            let is_written = self.written.as_ref().is_some_and(|(since, written)| {
                since.elapsed() < TELL_AGAIN && self.status.is_as(written)
            });
            if is_written {
                return;
            }
            match self.status.write(&self.file) {
                Ok(()) => self.written = Some((Instant::now(), self.status.clone())),
                Err(error) => warn!(
                    error = format!("{error:#}"),
                    "the status file can't be written"
                ),
            }
        }
    }
}
