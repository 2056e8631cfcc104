//! `RowGroups`: the number of the group of each row of a segment.

use std::cell::OnceCell;

use memchr::memchr;

use super::keys::Keys;
use super::segment_keys::{Key, SegmentKeys};
use super::selected::Selected;
use super::space::NONE;
use crate::error::Result;
use crate::store::Codes;

/// The number of the group of each row.
pub(super) struct RowGroups<'s> {
    by_bytes: Option<ByBytes<'s>>,
    /// Where rows have bytes, only if somebody asks for them.
    numbers: OnceCell<Vec<u32>>,
}

/// The groups of rows of one key that has few values.
pub(super) struct ByBytes<'s> {
    /// The code of each row.
    pub(super) codes: &'s [u8],
    /// The number of the group of each code.
    pub(super) groups: [u32; 256],
}

impl ByBytes<'_> {
    #[inline]
    pub(super) const fn group(&self, code: u8) -> u32 {
        self.groups[code as usize]
    }
}

impl<'s> RowGroups<'s> {
    pub(super) fn new(
        keys: &mut Keys<'_>,
        of_segment: &SegmentKeys<'s>,
        selected: &Selected,
    ) -> Result<Self> {
        let by_bytes = Self::by_bytes(keys, of_segment, selected)?;
        let numbers = match by_bytes {
            Some(_) => OnceCell::new(),
            None => OnceCell::from(keys.numbered(of_segment, selected)?),
        };
        Ok(Self { by_bytes, numbers })
    }

    fn by_bytes(
        keys: &mut Keys<'_>,
        of_segment: &SegmentKeys<'s>,
        selected: &Selected,
    ) -> Result<Option<ByBytes<'s>>> {
        let ([key @ Key::Coded(Codes::U8(codes), values, _)], Selected::All(rows)) =
            (&of_segment.keys[..], selected)
        else {
            return Ok(None);
        };
        let codes = codes.get(rows.clone()).unwrap_or_default();
        let mut groups = [NONE; 256];
        for (code, group) in (0..=u8::MAX).zip(&mut groups).take(values.len() + 1) {
            let value = key.value(usize::from(code));
            *group = match keys.known_one(value) {
                Some(number) => number,
                // What no row has is no group.
                None if memchr(code, codes).is_some() => keys.number_of_one(value)?,
                None => NONE,
            };
        }
        Ok(Some(ByBytes { codes, groups }))
    }

    /// The codes of the rows, if these say the groups.
    pub(super) const fn bytes(&self) -> Option<&ByBytes<'s>> {
        self.by_bytes.as_ref()
    }

    pub(super) fn numbers(&self) -> &[u32] {
        self.numbers.get_or_init(|| match &self.by_bytes {
            Some(bytes) => bytes.codes.iter().map(|code| bytes.group(*code)).collect(),
            None => Vec::new(),
        })
    }
}
