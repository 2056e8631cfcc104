//! [`Shape`]: where the parts of `System` lie among an instance's values.
//!
//! The values before the event data have the same types and sizes in nearly
//! every record of a template. While their descriptors are the same, so is the
//! place of every part.

use super::binxml::{Descriptors, EOF, Value, size_and_kind};
use super::collector::{Span, System, Target, User};
use super::plan::{Field, is_left_out, value_of};
use super::value::{self, BINXML};

/// A part that is not there, or that the template itself holds.
const NOWHERE: u32 = u32::MAX;

/// Where the parts of `System` lie, from the first of the values on.
#[derive(Clone, Copy, Debug)]
struct Places {
    record_id: u32,
    event_id: u32,
    qualifiers: u32,
    level: u32,
    created: u32,
    provider: Span,
    channel: Span,
    computer: Span,
    user: Span,
}

const NO_PLACES: Places = Places {
    record_id: NOWHERE,
    event_id: NOWHERE,
    qualifiers: NOWHERE,
    level: NOWHERE,
    created: NOWHERE,
    provider: (NOWHERE, 0),
    channel: (NOWHERE, 0),
    computer: (NOWHERE, 0),
    user: (NOWHERE, 0),
};

/// The places for one list of descriptors.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// Without that of the fragment with the event data.
    descriptors: Vec<[u8; 4]>,
    /// Bytes of these values.
    size: u32,
    /// `None` if parts have types that are seldom seen.
    places: Option<Places>,
    values: Vec<Value>,
}

impl Shape {
    /// Puts the parts into `system`, which holds the template's own ones, and
    /// returns the range of the fragment of event data, if the last value is one.
    /// `None` if the values must be looked at one by one.
    #[inline]
    pub(crate) fn read(
        &mut self,
        (fields, fragment): (&[Field], Option<u16>),
        (chunk, end): (&[u8], usize),
        all: Descriptors<'_>,
        system: &mut System,
    ) -> Option<Option<Span>> {
        let (fixed, last) = match (fragment, all.each.split_last()) {
            (Some(slot), Some((last, fixed))) if usize::from(slot) == fixed.len() => {
                (fixed, Some(last))
            }
            (Some(slot), _) if usize::from(slot) < all.each.len() => return None,
            _ => (all.each, None),
        };
        if fixed != self.descriptors {
            self.learn(fields, fixed);
        }
        let places = self.places.as_ref()?;
        let base = all.end as u32;
        let start = base.checked_add(self.size)?;
        let (size, kind) = last.map_or((0, 0), |&last| size_and_kind(last));
        let next = (start + size) as usize;
        if next > end || next < end && chunk.get(next) != Some(&EOF) {
            return None;
        }
        places.read(chunk, base, system)?;
        Some((kind == BINXML && size > 0).then_some((start, start + size)))
    }

    #[cold]
    fn learn(&mut self, fields: &[Field], descriptors: &[[u8; 4]]) {
        self.descriptors.clear();
        self.descriptors.extend_from_slice(descriptors);
        self.values.clear();
        // Places count from the first value on.
        let all = Descriptors {
            each: descriptors,
            end: 0,
        };
        self.values.extend(all.values());
        self.size = self.values.last().map_or(0, |last| last.end);
        self.places = Places::of(fields, &self.values);
    }
}

impl Places {
    fn of(fields: &[Field], values: &[Value]) -> Option<Self> {
        let mut places = NO_PLACES;
        for field in fields {
            let value = value_of(values, field.slot);
            let Some(value) = value.filter(|_| !is_left_out(values, field.dependency)) else {
                continue;
            };
            let place = (value.start, value.end);
            match (field.target, value.kind, value.end - value.start) {
                (Target::RecordId, 0x0A, 8) => places.record_id = value.start,
                (Target::EventId, 0x06, 2) => places.event_id = value.start,
                (Target::Qualifiers, 0x06, 2) => places.qualifiers = value.start,
                (Target::Level, 0x04, 1) => places.level = value.start,
                (Target::Created, value::FILETIME, 8) => places.created = value.start,
                (Target::Provider, value::STRING, size) if size % 2 == 0 => places.provider = place,
                (Target::Channel, value::STRING, size) if size % 2 == 0 => places.channel = place,
                (Target::Computer, value::STRING, size) if size % 2 == 0 => places.computer = place,
                (Target::User, value::SID, _) => places.user = place,
                _ => return None,
            }
        }
        Some(places)
    }

    #[inline]
    fn read(&self, chunk: &[u8], base: u32, system: &mut System) -> Option<()> {
        if self.record_id != NOWHERE {
            system.record_id = Some(u64::from_le_bytes(at(chunk, base + self.record_id)?));
        }
        if self.event_id != NOWHERE {
            system.event_id = u16::from_le_bytes(at(chunk, base + self.event_id)?).into();
        }
        if self.qualifiers != NOWHERE {
            system.qualifiers = Some(u16::from_le_bytes(at(chunk, base + self.qualifiers)?));
        }
        if self.level != NOWHERE {
            let [level] = at(chunk, base + self.level)?;
            system.level = Some(level);
        }
        if self.created != NOWHERE {
            let ticks = u64::from_le_bytes(at(chunk, base + self.created)?);
            system.created = value::filetime_moment(ticks);
        }
        for (place, span) in [
            (self.provider, &mut system.provider),
            (self.channel, &mut system.channel),
            (self.computer, &mut system.computer),
        ] {
            if place.0 != NOWHERE {
                *span = (base + place.0, base + place.1);
            }
        }
        if self.user.0 != NOWHERE {
            let span = (base + self.user.0, base + self.user.1);
            let bytes = chunk.get(span.0 as usize..span.1 as usize)?;
            if !value::is_sid(bytes) {
                return None;
            }
            system.user = Some(User::Sid(span));
        }
        Some(())
    }
}

#[inline]
fn at<const N: usize>(chunk: &[u8], start: u32) -> Option<[u8; N]> {
    chunk.get(start as usize..)?.first_chunk().copied()
}
