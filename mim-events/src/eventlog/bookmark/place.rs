//! [`Place`]: where a reader stands while it reads.

use super::anchors::{Anchor, Anchors};
use super::mark::{Bookmark, VERSION};
use super::numbers::Numbers;
use crate::eventlog::chunks::Step;
use crate::eventlog::summary::ReadSummary;

/// Where a reader stands: what was dealt with, and what of that is wanted again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// Numbers up to this were dealt with before this pass through the log.
    pub(super) after: Option<u64>,
    /// The number that came first in this pass.
    first: Option<u64>,
    /// Numbers up to this were dealt with.
    pub(super) through: Option<u64>,
    /// The number that should come next.
    pub(super) expected: Option<u64>,
    /// What was dealt with before and is to be given again.
    pub(super) wanted: Numbers,
    pub(super) anchors: Anchors,
    pub(super) newest: Option<u64>,
    /// The log is empty: what is wanted again may still be found to be lost.
    waits: bool,
}

impl Place {
    pub(crate) fn bookmark(&self) -> Bookmark {
        Bookmark {
            version: VERSION,
            read_through: self.through,
            anchors: self.anchors.iter().collect(),
            newest: self.newest,
            waiting: self.wanted.clone(),
        }
    }

    /// The place after `through` in the log that a bookmark knows.
    pub(super) fn of(bookmark: &Bookmark, through: u64) -> Self {
        Self {
            after: Some(through),
            first: None,
            through: Some(through),
            expected: through.checked_add(1),
            wanted: bookmark.waiting.clone(),
            anchors: Anchors::new(bookmark.anchors.clone()),
            newest: bookmark.newest,
            waits: false,
        }
    }

    /// Takes notice of the log's oldest record, and of the oldest that can be
    /// read; returns how many of the wanted ones are gone.
    pub(super) fn begin_at(&mut self, oldest: u64, first: Option<Anchor>) -> u64 {
        // Alone, it would say that nothing after it was read.
        let has_anchors = self.anchors.top().is_some();
        if let Some(first) = first.filter(|first| has_anchors && self.is_past(first.number)) {
            self.anchors.hold(first);
        }
        self.wanted.drop_below(oldest)
    }

    /// What lies before the log's oldest record is dealt with: it was counted,
    /// or is none of ours.
    pub(super) fn skip_to(&mut self, oldest: u64) {
        let before = oldest.checked_sub(1);
        // Of what was overwritten unread it can't be told whether it was as these say: they may
        // be of a state that the log had left.
        if let Some(through) = self.through {
            self.anchors.drop_between(through, oldest);
        }
        self.after = self.after.max(before);
        self.through = self.through.max(before);
        self.expected = self.expected.max(Some(oldest));
    }

    /// Takes notice that `last` is the last record of the state before; from
    /// `other` on, the log is another. Returns how many of the wanted are gone.
    pub(super) fn go_back_to(&mut self, last: Anchor, other: Option<u64>) -> u64 {
        if let Some(other) = other {
            self.anchors.drop_from(other);
        }
        self.anchors.hold(last);
        self.wanted.drop_above(last.number)
    }

    /// Keeps what is wanted when this pass ends without it.
    pub(super) fn wait_for_wanted(&mut self) {
        self.waits = true;
    }

    /// The first and the last number of this pass.
    #[cfg(feature = "parallel")]
    pub(crate) fn numbers(&self) -> Option<(u64, u64)> {
        self.first.zip(self.through)
    }

    /// Whether a record was dealt with before this pass.
    pub(crate) fn is_past(&self, number: u64) -> bool {
        self.after.is_some_and(|after| number <= after)
    }

    /// Whether a record is the one after the last.
    pub(crate) fn expects(&self, number: u64) -> bool {
        self.expected == Some(number)
    }

    /// Whether any of these is to be given again.
    pub(crate) fn wants(&self, first: u64, last: u64) -> bool {
        self.wanted.meets(first, last)
    }

    /// Whether there is anything that a chunk must be looked at for.
    pub(crate) fn has_past(&self) -> bool {
        self.after.is_some()
    }

    /// Whether records that were dealt with are still to be given again.
    pub(crate) fn has_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Takes notice of what stands in the log; whether it is news.
    /// `number`: what the walk calls a record, or the last one of damage.
    pub(crate) fn admits(
        &mut self,
        step: &Step,
        number: Option<u64>,
        summary: &mut ReadSummary,
    ) -> bool {
        let Some(number) = number else {
            return true;
        };
        if let Step::Record { frame, .. } = step
            && self.is_next(number)
        {
            self.first.get_or_insert(number);
            self.expected = number.checked_add(1);
            self.through = Some(number);
            self.time(number, frame.written);
            return true;
        }
        let behind = self.is_past(number);
        match step {
            Step::Record { .. } if behind => {
                let (wanted, gone) = self.wanted.take(number);
                summary.records_missing = summary.records_missing.saturating_add(gone);
                summary.records_behind += u64::from(!wanted);
                wanted
            }
            Step::Record { frame, .. } => {
                self.leave_former_state(number);
                self.pass(number, number, summary);
                self.time(number, frame.written);
                true
            }
            Step::Damaged { .. } if behind => false,
            Step::Damaged { .. } => {
                // The records before it in the damage are counted as damaged.
                self.pass(self.expected.unwrap_or(number), number, summary);
                true
            }
            Step::Unfinished { .. } | Step::End { .. } => true,
        }
    }

    /// Whether a record is the one after the last and nothing else is to be
    /// seen to: so it is with nearly all.
    fn is_next(&self, number: u64) -> bool {
        let last = number.checked_sub(1);
        last.is_some()
            && self.through == last
            && self.expected == Some(number)
            && self.anchors.top().map(|top| top.number) == last
    }

    /// Takes notice of a chunk that the filter leaves out whole; returns how
    /// many of its records were not dealt with before.
    pub(crate) fn pass_chunk(
        &mut self,
        first: u64,
        last: u64,
        record: Option<(u64, u64)>,
        summary: &mut ReadSummary,
    ) -> u64 {
        let gone = self.wanted.drop_below(first);
        summary.records_missing = summary.records_missing.saturating_add(gone);
        self.wanted.drop_below(last.saturating_add(1));
        if self.is_past(last) {
            return 0;
        }
        let first = match self.after {
            Some(after) if first <= after => after + 1,
            _ => first,
        };
        self.leave_former_state(first);
        self.pass(first, last, summary);
        if let Some((number, written)) = record {
            self.time(number, written);
        }
        last - first + 1
    }

    /// After the log was put back, anchors of the state before stay until the
    /// log goes on in another way: it may only be a copy that is not complete.
    fn leave_former_state(&mut self, number: u64) {
        if let Some((through, top)) = self.through.zip(self.anchors.top())
            && number > through
            && top.number > through
        {
            self.anchors.drop_from(through + 1);
        }
    }

    /// Numbers up to `last` are dealt with, the first of them was `first`.
    pub(crate) fn pass(&mut self, first: u64, last: u64, summary: &mut ReadSummary) {
        self.first.get_or_insert(first);
        if let Some(missing) = self
            .expected
            .and_then(|expected| first.checked_sub(expected))
        {
            summary.records_missing = summary.records_missing.saturating_add(missing);
        }
        self.expected = self.expected.max(last.checked_add(1));
        if self.through.is_none_or(|through| last > through) {
            self.through = Some(last);
        }
    }

    /// The record that `pass` dealt with last was written then.
    fn time(&mut self, number: u64, written: u64) {
        self.newest = self.newest.max(Some(written));
        if self.through == Some(number) {
            self.anchors.push(Anchor { number, written });
        }
    }

    /// What was wanted again and never came is gone; returns how many.
    pub(crate) fn give_up_wanted(&mut self) -> u64 {
        if self.waits {
            return 0;
        }
        std::mem::take(&mut self.wanted).len()
    }
}
