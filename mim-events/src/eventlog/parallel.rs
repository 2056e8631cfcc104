//! [`ParMap`]: a log's chunks decoded by several threads, its order kept.
//!
//! ```text
//!                      +-> worker 0: decode, call f -+
//! caller: read, check -+-> worker 1: decode, call f -+-> caller: results in order
//!                      +-> ...                      -+
//! ```
//!
//! Chunks go to the workers in turn and are taken back in the same turn, so
//! order needs no numbers, and at most two chunks a worker are under way.

use std::collections::VecDeque;
use std::fmt;
use std::io::{Read, Seek};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::decoder::{ChunkDecoder, Job, Options};
use super::event::LogEvent;
use super::reader::LogReader;
use super::summary::ReadSummary;
use crate::error::{Error, Result};

/// Chunks that each worker has at most: the one it decodes and the next.
const UNDER_WAY: usize = 2;

/// The results of a function for every event of a log, in the log's order;
/// made by [`LogReader::par_map`].
pub struct ParMap<R, T> {
    reader: LogReader<R>,
    workers: Vec<Worker<T>>,
    /// Whose turn it is.
    turn: usize,
    under_way: VecDeque<UnderWay>,
    ready: VecDeque<Result<T>>,
    ended: bool,
    /// Buffers that are not in use.
    spare: Vec<Vec<u8>>,
    /// For what the calling thread must read itself.
    f: Function<T>,
}

type Function<T> = Arc<dyn Fn(LogEvent<'_>) -> T + Send + Sync>;

struct Worker<T> {
    jobs: Option<SyncSender<Job>>,
    done: Receiver<Done<T>>,
    thread: Option<JoinHandle<()>>,
}

/// What a worker made of a chunk.
struct Done<T> {
    results: Vec<Result<T>>,
    summary: ReadSummary,
    /// The first and last number of the chunk's records.
    numbers: Option<(u64, u64)>,
    buffer: Vec<u8>,
}

enum UnderWay {
    Chunk(usize),
    Error(Error),
}

impl<R: Read + Seek> LogReader<R> {
    /// Calls `f` for every event, on `threads` threads of their own, and gives
    /// the results in the log's order, with errors in their places.
    ///
    /// The calling thread reads the log and verifies its checksums; the others
    /// decode events and call `f`, chunk by chunk. At most two chunks for each thread
    /// are under way, with their results. The threads end with the iterator. A
    /// panic in `f` is a panic of the iterator.
    ///
    /// It reads on where this reader stands. What comes after a
    /// [bookmark](Self::resume), or is selected by
    /// [`header_ids`](crate::eventlog::LogFilter::header_ids), is read by the
    /// calling thread alone.
    ///
    /// ```no_run
    /// use std::num::NonZeroUsize;
    ///
    /// use mim_events::eventlog::{LogFilter, LogReader};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let threads = NonZeroUsize::new(4).ok_or("no threads")?;
    /// let reader = LogReader::open("IdentityManagerRequestLog.evtx")?.with_filter(LogFilter::requests());
    /// let mut lengths = reader.par_map(threads, |event| {
    ///     event.data().map(|datum| datum.value.to_string_lossy().len()).sum::<usize>()
    /// })?;
    /// for length in &mut lengths {
    ///     println!("{}", length?);
    /// }
    /// println!("{}", lengths.summary());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if a thread can't be started.
    pub fn par_map<T, F>(self, threads: NonZeroUsize, f: F) -> Result<ParMap<R, T>>
    where
        F: Fn(LogEvent<'_>) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        let options = self.options().clone();
        let f: Function<T> = Arc::new(f);
        let workers = (0..threads.get())
            .map(|_| Worker::start(options.clone(), Arc::clone(&f)))
            .collect::<Result<_>>()?;
        Ok(ParMap {
            reader: self,
            workers,
            turn: 0,
            under_way: VecDeque::new(),
            ready: VecDeque::new(),
            ended: false,
            spare: Vec::new(),
            f,
        })
    }
}

impl<T: Send + 'static> Worker<T> {
    fn start(options: Options, f: Function<T>) -> Result<Self> {
        let (jobs, incoming) = sync_channel::<Job>(UNDER_WAY);
        let (outgoing, done) = sync_channel(UNDER_WAY);
        let work = move || {
            let mut decoder = ChunkDecoder::new(options);
            for job in incoming {
                decoder.adopt(job);
                let mut results = Vec::new();
                while let Some(found) = decoder.next() {
                    results.push(found.map(|()| f(decoder.event())));
                }
                let sent = outgoing.send(Done {
                    results,
                    summary: std::mem::take(&mut decoder.summary),
                    numbers: decoder.place.numbers(),
                    buffer: decoder.take_buffer(),
                });
                if sent.is_err() {
                    break;
                }
            }
        };
        let thread = Builder::new()
            .name("eventlog".to_owned())
            .spawn(work)
            .map_err(Error::io)?;
        Ok(Self {
            jobs: Some(jobs),
            done,
            thread: Some(thread),
        })
    }

    /// Ends the thread; goes on with its panic.
    fn fail(&mut self) {
        self.jobs = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}

impl<R: Read + Seek, T: Send + 'static> ParMap<R, T> {
    /// What was read so far; complete at the iterator's end.
    #[must_use]
    pub fn summary(&self) -> ReadSummary {
        self.reader.summary()
    }

    /// How many bytes of the log have been read, for a progress bar.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// Hands out chunks until every worker has enough.
    fn hand_out(&mut self) {
        while !self.ended && self.under_way.len() < self.workers.len() * UNDER_WAY {
            if let Some(buffer) = self.spare.pop() {
                self.reader.lend_buffer(buffer);
            }
            match self.reader.next_job() {
                Ok(Some(job)) => {
                    let turn = self.turn;
                    self.turn = (turn + 1) % self.workers.len();
                    let Some(worker) = self.workers.get_mut(turn) else {
                        break;
                    };
                    let sent = worker
                        .jobs
                        .as_ref()
                        .is_some_and(|jobs| jobs.send(job).is_ok());
                    if !sent {
                        worker.fail();
                        self.ended = true;
                        break;
                    }
                    self.under_way.push_back(UnderWay::Chunk(turn));
                }
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = !error.is_recoverable();
                    self.under_way.push_back(UnderWay::Error(error));
                }
            }
        }
    }

    fn take_back(&mut self, turn: usize) {
        let Some(worker) = self.workers.get_mut(turn) else {
            return;
        };
        match worker.done.recv() {
            Ok(done) => {
                self.spare.push(done.buffer);
                self.reader.take_back(&done.summary, done.numbers);
                let reader = &self.reader;
                let results = done.results.into_iter();
                self.ready
                    .extend(results.map(|result| result.map_err(|error| reader.in_file(error))));
            }
            Err(_) => {
                worker.fail();
                self.ended = true;
            }
        }
    }
}

impl<R: Read + Seek, T: Send + 'static> Iterator for ParMap<R, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(result) = self.ready.pop_front() {
                return Some(result);
            }
            if self.under_way.is_empty() && self.reader.reads_alone() {
                let event = self.reader.next_event()?;
                return Some(event.map(|event| (self.f)(event)));
            }
            self.hand_out();
            match self.under_way.pop_front()? {
                UnderWay::Chunk(turn) => self.take_back(turn),
                UnderWay::Error(error) => return Some(Err(error)),
            }
        }
    }
}

impl<R: Read + Seek, T: Send + 'static> std::iter::FusedIterator for ParMap<R, T> {}

impl<R, T> Drop for ParMap<R, T> {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.jobs = None;
        }
        for worker in &mut self.workers {
            // A worker that waits to hand over a result gives up.
            while worker.done.recv().is_ok() {}
            // A panic was passed on, or nobody asks for it any more.
            let _ = worker.thread.take().map(JoinHandle::join);
        }
    }
}

impl<R, T> fmt::Debug for ParMap<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParMap")
            .field("reader", &self.reader)
            .field("threads", &self.workers.len())
            .finish_non_exhaustive()
    }
}
