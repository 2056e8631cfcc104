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

    /// The same of codes of a byte, whose tables are of a size that is known.
    pub(super) fn add_bytes(&mut self, codes: &[u8], place: impl Fn(usize) -> usize) {
        const ALL: usize = 1 << 8;

        let mut tables = [[0_u32; ALL]; 4];
        let [a, b, c, d] = &mut tables;
        let (fours, rest) = codes.as_chunks::<4>();
        for [w, x, y, z] in fours {
            a[usize::from(*w)] += 1;
            b[usize::from(*x)] += 1;
            c[usize::from(*y)] += 1;
            d[usize::from(*z)] += 1;
        }
        rest.iter().for_each(|code| a[usize::from(*code)] += 1);
        let [total, ..] = &mut self.tables;
        for code in 0..ALL {
            let count = a[code] + b[code] + c[code] + d[code];
            // Codes that no row has may have no place.
            if count > 0
                && let Some(total) = total.get_mut(place(code))
            {
                *total += count;
            }
        }
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
