//! What became of parts that made no document, and how many there were.

use std::fmt;

use uuid::Uuid;

use crate::error::{Error, ErrorKind};
use crate::request::Origin;

/// A document of which parts are missing and no longer waited for: what came
/// of it, and why it was given up.
#[derive(Clone, PartialEq, Eq)]
pub struct Incomplete {
    pub(super) request: Uuid,
    pub(super) origin: Origin,
    pub(super) total: u64,
    pub(super) came: Vec<u64>,
    pub(super) text: String,
    pub(super) replaced: usize,
    pub(super) reason: IncompleteReason,
}

/// Why a document is no longer waited for. New reasons may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IncompleteReason {
    /// Its newest part is older than the limit.
    Expired,
    /// More waited than a limit allows, and it was the oldest.
    Evicted,
    /// A part came that contradicts it; assembly began anew with that part.
    Conflict,
    /// It alone is larger than the limit.
    TooLarge,
    /// The input ended.
    Unfinished,
}

impl Incomplete {
    /// The GUID that its parts share.
    #[must_use]
    pub fn request(&self) -> Uuid {
        self.request
    }

    /// Where the parts that came were logged; `parts` counts them.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many parts were announced.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The numbers of the parts that never came, ascending.
    pub fn missing(&self) -> impl Iterator<Item = u64> + use<'_> {
        (1..=self.total).filter(|number| self.came.binary_search(number).is_err())
    }

    /// The text of the parts that came, in order, with nothing in the gaps.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many unpaired surrogates were read as U+FFFD in the text.
    #[must_use]
    pub fn replaced_characters(&self) -> usize {
        self.replaced
    }

    /// Why it is no longer waited for.
    #[must_use]
    pub fn reason(&self) -> IncompleteReason {
        self.reason
    }

    /// The report as an error: [`ErrorKind::PartsMissing`], with the record id of the
    /// last part that came.
    #[must_use]
    pub fn error(&self) -> Error {
        Error::new(ErrorKind::PartsMissing {
            missing: self.total - self.came.len() as u64,
            total: self.total,
        })
        .at_record(self.origin.record_id)
    }

    /// What the report takes in memory.
    pub(super) fn cost(&self) -> usize {
        size_of::<Self>()
            + self.text.len()
            + self.came.len() * 8
            + self.origin.computer.len()
            + self.origin.channel.len()
    }
}

/// Numbers only: the text holds people's data.
impl fmt::Debug for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incomplete")
            .field("request", &self.request)
            .field("reason", &self.reason)
            .field("came", &self.came.len())
            .field("total", &self.total)
            .field("bytes", &self.text.len())
            .field("origin", &self.origin)
            .finish()
    }
}

/// What an [`Assembler`](crate::message::Assembler) was given and what it made of it.
///
/// Nothing is lost unseen: every event is one of `whole`, `parts`,
/// `no_document` and `too_large`; and every part is one of `parts_assembled`,
/// `parts_incomplete`, `duplicates`, `late_copies` and `bad_numbers`, or still waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssemblerSummary {
    /// Events that were given.
    pub events: u64,
    /// Documents that were one event's.
    pub whole: u64,
    /// Documents that were put together from parts.
    pub assembled: u64,
    /// Of these, documents that equal one with the same GUID before.
    pub repeated: u64,
    /// Events that held a part.
    pub parts: u64,
    /// Parts of which documents were put together.
    pub parts_assembled: u64,
    /// Parts of documents that were reported as incomplete.
    pub parts_incomplete: u64,
    /// Parts that had come already.
    pub duplicates: u64,
    /// Parts of documents that were finished already.
    pub late_copies: u64,
    /// Parts whose number or total can't be.
    pub bad_numbers: u64,
    /// Parts that contradicted what came before, so that assembly began anew.
    pub conflicts: u64,
    /// Events without a document.
    pub no_document: u64,
    /// Events with a whole document that is over the limit.
    pub too_large: u64,
    /// Documents reported as incomplete.
    pub incomplete: u64,
    /// Of these, reports that were dropped since nobody took them in time.
    pub reports_dropped: u64,
    /// Unpaired surrogates that were read as U+FFFD in documents.
    pub replaced_characters: u64,
}

impl fmt::Display for AssemblerSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let documents = self.whole + self.assembled;
        write!(
            f,
            "{} events: {documents} documents ({} of {} parts)",
            self.events, self.assembled, self.parts_assembled
        )?;
        for (count, what) in [
            (self.incomplete, "incomplete"),
            (self.conflicts, "conflicting parts"),
            (self.bad_numbers, "impossible part numbers"),
            (self.no_document, "without a document"),
            (self.too_large, "too large"),
            (self.duplicates, "duplicate parts"),
            (self.late_copies, "late copies of parts"),
            (self.repeated, "repeated documents"),
            (self.reports_dropped, "reports dropped"),
            (self.replaced_characters, "characters replaced"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}
