//! The sections of a body, read: lengths, data, and optionally ids and times.

use std::ops::Range;

use super::error::{FrameError, FrameErrorKind as Kind};
use super::header::{Header, take};
use super::limits::Limits;

/// Bytes before each section: kind, flags, length.
pub(super) const HEAD: usize = 8;
/// Kinds with this bit may be skipped by who does not know them. It is the highest,
/// so that ascending kinds have what must be known first.
const IGNORABLE: u16 = 1 << 15;

/// Kinds of sections.
pub(super) mod kind {
    use super::IGNORABLE;

    /// A u32 for each record: its bytes.
    pub(in crate::frame) const LENS: u16 = 1;
    /// The records, one after the other.
    pub(in crate::frame) const DATA: u16 = 2;
    /// 16 bytes for each record: the event's UUID, or nil.
    pub(in crate::frame) const IDS: u16 = 3 | IGNORABLE;
    /// An i64 for each record: the event's time in microseconds since 1970, or
    /// [`NO_TIME`](super::NO_TIME).
    pub(in crate::frame) const TIMES: u16 = 4 | IGNORABLE;
}

/// A record without a time.
pub(super) const NO_TIME: i64 = i64::MIN;

/// Where the known sections are in a body, all lengths checked.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections {
    pub(super) lens: Range<usize>,
    pub(super) data: Range<usize>,
    pub(super) ids: Option<Range<usize>>,
    pub(super) times: Option<Range<usize>>,
}

impl Sections {
    /// Finds the sections of `body` and checks them against the header.
    pub(super) fn find(body: &[u8], header: &Header, limits: &Limits) -> Result<Self, FrameError> {
        let base = usize::from(header.header_len);
        let mut found = Self::default();
        let mut last = 0;
        let mut pos = 0;
        while pos < body.len() {
            let at = base + pos;
            let damaged = |section, problem| Kind::Section { section, problem }.at(at);
            if body.len() - pos < HEAD {
                return Err(damaged(0, "its head is cut off"));
            }
            let section = u16::from_le_bytes(take(body, pos));
            let flags = u16::from_le_bytes(take(body, pos + 2));
            let length = u32::from_le_bytes(take(body, pos + 4)) as usize;
            if section <= last {
                return Err(damaged(section, "kinds don't ascend"));
            }
            last = section;
            pos += HEAD;
            if length > body.len() - pos {
                return Err(damaged(section, "it is longer than the body"));
            }
            let range = pos..pos + length;
            pos = range.end;
            // Where it is kept, and its bytes for each record.
            let (place, each) = match section {
                kind::LENS => (&mut found.lens, Some(4)),
                kind::DATA => (&mut found.data, None),
                kind::IDS => (found.ids.insert(0..0), Some(16)),
                kind::TIMES => (found.times.insert(0..0), Some(8)),
                _ if section & IGNORABLE != 0 => continue,
                _ => return Err(Kind::UnknownSection { section }.at(at)),
            };
            if flags != 0 {
                return Err(damaged(section, "its flags are not 0"));
            }
            // 64 bits hold the product of any u32 and 16.
            if each.is_some_and(|each| length as u64 != u64::from(header.count) * each) {
                return Err(damaged(
                    section,
                    "its length is not that of `count` records",
                ));
            }
            *place = range;
        }
        // No section begins at 0, so an empty range at 0 is one that was not there.
        for (section, range) in [(kind::LENS, &found.lens), (kind::DATA, &found.data)] {
            if range.start == 0 {
                let problem = "it is missing";
                return Err(Kind::Section { section, problem }.at(base + body.len()));
            }
        }
        found.check_lens(body, base, limits)?;
        Ok(found)
    }

    /// No record is too long, and all together are the data.
    fn check_lens(&self, body: &[u8], base: usize, limits: &Limits) -> Result<(), FrameError> {
        let mut sum = 0_u64;
        for (index, len) in lens(&body[self.lens.clone()]).enumerate() {
            if len > limits.record_bytes {
                let limit = "record_bytes";
                let (value, allowed) = (u64::from(len), u64::from(limits.record_bytes));
                let at = base + self.lens.start + index * 4;
                return Err(Kind::Limit {
                    limit,
                    value,
                    allowed,
                }
                .at(at));
            }
            sum += u64::from(len);
        }
        if sum != self.data.len() as u64 {
            let (section, problem) = (kind::DATA, "its length is not the sum of the records'");
            return Err(Kind::Section { section, problem }.at(base + self.data.start));
        }
        Ok(())
    }
}

/// The lengths of the section's records.
pub(super) fn lens(section: &[u8]) -> impl Iterator<Item = u32> + '_ {
    section
        .chunks_exact(4)
        .map(|bytes| u32::from_le_bytes(take(bytes, 0)))
}
