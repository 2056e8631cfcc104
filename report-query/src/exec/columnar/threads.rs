//! Parts of a snapshot for several threads: feature `parallel`. Without it all is done by the
//! thread that asks.

use crate::error::Result;
use crate::store::Part;

/// Rows that are worth a thread.
const ROWS: usize = if cfg!(test) { 3 } else { 1 << 17 };

/// How many threads there are to share work with, the own one included.
fn threads() -> usize {
    if cfg!(test) {
        // What threads found is put together in tests even where one does it all.
        return 4;
    }
    #[cfg(feature = "parallel")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "parallel"))]
    1
}

/// How many rows parts have.
pub(super) fn rows_of(parts: &[Part<'_>]) -> usize {
    parts.iter().map(|part| part.rows.len()).sum()
}

/// Parts in runs of about as many rows each, one for each thread that is worth it.
pub(in crate::exec) fn runs<'r, 'p>(parts: &'r [Part<'p>]) -> Vec<&'r [Part<'p>]> {
    let rows = rows_of(parts);
    let runs = match rows / ROWS {
        // Who asks for the threads starts them.
        0 | 1 => 1,
        worth => worth.min(threads()),
    };
    let mut all = Vec::with_capacity(runs);
    let mut rest = parts;
    let mut left = rows;
    for others in (0..runs).rev() {
        let share = left / (others + 1);
        let mut taken = 0;
        let mut count = 0;
        for part in rest {
            // Whatever is nearer to the share.
            if others > 0 && taken + part.rows.len() / 2 > share {
                break;
            }
            taken += part.rows.len();
            count += 1;
        }
        let (run, behind) = rest.split_at(count);
        // Of no parts there is one run.
        if !run.is_empty() || others == 0 && all.is_empty() {
            all.push(run);
        }
        (rest, left) = (behind, left - taken);
    }
    all
}

/// One of all that runs came to, in their order, or the first error; `None` if one came to nothing.
pub(in crate::exec) fn one_of<T>(
    all: Vec<Result<Option<T>>>,
    mut merge: impl FnMut(&mut T, T) -> Result<()>,
) -> Result<Option<T>> {
    let mut one: Option<T> = None;
    for found in all {
        let Some(more) = found? else {
            return Ok(None);
        };
        match &mut one {
            Some(one) => merge(one, more)?,
            None => one = Some(more),
        }
    }
    Ok(one)
}

/// What comes of each part, in their order, or the first error.
pub(in crate::exec) fn of_parts<'p, T: Send>(
    parts: &[Part<'p>],
    of: impl Fn(&Part<'p>) -> Result<T> + Send + Sync,
) -> Result<Vec<T>> {
    let of_run = |run: &[Part<'p>]| run.iter().map(&of).collect::<Result<Vec<T>>>();
    let mut all = Vec::with_capacity(parts.len());
    for of_run in map(runs(parts), of_run) {
        all.extend(of_run?);
    }
    Ok(all)
}

/// What comes of each of so many numbers, from 0 on.
pub(super) fn of_numbers<T: Send>(count: usize, of: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if count < ROWS {
        return (0..count).map(of).collect();
    }
    let starts: Vec<usize> = (0..count).step_by(ROWS / 8 + 1).collect();
    let of_some = |start: usize| -> Vec<T> {
        let end = count.min(start + ROWS / 8 + 1);
        (start..end).map(&of).collect()
    };
    let mut all = Vec::with_capacity(count);
    map(starts, of_some)
        .into_iter()
        .for_each(|some| all.extend(some));
    all
}

/// What comes of each item, in the order of the items.
pub(in crate::exec) fn map<T: Send, R: Send>(items: Vec<T>, of: impl Fn(T) -> R + Sync) -> Vec<R> {
    // Whoever makes several items thinks them worth it.
    map_with(items, usize::MAX, || (), |(), item| of(item))
}

/// The same with something that those of one thread share, for work on so many values.
#[cfg(feature = "parallel")]
pub(in crate::exec) fn map_with<T: Send, R: Send, S>(
    items: Vec<T>,
    work: usize,
    shared: impl Fn() -> S + Send + Sync,
    of: impl Fn(&mut S, T) -> R + Send + Sync,
) -> Vec<R> {
    use rayon::iter::{IntoParallelIterator, ParallelIterator};

    if items.len() < 2 || work < 2 * ROWS {
        let mut own = shared();
        return items.into_iter().map(|item| of(&mut own, item)).collect();
    }
    items.into_par_iter().map_init(shared, of).collect()
}

/// The same with something that those of one thread share, for work on so many values.
#[cfg(not(feature = "parallel"))]
pub(in crate::exec) fn map_with<T, R, S>(
    items: Vec<T>,
    _: usize,
    shared: impl Fn() -> S,
    of: impl Fn(&mut S, T) -> R,
) -> Vec<R> {
    let mut own = shared();
    items.into_iter().map(|item| of(&mut own, item)).collect()
}
