//! The main loop: reads what is new, uploads, tells the status, and ends well.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use tracing::{error, info, warn};

use crate::client::Client;
use crate::clock;
use crate::config::Config;
use crate::disk;
use crate::fault::Pauses;
use crate::metrics::{self, Shown};
use crate::outbox::{self, Beside, Outbox};
use crate::status::{Source, Status, now};
use crate::stop::Stop;
use crate::upload::{self, Message, Uploader};

/// How often sources are looked at between two passes.
pub(crate) const LOOK: Duration = Duration::from_secs(1);
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
    /// What it does on threads of its own tells by a message when there is something to be read.
    fn begin(&mut self, _messages: &Sender<Message>) {}

    /// What was read may not be spooled: reads on from where the outbox's cursor stands, whatever it
    /// knew.
    fn restart(&mut self);

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
    config: &'a Config,
    folder: &'a Path,
    mode: Mode,
    feed: &'a mut dyn Feed,
    pauses: Pauses,
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
    /// That it could not be written was told.
    is_unwritable: bool,
    is_sending: bool,
}

pub(crate) fn run(config: &Config, mode: Mode, feed: &mut dyn Feed) -> Result<ExitCode> {
    let client = Client::new(config)?;
    let (sender, messages) = channel();
    let shown = Shown::default();
    let listener = mode.metrics.map(metrics::bind).transpose()?;
    let stop = Stop::listen(sender.clone(), listener, shown.clone())?;
    upload::ask(&client, &sender)?;
    let service = match messages.recv()? {
        Message::Service(service) => service
            .inspect_err(|error| {
                let error = format!("{error:#}");
                warn!(error, "the service can't be reached now");
            })
            .ok(),
        _ => None, // asked to stop
    };
    let folder = outbox::folder(config, mode.stream);
    let file = outbox::status_file(&folder);
    let before = Status::read(&file).unwrap_or_default();
    let limits = service.as_ref().and_then(|service| service.limits);
    let opened = open(
        &mode,
        || Outbox::open(config, &folder, limits),
        |why, is_full| {
            let status = Status {
                at: Some(now()),
                process: std::process::id(),
                blocked: Some(why),
                disk_full: is_full,
                disk_failing: !is_full,
                disk_failures: 0,
                ..before.clone()
            };
            // What can't be told on the disk is told by the log and the metrics.
            let _ = status.write(&file);
            shown.set(status);
        },
        |wait| {
            let _ = messages.recv_timeout(wait);
            stop.is_set()
        },
    );
    let outbox = match opened? {
        Ok(outbox) => outbox,
        Err(code) => return Ok(code),
    };
    feed.begin(&sender);
    let mut engine = Engine {
        ages: ages(&outbox, before.oldest),
        status: Status {
            process: std::process::id(),
            spool_max: config.spool.max.0,
            last_success: before.last_success,
            last_read: before.last_read,
            ..Status::default()
        },
        uploader: Uploader::start(client, sender)?,
        pauses: Pauses::new(mode.impatient),
        config,
        folder: &folder,
        mode,
        feed,
        messages,
        stop,
        shown,
        file,
        spool: outbox::spool_folder(&folder),
        told: None,
        written: None,
        is_unwritable: false,
        is_sending: false,
    };
    engine.note_clock(service.and_then(|service| service.ahead));
    engine.serve(outbox)
}

/// Opens the outbox. While the disk is full, or its syncs fail, that is told and waited for, until the
/// program is to end or patience is over: then with what code.
fn open(
    mode: &Mode,
    open: impl Fn() -> Result<Outbox>,
    tell: impl Fn(String, bool),
    is_to_end: impl Fn(Duration) -> bool,
) -> Result<Result<Outbox, ExitCode>> {
    let began = Instant::now();
    let (mut wait, mut is_told) = (Duration::ZERO, false);
    let mut pauses = Pauses::new(mode.impatient);
    loop {
        if is_to_end(wait) {
            info!("asked to stop");
            return Ok(Err(ExitCode::SUCCESS));
        }
        match open() {
            Err(error) if disk::is_full(&error) => {
                let error = format!("{error:#}");
                if !is_told {
                    warn!(
                        error,
                        "the disk is full: nothing is read until there is room"
                    );
                }
                tell(format!("the disk is full: {error}"), true);
                (wait, is_told) = (LOOK, true);
            }
            Err(error) if disk::is_failing(&error) => {
                wait = pauses.after_failure(Instant::now());
                tell(fails(&error, wait), false);
            }
            opened => return opened.map(Ok),
        }
        if mode.once && began.elapsed() > mode.patience {
            warn!("not all was read and acknowledged");
            return Ok(Err(ExitCode::from(WAITING)));
        }
    }
}

/// Says that the disk fails, in the log and in words for the status.
fn fails(error: &anyhow::Error, pause: Duration) -> String {
    let error = format!("{error:#}");
    error!(
        error,
        pause = ?pause,
        "the disk fails: nothing is read; the spool is opened anew after a pause"
    );
    format!("the disk fails: {error}")
}

/// What waits since before the start waits since then.
fn ages(outbox: &Outbox, oldest: Option<DateTime<Utc>>) -> VecDeque<(u64, DateTime<Utc>)> {
    let waiting = outbox.balance().spooled;
    let since = oldest.unwrap_or_else(now);
    let all = (outbox.cursor.totals.spooled, since);
    [all].into_iter().filter(|_| waiting > 0).collect()
}

impl Engine<'_> {
    /// Runs until the program is to end. A disk that fails does not end it.
    fn serve(mut self, mut outbox: Outbox) -> Result<ExitCode> {
        info!(waiting = outbox.balance().spooled, "started");
        loop {
            let beside = match self.run(&mut outbox) {
                Err(error) if disk::has_failed(&error) => {
                    if let Some(code) = self.pause(&error, Some(&mut outbox))? {
                        return Ok(code);
                    }
                    outbox.into_beside()?
                }
                code => {
                    let code = code?;
                    let (beside, error) = match outbox.close() {
                        Ok(()) => {
                            info!("ended");
                            return Ok(code);
                        }
                        Err(failed) => *failed,
                    };
                    if !disk::has_failed(&error) {
                        return Err(error);
                    }
                    if let Some(code) = self.pause(&error, None)? {
                        return Ok(code);
                    }
                    beside
                }
            };
            outbox = match self.reopen(beside)? {
                Ok(outbox) => outbox,
                Err(code) => return Ok(code),
            };
        }
    }

    /// After a failed write or sync nobody knows what is on the disk, and nothing more is written:
    /// opens the spool anew, and goes on from what it says is durable. Or with what code the
    /// program is to end.
    fn reopen(&mut self, mut beside: Beside) -> Result<Result<Outbox, ExitCode>> {
        let outbox = loop {
            let (kept, error) = match Outbox::reopen(self.config, self.folder, beside) {
                Ok(outbox) => break outbox,
                Err(failed) => *failed,
            };
            beside = kept;
            if let Some(code) = self.pause(&error, None)? {
                return Ok(Err(code));
            }
        };
        self.feed.restart();
        let spooled = outbox.cursor.totals.spooled;
        for (number, _) in &mut self.ages {
            *number = spooled.min(*number);
        }
        self.status.disk_failing = false;
        info!(
            waiting = outbox.balance().spooled,
            "the spool is open again: reads on from what it holds"
        );
        Ok(Ok(outbox))
    }

    /// Tells a failure, and waits: also for the answer of a frame that is under way, which is told to
    /// what is kept beside the spool. With what code the program is to end, if it is.
    fn pause(
        &mut self,
        error: &anyhow::Error,
        mut outbox: Option<&mut Outbox>,
    ) -> Result<Option<ExitCode>> {
        let pause = self.pauses.after_failure(Instant::now());
        let end = Instant::now() + pause;
        let status = &mut self.status;
        status.blocked = Some(fails(error, pause));
        status.disk_full = disk::is_full(error);
        status.disk_failing = true;
        status.disk_failures += 1;
        status.at = Some(now());
        self.shown.set(status.clone());
        // What can't be told on this disk is told by the log and the metrics.
        let _ = status.write(&self.file);
        self.written = None;
        loop {
            if self.stop.is_set() {
                info!("asked to stop");
                return Ok(Some(ExitCode::SUCCESS));
            }
            if self.mode.once && self.pauses.lasting(Instant::now()) > self.mode.patience {
                warn!("not all was read and acknowledged");
                return Ok(Some(ExitCode::from(WAITING)));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() && !self.is_sending {
                return Ok(None);
            }
            match self.messages.recv_timeout(left.clamp(PAUSE, LOOK)) {
                Ok(Message::Answer(id, answer)) => {
                    self.is_sending = false;
                    if let Some(outbox) = &mut outbox {
                        outbox.handle(id, answer.map(|answered| answered.answer))?;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => anyhow::bail!("a thread ended"),
                _ => {}
            }
        }
    }

    fn run(&mut self, outbox: &mut Outbox) -> Result<ExitCode> {
        let began = Instant::now();
        let (mut next_read, mut is_reading) = (began, false);
        let (mut is_at_end, mut progress) = (false, began);
        let code = loop {
            if self.stop.is_set() {
                info!("asked to stop");
                break ExitCode::SUCCESS;
            }
            if is_reading || Instant::now() >= next_read || self.feed.is_urgent() {
                let turn = self.feed.read(outbox)?;
                is_reading = turn == Turn::More;
                match turn {
                    Turn::More if outbox.is_blocked() => {}
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
                && let Some((id, frame)) = outbox.poll_transmit()?
            {
                self.uploader.send(id, frame)?;
                self.is_sending = true;
            }
            self.tell(outbox, next_read, false);
            let can_read = is_reading && !outbox.is_blocked();
            if self.mode.once && !can_read {
                if is_at_end && !is_reading && outbox.is_idle() {
                    info!("all is acknowledged");
                    break self.code_of_sources(outbox);
                }
                if progress.elapsed() > self.mode.patience {
                    let waiting = outbox.balance().spooled;
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
            if self.wait(outbox, next, can_read)? {
                progress = Instant::now();
            }
        };
        self.tell(outbox, next_read, true);
        Ok(code)
    }

    /// Waits for what comes next; whether something was acknowledged.
    fn wait(&mut self, outbox: &mut Outbox, next_read: Instant, can_read: bool) -> Result<bool> {
        let began = Instant::now();
        let mut until = (began + LOOK).min(next_read.max(began));
        if !self.is_sending
            && let Some(at) = outbox.poll_timeout()
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
                self.note_clock(answer.as_ref().ok().and_then(|answered| answered.ahead));
                let is_ack = outbox.handle(id, answer.map(|answered| answered.answer))?;
                if is_ack {
                    self.status.batches_sent += 1;
                    self.status.last_success = Some(now());
                } else {
                    self.status.batches_failed += 1;
                }
                Ok(is_ack)
            }
            Ok(Message::Stop | Message::Fed | Message::Service(_)) => Ok(false),
            Err(RecvTimeoutError::Timeout) => {
                if self.mode.impatient && !self.is_sending && !can_read {
                    outbox.retry_now();
                }
                Ok(false)
            }
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("a thread ended"),
        }
    }

    /// Takes notice of how the clocks differ, where an answer told.
    fn note_clock(&mut self, ahead: Option<i64>) {
        let Some(ahead) = ahead else { return };
        let before = self.status.clock_ahead.replace(ahead);
        match (before.is_some_and(clock::is_off), clock::is_off(ahead)) {
            (false, true) => warn!("{}", clock::told(ahead)),
            (true, false) => info!("this machine's clock is right again"),
            _ => {}
        }
    }

    fn code_of_sources(&self, outbox: &Outbox) -> ExitCode {
        let sources = self.feed.sources(outbox);
        let failed = sources.iter().any(|source| source.trouble.is_some());
        ExitCode::from(u8::from(failed))
    }

    fn tell(&mut self, outbox: &Outbox, next_read: Instant, is_last: bool) {
        let balance = outbox.balance();
        debug_assert!(balance.is_even(), "{balance:?}");
        let at = now();
        let spooled = outbox.cursor.totals.spooled;
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
        let blocked = outbox.blocked();
        status.blocked = blocked.map(|blocked| blocked.why.clone());
        status.disk_full = blocked.is_some_and(|blocked| blocked.is_disk_full);
        status.held.clone_from(&outbox.held);
        let is_due = self.told.is_none_or(|told| told.elapsed() >= TELL);
        if is_due || is_last {
            self.told = Some(Instant::now());
            self.status.at = Some(at);
            self.status.sources = self.feed.sources(outbox);
            self.status.spool_bytes = disk::folder_bytes(&self.spool);
            self.shown.set(self.status.clone());
            let is_written = self.written.as_ref().is_some_and(|(since, written)| {
                since.elapsed() < TELL_AGAIN && self.status.is_as(written)
            });
            if is_written {
                return;
            }
            let written = self.status.write(&self.file);
            let was_unwritable = std::mem::replace(&mut self.is_unwritable, written.is_err());
            match written {
                Ok(()) => self.written = Some((Instant::now(), self.status.clone())),
                Err(error) if !was_unwritable => warn!(
                    error = format!("{error:#}"),
                    "the status file can't be written"
                ),
                Err(_) => {}
            }
        }
    }
}
