//! The store thread of a tenant: it reads the journal at the start, and then each frame that is durable,
//! and drops what is too old.

use std::sync::Arc;
use std::sync::mpsc::{Receiver as Queue, RecvTimeoutError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use ingest_protocol::Answer;
use ingest_protocol::frame::{Limits, Opener};
use ingest_protocol::journal::{FsStorage, Item};
use ingest_protocol::receiver::ReceiverLog;

use crate::clock::{ClockWatch, Verdict};
use crate::journal::{self, Arrived, Durable, give_up};
use crate::note::{self, ClockNote};
use crate::retention::Retained;
use crate::streams::is_single;
use crate::tenant::Tenant;

/// Seconds between two lines about progress.
const PROGRESS: Duration = Duration::from_secs(5);

/// When the retention looks, and which clock it believes.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// Between two looks.
    pub check: Duration,
    /// How long activity is kept.
    pub kept: TimeDelta,
    /// How long a clock that jumped ahead must go on evenly.
    pub hold: Duration,
    /// The clock is believed at the start, whatever is known of before.
    pub accepts_clock: bool,
}

/// Starts a tenant; it is ready when its journal was read.
pub fn start(tenant: &Arc<Tenant>, keeping: Keeping) {
    journal::start(tenant, move |tenant, queue| store(tenant, queue, keeping));
}

/// The store thread.
fn store(tenant: &Tenant, queue: &Queue<Durable>, keeping: Keeping) {
    let mut retained = Retained::default();
    if !replay(tenant, &mut retained) {
        return;
    }
    retained.forget_unknown(tenant);
    let mut clock = Clock::at_start(tenant, &retained, keeping);
    clock.judge(tenant, Utc::now()); // before anybody is answered
    tenant.set_ready();
    let mut due = Instant::now();
    let mut next_look = due;
    loop {
        let at = Instant::now();
        if at >= next_look {
            let now = Utc::now();
            if clock.look(tenant, now) && at >= due {
                retained.check(tenant, now);
            }
            if at >= due {
                due = Instant::now() + keeping.check;
            }
            next_look = due.min(Instant::now() + note::EVERY);
        }
        match queue.recv_timeout(next_look.saturating_duration_since(Instant::now())) {
            Ok(Durable {
                arrived,
                ack,
                answer,
                room,
            }) => {
                let now = Utc::now();
                clock.look(tenant, now);
                let taken = tenant.take(arrived, now, Some(tenant.now()));
                retained.add(taken, now);
                drop(room);
                // Who asked may be gone; it will ask again, and be told of a duplicate.
                let _ = answer.send(Answer::Ack(ack));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                clock.end(Utc::now());
                return;
            }
        }
    }
}

/// The clock, as far as it is believed, with what is noted of it.
struct Clock {
    watch: ClockWatch,
    note: ClockNote,
    is_believed: bool,
}

impl Clock {
    fn at_start(tenant: &Tenant, retained: &Retained, keeping: Keeping) -> Self {
        let note = ClockNote::of(&tenant.folder);
        let (shown, at) = (Utc::now(), Instant::now());
        let watch = match keeping.accepts_clock {
            true => ClockWatch::new(shown, at, keeping.hold),
            false => ClockWatch::at_start(
                note.read(),
                retained.witnessed(),
                keeping.kept,
                (shown, at),
                keeping.hold,
            ),
        };
        Self {
            watch,
            note,
            is_believed: false,
        }
    }

    /// Looks at it.
    fn judge(&mut self, tenant: &Tenant, now: DateTime<Utc>) -> Verdict {
        let verdict = self.watch.look(now, Instant::now());
        tell(tenant, verdict);
        self.is_believed = verdict.is_believed();
        verdict
    }

    /// Looks at it, and notes what it shows; whether what is too old by it may go.
    fn look(&mut self, tenant: &Tenant, now: DateTime<Utc>) -> bool {
        let verdict = self.judge(tenant, now);
        if self.is_believed {
            let is_new = matches!(verdict, Verdict::Back | Verdict::Accepted);
            self.note.write(now, Instant::now(), is_new);
        }
        self.is_believed
    }

    /// The service ends.
    fn end(&mut self, now: DateTime<Utc>) {
        if self.is_believed {
            self.note.write(now, Instant::now(), true);
        }
    }
}

fn tell(tenant: &Tenant, verdict: Verdict) {
    let tenant_name = &tenant.name;
    match verdict {
        Verdict::Right | Verdict::Still => {}
        Verdict::Doubted(doubt) => {
            tenant.set_doubt(Some(doubt));
            let hours_ahead = doubt.ahead().num_hours();
            match doubt.before_start() {
                None => tracing::error!(
                    tenant = tenant_name,
                    hours_ahead,
                    "the clock jumped ahead, and what would be too old by it is not deleted: set it right, or \
                     leave it if it is right; it is believed when it goes on evenly for `clock_hold_seconds`"
                ),
                Some(before) => tracing::error!(
                    tenant = tenant_name,
                    hours_ahead,
                    %before,
                    "the clock jumped ahead since the service last ran, or it stood still for long, and what \
                     would be too old is not deleted: set the clock right, or leave it if it is right; it is \
                     believed when it goes on evenly for `clock_hold_seconds`"
                ),
            }
        }
        Verdict::Back => {
            tenant.set_doubt(None);
            tracing::warn!(
                tenant = tenant_name,
                "the clock is back; what is too old is deleted"
            );
        }
        Verdict::Accepted => {
            tenant.set_doubt(None);
            tracing::warn!(
                tenant = tenant_name,
                "the clock went on evenly and is believed; what is too old by it is deleted"
            );
        }
    }
}

/// Reads all frames that the journal keeps. `false` if the service was told to stop before: then not
/// all is known, and nothing may be forgotten.
fn replay(tenant: &Tenant, retained: &mut Retained) -> bool {
    let opener = Opener::new(Limits::MAX);
    let started = Instant::now();
    let mut told = started;
    let mut reader = tenant.journal.log().journal().reader();
    let first = reader.next_index();
    let last = tenant.journal.log().journal().position().index();
    let total = (last + 1).saturating_sub(first);
    let mut lost = 0;
    loop {
        if !tenant.journal.is_running() {
            tracing::info!(
                tenant = tenant.name,
                "journal: told to stop while it is read"
            );
            return false;
        }
        let item = tenant.journal.log().journal_mut().read(&mut reader);
        let entry = match item.unwrap_or_else(|error| give_up(&error)) {
            None => break,
            Some(Item::Entry(entry)) => entry,
            Some(other) => {
                lost += match other {
                    Item::Lost { first, last } => last + 1 - first,
                    _ => 1,
                };
                tracing::error!(tenant = tenant.name, "the journal can't be read: {other:?}");
                continue;
            }
        };
        if entry.kind() == ReceiverLog::<FsStorage>::FRAME {
            match opener.open(entry.body().clone()) {
                Ok(frame) => {
                    let stream = frame.header().stream();
                    let rejected = ingest_protocol::receiver::not_json(&frame);
                    // Who begins a stream is noted, but of those that were made for one batch.
                    let is_single = is_single(stream) && tenant.journal.owner(stream).is_none();
                    let arrived = Arrived {
                        entry: entry.index(),
                        frame,
                        sender: tenant.sender_of(stream),
                        is_single,
                        rejected,
                        at: None,
                    };
                    let now = Utc::now();
                    let taken = tenant.take(arrived, now, retained.witnessed());
                    retained.add(taken, now);
                }
                Err(error) => {
                    lost += 1;
                    tracing::error!(tenant = tenant.name, entry = entry.index(), %error, "a frame can't be read");
                }
            }
        }
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            let done = entry.index() + 1 - first;
            tracing::info!(
                tenant = tenant.name,
                "journal: {done} of {total} entries read"
            );
        }
    }
    tenant.add_unreadable(lost);
    tracing::info!(
        tenant = tenant.name,
        lost,
        rows = tenant.store.stats().rows,
        "journal: {total} entries read in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    true
}
