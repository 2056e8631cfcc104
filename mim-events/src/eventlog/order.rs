//! In which order a log's chunks are read.

use std::ops::Range;

use crate::error::Result;

/// The most chunks that are sorted: 4 MiB of memory, 64 GiB of log.
const SORTED: u64 = 1 << 20;

/// The order of a log's chunks by the numbers of their records, oldest first.
///
/// A log that is full goes on in its first chunk, so the order is that of the
/// file from some chunk on, around to the one before. Any other order is
/// nothing that Windows writes; such chunks are sorted.
#[derive(Debug, Default)]
pub(crate) struct Order {
    count: u64,
    oldest: u64,
    newest: Option<u64>,
    /// One more than the greatest number that a header told of.
    end: u64,
    sorted: Option<Box<[u32]>>,
    unordered: bool,
}

impl Order {
    /// Finds the order of `count` chunks from the numbers of their records.
    pub(crate) fn find(
        count: u64,
        mut numbers: impl FnMut(u64) -> Result<Option<Range<u64>>>,
    ) -> Result<Self> {
        let mut order = Self {
            count,
            ..Self::default()
        };
        let mut lowest = u64::MAX;
        // One that was just begun and holds nothing comes after the one before.
        let mut highest = (0, 0);
        let (mut first, mut before, mut descents, mut descent) = (None, None, 0_u64, None);
        for chunk in 0..count {
            let Some(range) = numbers(chunk)? else {
                continue;
            };
            let start = range.start;
            if before.is_some_and(|before| start < before) {
                descents += 1;
                descent = Some(chunk);
            }
            first.get_or_insert(start);
            before = Some(start);
            if start < lowest {
                lowest = start;
                order.oldest = chunk;
            }
            if (range.end, start) >= highest {
                highest = (range.end, start);
                order.end = range.end;
                order.newest = Some(chunk);
            }
        }
        // Of chunks that begin alike, the one after the descent is the first.
        if let Some(chunk) = descent {
            order.oldest = chunk;
        }
        descents += u64::from(first < before && descent.is_some());
        if descents > 1 && count <= SORTED {
            order.sort(numbers)?;
        } else {
            order.unordered = descents > 1;
        }
        Ok(order)
    }

    /// Sorts by the first record; a chunk that tells none stays behind the one before it.
    fn sort(&mut self, mut numbers: impl FnMut(u64) -> Result<Option<Range<u64>>>) -> Result<()> {
        let mut keyed = Vec::new();
        let mut key = 0;
        for chunk in 0..self.count {
            if let Some(range) = numbers(chunk)? {
                key = range.start;
            }
            keyed.push((key, chunk as u32));
        }
        keyed.sort_unstable();
        self.sorted = Some(keyed.into_iter().map(|(_, chunk)| chunk).collect());
        Ok(())
    }

    /// The number of the chunk at a place below the count.
    pub(crate) fn at(&self, place: u64) -> u64 {
        match &self.sorted {
            Some(sorted) => sorted.get(place as usize).copied().unwrap_or(0).into(),
            None => (self.oldest + place) % self.count.max(1),
        }
    }

    /// The place of a chunk.
    pub(crate) fn place_of(&self, chunk: u64) -> u64 {
        match &self.sorted {
            Some(sorted) => sorted
                .iter()
                .position(|&at| u64::from(at) == chunk)
                .unwrap_or(0) as u64,
            None => (chunk + self.count.saturating_sub(self.oldest)) % self.count.max(1),
        }
    }

    /// The number of the chunk with the newest records.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Whether the chunks' first records ascend from place to place.
    pub(crate) fn is_ascending(&self) -> bool {
        !self.unordered
    }

    /// One more than the greatest number that a chunk header told of.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(starts: &[Option<u64>]) -> Vec<u64> {
        let order = Order::find(starts.len() as u64, |chunk| {
            Ok(starts[chunk as usize].map(|start| start..start + 10))
        })
        .unwrap();
        (0..starts.len() as u64)
            .map(|place| {
                assert_eq!(order.place_of(order.at(place)), place);
                order.at(place)
            })
            .collect()
    }

    #[test]
    fn a_log_that_wrapped_begins_in_its_middle() {
        assert_eq!(order(&[Some(1), Some(11), Some(21)]), [0, 1, 2]);
        assert_eq!(order(&[Some(31), Some(41), Some(21)]), [2, 0, 1]);
        assert_eq!(
            order(&[Some(31), None, Some(11), Some(21), None]),
            [2, 3, 4, 0, 1]
        );
        assert_eq!(order(&[None, None]), [0, 1]);
        assert_eq!(order(&[]), [0; 0]);
    }

    #[test]
    fn chunks_that_all_begin_alike_stay_as_they_are() {
        assert_eq!(order(&[Some(1), Some(1), Some(1)]), [0, 1, 2]);
    }

    #[test]
    fn of_chunks_that_begin_alike_the_later_one_may_be_first() {
        // The order goes around from the third one, and no number goes down.
        assert_eq!(order(&[Some(1), Some(11), Some(1)]), [2, 0, 1]);
        assert_eq!(order(&[None, Some(11), Some(1)]), [2, 0, 1]);
    }

    #[test]
    fn a_chunk_that_was_just_begun_is_the_newest() {
        let ranges = [21..21, 11..21];
        let order = Order::find(2, |chunk| Ok(Some(ranges[chunk as usize].clone()))).unwrap();
        assert_eq!((order.newest(), order.at(0)), (Some(0), 1));
    }

    #[test]
    fn any_other_order_is_sorted() {
        let starts = [Some(31), Some(11), None, Some(41), Some(21)];
        assert_eq!(order(&starts), [1, 2, 4, 0, 3]);
    }
}
