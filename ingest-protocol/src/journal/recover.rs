//! Opening: what is on the disk, what of it counts, and what to say about the rest.

use std::collections::VecDeque;
use std::io;

use super::block::LIMIT;
use super::checkpoint::Checkpoint;
use super::entry::HEADER;
use super::error::{Error, Result};
use super::head::{Found as FoundHead, Head, UNFINISHED, name, number};
use super::marks::{Found as FoundMarks, MARKS, Marks};
use super::options::Options;
use super::report::{Finding, Recovery};
use super::scan::{Scanner, Step};
use super::settle::{Repairs, Tail};
use super::state::{Journal, Segment};
use super::storage::{Storage, StorageFile};

/// A segment file: its number, length, and head if that is readable.
type Candidate = (u64, u64, Option<Head>);

impl<S: Storage> Journal<S> {
    /// Opens the journal in a directory, or makes one if there is none, and recovers what is
    /// in it: every entry that was durable, and those after it that are whole and in
    /// order. What comes after the first that is not is cut off. The report says what
    /// was found; to go on after a loss is the caller's decision.
    ///
    /// A segment that has no confirmed end is written anew and synced before this returns: after a
    /// failed sync, what can be read is not always on the disk. If it is opened
    /// [read-only](Options::read_only), this is not done, and entries may be read that a crash can still
    /// take: [`Recovery::unconfirmed`] counts them.
    ///
    /// # Errors
    /// [`Locked`](Error::Locked); [`ReadOnly`](Error::ReadOnly), if the directory can't be written to;
    /// [`Unsupported`](Error::Unsupported), before anything is changed; [`Unsteady`](Error::Unsteady);
    /// [`Options`](Error::Options); else as the disk says. Damage is not an error.
    ///
    /// ```
    /// use ingest_protocol::journal::{Append, FsStorage, Journal, Options};
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    /// let (mut journal, recovery) = Journal::open(FsStorage::new(path), Options::new([1; 16]))?;
    /// assert!(recovery.is_new());
    /// journal.append(Append::new(1, b"a frame").cursor(b"record 12"))?;
    /// drop(journal);
    ///
    /// let (journal, recovery) = Journal::open(FsStorage::new(path), Options::new([2; 16]))?;
    /// assert_eq!(recovery.entries(), 1);
    /// assert_eq!(journal.cursor(), Some(&b"record 12"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(storage: S, options: Options) -> Result<(Self, Recovery)> {
        options.check()?;
        let lock = take_lock(&storage, &options)?;
        let mut report = Recovery::default();
        let listed = storage.list();
        let mut names = listed.map_err(|error| Error::io("list", "the directory", error))?;
        names.sort_unstable();
        let found = Marks::read(&storage)?;
        let mut candidates = candidates(&storage, &names)?;
        report.new = candidates.is_empty() && found == FoundMarks::Nothing;
        if report.new && options.read_only {
            let missing = io::Error::from(io::ErrorKind::NotFound);
            return Err(Error::io("open", MARKS, missing));
        }
        let mut unfinished = Vec::new();
        if !options.read_only {
            unfinished = unfinished_files(&names);
            let found = unfinished.iter().cloned();
            let found = found.map(|file| Finding::Unfinished { file });
            report.findings.extend(found);
        }
        let (marks, keep_marks) = match found {
            FoundMarks::Marks { marks, damaged } => {
                if damaged {
                    let recovered = true;
                    report.findings.push(Finding::MarksDamaged { recovered });
                }
                (marks, true)
            }
            FoundMarks::Nothing if report.new => (new_marks(options.opening), false),
            FoundMarks::Nothing | FoundMarks::Damaged => {
                let recovered = false;
                report.findings.push(Finding::MarksDamaged { recovered });
                (guess_marks(&candidates, &options), false)
            }
        };
        let leftover = take_leftover(&marks, &mut candidates);
        let mut chain = Chain::new(&storage, &marks, report);
        chain.walk(&candidates)?;
        let tail = chain.tail.take();
        let (state, segments, unreadable) = (chain.state, chain.segments, chain.unreadable);
        let (next_index, released) = (chain.next, chain.released);
        let lost: u64 = chain
            .lost
            .iter()
            .map(|(first, last)| last - first + 1)
            .sum();
        let mut report = chain.report;
        report.entries = (next_index - 1).saturating_sub(released + lost);
        report.unconfirmed = tail.as_ref().map_or(0, |tail| tail.next - tail.first);
        let oldest = candidates.first().map_or(0, |(number, ..)| *number);
        let newest = candidates.last().map_or(0, |(number, ..)| *number);
        let beyond = |what| {
            let file = "the journal".to_owned();
            Err(Error::Unsupported { file, what })
        };
        if next_index >= LIMIT {
            return beyond("indices of entries beyond 2^62");
        }
        if newest.max(marks.newest) + 1 >= LIMIT {
            return beyond("numbers of segments beyond 2^62");
        }
        let mut journal = Self {
            next_index,
            durable: next_index - 1,
            released,
            poisoned: false,
            cached: None,
            active: None,
            storage,
            _lock: lock,
            options,
            marks,
            segments,
            unreadable,
            state,
        };
        // Nothing was changed yet, so that a journal that is refused stays as it is.
        if !options.read_only {
            journal.repair(&Repairs {
                unfinished,
                leftover,
                tail,
                keep_marks,
                oldest,
                newest,
            })?;
        }
        Ok((journal, report))
    }
}

fn take_lock<S: Storage>(storage: &S, options: &Options) -> Result<S::Lock> {
    storage.lock(options.read_only).map_err(|error| {
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        match error.kind() {
            io::ErrorKind::WouldBlock => Error::Locked,
            _ if denied && !options.read_only => Error::ReadOnly { operation: "lock" },
            _ => Error::io("lock", "lock", error),
        }
    })
}

/// The segment files in order.
fn candidates<S: Storage>(storage: &S, names: &[String]) -> Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for number in names.iter().filter_map(|name| number(name)) {
        let failed = |error| Error::io("open", &name(number), error);
        let mut file = storage.open(&name(number), false).map_err(failed)?;
        let head = match Head::read(&mut file, number)? {
            FoundHead::Head { head, .. } => Some(head),
            FoundHead::Damaged => None,
        };
        candidates.push((number, file.len().map_err(failed)?, head));
    }
    candidates.sort_unstable_by_key(|(number, ..)| *number);
    Ok(candidates)
}

/// The journal's files that a crash, or a full disk, left unfinished.
fn unfinished_files(names: &[String]) -> Vec<String> {
    let ours = |file: &&String| {
        let finished = file.strip_suffix(UNFINISHED);
        finished.is_some_and(|name| name == MARKS || number(name).is_some())
    };
    names.iter().filter(ours).cloned().collect()
}

/// The segments that were to be reclaimed when the program ended. They don't count.
fn take_leftover(marks: &Marks, candidates: &mut Vec<Candidate>) -> Vec<u64> {
    let oldest = candidates
        .iter()
        .position(|(number, _, head)| *number == marks.oldest && head.is_some());
    let leftover = candidates.drain(..oldest.unwrap_or(0));
    leftover.map(|(number, ..)| number).collect()
}

fn new_marks(journal: [u8; 16]) -> Marks {
    Marks {
        journal,
        version: 1,
        ..Marks::default()
    }
}

/// What the marks may have been, going by the segments.
fn guess_marks(candidates: &[Candidate], options: &Options) -> Marks {
    let first = candidates
        .iter()
        .find_map(|(number, _, head)| Some((*number, (*head)?)));
    let Some((oldest, head)) = first else {
        let oldest = candidates.first().map_or(0, |(number, ..)| *number);
        return Marks {
            newest: oldest,
            oldest,
            ..new_marks(options.opening)
        };
    };
    Marks {
        newest: oldest,
        oldest,
        released: head.first - 1,
        durable: head.first - 1,
        ..new_marks(head.journal)
    }
}

/// Segments one after the other.
struct Chain<'a, S> {
    storage: &'a S,
    marks: &'a Marks,
    report: Recovery,
    segments: VecDeque<Segment>,
    unreadable: Vec<(u64, u64)>,
    state: Checkpoint,
    /// Whether `state` is the state after entry `next - 1`.
    state_known: bool,
    /// Index of the next entry.
    next: u64,
    released: u64,
    lost: Vec<(u64, u64)>,
    missing: Vec<(u64, u64, u64)>,
    tail: Option<Tail>,
}

impl<'a, S: Storage> Chain<'a, S> {
    fn new(storage: &'a S, marks: &'a Marks, report: Recovery) -> Self {
        Self {
            storage,
            marks,
            report,
            segments: VecDeque::new(),
            unreadable: Vec::new(),
            state: Checkpoint::default(),
            state_known: marks.oldest == 0,
            next: 1,
            released: marks.released,
            lost: Vec::new(),
            missing: Vec::new(),
            tail: None,
        }
    }

    fn walk(&mut self, candidates: &[Candidate]) -> Result<()> {
        let mut number = self.marks.oldest.max(1);
        // Unreadable segments after the last readable one.
        let mut unknown = 0_u64;
        for (at, (here, len, head)) in candidates.iter().enumerate() {
            let usable = self.usable(*here, *head);
            if *here > number && (at > 0 || self.marks.oldest > 0) {
                let through = usable.map_or(u64::MAX, |head| head.first - 1);
                self.missing.push((number, here - 1, through));
            }
            number = here + 1;
            let Some(head) = usable else {
                self.unreadable.push((*here, *len));
                unknown = unknown.saturating_add(len / HEADER as u64);
                continue;
            };
            unknown = 0;
            let mut after = candidates[at + 1..].iter();
            let next = after.find_map(|(_, _, next)| {
                next.filter(|next| next.journal == head.journal && next.first >= head.first)
            });
            let last = at + 1 == candidates.len() && self.marks.newest <= *here;
            let end = match next {
                Some(next) => End::Through(next.first - 1),
                None if last => End::Open,
                None => End::Unknown,
            };
            self.segment(head, *len, end)?;
        }
        if self.marks.newest >= number {
            self.missing.push((number, self.marks.newest, u64::MAX));
        }
        let bound = self.next.saturating_add(unknown.min(LIMIT));
        self.lose_to((bound - 1).max(self.marks.durable));
        self.say_what_is_gone();
        Ok(())
    }

    /// The head, if what it says can be.
    fn usable(&mut self, number: u64, head: Option<Head>) -> Option<Head> {
        let after = self.segments.back().map_or(1, |segment| segment.head.first);
        let finding = match head {
            Some(head) if head.journal != self.marks.journal => {
                Finding::ForeignSegment { segment: number }
            }
            Some(head) if head.first >= after => return Some(head),
            _ => Finding::UnreadableSegment { segment: number },
        };
        self.report.findings.push(finding);
        None
    }

    fn segment(&mut self, head: Head, len: u64, end: End) -> Result<()> {
        let file_name = name(head.number);
        let failed = |error| Error::io("read", &file_name, error);
        let mut file = self.storage.open(&file_name, false).map_err(failed)?;
        if let FoundHead::Head { repaired: true, .. } = Head::read(&mut file, head.number)? {
            let segment = head.number;
            self.report.findings.push(Finding::HeadRepaired { segment });
        }
        self.lose_to(head.first - 1);
        self.next = self.next.max(head.first);
        let checkpoint = head.read_checkpoint(&mut file).map_err(failed)?;
        let whole = checkpoint.is_some();
        match checkpoint {
            Some(checkpoint) => (self.state, self.state_known) = (checkpoint, true),
            None => self.report.findings.push(Finding::CheckpointDamaged {
                segment: head.number,
                recovered: self.state_known,
            }),
        }
        let entries_at = head.entries_at().unwrap_or(u64::MAX);
        if entries_at > len {
            let segment = head.number;
            self.report.findings.push(Finding::ShortSegment { segment });
        }
        let entries_at = entries_at.min(len);
        let mut scanner = Scanner::new(file, head.seed(), entries_at, len);
        let confirmed = match end {
            End::Through(through) => through,
            End::Unknown | End::Open => {
                let whole = head.whole || end == End::Unknown;
                let confirmed = confirmed(&mut scanner, whole).map_err(failed)?;
                scanner.seek(entries_at);
                confirmed.max(self.marks.durable)
            }
        };
        let scan = self.entries(&mut scanner, confirmed, end, &file_name)?;
        let next = self.next;
        self.lose_to(confirmed);
        if end == End::Open {
            if scan.end < len {
                self.report.findings.push(Finding::TornTail {
                    segment: head.number,
                    offset: scan.end,
                    bytes: len - scan.end,
                    entries: scan.cut,
                });
            }
            let (first, unconfirmed) = scan.unconfirmed.unwrap_or((next, scan.end));
            self.tail = Some(Tail {
                first,
                unconfirmed,
                next,
                end: scan.end,
                confirmed,
                len,
            });
        }
        self.segments.push_back(Segment {
            head,
            entries_at,
            end: scan.end,
            bytes: len,
            checkpoint: whole,
        });
        Ok(())
    }

    /// Takes the entries that count.
    fn entries<F: StorageFile>(
        &mut self,
        scanner: &mut Scanner<F>,
        confirmed: u64,
        end: End,
        file: &str,
    ) -> Result<Scan> {
        let failed = |error| Error::io("read", file, error);
        let mut scan = Scan {
            end: scanner.offset(),
            unconfirmed: None,
            cut: 0,
        };
        let mut cut = false;
        loop {
            let at = scanner.offset();
            let header = match scanner.step().map_err(failed)? {
                Step::End => return Ok(scan),
                Step::Unreadable => continue,
                Step::Header(header) => header,
            };
            let index = header.marks.index;
            if matches!(end, End::Through(through) if index > through) {
                // Cut off by an earlier opening, which wrote the next segment.
                return Ok(scan);
            }
            if index < self.next {
                scanner.skip(&header);
                continue;
            }
            let Some(entry) = scanner.take(&header).map_err(failed)? else {
                continue;
            };
            if let Some(what) = header.unsupported() {
                let file = file.to_owned();
                return Err(Error::Unsupported { file, what });
            }
            cut |= index > self.next && index - 1 > confirmed;
            if cut {
                scan.cut += 1;
                continue;
            }
            self.lose_to(index - 1);
            if index > confirmed && scan.unconfirmed.is_none() {
                scan.unconfirmed = Some((index, at));
            }
            entry.as_append().apply(&mut self.state);
            self.released = self.released.max(header.marks.released);
            self.next = index + 1;
            scan.end = scanner.offset();
        }
    }

    /// Entries from the next to `last` should have been there.
    fn lose_to(&mut self, last: u64) {
        if last >= self.next {
            // What was released is not missed, and its effect is in the checkpoint.
            self.lost.push((self.next, last));
            self.next = last + 1;
            self.state_known = false;
        }
    }

    fn say_what_is_gone(&mut self) {
        let released = self.released;
        self.lost.retain_mut(|(first, last)| {
            *first = (*first).max(released + 1);
            first <= last
        });
        for (first, last, through) in &self.missing {
            if *through > released {
                let (first, last) = (*first, *last);
                let finding = Finding::MissingSegments { first, last };
                self.report.findings.push(finding);
            }
        }
        for (first, last) in &self.lost {
            let (first, last) = (*first, *last);
            self.report.findings.push(Finding::Lost { first, last });
        }
    }
}

/// What is known of a segment's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The next segment begins after this entry, and all up to it was durable.
    Through(u64),
    /// There was a next segment, which can't be read: all that is here was durable.
    Unknown,
    /// It is the last segment.
    Open,
}

struct Scan {
    end: u64,
    /// Index and offset of the first entry that nothing confirms.
    unconfirmed: Option<(u64, u64)>,
    cut: u64,
}

/// The highest index that the entries of a last segment confirm as durable.
fn confirmed<F: StorageFile>(scanner: &mut Scanner<F>, whole: bool) -> io::Result<u64> {
    let mut confirmed = 0;
    loop {
        match scanner.step()? {
            Step::End => return Ok(confirmed),
            Step::Unreadable => {}
            Step::Header(header) => {
                if scanner.take(&header)?.is_some() {
                    let marks = header.marks;
                    let known = if whole { marks.index } else { marks.durable };
                    confirmed = confirmed.max(known);
                }
            }
        }
    }
}
