//! What a test says of the texts of a column, asked of the column's dictionary: for all segments
//! at once, and only of what is needed.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::super::batch::truth;
use super::kernels::{PlaceBuffer, SPREAD};
use super::search::{Answer, Search, set as set_bit};
use super::selected::Selected;
use super::threads;
use crate::error::Result;
use crate::exec::control::Control;
use crate::expr::{Bound, Comparison, Row, Scope};
use crate::gallop::gallop;
use crate::store::{BLOCK, Dictionary, Memo, TextColumn};
use crate::value::{TextBlock, Value};

/// What a test says of each text of a dictionary.
pub(super) struct TextAnswers<'p> {
    dictionary: &'p Dictionary,
    test: &'p Bound,
    of_null: bool,
    way: Way<'p>,
}

enum Way<'p> {
    /// These codes alone pass, or if the flag is set, all others. Ascending.
    Codes(Vec<u32>, bool),
    /// Each block of the dictionary is looked through when one of its texts is asked for.
    Blocks {
        blocks: Vec<Block<'p>>,
        search: Option<Search<'p>>,
        answers: Arc<Vec<OnceLock<Answer>>>,
        /// A bit for each code, once all blocks are looked through.
        all: OnceLock<Vec<u64>>,
    },
}

/// A block of the dictionary, and its codes.
struct Block<'p> {
    block: &'p Arc<TextBlock>,
    codes: Range<u32>,
}

/// What a snapshot keeps the answers of all blocks by.
#[derive(PartialEq)]
struct Question(Bound);

/// How many texts there have to be for each row, that these are few.
const FEW: usize = if cfg!(test) { 1 } else { 16 };

/// Which codes of a segment pass.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passes {
    All,
    None,
    /// One alone.
    One(u32),
    /// For each code whether it does.
    Table(Vec<bool>),
}

impl Passes {
    pub(super) fn of(table: Vec<bool>) -> Self {
        let mut passing = (0..).zip(&table).filter(|(_, passes)| **passes);
        match (passing.next(), passing.next()) {
            (None, _) => Self::None,
            (Some((one, _)), None) if table.len() > 1 => Self::One(one),
            _ if table.iter().all(|passes| *passes) => Self::All,
            _ => Self::Table(table),
        }
    }

    pub(super) fn has(&self, code: usize) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::One(one) => *one as usize == code,
            Self::Table(table) => table.get(code) == Some(&true),
        }
    }
}

impl<'p> TextAnswers<'p> {
    /// Of a test that looks at this column alone, and cannot fail; maybe with what other queries
    /// of the dictionary's snapshot found.
    pub(super) fn new(test: &'p Bound, dictionary: &'p Dictionary, memo: Option<&Memo>) -> Self {
        let way = match codes(test, dictionary) {
            Some((codes, others)) => Way::Codes(codes, others),
            None => {
                let mut first = 0;
                let blocks = dictionary.blocks().map(|block| {
                    let codes = first..first + block.len() as u32;
                    first = codes.end;
                    Block { block, codes }
                });
                let blocks: Vec<Block<'_>> = blocks.collect();
                let some: Option<&'p TextBlock> =
                    blocks.get(blocks.len() / 2).map(|some| &**some.block);
                Way::Blocks {
                    answers: answers(test, blocks.len(), memo),
                    blocks,
                    search: Search::new(test, some),
                    all: OnceLock::new(),
                }
            }
        };
        Self {
            dictionary,
            test,
            of_null: passes(test, &Value::Null),
            way,
        }
    }

    /// What is cheap comes first.
    pub(super) const fn cost(&self) -> u8 {
        match &self.way {
            Way::Codes(..) => 0,
            Way::Blocks { .. } => 2,
        }
    }

    /// Asks it of the texts of all blocks first, if so many rows are likely to have them: threads
    /// would wait for each other's, and the answers of many segments are soon found.
    pub(super) fn prepare(&self, rows: usize, control: &Control<'_>) -> Result<()> {
        if let Way::Blocks {
            blocks,
            search,
            answers,
            all,
        } = &self.way
            && rows >= self.dictionary.len()
        {
            let each = blocks.iter().zip(&**answers).collect();
            let has_ended = AtomicBool::new(false);
            let ask = |buffer: &mut PlaceBuffer,
                       (block, answer): (&Block<'_>, &OnceLock<Answer>)| {
                if has_ended.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let goes_on = control.check();
                match goes_on {
                    Ok(()) => {
                        answer.get_or_init(|| self.of_block(block.block, search.as_ref(), buffer));
                    }
                    Err(_) => has_ended.store(true, Ordering::Relaxed),
                }
                goes_on
            };
            let texts = self.dictionary.len();
            let asked = threads::map_with(each, texts, PlaceBuffer::new, ask);
            asked.into_iter().collect::<Result<()>>()?;
            all.get_or_init(|| flat(blocks, answers));
        }
        Ok(())
    }

    /// The only number of a segment's texts that passes, if the test is for few texts and null is
    /// none of them; without a look at any other.
    pub(super) fn only_code(&self, texts: &TextColumn) -> Option<u32> {
        let Way::Codes(passing, false) = &self.way else {
            return None;
        };
        let mut found = found(passing, texts.texts());
        match (found.next(), found.next(), self.of_null) {
            (Some(one), None, false) => Some(one as u32),
            _ => None,
        }
    }

    /// What it says of the texts of a segment, by their numbers there.
    pub(super) fn of(&self, texts: &TextColumn, selected: &Selected) -> Passes {
        let codes = texts.texts();
        let null = codes.len();
        match &self.way {
            Way::Codes(passing, others) => {
                let mut found = found(passing, codes);
                let (first, second) = (found.next(), found.next());
                let Some(first) = first else {
                    return match (*others, self.of_null) {
                        (false, false) => Passes::None,
                        (true, true) => Passes::All,
                        (others, _) => {
                            let mut table = vec![others; null + 1];
                            set(&mut table, null, self.of_null);
                            Passes::of(table)
                        }
                    };
                };
                if second.is_none() && !others && !self.of_null {
                    return Passes::One(first as u32);
                }
                let mut table = vec![*others; null + 1];
                for at in [Some(first), second].into_iter().flatten().chain(found) {
                    set(&mut table, at, !others);
                }
                set(&mut table, null, self.of_null);
                Passes::of(table)
            }
            Way::Blocks {
                blocks,
                search,
                answers,
                all,
            } => {
                let mut table = vec![false; null + 1];
                set(&mut table, null, self.of_null);
                // Of a few rows it is asked itself, not of all texts around theirs.
                if selected.len() * FEW < codes.len() {
                    let mut asked = vec![false; null];
                    for row in selected.rows() {
                        let Some(at) = texts.codes().get(row).filter(|at| *at < null) else {
                            continue;
                        };
                        if asked.get(at) == Some(&false) {
                            set(&mut asked, at, true);
                            let value = codes.get(at).map(|code| self.dictionary.value(*code));
                            let passes = value.is_some_and(|value| passes(self.test, &value));
                            set(&mut table, at, passes);
                        }
                    }
                    return Passes::of(table);
                }
                if let Some(all) = all.get() {
                    say(all, 0, codes, &mut table);
                    return Passes::of(table);
                }
                let mut buffer = PlaceBuffer::new();
                let mut codes = codes;
                let mut places = &mut table[..];
                for (block, answer) in blocks.iter().zip(&**answers) {
                    let Range { start, end } = block.codes;
                    if codes.first().is_none_or(|code| *code >= end) {
                        continue;
                    }
                    let answer = answer
                        .get_or_init(|| self.of_block(block.block, search.as_ref(), &mut buffer));
                    let of_block = gallop(codes, |code| *code < end);
                    let (here, behind) = codes.split_at(of_block);
                    let (of_here, of_others) = places.split_at_mut(of_block);
                    say(answer, start, here, of_here);
                    (codes, places) = (behind, of_others);
                }
                Passes::of(table)
            }
        }
    }

    fn of_block(
        &self,
        block: &Arc<TextBlock>,
        search: Option<&Search<'p>>,
        buffer: &mut PlaceBuffer,
    ) -> Answer {
        let mut answer = [0; BLOCK / 64];
        let mut take = |(at, passes): (usize, bool)| {
            if passes {
                set_bit(&mut answer, at);
            }
        };
        match (search, self.test) {
            (Some(search), _) => return search.find(block, buffer),
            // Without a value of each text.
            (None, Bound::TextTest(test, of, needle)) if matches!(**of, Bound::Column(_)) => {
                let passes = block.texts().map(|text| needle.test(*test, text));
                passes.enumerate().for_each(&mut take);
            }
            (None, _) => (0..block.len())
                .map(|at| (at, passes(self.test, &self.dictionary.value_in(block, at))))
                .for_each(&mut take),
        }
        answer
    }
}

/// What an answer says of codes, given the one of its first bit. Mostly they follow each other.
fn say(answer: &[u64], first: u32, codes: &[u32], places: &mut [bool]) {
    let bit = |at: usize| {
        let word = answer.get(at / 64).copied().unwrap_or_default();
        word >> (at % 64) & 1 == 1
    };
    // There is one more place, for null.
    let places = places.get_mut(..codes.len()).unwrap_or_default();
    let (eights, rest) = codes.as_chunks::<8>();
    let (of_eights, of_rest) = places.as_chunks_mut::<8>();
    for (eight, of_eight) in eights.iter().zip(of_eights) {
        let at = (eight[0] - first) as usize;
        if eight[7] - eight[0] == 7 {
            let low = answer.get(at / 64).copied().unwrap_or_default();
            let high = answer.get(at / 64 + 1).copied().unwrap_or_default();
            let bits = (u128::from(high) << 64 | u128::from(low)) >> (at % 64);
            let said = SAID.get(usize::from(bits as u8)).copied();
            *of_eight = said.unwrap_or_default();
            continue;
        }
        for (code, place) in eight.iter().zip(of_eight) {
            *place = bit((code - first) as usize);
        }
    }
    for (code, place) in rest.iter().zip(of_rest) {
        *place = bit((code - first) as usize);
    }
}

/// What the bits of a byte say.
const SAID: [[bool; 8]; 256] = {
    let mut all = [[false; 8]; 256];
    let mut bits = 0;
    while bits < 256 {
        let mut place = 0;
        while place < 8 {
            all[bits][place] = SPREAD[bits][place] == 1;
            place += 1;
        }
        bits += 1;
    }
    all
};

/// The answers of all blocks, one behind the other.
fn flat(blocks: &[Block<'_>], answers: &[OnceLock<Answer>]) -> Vec<u64> {
    let codes = blocks.last().map_or(0, |last| last.codes.end as usize);
    let mut all = vec![0; codes / 64 + 2];
    for (block, answer) in blocks.iter().zip(answers) {
        let starts = block.codes.clone().step_by(64);
        for (at, word) in starts.zip(answer.get().into_iter().flatten()) {
            let shifted = u128::from(*word) << (at % 64);
            let words = all.iter_mut().skip(at as usize / 64);
            let halves = [shifted as u64, (shifted >> 64) as u64];
            words.zip(halves).for_each(|(word, half)| *word |= half);
        }
    }
    all
}

/// Where codes stand among those of a segment.
fn found(passing: &[u32], codes: &[u32]) -> impl Iterator<Item = usize> {
    let passing = passing.iter();
    passing.filter_map(|code| codes.binary_search(code).ok())
}

/// The answers of so many blocks, of which some may be known.
fn answers(test: &Bound, blocks: usize, memo: Option<&Memo>) -> Arc<Vec<OnceLock<Answer>>> {
    let begun = || {
        let answers = std::iter::repeat_with(OnceLock::new).take(blocks);
        Arc::new(answers.collect())
    };
    // Some floats are equal and behave in different ways.
    let Some(memo) = memo.filter(|_| !test.has_float()) else {
        return begun();
    };
    let question = Question(test.clone());
    memo.find(&question).unwrap_or_else(|| {
        let answers = begun();
        memo.keep(question, &answers);
        answers
    })
}

fn set(table: &mut [bool], at: usize, to: bool) {
    if let Some(place) = table.get_mut(at) {
        *place = to;
    }
}

/// Of a test that cannot fail.
fn passes(test: &Bound, value: &Value) -> bool {
    truth(test, &Scope::new(Row::Cell(value))).unwrap_or_default()
}

/// If a test is equality with texts or their absence: their codes, and whether all others pass
/// instead of them.
fn codes(test: &Bound, dictionary: &Dictionary) -> Option<(Vec<u32>, bool)> {
    let find = |value: &Value| dictionary.find_value(value);
    let sorted = |mut codes: Vec<u32>| {
        codes.sort_unstable();
        codes.dedup();
        codes
    };
    match test {
        Bound::Compare(comparison @ (Comparison::Eq | Comparison::Ne), a, b) => {
            match (&**a, &**b) {
                (Bound::Column(_), Bound::Const(value))
                | (Bound::Const(value), Bound::Column(_)) => {
                    let codes = find(value)?.into_iter().collect();
                    Some((codes, *comparison == Comparison::Ne))
                }
                _ => None,
            }
        }
        Bound::InSet(of, set) => {
            let values = set
                .exact_values()
                .filter(|_| matches!(**of, Bound::Column(_)))?;
            let found: Option<Vec<_>> = values.iter().map(find).collect();
            Some((sorted(found?.into_iter().flatten().collect()), false))
        }
        Bound::Or(parts) => {
            let mut all = Vec::new();
            for part in parts {
                let (codes, others) = codes(part, dictionary)?;
                if others {
                    return None;
                }
                all.extend(codes);
            }
            Some((sorted(all), false))
        }
        Bound::Not(inner) => match &**inner {
            // What is null is not known to be another text, nor is it of those.
            inner @ (Bound::Compare(..) | Bound::Or(_)) => {
                codes(inner, dictionary).map(|(codes, others)| (codes, !others))
            }
            _ => None,
        },
        _ => None,
    }
}
