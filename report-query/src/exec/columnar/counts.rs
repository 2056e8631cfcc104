//! Counts of small numbers.

/// Places of a table that there are several of: together they stay in a near cache.
const SMALL: usize = if cfg!(test) { 4 } else { 4096 };

/// Counts of places. A count that was just changed is slow to change again, so that neighbours
/// count in tables of their own, if these are small.
pub(super) struct Counts {
    tables: [Vec<u32>; 4],
}

impl Counts {
    pub(super) fn new(places: usize) -> Self {
        let len = |table| {
            if table == 0 || places <= SMALL {
                places
            } else {
                0
            }
        };
        Self {
            tables: std::array::from_fn(|table| vec![0; len(table)]),
        }
    }

    fn count(table: &mut [u32], place: usize) {
        if let Some(count) = table.get_mut(place) {
            *count += 1;
        }
    }

    pub(super) fn add<T>(&mut self, rows: &[T], place: impl Fn(&T) -> usize) {
        let [a, b, c, d] = &mut self.tables;
        if b.is_empty() {
            return rows.iter().for_each(|row| Self::count(a, place(row)));
        }
        let (fours, rest) = rows.as_chunks::<4>();
        for [w, x, y, z] in fours {
            Self::count(a, place(w));
            Self::count(b, place(x));
            Self::count(c, place(y));
            Self::count(d, place(z));
        }
        rest.iter().for_each(|row| Self::count(a, place(row)));
    }

    pub(super) fn add_pairs<T, U>(
        &mut self,
        one: &[T],
        other: &[U],
        place: impl Fn(&T, &U) -> usize,
    ) {
        let [a, b, c, d] = &mut self.tables;
        if b.is_empty() {
            let rows = one.iter().zip(other);
            return rows.for_each(|(one, other)| Self::count(a, place(one, other)));
        }
        let (fours, rest) = one.as_chunks::<4>();
        let (others, other_rest) = other.as_chunks::<4>();
        for ([w, x, y, z], [s, t, u, v]) in fours.iter().zip(others) {
            Self::count(a, place(w, s));
            Self::count(b, place(x, t));
            Self::count(c, place(y, u));
            Self::count(d, place(z, v));
        }
        let rest = rest.iter().zip(other_rest);
        rest.for_each(|(one, other)| Self::count(a, place(one, other)));
    }

    pub(super) fn finish(self) -> Vec<u32> {
        let [mut total, b, c, d] = self.tables;
        // What has no table of its own adds nothing.
        for (((count, b), c), d) in total.iter_mut().zip(b).zip(c).zip(d) {
            *count += b + c + d;
        }
        total
    }
}
