//! The values of an event, one after the other.

#[cfg(feature = "eventlog")]
use super::binxml::{Value, size_and_kind};
use super::datum::{DataValue, Datum};
use super::event::Item;
#[cfg(feature = "eventlog")]
use super::plan::Entry;
#[cfg(feature = "eventlog")]
use super::value::{NULL, STRING, STRING_ARRAY};
use crate::text::Utf16;

/// Where an event's values are.
#[derive(Clone, Copy)]
pub(crate) enum EventData<'a> {
    /// One by one.
    Items(&'a [Item]),
    /// As a template's plan and the values of its instance; both were checked.
    #[cfg(feature = "eventlog")]
    Planned {
        entries: &'a [Entry],
        values: &'a [Value],
        /// The texts of all plans.
        literals: &'a [u8],
    },
    #[cfg(feature = "eventlog")]
    Straight(Straight<'a>),
}

/// Event data whose values come one after the other, as their descriptors say;
/// they were checked.
#[cfg(feature = "eventlog")]
#[derive(Clone, Copy)]
pub(crate) struct Straight<'a> {
    pub(crate) entries: &'a [Entry],
    /// The texts of all plans.
    pub(crate) literals: &'a [u8],
    pub(crate) descriptors: &'a [[u8; 4]],
    /// The number of the value that begins at `at`.
    pub(crate) slot: u32,
    pub(crate) at: u32,
}

#[cfg(feature = "eventlog")]
impl Straight<'_> {
    fn descriptor(&self, slot: u16) -> Option<(u32, u8)> {
        let descriptor = self.descriptors.get(usize::from(slot))?;
        Some(size_and_kind(*descriptor))
    }

    fn is_left_out(&self, entry: &Entry) -> bool {
        let dependency = entry.dependency.and_then(|slot| self.descriptor(slot));
        dependency.is_some_and(|(_, kind)| kind == NULL)
    }

    /// The value of an entry that comes after those before; `None` if it has none.
    fn value(&mut self, entry: &Entry) -> Option<Value> {
        let slot = entry.content?;
        let (size, kind) = self.descriptor(slot).filter(|(_, kind)| *kind != NULL)?;
        let before = self
            .descriptors
            .get(self.slot as usize..usize::from(slot))?;
        for &descriptor in before {
            self.at += size_and_kind(descriptor).0;
        }
        self.slot = slot.into();
        Some(Value {
            kind,
            start: self.at,
            end: self.at + size,
        })
    }
}

/// The values of an event's data, in order; made by
/// [`LogEvent::data`](crate::eventlog::LogEvent::data).
#[derive(Clone)]
pub struct Data<'a> {
    /// The event's bytes.
    bytes: &'a [u8],
    rest: EventData<'a>,
    /// What is left of an array of strings, each ended by a NUL, with its name.
    #[cfg(feature = "eventlog")]
    array: Option<(Option<Utf16<'a>>, &'a [u8])>,
}

impl<'a> Data<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], data: EventData<'a>) -> Self {
        Self {
            bytes,
            rest: data,
            #[cfg(feature = "eventlog")]
            array: None,
        }
    }

    #[inline]
    fn slice(&self, (start, end): (u32, u32)) -> &'a [u8] {
        self.bytes
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }
}

impl<'a> Iterator for Data<'a> {
    type Item = Datum<'a>;

    fn next(&mut self) -> Option<Datum<'a>> {
        #[cfg(feature = "eventlog")]
        if let Some((name, bytes)) = self.array.take() {
            return Some(self.take_string(name, bytes));
        }
        match self.rest {
            EventData::Items(items) => {
                let (item, rest) = items.split_first()?;
                self.rest = EventData::Items(rest);
                Some(Datum {
                    name: item.name.map(|name| Utf16::from_le_bytes(self.slice(name))),
                    value: DataValue {
                        kind: item.kind,
                        bytes: self.slice(item.value),
                    },
                })
            }
            #[cfg(feature = "eventlog")]
            EventData::Planned {
                entries,
                values,
                literals,
            } => self.planned(entries, values, literals),
            #[cfg(feature = "eventlog")]
            EventData::Straight(straight) => self.straight(straight, 0),
        }
    }

    #[inline]
    fn nth(&mut self, count: usize) -> Option<Datum<'a>> {
        #[cfg(feature = "eventlog")]
        if let EventData::Straight(straight) = self.rest
            && self.array.is_none()
        {
            return self.straight(straight, count);
        }
        for _ in 0..count {
            self.next()?;
        }
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.rest {
            EventData::Items(items) => (items.len(), Some(items.len())),
            #[cfg(feature = "eventlog")]
            EventData::Planned { .. } | EventData::Straight(_) => (0, None),
        }
    }
}

#[cfg(feature = "eventlog")]
impl<'a> Data<'a> {
    fn planned(
        &mut self,
        entries: &'a [Entry],
        values: &'a [Value],
        literals: &'a [u8],
    ) -> Option<Datum<'a>> {
        let mut left = entries.iter();
        let found = left.find_map(|entry| Some((entry.name, entry.value(values)?)));
        self.rest = EventData::Planned {
            entries: left.as_slice(),
            values,
            literals,
        };
        let (name, value) = found?;
        Some(self.datum(name_in(literals, name), value))
    }

    /// The value after so many others.
    fn straight(&mut self, mut straight: Straight<'a>, mut count: usize) -> Option<Datum<'a>> {
        while let Some((entry, rest)) = straight.entries.split_first() {
            straight.entries = rest;
            if straight.is_left_out(entry) {
                continue;
            }
            let kind = entry.content.and_then(|slot| straight.descriptor(slot));
            // An array is several values.
            let is_array = kind.is_some_and(|(_, kind)| kind == STRING_ARRAY);
            if count > 0 && !is_array {
                count -= 1;
                continue;
            }
            let value = straight.value(entry);
            self.rest = EventData::Straight(straight);
            let first = self.datum(name_in(straight.literals, entry.name), value);
            return match count.checked_sub(1) {
                Some(more) => self.nth(more),
                None => Some(first),
            };
        }
        self.rest = EventData::Items(&[]);
        None
    }

    fn datum(&mut self, name: Option<Utf16<'a>>, value: Option<Value>) -> Datum<'a> {
        let Some(value) = value else {
            return text(name, &[]);
        };
        let bytes = self.slice((value.start, value.end));
        match value.kind {
            STRING => {
                let end = Utf16::from_le_bytes(bytes)
                    .find_nul()
                    .map_or(bytes.len(), |units| units * 2);
                text(name, bytes.get(..end).unwrap_or_default())
            }
            STRING_ARRAY => self.take_string(name, bytes),
            kind => Datum {
                name,
                value: DataValue { kind, bytes },
            },
        }
    }

    /// An array repeats its element: [MS-EVEN6] 3.1.4.7.5. Every string ends
    /// with a NUL; a last one that does not is cut off.
    fn take_string(&mut self, name: Option<Utf16<'a>>, bytes: &'a [u8]) -> Datum<'a> {
        let Some(units) = Utf16::from_le_bytes(bytes).find_nul() else {
            return text(name, bytes);
        };
        let (string, rest) = bytes.split_at(units * 2);
        let rest = rest.get(2..).filter(|rest| !rest.is_empty());
        self.array = rest.map(|rest| (name, rest));
        text(name, string)
    }
}

#[cfg(feature = "eventlog")]
fn name_in(literals: &[u8], name: Option<(u32, u32)>) -> Option<Utf16<'_>> {
    let (start, end) = name?;
    let bytes = literals.get(start as usize..end as usize);
    Some(Utf16::from_le_bytes(bytes.unwrap_or_default()))
}

#[cfg(feature = "eventlog")]
fn text<'a>(name: Option<Utf16<'a>>, bytes: &'a [u8]) -> Datum<'a> {
    Datum {
        name,
        value: DataValue {
            kind: STRING,
            bytes,
        },
    }
}

impl std::iter::FusedIterator for Data<'_> {}

/// How many values are left: event data holds people's data.
impl std::fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data")
            .field("left", &self.clone().count())
            .finish_non_exhaustive()
    }
}
