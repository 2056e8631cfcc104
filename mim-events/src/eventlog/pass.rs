//! [`Pass`]: one way through a log's chunks, and which of them are read.

use std::io::{Read, Seek};

use super::bookmark::Place;
use super::chunks::{ChunkHead, Chunks, numbers};
use super::decoder::ChunkDecoder;
use super::format::ChunkHeader;
use crate::error::Result;

/// How many chunks that can't be read are remembered, to be reported only once.
const MAX_REPORTED: usize = 256;

/// What is known of the chunks on the way through a log.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// Whether it is not the reader's first.
    again: bool,
    /// How many chunks, oldest first, lie before the bookmark's place.
    behind: u64,
    /// The first number of the chunk that was read last.
    first: Option<u64>,
    /// Chunks that can't be read and were reported.
    reported: Vec<u64>,
}

impl Pass {
    /// Begins a way, of whose chunks as many are behind the place.
    pub(super) fn begin(&mut self, behind: u64) {
        self.behind = behind;
        self.first = None;
    }

    /// Whatever comes, the reader was through the log before.
    pub(super) fn is_repeated(&mut self) {
        self.again = true;
    }

    #[cfg(feature = "parallel")]
    pub(super) fn is_again(&self) -> bool {
        self.again
    }

    /// Nothing is known of the chunks any more.
    pub(super) fn forget(&mut self) {
        self.reported.clear();
    }

    /// Leaves out the chunks before the place, if nothing of them is wanted.
    pub(super) fn skip<R: Read + Seek>(&self, chunks: &mut Chunks<R>, decoder: &mut ChunkDecoder) {
        if !decoder.place.has_wanted() {
            chunks.visited = self.behind;
            decoder.summary.chunks_behind += self.counted(self.behind);
        }
    }

    /// Reads the next chunk that has anything; `false` at the end of the log.
    pub(super) fn next_chunk<R: Read + Seek>(
        &mut self,
        chunks: &mut Chunks<R>,
        decoder: &mut ChunkDecoder,
    ) -> Result<bool> {
        loop {
            let place = chunks.visited;
            let Some(number) = chunks.upcoming() else {
                break;
            };
            if (self.again || decoder.place.has_past() || decoder.options.filter.tests_header_ids())
                && self.leaves_out(number, place, chunks, decoder)?
            {
                chunks.visited += 1;
                continue;
            }
            let Some((_, length)) = chunks.next(decoder.buffer())? else {
                break;
            };
            let bytes = decoder.buffer().get(..length).unwrap_or_default();
            let header = ChunkHeader::parse(bytes);
            let range = header.as_ref().and_then(numbers);
            let first = range.as_ref().map(|range| range.start);
            if self.was_overwritten(first, place, chunks, &decoder.place) {
                decoder.summary.chunks_overwritten += 1;
                decoder.summary.bytes_overwritten += length as u64;
                continue;
            }
            self.first = first.or(self.first);
            let before = decoder.summary;
            let ahead = chunks.is_ahead_now(number, range.as_ref());
            match decoder.begin(number, length, ahead) {
                Ok(()) => {
                    self.reported.retain(|&reported| reported != number);
                    if self.again && first.is_some_and(|first| decoder.place.is_past(first)) {
                        // The chunk itself was counted when it was begun.
                        decoder.summary = before;
                    }
                    return Ok(true);
                }
                Err(_) if self.reported.contains(&number) => decoder.summary = before,
                Err(error) => {
                    if self.reported.len() < MAX_REPORTED {
                        self.reported.push(number);
                    }
                    return Err(error);
                }
            }
        }
        decoder.summary.records_missing += decoder.place.give_up_wanted();
        Ok(false)
    }

    /// Whether a chunk is left out for what its first bytes say.
    fn leaves_out<R: Read + Seek>(
        &self,
        number: u64,
        place: u64,
        chunks: &mut Chunks<R>,
        decoder: &mut ChunkDecoder,
    ) -> Result<bool> {
        let head = chunks.head(number)?;
        let ahead = chunks.is_ahead_now(number, head.numbers.as_ref());
        let range = head.numbers.as_ref().filter(|range| !range.is_empty());
        let range = range.map(|range| (range.start, range.end - 1));
        let wanted = range.is_some_and(|(first, last)| decoder.place.wants(first, last));
        if place < self.behind {
            decoder.summary.chunks_behind += self.counted(u64::from(!wanted));
            return Ok(!wanted);
        }
        if head.blank && (self.again || decoder.place.has_past()) {
            decoder.summary.chunks_empty += self.counted(1);
            decoder.summary.bytes_unused += self.counted(chunks.size_of(number));
            return Ok(true);
        }
        let Some((first, last)) = range.filter(|_| !ahead) else {
            return Ok(false);
        };
        if decoder.place.is_past(last) && !wanted {
            decoder.summary.chunks_behind += self.counted(1);
            return Ok(true);
        }
        if decoder.options.filter.rejects_chunk(first, last) {
            filter_out(&head, (first, last), chunks, decoder)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// What the reader was through before is not counted again.
    fn counted(&self, count: u64) -> u64 {
        if self.again { 0 } else { count }
    }

    /// Whether the log has begun the chunk anew since the order of the chunks
    /// was found, and records that are still to be read may stand before it.
    fn was_overwritten<R: Read + Seek>(
        &self,
        first: Option<u64>,
        at: u64,
        chunks: &Chunks<R>,
        place: &Place,
    ) -> bool {
        let order = chunks.order();
        let Some((first, newest)) = first.zip(order.newest()).filter(|_| order.is_ascending())
        else {
            return false;
        };
        if self.first.is_some_and(|before| first < before) {
            return true;
        }
        let known = first < order.end() || (first == order.end() && at == order.place_of(newest));
        !known && !place.expects(first)
    }
}

/// Leaves out a chunk that the filter rejects.
fn filter_out<R: Read + Seek>(
    head: &ChunkHead,
    (first, last): (u64, u64),
    chunks: &mut Chunks<R>,
    decoder: &mut ChunkDecoder,
) -> Result<()> {
    let record = chunks.last_record(head)?;
    let summary = &mut decoder.summary;
    summary.chunks_filtered += 1;
    summary.filtered.header_id += decoder.place.pass_chunk(first, last, record, summary);
    Ok(())
}
