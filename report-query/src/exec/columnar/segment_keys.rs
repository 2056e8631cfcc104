//! The keys of groups in one segment: small numbers, which tables have places for.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::counts::Counts;
use super::select::of_codes;
use super::selected::Selected;
use super::space::Space;
use crate::exec::batch::{position, value, wide};
use crate::expr::{Bound, Row, Scope};
use crate::store::{Codes, SegmentView, with_codes};
use crate::value::Value;

/// Groups of which a table of a segment has a place for each; more are looked up by hashing.
const DENSE: usize = if cfg!(test) { 8 } else { 1 << 16 };

/// A key in one segment: a small number for each row, and the number of its value.
pub(super) enum Key<'s> {
    /// All rows have this value.
    One(u32),
    /// And of null, whose small number is the next.
    Coded(&'s Codes, Cow<'s, [u32]>, u32),
    /// Where each bucket of the ascending times ends, and its start.
    Buckets(Vec<(usize, u32)>),
    /// The number of each selected row's value.
    Rows(Vec<u32>),
}

impl<'s> Key<'s> {
    /// Of the numbers of values, of which the last is null's.
    fn coded(codes: &'s Codes, mut values: Vec<u32>) -> Self {
        let null = values.pop().unwrap_or_default();
        Self::Coded(codes, values.into(), null)
    }

    /// How many different small numbers there may be; `None` if they are not small.
    #[inline]
    fn count(&self) -> Option<usize> {
        match self {
            Self::One(_) => Some(1),
            Self::Coded(_, values, _) => Some(values.len() + 1),
            Self::Buckets(buckets) => Some(buckets.len()),
            Self::Rows(_) => None,
        }
    }

    /// The number of the value that a small number stands for.
    #[inline]
    pub(super) fn value(&self, small: usize) -> u32 {
        let value = match self {
            Self::One(value) => Some(*value),
            Self::Coded(_, values, null) => Some(values.get(small).copied().unwrap_or(*null)),
            Self::Buckets(buckets) => buckets.get(small).map(|(_, value)| *value),
            Self::Rows(_) => None,
        };
        value.unwrap_or_default()
    }

    /// Adds the row's small number, times the stride, to each of the places.
    pub(super) fn add(&self, selected: &Selected, stride: u32, places: &mut [u32]) {
        match (self, selected) {
            (Self::One(_) | Self::Rows(_), _) => {}
            (Self::Coded(codes, ..), Selected::All(rows)) => with_codes!(codes, codes => {
                let codes = codes.get(rows.clone()).unwrap_or_default();
                for (code, place) in codes.iter().zip(places) {
                    *place += wide(*code) * stride;
                }
            }),
            (Self::Coded(codes, ..), Selected::Some(rows)) => with_codes!(codes, codes => {
                for (row, place) in rows.iter().zip(places) {
                    if let Some(code) = codes.get(*row as usize) {
                        *place += wide(*code) * stride;
                    }
                }
            }),
            (Self::Coded(codes, ..), selected) => {
                for (row, place) in selected.rows().zip(places) {
                    *place += position(codes.get(row).unwrap_or_default()) * stride;
                }
            }
            (Self::Buckets(buckets), Selected::All(rows)) => {
                let mut rest = places;
                let mut at = rows.start;
                for (bucket, (end, _)) in (0..).zip(buckets) {
                    let (of, others) = rest.split_at_mut((end - at).min(rest.len()));
                    of.iter_mut().for_each(|place| *place += bucket * stride);
                    (rest, at) = (others, *end);
                }
            }
            (Self::Buckets(buckets), selected) => {
                let mut bucket = 0_u32;
                for (row, place) in selected.rows().zip(places) {
                    while buckets
                        .get(bucket as usize)
                        .is_some_and(|(end, _)| row >= *end)
                    {
                        bucket += 1;
                    }
                    *place += bucket * stride;
                }
            }
        }
    }
}

/// The keys of a segment's rows.
pub(super) struct SegmentKeys<'s> {
    pub(super) keys: Vec<Key<'s>>,
    /// The product of their counts, unless that is too large for a table.
    pub(super) dense: Option<usize>,
}

/// A key in a segment; `None` if it has to be evaluated row by row.
fn of_segment<'s>(
    segment: SegmentView<'s>,
    key: &Bound,
    space: &mut Space<'_>,
    selected: &Selected,
) -> Option<Key<'s>> {
    if let Bound::Bucket(of, bucket) = key
        && let Bound::Column(column) = &**of
        && segment.is_key_time(*column)
    {
        let times = segment.segment.times();
        let mut buckets: Vec<(usize, u32)> = Vec::new();
        let (mut at, last) = selected.first_and_last()?;
        while at <= last {
            let start: DateTime<Utc> = bucket.start(times.get(at)?)?;
            let same = |time| bucket.start(time) == Some(start);
            // Often one bucket has all rows.
            at = match times.get(last) {
                Some(time) if same(time) => last + 1,
                _ => times.partition_point(at..last, same).max(at + 1),
            };
            buckets.push((at, space.number(Value::Time(start))));
        }
        return Some(Key::Buckets(buckets));
    }
    let column = key.only_column().filter(|_| key.is_total())?;
    let of = |cell: &Value| value(key, &Scope::new(Row::Cell(cell))).ok();
    if segment.is_null(column) {
        return Some(Key::One(space.number(of(&Value::Null)?)));
    }
    if let Some(texts) = segment.segment.texts(column) {
        let dictionary = segment.dictionary(column)?;
        let null = position(dictionary.len());
        if matches!(space, Space::Texts(_)) {
            return Some(Key::Coded(texts.codes(), texts.texts().into(), null));
        }
        let numbers = of_codes(texts.codes(), texts.texts().len() + 1, selected, |code| {
            let text = texts.texts().get(code);
            let value = text.map(|code| dictionary.value(*code)).unwrap_or_default();
            Some(space.number(of(&value)?))
        });
        return Some(Key::coded(texts.codes(), numbers?));
    }
    if let Some(coded) = segment.coded(column) {
        let numbers = of_codes(coded.codes, coded.len, selected, |code| {
            Some(space.number(of(&coded.value(code))?))
        });
        return Some(Key::coded(coded.codes, numbers?));
    }
    let Bound::Column(_) = key else {
        return None;
    };
    match space {
        Space::Ids(numbers) => {
            let ids = segment.segment.ids(column)?;
            let number = |row: usize| numbers.number(ids.get(row).copied().flatten());
            Some(Key::Rows(selected.rows().map(number).collect()))
        }
        Space::Ints(numbers) => {
            let ints = segment.segment.ints(column)?;
            let number = |row| numbers.number(ints.get(row));
            Some(Key::Rows(selected.rows().map(number).collect()))
        }
        _ => None,
    }
}

impl<'s> SegmentKeys<'s> {
    /// `None` if a key has to be evaluated row by row.
    pub(super) fn new(
        segment: SegmentView<'s>,
        by: &[Bound],
        spaces: &mut [Space<'_>],
        selected: &Selected,
    ) -> Option<Self> {
        let keys: Vec<Key<'s>> = by
            .iter()
            .zip(spaces)
            .map(|(key, space)| of_segment(segment, key, space, selected))
            .collect::<Option<_>>()?;
        let product = |product: usize, key: &Key<'_>| product.checked_mul(key.count()?);
        let count = keys.iter().try_fold(1, product);
        let dense = count.filter(|count| *count <= DENSE);
        Some(Self { keys, dense })
    }

    /// One small number for each row out of those of its keys.
    pub(super) fn places(&self, selected: &Selected) -> Vec<u32> {
        let mut places = vec![0; selected.len()];
        let mut stride = 1;
        for key in &self.keys {
            key.add(selected, stride, &mut places);
            stride *= position(key.count().unwrap_or(1));
        }
        places
    }

    /// The numbers of the values at a place.
    #[inline]
    pub(super) fn tuple(&self, place: u32, tuple: &mut Vec<u32>) {
        let mut place = place as usize;
        tuple.clear();
        for key in &self.keys {
            let count = key.count().unwrap_or(1);
            tuple.push(key.value(place % count));
            place /= count;
        }
    }

    /// How many rows there are at each place.
    pub(super) fn counts(&self, selected: &Selected, places: usize) -> Vec<u32> {
        let mut counts = Counts::new(places);
        match (&self.keys[..], selected) {
            // Straight from the codes.
            ([Key::Coded(Codes::U8(codes), ..)], Selected::All(rows)) => {
                counts.add_bytes(codes.get(rows.clone()).unwrap_or_default(), |code| code);
            }
            ([Key::Coded(codes, ..)], Selected::All(rows)) => with_codes!(codes, codes => {
                let codes = codes.get(rows.clone()).unwrap_or_default();
                counts.add(codes, |code| *code as usize);
            }),
            ([Key::Coded(codes, ..)], Selected::Some(rows)) => with_codes!(codes, codes => {
                // Each row has a code.
                let code = |row: &u32| codes.get(*row as usize).map_or(places, |code| *code as usize);
                counts.add(rows, code);
            }),
            ([of_a @ Key::Coded(a, ..), Key::Coded(b, ..)], Selected::All(rows)) => {
                let stride = of_a.count().unwrap_or(1);
                with_codes!(a, a => with_codes!(b, b => {
                    let a = a.get(rows.clone()).unwrap_or_default();
                    let b = b.get(rows.clone()).unwrap_or_default();
                    counts.add_pairs(a, b, |a, b| *a as usize + *b as usize * stride);
                }));
            }
            ([Key::Buckets(buckets), Key::Coded(codes, ..)], Selected::All(rows)) => {
                let mut at = rows.start;
                for (bucket, (end, _)) in buckets.iter().enumerate() {
                    let end = (*end).min(rows.end);
                    let place = |code| bucket + code * buckets.len();
                    match codes {
                        Codes::U8(codes) => {
                            counts.add_bytes(codes.get(at..end).unwrap_or_default(), place);
                        }
                        codes => with_codes!(codes, codes => {
                            let codes = codes.get(at..end).unwrap_or_default();
                            counts.add(codes, |code| place(*code as usize));
                        }),
                    }
                    at = end;
                }
            }
            _ => counts.add(&self.places(selected), |place| *place as usize),
        }
        counts.finish()
    }
}
