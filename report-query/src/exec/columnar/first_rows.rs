//! `FirstRows`: the first row of each group among rows that were seen so far.

use std::cmp::Ordering;

use crate::error::Result;
use crate::exec::batch::position;
use crate::exec::control::Most;

/// What is asked of rows by their numbers.
pub(super) trait Compare {
    /// Whether two rows with one code are of the same group.
    fn is_same(&self, a: u32, b: u32) -> bool;
    /// A hash of the other codes of a row: the same of all runs' rows.
    fn hash(&self, row: u32) -> u64;
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
    /// One more than the number of a row with the code, or 0; or the number of a table, with the
    /// highest bit. The last place is that of null.
    places: Vec<u32>,
    /// One more than the number of another row with the same code, for each row. Those of a code
    /// are mostly close in time, and so they are here.
    next: Vec<u32>,
    /// The groups of codes that have more of them than are looked through.
    tables: Vec<Table>,
    groups: u64,
}

/// Rows between two questions whether to go on.
pub(super) const STEPS: usize = 4096;

/// Groups of a code that are looked through one by one.
const CHAIN: usize = 4;

/// The mark of a table among places.
const TABLE: u32 = 1 << 31;

/// Rows that have numbers.
pub(super) const MOST: usize = TABLE as usize - 1;

/// The groups of a code by the hashes of their other codes: small enough to stay in a near cache
/// while the rows of the code come.
struct Table {
    /// One more than the number of a row, or 0. At least half of them are 0.
    rows: Vec<u32>,
    len: usize,
}

impl FirstRows {
    /// Of rows from a number on, of which so many may come, with codes from one on.
    pub(super) fn new(start: u32, rows: usize, least: u32, codes: usize) -> Self {
        Self {
            start,
            marks: Vec::new(),
            least,
            places: vec![0; codes + 1],
            next: vec![0; rows],
            tables: Vec::new(),
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
                let place = *place;
                self.meet_others(row, at, place, of)
            }
            None => false,
        }
    }

    fn at(&self, code: Option<u32>) -> usize {
        let null = self.places.len() - 1;
        code.map_or(null, |code| (code - self.least) as usize)
    }

    /// The same of one whose code has a place already.
    #[inline(never)]
    fn meet_others(&mut self, row: u32, at: usize, place: u32, of: &impl Compare) -> bool {
        if place & TABLE != 0 {
            let Some(table) = self.tables.get_mut((place ^ TABLE) as usize) else {
                return false;
            };
            let dropped = table.meet(row, of);
            if let Some(dropped) = dropped {
                self.drop_mark(dropped);
            }
            return dropped.is_none();
        }
        let (mut before, mut known) = (None, place - 1);
        for count in 1..=CHAIN {
            let next = self.next_of(known);
            if of.is_same(row, known) {
                if of.order(row, known).is_lt() {
                    // It stands where the other one stood.
                    self.set_next(row, next);
                    match before {
                        Some(before) => self.set_next(before, row + 1),
                        None => self.set_place(at, row + 1),
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
        let mut table = Table::new();
        table.meet(row, of);
        let mut rest = place;
        while let Some(row) = rest.checked_sub(1) {
            table.meet(row, of);
            rest = self.next_of(row);
        }
        self.set_place(at, TABLE | position(self.tables.len()));
        self.tables.push(table);
        true
    }

    /// Puts what others know of a code where nothing is known of it.
    fn take(&mut self, at: usize, place: u32, others: &mut Self) {
        if place & TABLE != 0 {
            if let Some(table) = others.tables.get_mut((place ^ TABLE) as usize) {
                self.set_place(at, TABLE | position(self.tables.len()));
                self.tables.push(std::mem::replace(table, Table::new()));
            }
            return;
        }
        self.set_place(at, place);
        let mut rest = place;
        while let Some(row) = rest.checked_sub(1) {
            rest = others.next_of(row);
            self.set_next(row, rest);
        }
    }

    /// The rows of a place, one for each group.
    fn rows_of(&self, place: u32) -> impl Iterator<Item = u32> {
        let table = (place & TABLE != 0)
            .then(|| self.tables.get((place ^ TABLE) as usize))
            .flatten();
        let in_table = table.map_or(&[][..], |table| &table.rows);
        let first = if table.is_some() { 0 } else { place };
        let chain = std::iter::successors(first.checked_sub(1), |row| {
            self.next_of(*row).checked_sub(1)
        });
        chain.chain(in_table.iter().filter_map(|row| row.checked_sub(1)))
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
                if self.places.get(own) == Some(&0) {
                    self.take(own, *place, &mut others);
                    continue;
                }
                for row in others.rows_of(*place) {
                    if !self.meet(row, code, of) {
                        self.groups -= 1;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether there may be so many groups.
    pub(super) fn check(&self, most: Most) -> Result<()> {
        most.check(self.groups)
    }

    fn set_place(&mut self, at: usize, to: u32) {
        if let Some(place) = self.places.get_mut(at) {
            *place = to;
        }
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

impl Table {
    fn new() -> Self {
        Self {
            rows: vec![0; 4 * CHAIN],
            len: 0,
        }
    }

    /// Takes in a row; gives that of two of one group which is not the first.
    fn meet(&mut self, row: u32, of: &impl Compare) -> Option<u32> {
        if self.len * 2 >= self.rows.len() {
            let rows = vec![0; self.rows.len() * 2];
            for row in std::mem::replace(&mut self.rows, rows) {
                if let Some(row) = row.checked_sub(1)
                    && let Some(place) = self.place(row, of)
                {
                    *place = row + 1;
                }
            }
        }
        let place = self.place(row, of)?;
        match place.checked_sub(1) {
            None => {
                *place = row + 1;
                self.len += 1;
                None
            }
            Some(known) if of.order(row, known).is_lt() => {
                *place = row + 1;
                Some(known)
            }
            Some(_) => Some(row),
        }
    }

    /// Where the group of a row stands, or may.
    fn place(&mut self, row: u32, of: &impl Compare) -> Option<&mut u32> {
        let last = self.rows.len() - 1;
        let mut at = of.hash(row) as usize & last;
        while let Some(known) = self.rows.get(at)?.checked_sub(1)
            && !of.is_same(row, known)
        {
            at = (at + 1) & last;
        }
        self.rows.get_mut(at)
    }
}
