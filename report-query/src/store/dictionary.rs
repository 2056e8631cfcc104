//! `Dictionary`: the different texts of a column of the store, or its GUIDs as texts, each with a
//! code.
//!
//! A dictionary is immutable, as everything that a state of the store holds: one that has
//! more texts is another, which shares most of its memory with the one before. Texts stand in
//! blocks, and the tables that find them are as short lists of ever smaller ones: what is new
//! is small, and merged when it has grown.
//!
//! A code stays what it is, but for [`without`](Dictionary::without), which may number the texts
//! anew, in the same order.

use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use foldhash::fast::FixedState;

use super::id_text;
use crate::value::{Text, TextBlock, Value};

/// Texts of a full block; no block has more.
pub(crate) const BLOCK: usize = 1024;

/// The different texts of a column.
#[derive(Clone)]
pub(crate) struct Dictionary {
    hasher: FixedState,
    /// Whether the texts stand for GUIDs.
    is_of_ids: bool,
    /// Blocks of `BLOCK` texts.
    full: Arc<Vec<Arc<TextBlock>>>,
    /// Then smaller ones, ever shorter.
    short: Vec<Arc<TextBlock>>,
    tables: Vec<Arc<Table>>,
    len: usize,
    /// The code of the empty text, which is in no table: texts that are gone look like it.
    empty: Option<u32>,
    /// Texts that are gone, and whose codes stand for nothing.
    gone: usize,
    /// Where each text stands in their order, once that was asked for.
    ranks: Arc<OnceLock<Box<[u32]>>>,
}

impl Dictionary {
    /// An empty one; the seed keeps those who choose the texts from choosing their hashes.
    pub(super) fn new(seed: u64) -> Self {
        Self::empty(FixedState::with_seed(seed), false)
    }

    /// An empty one for GUIDs.
    pub(super) fn of_ids(seed: u64) -> Self {
        Self::empty(FixedState::with_seed(seed), true)
    }

    fn empty(hasher: FixedState, is_of_ids: bool) -> Self {
        Self {
            hasher,
            is_of_ids,
            full: Arc::default(),
            short: Vec::new(),
            tables: Vec::new(),
            len: 0,
            empty: None,
            gone: 0,
            ranks: Arc::default(),
        }
    }

    /// Whether another is a copy of it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let blocks = self.short.iter().zip(&other.short);
        self.len == other.len
            && self.short.len() == other.short.len()
            && Arc::ptr_eq(&self.full, &other.full)
            && blocks.into_iter().all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// How many codes there are: they are less than this.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The block of a code, and the position in it.
    fn place(&self, code: u32) -> Option<(&Arc<TextBlock>, usize)> {
        let code = code as usize;
        if let Some(block) = self.full.get(code / BLOCK) {
            return Some((block, code % BLOCK));
        }
        let mut at = code - self.full.len() * BLOCK;
        for block in &self.short {
            if at < block.len() {
                return Some((block, at));
            }
            at -= block.len();
        }
        None
    }

    /// The text of a code.
    pub(crate) fn text(&self, code: u32) -> Option<&str> {
        let (block, at) = self.place(code)?;
        block.get(at)
    }

    /// What a code stands for.
    pub(crate) fn value(&self, code: u32) -> Value {
        match self.place(code) {
            Some((block, at)) => self.value_in(block, at),
            None => Value::Null,
        }
    }

    /// What a text of one of its blocks stands for.
    pub(crate) fn value_in(&self, block: &Arc<TextBlock>, at: usize) -> Value {
        if self.is_of_ids {
            block.get(at).and_then(id_text::decode).into()
        } else {
            Value::Text(Text::of(block, at as u32))
        }
    }

    /// The code of a value, if it has one; `None` if it is none that might have.
    pub(crate) fn find_value(&self, value: &Value) -> Option<Option<u32>> {
        match value {
            Value::Text(text) if !self.is_of_ids => Some(self.find(text)),
            Value::Id(id) if self.is_of_ids => {
                let text = id_text::encode(*id);
                Some(str::from_utf8(&text).ok().and_then(|text| self.find(text)))
            }
            _ => None,
        }
    }

    /// The code of a text.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        if text.is_empty() {
            return self.empty;
        }
        self.find_hashed(text, self.hasher.hash_one(text))
    }

    /// The same of a text whose hash is known, and which is not empty.
    fn find_hashed(&self, text: &str, hash: u64) -> Option<u32> {
        let is_it = |code| self.text(code) == Some(text);
        self.tables.iter().find_map(|table| table.find(hash, is_it))
    }

    /// The texts from a code on, with their codes.
    fn texts_from(&self, first: usize) -> impl Iterator<Item = (u32, &str)> {
        let full = self.full.get(first / BLOCK..).unwrap_or_default();
        let mut start = (self.full.len() - full.len()) * BLOCK;
        let blocks = full.iter().chain(&self.short);
        blocks.flat_map(move |block| {
            let skipped = first.saturating_sub(start).min(block.len());
            let codes = (start + skipped) as u32..;
            start += block.len();
            codes.zip(block.texts().skip(skipped))
        })
    }

    /// Where each text stands in their order: for those who sort so many of them that all
    /// may be sorted once, for all who follow.
    pub(crate) fn ranks(&self) -> &[u32] {
        self.ranks.get_or_init(|| {
            let mut texts: Vec<(&str, u32)> = Vec::with_capacity(self.len);
            for block in self.blocks() {
                for text in block.texts() {
                    texts.push((text, texts.len() as u32));
                }
            }
            texts.sort_unstable();
            let mut ranks = vec![0; self.len].into_boxed_slice();
            for (rank, (_, code)) in (0..).zip(texts) {
                if let Some(place) = ranks.get_mut(code as usize) {
                    *place = rank;
                }
            }
            ranks
        })
    }

    /// The blocks in the order of codes.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Arc<TextBlock>> {
        self.full.iter().chain(&self.short)
    }

    /// The same with more texts behind; each is new, and stands with its hash.
    fn with(&self, new: &[(Text, u64)]) -> Self {
        let mut next = self.clone();
        if new.is_empty() {
            return next;
        }
        let first = next.len;
        next.len += new.len();
        next.ranks = Arc::default();

        let mut merged = Vec::new();
        let mut count = new.len();
        while let Some(block) = next.short.pop_if(|block| block.len() < 2 * count) {
            count += block.len();
            merged.push(block);
        }
        let is_block_full =
            next.short.iter().map(|block| block.len()).sum::<usize>() + count >= BLOCK;
        if is_block_full {
            // Everything short together makes full blocks.
            merged.extend(next.short.drain(..).rev());
        }
        let before = merged.iter().rev().flat_map(|block| block.texts());
        let mut texts = before.chain(new.iter().map(|(text, _)| text.as_str()));
        if is_block_full {
            let full = Arc::make_mut(&mut next.full);
            let short = merged.iter().map(|block| block.len()).sum::<usize>() + new.len();
            for _ in 0..short / BLOCK {
                full.push(Arc::new(TextBlock::new(texts.by_ref().take(BLOCK))));
            }
        }
        let rest = TextBlock::new(texts);
        if rest.len() > 0 {
            next.short.push(Arc::new(rest));
        }

        let mut count = new.len();
        let mut tables = next.tables.clone();
        // Tables are of codes that follow each other.
        let mut oldest = first;
        while let Some(table) = tables.pop_if(|table| table.len < 2 * count) {
            count += table.len;
            oldest = table.first;
        }
        let mut table = Table::new(oldest, count);
        for (code, text) in next.texts_from(oldest).take(first - oldest) {
            // Empty is what has gone.
            if !text.is_empty() {
                table.insert(next.hasher.hash_one(text), code);
            }
        }
        let mut empty = next.empty;
        for (code, (text, hash)) in (first as u32..).zip(new) {
            if text.is_empty() {
                empty = Some(code);
            } else {
                table.insert(*hash, code);
            }
        }
        tables.push(Arc::new(table));
        next.tables = tables;
        next.empty = empty;
        next
    }

    /// The same without the texts that are not used any more. Where most are gone, those that
    /// are left get new codes, in the same order: for each old code its new one.
    pub(super) fn without(&self, is_used: &[bool]) -> (Self, Option<Box<[u32]>>) {
        let is_used = |code: usize| is_used.get(code) == Some(&true);
        let used = (0..self.len).filter(|code| is_used(*code)).count();
        if used + self.gone == self.len {
            return (self.clone(), None);
        }
        if used * 2 <= self.len {
            let mut remap = vec![u32::MAX; self.len].into_boxed_slice();
            let mut kept = Vec::with_capacity(used);
            let mut code = 0;
            for block in self.blocks() {
                for at in 0..block.len() {
                    if is_used(code) {
                        if let Some(to) = remap.get_mut(code) {
                            *to = kept.len() as u32;
                        }
                        let text = Text::of(block, at as u32);
                        let hash = self.hasher.hash_one(text.as_str());
                        kept.push((text, hash));
                    }
                    code += 1;
                }
            }
            return (
                Self::empty(self.hasher.clone(), self.is_of_ids).with(&kept),
                Some(remap),
            );
        }
        let mut first = 0;
        let mut clean = |block: &Arc<TextBlock>| {
            let codes = first..first + block.len();
            first = codes.end;
            // A text that went before is empty, as it will be again.
            let mut goes = codes.clone().zip(block.texts());
            if goes.all(|(code, text)| is_used(code) || text.is_empty()) {
                return Arc::clone(block);
            }
            let texts = codes.zip(block.texts());
            let texts = texts.map(|(code, text)| if is_used(code) { text } else { "" });
            Arc::new(TextBlock::new(texts))
        };
        let full = self.full.iter().map(&mut clean).collect();
        let short = self.short.iter().map(&mut clean).collect();
        let next = Self {
            full: Arc::new(full),
            short,
            // Whoever looks for the empty text must not find one that is gone.
            empty: self.empty.filter(|code| is_used(*code as usize)),
            gone: self.len - used,
            ranks: Arc::default(),
            ..self.clone()
        };
        (next, None)
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        let blocks: usize = self.blocks().map(|block| block.size()).sum();
        let pointers = size_of::<usize>() * (self.full.capacity() + self.short.capacity());
        let tables: usize = self.tables.iter().map(|table| table.size()).sum();
        let ranks = self.ranks.get().map_or(0, |ranks| size_of_val(&**ranks));
        blocks + pointers + tables + ranks
    }
}

/// Gives the texts of a batch their codes.
pub(super) struct Interner<'d, 't> {
    dictionary: &'d Dictionary,
    /// The different texts by the order in which they came: what they are, their hashes, their codes.
    texts: Vec<&'t str>,
    hashes: Vec<u64>,
    codes: Vec<u32>,
    /// Numbers of texts by their hashes: open addressing. On its own, so that it grows without
    /// looking at a text, and a new text is hashed once for all.
    places: Vec<u32>,
    new: Vec<(Text, u64)>,
}

impl<'d, 't> Interner<'d, 't> {
    pub(super) fn new(dictionary: &'d Dictionary) -> Self {
        Self {
            dictionary,
            texts: Vec::new(),
            hashes: Vec::new(),
            codes: Vec::new(),
            places: vec![FREE; 64],
            new: Vec::new(),
        }
    }

    /// The numbers of values among the different texts of the batch, in the order in which they came;
    /// none of what is no text.
    pub(super) fn numbers(
        &mut self,
        values: impl ExactSizeIterator<Item = &'t Value>,
    ) -> Vec<Option<u32>> {
        let mut numbers = Vec::with_capacity(values.len());
        let mut values = values.peekable();
        let mut hashed: Vec<Option<(&'t Text, &'t str, u64)>> = Vec::with_capacity(TOGETHER);
        while values.peek().is_some() {
            hashed.clear();
            for value in values.by_ref().take(TOGETHER) {
                hashed.push(match value {
                    Value::Text(text) => {
                        let str = text.as_str();
                        Some((text, str, self.dictionary.hasher.hash_one(str)))
                    }
                    _ => None,
                });
            }
            // What is looked at next is far away in memory, and on its way for all of them at once.
            let mut near = 0;
            for (.., hash) in hashed.iter().flatten() {
                near ^= self
                    .places
                    .get(*hash as usize & (self.places.len() - 1))
                    .copied()
                    .unwrap_or(0);
                for table in self.dictionary.tables.iter().take(2) {
                    let at = *hash as usize & (table.tags.len() - 1);
                    near ^= table.tags.get(at).copied().map_or(0, u32::from);
                }
            }
            std::hint::black_box(near);
            for one in &hashed {
                numbers.push(one.map(|(text, str, hash)| self.number(text, str, hash)));
            }
        }
        numbers
    }

    fn number(&mut self, text: &'t Text, str: &'t str, hash: u64) -> u32 {
        let mask = self.places.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(number) = self
            .places
            .get(at)
            .copied()
            .filter(|number| *number != FREE)
        {
            if self.hashes.get(number as usize) == Some(&hash)
                && self.texts.get(number as usize) == Some(&str)
            {
                return number;
            }
            at = (at + 1) & mask;
        }
        let known = if str.is_empty() {
            self.dictionary.empty
        } else {
            self.dictionary.find_hashed(str, hash)
        };
        let code = known.unwrap_or_else(|| {
            self.new.push((text.clone(), hash));
            // There are no 2^32 texts: the ids alone of as many rows take 64 GiB.
            (self.dictionary.len() + self.new.len() - 1) as u32
        });
        let number = self.codes.len() as u32;
        self.texts.push(str);
        self.hashes.push(hash);
        self.codes.push(code);
        if let Some(place) = self.places.get_mut(at) {
            *place = number;
        }
        // Half of the places stay free.
        if self.codes.len() * 2 > self.places.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let mut places = vec![FREE; self.places.len() * 4];
        let mask = places.len() - 1;
        for (number, hash) in (0..).zip(&self.hashes) {
            let mut at = *hash as usize & mask;
            while places.get(at).is_some_and(|number| *number != FREE) {
                at = (at + 1) & mask;
            }
            if let Some(place) = places.get_mut(at) {
                *place = number;
            }
        }
        self.places = places;
    }

    /// The code of each number, and the dictionary with the new texts.
    pub(super) fn finish(self) -> (Vec<u32>, Dictionary) {
        (self.codes, self.dictionary.with(&self.new))
    }
}

/// Codes that follow each other by the hash of their texts: open addressing, with a byte of the hash
/// beside each code, so that few texts are compared in vain, and a text that is not there is looked for
/// among the bytes alone.
struct Table {
    first: usize,
    /// Zero where nothing is.
    tags: Box<[u8]>,
    codes: Box<[u32]>,
    len: usize,
}

/// Texts that are looked up together.
const TOGETHER: usize = 64;

/// No code or number is here.
const FREE: u32 = u32::MAX;

impl Table {
    /// For so many codes from one on.
    fn new(first: usize, count: usize) -> Self {
        // At most four of five places are taken.
        let places = (count * 5 / 4 + 1).next_power_of_two();
        Self {
            first,
            tags: vec![0; places].into(),
            codes: vec![FREE; places].into(),
            len: 0,
        }
    }

    fn tag(hash: u64) -> u8 {
        ((hash >> 56) as u8).max(1)
    }

    fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.tags.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match *self.tags.get(at)? {
                0 => return None,
                tag if tag == Self::tag(hash) => {
                    let code = *self.codes.get(at)?;
                    if is_it(code) {
                        return Some(code);
                    }
                }
                _ => {}
            }
            at = (at + 1) & mask;
        }
    }

    /// Of a text that is not there yet. There has to be a place for it.
    fn insert(&mut self, hash: u64, code: u32) {
        let mask = self.tags.len() - 1;
        let mut at = hash as usize & mask;
        while self.tags.get(at).is_some_and(|tag| *tag != 0) {
            at = (at + 1) & mask;
        }
        if let (Some(place), Some(tag)) = (self.codes.get_mut(at), self.tags.get_mut(at)) {
            *place = code;
            *tag = Self::tag(hash);
            self.len += 1;
        }
    }

    fn size(&self) -> usize {
        2 * size_of::<usize>()
            + size_of::<Self>()
            + size_of_val(&*self.tags)
            + size_of_val(&*self.codes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    fn extended(dictionary: &Dictionary, texts: &[Text]) -> (Dictionary, Vec<u32>) {
        let mut interner = Interner::new(dictionary);
        let values: Vec<Value> = texts.iter().cloned().map(Value::Text).collect();
        let numbers = interner.numbers(values.iter());
        let (codes, next) = interner.finish();
        let codes = numbers
            .iter()
            .flatten()
            .map(|number| codes[*number as usize]);
        (next, codes.collect())
    }

    fn text(number: usize) -> Text {
        // Number 0 is the empty text.
        "text ".repeat(number % 3).as_str().into()
    }

    fn named(number: usize) -> Text {
        if number == 0 {
            text(0)
        } else {
            format!("name-{number}").into()
        }
    }

    proptest! {
        #[test]
        fn a_text_has_one_code_and_a_code_one_text(
            batches in prop::collection::vec((0_usize..3_000, 1_usize..600), 1..16),
            kept in 1_usize..7,
        ) {
            let mut dictionary = Dictionary::new(7);
            let mut known: HashMap<Text, u32> = HashMap::new();
            for (at, (first, count)) in batches.iter().enumerate() {
                let texts: Vec<Text> = (*first..first + count).map(named).collect();
                let before = dictionary.clone();
                let (next, codes) = extended(&dictionary, &texts);
                for (text, code) in texts.iter().zip(codes) {
                    prop_assert_eq!(*known.entry(text.clone()).or_insert(code), code);
                    prop_assert_eq!(next.text(code), Some(text.as_str()));
                    prop_assert_eq!(next.find(text), Some(code));
                    prop_assert_eq!(next.value(code), Value::Text(text.clone()));
                }
                let ranks = next.ranks();
                for (a, b) in known.iter().zip(known.iter().skip(1)) {
                    let rank = |code: &u32| ranks.get(*code as usize);
                    prop_assert!(rank(a.1).is_none() || rank(b.1).is_none() || rank(a.1).cmp(&rank(b.1)) == a.0.cmp(b.0));
                }
                let all: Vec<&str> = next.blocks().flat_map(|block| block.texts()).collect();
                prop_assert_eq!(all.len(), next.len());
                // The one before is as it was.
                prop_assert_eq!(before.len(), dictionary.len());
                for (text, code) in known.iter().filter(|(_, code)| (**code as usize) < before.len()) {
                    prop_assert_eq!(before.text(*code), Some(text.as_str()));
                }
                dictionary = next;

                if at % 5 == 4 {
                    let is_used: Vec<bool> = (0..dictionary.len()).map(|code| code % 7 < kept).collect();
                    let (next, remap) = dictionary.without(&is_used);
                    known.retain(|_, code| is_used[*code as usize]);
                    for (text, code) in &mut known {
                        if let Some(remap) = &remap {
                            *code = remap[*code as usize];
                        }
                        prop_assert_eq!(next.find(text), Some(*code));
                        prop_assert_eq!(next.text(*code), Some(text.as_str()));
                    }
                    let left: HashSet<&str> = next.blocks().flat_map(|block| block.texts()).collect();
                    for text in dictionary.blocks().flat_map(|block| block.texts()) {
                        if !known.contains_key(text) {
                            prop_assert_eq!(next.find(text), None);
                            prop_assert!(text.is_empty() || !left.contains(text));
                        }
                    }
                    if let Some(remap) = remap {
                        prop_assert_eq!(next.len(), known.len());
                        let new: Vec<u32> = remap.iter().copied().filter(|code| *code != u32::MAX).collect();
                        prop_assert!(new.is_sorted());
                    }
                    dictionary = next;
                }
            }
            prop_assert!(dictionary.short.len() <= 11, "{}", dictionary.short.len());
            prop_assert!(dictionary.tables.len() <= 16, "{}", dictionary.tables.len());
        }
    }

    #[test]
    fn only_copies_are_the_same() {
        let texts = |numbers: std::ops::Range<usize>| numbers.map(named).collect::<Vec<_>>();
        let base = Dictionary::new(7);
        for count in [3, BLOCK, BLOCK + 3] {
            let (one, _) = extended(&base, &texts(1..1 + count));
            let (other, _) = extended(&base, &texts(2..2 + count));
            assert!(one.is_same(&one.clone()) && !one.is_same(&other), "{count}");
            let (more, _) = extended(&one, &texts(9_000..9_001));
            assert!(
                !one.is_same(&more) && !one.is_same(&one.without(&[false]).0),
                "{count}"
            );
        }
    }

    #[test]
    fn nothing_is_found_in_an_empty_one() {
        let dictionary = Dictionary::new(1);
        assert_eq!((dictionary.find(""), dictionary.text(0)), (None, None));
        assert_eq!(dictionary.value(0), Value::Null);
        let (next, remap) = dictionary.without(&[]);
        assert_eq!((next.len(), remap), (0, None));
        assert_eq!(next.size(), 0);
    }
}
