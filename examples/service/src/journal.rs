//! A tenant's journal: frames are stored in groups, then their records are read, in one order.
//!
//! ```text
//!  requests --frames--> commit thread --durable frames--> store thread --answers--> requests
//!                       one sync for all that waited      records to activities
//! ```
//!
//! A frame is acknowledged after both: it is durable, and every report shows it. At the start the
//! store thread reads the journal before the first new frame.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver as Queue, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use ingest_protocol::frame::Frame;
use ingest_protocol::journal::{FsStorage, Options};
use ingest_protocol::receiver::{Commit, Receiver, ReceiverLog, Stored, StreamState};
use ingest_protocol::{Ack, Answer, Code, Problem, Rejected, StreamId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use crate::streams::{Streams, is_full};
use crate::tenant::Tenant;

/// Frames that wait at once in each of the two queues.
const WAITING: usize = 256;
/// Frames of one group.
const GROUP: usize = 256;
/// Seconds after which a sender asks again whether the disk has room, or the journal is free.
const NO_ROOM: u64 = 30;
const MOVED: u64 = 1;

/// The journal, from the side of requests and of the retention.
#[derive(Debug)]
pub struct TenantJournal {
    log: Mutex<ReceiverLog>,
    /// What is durable of each stream, so that nobody who decides waits for the disk.
    states: Mutex<HashMap<StreamId, StreamState>>,
    streams: Mutex<Streams>,
    queue: Mutex<Option<SyncSender<Waiting>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// The last batch was refused since the disk has no room for it.
    is_full: AtomicBool,
}

/// A frame that is to be stored.
struct Waiting {
    frame: Frame,
    commit: Commit,
    rejected: Vec<Rejected>,
    sender: Arc<str>,
    /// Its stream was made for it.
    is_single: bool,
    answer: oneshot::Sender<Answer>,
    /// Its place among the bytes under way: it has that until it is stored, even if nobody waits.
    room: Option<OwnedSemaphorePermit>,
}

/// A frame that is durable, and whose records are to be read.
pub(crate) struct Durable {
    pub(crate) arrived: Arrived,
    pub(crate) ack: Ack,
    pub(crate) answer: oneshot::Sender<Answer>,
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// A frame of the journal.
#[derive(Debug)]
pub struct Arrived {
    /// Its entry's index.
    pub entry: u64,
    /// The frame.
    pub frame: Frame,
    /// Who sent it.
    pub sender: Arc<str>,
    /// Its stream was made for it, and nobody goes on with it.
    pub is_single: bool,
    /// Records that are no JSON.
    pub rejected: Vec<Rejected>,
    /// When it came; `None` if it was read at the start.
    pub at: Option<DateTime<Utc>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TenantJournal {
    /// Opens a tenant's journal, or makes one.
    ///
    /// # Errors
    /// The disk says no, or another process has it open.
    pub fn open(folder: &std::path::Path, receiver: Receiver) -> Result<Self> {
        let storage = FsStorage::create(folder.join("journal"))?;
        let options = Options::new(Uuid::new_v4().into_bytes());
        let (log, recovery) = ReceiverLog::open(storage, options, receiver)
            .with_context(|| format!("the journal in {}", folder.display()))?;
        match recovery.is_loss() {
            true => tracing::error!(folder = %folder.display(), "journal: {recovery}"),
            false => tracing::info!(folder = %folder.display(), "journal: {recovery}"),
        }
        let mut states = HashMap::new();
        let ids: Vec<_> = log.journal().states().map(|(id, _)| id).collect();
        for id in ids {
            let stream = StreamId(Uuid::from_bytes(id));
            if let Some(state) = log.state(stream)? {
                states.insert(stream, state);
            }
        }
        Ok(Self {
            log: Mutex::new(log),
            states: Mutex::new(states),
            streams: Mutex::new(Streams::open(folder)?),
            queue: Mutex::new(None),
            threads: Mutex::default(),
            is_full: AtomicBool::new(false),
        })
    }

    /// What is stored of a stream.
    #[must_use]
    pub fn state(&self, stream: StreamId) -> Option<StreamState> {
        lock(&self.states).get(&stream).cloned()
    }

    /// Who began a stream.
    #[must_use]
    pub fn owner(&self, stream: StreamId) -> Option<Arc<str>> {
        lock(&self.streams).owner(stream).cloned()
    }

    /// The log itself, for the retention and the quarantine.
    pub fn log(&self) -> MutexGuard<'_, ReceiverLog> {
        lock(&self.log)
    }

    /// Bytes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.log().journal().used_bytes()
    }

    /// Whether the last batch was refused since the disk has no room for it.
    #[must_use]
    pub fn disk_is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Notes it; says whether that is new.
    fn set_full(&self, is_full: bool) -> bool {
        self.is_full.swap(is_full, Ordering::Relaxed) != is_full
    }

    /// Stores a frame; the answer comes when it is durable and read. `room` is given back then.
    pub fn store(
        &self,
        frame: Frame,
        commit: Commit,
        rejected: Vec<Rejected>,
        sender: Arc<str>,
        is_single: bool,
        room: Option<OwnedSemaphorePermit>,
    ) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            frame,
            commit,
            rejected,
            sender,
            is_single,
            answer,
            room,
        };
        // Where nobody takes it, whoever waits is told by the dropped channel.
        let queue = lock(&self.queue).clone();
        if let Some(queue) = queue {
            let _ = queue.send(waiting);
        }
        answered
    }

    /// Forgets streams whose data are gone, unless they went on from the number given. Says which were
    /// forgotten.
    ///
    /// # Errors
    /// As the disk says.
    pub fn forget(&self, gone: &[(StreamId, u64)]) -> Result<Vec<StreamId>> {
        let mut log = self.log();
        let mut forgotten = Vec::new();
        for (stream, next_seq) in gone {
            if log
                .state(*stream)?
                .is_some_and(|state| state.next_seq() == *next_seq)
            {
                forgotten.push(*stream);
            }
        }
        log.forget_all(forgotten.iter().copied())?;
        // Before the log is let go, so that nobody decides by a state that is not there any more.
        let mut states = lock(&self.states);
        forgotten.iter().for_each(|stream| {
            states.remove(stream);
        });
        drop((states, log));
        lock(&self.streams).forget(&forgotten)?;
        Ok(forgotten)
    }

    /// All streams that are known, with the number that comes next.
    #[must_use]
    pub fn streams(&self) -> Vec<(StreamId, u64)> {
        let states = lock(&self.states);
        states
            .iter()
            .map(|(stream, state)| (*stream, state.next_seq()))
            .collect()
    }

    /// Whether frames are taken: the service neither starts nor stops.
    #[must_use]
    pub fn is_running(&self) -> bool {
        lock(&self.queue).is_some()
    }
}

/// Starts a tenant's two threads: the commit thread, and the one that `store` is, which sets the tenant
/// ready and reads what is durable.
pub(crate) fn start(
    tenant: &Arc<Tenant>,
    store: impl FnOnce(&Tenant, &Queue<Durable>) + Send + 'static,
) {
    let (waiting, to_commit) = sync_channel(WAITING);
    let (durable, to_store) = sync_channel(WAITING);
    *lock(&tenant.journal.queue) = Some(waiting);
    let committing = Arc::clone(tenant);
    let storing = Arc::clone(tenant);
    let threads = [
        std::thread::spawn(move || {
            watched(
                || commit(&committing, &to_commit, &durable),
                |why| give_up(&why),
            );
        }),
        std::thread::spawn(move || {
            watched(|| store(&storing, &to_store), |why| give_up(&why));
        }),
    ];
    lock(&tenant.journal.threads).extend(threads);
}

/// Takes no more frames, and ends when those that wait are stored.
pub fn stop(tenant: &Tenant) {
    drop(lock(&tenant.journal.queue).take());
    let threads = std::mem::take(&mut *lock(&tenant.journal.threads));
    for thread in threads {
        let _ = thread.join();
    }
    if let Err(error) = tenant.journal.log().journal_mut().sync() {
        tracing::error!(%error, tenant = tenant.name, "the journal can't be synced");
    }
}

/// What happened to the disk can't be told from inside: only opening the journal again shows what is
/// there. Nothing that is not stored was acknowledged, so senders send it again.
pub(crate) fn give_up(error: &dyn std::fmt::Display) -> ! {
    tracing::error!(
        "the journal failed, and is opened again when the service is started again: {error}"
    );
    std::process::exit(1)
}

/// Runs a thread's body. If it panics, frames would go on being committed that no report shows, or wait
/// for ever, so that is told.
fn watched(body: impl FnOnce(), failed: impl FnOnce(&'static str)) {
    // Nothing that it may have left half done is used after it.
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err() {
        failed("a thread of it panicked");
    }
}

/// The commit thread.
fn commit(tenant: &Tenant, queue: &Queue<Waiting>, durable: &SyncSender<Durable>) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        group.extend(queue.try_iter().take(GROUP - 1));
        commit_group(tenant, group, durable);
    }
}

fn commit_group(tenant: &Tenant, group: Vec<Waiting>, durable: &SyncSender<Durable>) {
    let group = bind(tenant, group);
    let states: Vec<_> = group
        .iter()
        .map(|waiting| {
            (
                waiting.frame.header().stream(),
                waiting.commit.state().clone(),
            )
        })
        .collect();
    let frames = group.iter().map(|waiting| {
        let Waiting {
            frame,
            commit,
            rejected,
            ..
        } = waiting;
        (frame, commit.clone(), rejected.clone())
    });
    // The guard must not live in the match's scrutinee: the store thread may need the log to go on.
    let stored = tenant.journal.log().commit_all(frames);
    let stored = stored.unwrap_or_else(|error| give_up(&error));
    let now = Utc::now();
    for ((waiting, stored), (stream, state)) in group.into_iter().zip(stored).zip(states) {
        match stored {
            Stored::Committed(ack, position) => {
                if tenant.journal.set_full(false) {
                    tracing::info!(tenant = tenant.name, "the disk has room again");
                }
                lock(&tenant.journal.states).insert(stream, state);
                let arrived = Arrived {
                    entry: position.index(),
                    frame: waiting.frame,
                    sender: waiting.sender,
                    is_single: waiting.is_single,
                    rejected: waiting.rejected,
                    at: Some(now),
                };
                let sent = durable.send(Durable {
                    arrived,
                    ack,
                    answer: waiting.answer,
                    room: waiting.room,
                });
                // Where the service stops, the store thread may have gone before it read the journal;
                // the next start reads this frame.
                if sent.is_err() && tenant.journal.is_running() {
                    give_up(&"nobody reads what is stored");
                }
            }
            Stored::Refused(problem) => {
                let now = tenant.journal.state(stream).unwrap_or_default();
                let problem = match now.next_seq() == waiting.commit.expected_next_seq() {
                    true => no_room(tenant, problem),
                    false => problem.with_retry_after(MOVED), // another batch of the stream came first
                };
                let _ = waiting.answer.send(Answer::Problem(problem));
            }
        }
    }
}

/// The disk took none of a batch, which is as it was before; so is the journal.
fn no_room(tenant: &Tenant, problem: Problem) -> Problem {
    if tenant.journal.set_full(true) {
        tracing::error!(
            tenant = tenant.name,
            "the disk is full: batches are refused until there is room; readers are answered"
        );
    }
    problem
        .with_detail(
            "the service's disk is full; its operator has to make room, and the batch is taken then",
        )
        .with_retry_after(NO_ROOM)
}

/// Binds new streams to their senders; who sends into another's is refused.
fn bind(tenant: &Tenant, group: Vec<Waiting>) -> Vec<Waiting> {
    let mut streams = lock(&tenant.journal.streams);
    let mut new: Vec<(StreamId, Arc<str>)> = Vec::new();
    let mut bound = Vec::new();
    for waiting in group {
        let stream = waiting.frame.header().stream();
        if waiting.is_single {
            bound.push(waiting);
            continue;
        }
        let fresh = new.iter().find(|(known, _)| *known == stream);
        match streams.owner(stream).or(fresh.map(|(_, owner)| owner)) {
            Some(owner) if *owner != waiting.sender => {
                let _ = waiting.answer.send(Answer::Problem(not_yours()));
                continue;
            }
            Some(_) => {}
            None => new.push((stream, Arc::clone(&waiting.sender))),
        }
        bound.push(waiting);
    }
    if new.is_empty() {
        return bound;
    }
    if let Err(error) = streams.bind(&new) {
        for waiting in bound {
            let problem = Problem::new(Code::UNAVAILABLE).with_frame(waiting.frame.header());
            let problem = match is_full(&error) {
                true => no_room(tenant, problem),
                false => problem
                    .with_detail("the service's disk fails; its log says more")
                    .with_retry_after(NO_ROOM),
            };
            let _ = waiting.answer.send(Answer::Problem(problem));
        }
        if !is_full(&error) {
            tracing::error!(tenant = tenant.name, %error, "new streams can't be noted");
        }
        return Vec::new();
    }
    bound
}

/// The answer to who sends into a stream that somebody else began.
#[must_use]
pub fn not_yours() -> Problem {
    Problem::new(Code::FORBIDDEN).with_detail("another sender began this stream")
}

#[cfg(test)]
mod tests {
    use ingest_protocol::Audience;
    use ingest_protocol::frame::{Limits, Record, Sealer, Stamp};
    use ingest_protocol::receiver::Reception;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::tenant::receiver;

    #[test]
    fn a_frame_has_its_room_when_nobody_waits_for_the_answer() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let id = Audience(Uuid::from_u128(0xA));
        let journal = TenantJournal::open(folder.path(), receiver(id))?;
        let (queue, waiting) = sync_channel(1);
        *lock(&journal.queue) = Some(queue);
        let stamp = Stamp::new(id, Uuid::from_u128(1).into(), 1);
        let frame = Sealer::new(Limits::default()).seal(&stamp, &[Record::new("{}")])?;
        let Reception::Commit(frame, commit) = receiver(id).receive(frame, None, None) else {
            anyhow::bail!("the frame is not taken");
        };
        let room = Arc::new(Semaphore::new(5));
        let permit = Arc::clone(&room).try_acquire_many_owned(5)?;
        drop(journal.store(
            frame,
            commit,
            Vec::new(),
            "mim-01".into(),
            false,
            Some(permit),
        ));
        assert_eq!(room.available_permits(), 0);
        drop(waiting.recv()?);
        assert_eq!(room.available_permits(), 5);
        Ok(())
    }

    #[test]
    fn a_thread_that_panics_is_told_of() {
        let mut told = None;
        watched(|| {}, |why| told = Some(why));
        assert_eq!(told, None);
        watched(|| panic!("the thread panics"), |why| told = Some(why));
        assert_eq!(told, Some("a thread of it panicked"));
    }
}
