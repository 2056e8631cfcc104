//! `FirstRows`: the first row of each group among rows that were seen so far.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;

use crate::error::{QueryError, Result};
use crate::exec::batch::position;

/// What is asked of rows by their numbers.
pub(super) trait Compare {
    /// Whether two rows with one code are of the same group.
    fn is_same(&self, a: u32, b: u32) -> bool;
    /// The other codes of a row, as one number.
    fn others(&self, row: u32) -> u128;
    /// The order of two rows of a group.
    fn order(&self, a: u32, b: u32) -> Ordering;
}

/// The first row of each group. There is a place for each code of one key, so that a row which is
/// alone with its code is never hashed, nor compared. Each row begins as the first of its group;
/// where two are of one group, one loses its mark.
pub(super) struct FirstRows {
    /// The number of the first row that has a mark.
    start: u32,
    /// Whether each row is the first of its group.
    marks: Vec<u8>,
    /// The code that the first place is of.
    least: u32,
    /// One more than the number of a row with the code, or 0. The last place is that of null.
    places: Vec<u32>,
    /// The same for each row: another one with its code, of another group. They are mostly close
    /// in time, and so here.
    next: Vec<u32>,
    /// What a code with many groups has no more room for, by all codes.
    more: HashMap<u128, u32, RandomState>,
    groups: u64,
}

/// Rows between two questions whether to go on.
pub(super) const STEPS: usize = 4096;

/// Groups of a code that are looked through one by one.
const CHAIN: usize = if cfg!(test) { 2 } else { 16 };

impl FirstRows {
    /// Of rows from a number on, of which so many may come, with codes from one on.
    pub(super) fn new(start: u32, rows: usize, least: u32, codes: usize) -> Self {
        Self {
            start,
            marks: Vec::new(),
            least,
            places: vec![0; codes + 1],
            next: vec![0; rows],
            more: HashMap::default(),
            groups: 0,
        }
    }

    /// The marks of all rows.
    pub(super) fn marks(&self) -> &[u8] {
        &self.marks
    }

    /// Adds marks of the next rows, which are still to be taken in.
    pub(super) fn more_marks(&mut self, rows: usize) -> &mut [u8] {
        let before = self.marks.len();
        self.marks.resize(before + rows, 0);
        self.marks.get_mut(before..).unwrap_or_default()
    }

    /// Takes in a row if it has a mark.
    #[inline]
    pub(super) fn add(&mut self, row: u32, code: Option<u32>, of: &impl Compare) {
        if self.marks.get((row - self.start) as usize) == Some(&1) && self.meet(row, code, of) {
            self.groups += 1;
        }
    }

    /// Takes in a row beside those that are there; says whether it is the first of another group.
    #[inline]
    fn meet(&mut self, row: u32, code: Option<u32>, of: &impl Compare) -> bool {
        let at = self.at(code);
        match self.places.get_mut(at) {
            Some(place @ 0) => {
                *place = row + 1;
                true
            }
            Some(place) => {
                let first = *place - 1;
                self.meet_others(row, code, (at, first), of)
            }
            None => false,
        }
    }

    fn at(&self, code: Option<u32>) -> usize {
        let null = self.places.len() - 1;
        code.map_or(null, |code| (code - self.least) as usize)
    }

    /// The same of one whose code has a place already, with this row.
    #[inline(never)]
    fn meet_others(
        &mut self,
        row: u32,
        code: Option<u32>,
        (at, first): (usize, u32),
        of: &impl Compare,
    ) -> bool {
        let (mut before, mut known) = (None, first);
        for count in 1..=CHAIN {
            let next = self.next_of(known);
            if of.is_same(row, known) {
                if of.order(row, known).is_lt() {
                    // It stands where the other one stood.
                    self.set_next(row, next);
                    match (before, self.places.get_mut(at)) {
                        (Some(before), _) => self.set_next(before, row + 1),
                        (None, Some(place)) => *place = row + 1,
                        (None, None) => {}
                    }
                    self.drop_mark(known);
                } else {
                    self.drop_mark(row);
                }
                return false;
            }
            match next.checked_sub(1) {
                Some(next) => (before, known) = (Some(known), next),
                None if count < CHAIN => {
                    self.set_next(known, row + 1);
                    return true;
                }
                None => {}
            }
        }
        let codes = of.others(row) << 32 | u128::from(code.unwrap_or(u32::MAX));
        match self.more.entry(codes) {
            Entry::Vacant(vacant) => {
                vacant.insert(row);
                true
            }
            Entry::Occupied(mut kept) => {
                let dropped = if of.order(row, *kept.get()).is_lt() {
                    kept.insert(row)
                } else {
                    row
                };
                self.drop_mark(dropped);
                false
            }
        }
    }

    /// Takes in what is known of the rows behind, whose codes have places here. A function is told
    /// of so many steps each time.
    pub(super) fn merge(
        &mut self,
        mut others: Self,
        of: &impl Compare,
        mut tick: impl FnMut(usize) -> Result<()>,
    ) -> Result<()> {
        self.marks.extend_from_slice(&others.marks);
        self.groups += others.groups;
        let null = others.places.len() - 1;
        let places = std::mem::take(&mut others.places);
        for (chunk, from) in places.chunks(STEPS).zip((0..).step_by(STEPS)) {
            tick(chunk.len())?;
            for (at, place) in (from..).zip(chunk) {
                if *place == 0 {
                    continue;
                }
                let code = (at != null).then(|| others.least + position(at));
                let own = self.at(code);
                let is_alone = match self.places.get_mut(own) {
                    Some(own @ 0) => {
                        *own = *place;
                        true
                    }
                    _ => false,
                };
                let mut rest = *place;
                while let Some(row) = rest.checked_sub(1) {
                    rest = others.next_of(row);
                    if is_alone {
                        self.set_next(row, rest);
                    } else if !self.meet(row, code, of) {
                        self.groups -= 1;
                    }
                }
            }
        }
        let mut more = others.more.into_iter().enumerate();
        more.try_for_each(|(at, (codes, row))| {
            if at % STEPS == 0 {
                tick(STEPS)?;
            }
            let code = codes as u32;
            let code = (code != u32::MAX).then_some(code);
            if !self.meet(row, code, of) {
                self.groups -= 1;
            }
            Ok(())
        })
    }

    /// Whether there may be so many groups.
    pub(super) fn check(&self, most: u64) -> Result<()> {
        if self.groups > most {
            return Err(QueryError::limit("groups", most));
        }
        Ok(())
    }

    fn next_of(&self, row: u32) -> u32 {
        let next = self.next.get((row - self.start) as usize);
        next.copied().unwrap_or_default()
    }

    fn set_next(&mut self, row: u32, to: u32) {
        // Most are 0 and stay so: what is not written takes no memory.
        if let Some(next) = self.next.get_mut((row - self.start) as usize)
            && *next != to
        {
            *next = to;
        }
    }

    fn drop_mark(&mut self, row: u32) {
        if let Some(mark) = self.marks.get_mut((row - self.start) as usize) {
            *mark = 0;
        }
    }
}
