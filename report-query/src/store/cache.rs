//! `Cache`: what queries know of sealed segments, which never change.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is kept; its users know the type.
pub(crate) type Kept = Arc<dyn Any + Send + Sync>;

/// What queries know of the sealed segments of a store, bounded in bytes: the query that was not
/// asked for the longest time goes first.
#[derive(Default)]
pub(crate) struct Cache {
    most: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The segments of the store as it is now. Of others nothing is kept, since they may have held
    /// what was erased.
    live: HashSet<u64>,
    /// Those asked last come last.
    queries: Vec<Query>,
    bytes: usize,
}

struct Query {
    query: Kept,
    segments: HashMap<u64, (Kept, usize)>,
    bytes: usize,
}

/// Bytes that a segment of a query takes in the tables, or a query.
const OVERHEAD: usize = 128;

/// Queries that are looked through at most.
const QUERIES: usize = 256;

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // What a panic elsewhere leaves is whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a query that is equal knows of each segment.
    pub(crate) fn of<Q: PartialEq + Any>(
        &self,
        query: &Q,
        segments: impl Iterator<Item = u64>,
    ) -> Vec<Option<Kept>> {
        let mut known = self.lock();
        let Some(at) = known.position(query) else {
            return segments.map(|_| None).collect();
        };
        let query = known.queries.remove(at);
        let find = |segment| {
            query
                .segments
                .get(&segment)
                .map(|(kept, _)| Arc::clone(kept))
        };
        let found = segments.map(find).collect();
        known.queries.push(query);
        found
    }

    /// Keeps what a query knows of a segment, which takes so many bytes.
    pub(crate) fn keep<Q: PartialEq + Any + Send + Sync + Clone>(
        &self,
        query: &Q,
        segment: u64,
        kept: Kept,
        bytes: usize,
    ) {
        let bytes = bytes.saturating_add(OVERHEAD);
        if bytes > self.most {
            return;
        }
        // What is dropped is freed after the lock.
        let mut dropped = Vec::new();
        let mut known = self.lock();
        if !known.live.contains(&segment) {
            return;
        }
        let at = known.position(query).unwrap_or_else(|| {
            known.queries.push(Query {
                query: Arc::new(query.clone()),
                segments: HashMap::new(),
                bytes: OVERHEAD,
            });
            known.bytes += OVERHEAD;
            known.queries.len() - 1
        });
        if let Some(query) = known.queries.get_mut(at) {
            let before = query.segments.insert(segment, (kept, bytes));
            let more = bytes.saturating_sub(before.map_or(0, |(_, bytes)| bytes));
            query.bytes += more;
            known.bytes += more;
        }
        while known.bytes > self.most || known.queries.len() > QUERIES {
            let oldest = known.queries.remove(0);
            known.bytes = known.bytes.saturating_sub(oldest.bytes);
            dropped.push(oldest);
        }
        drop(known);
    }

    /// Takes notice of the segments that the store has now, and forgets all others.
    pub(super) fn live(&self, segments: impl Iterator<Item = u64>) {
        let mut dropped = Vec::new();
        let mut known = self.lock();
        known.live = segments.collect();
        let Known {
            live,
            queries,
            bytes,
        } = &mut *known;
        for query in queries {
            let gone = query
                .segments
                .extract_if(|segment, _| !live.contains(segment));
            for (_, (kept, size)) in gone {
                query.bytes = query.bytes.saturating_sub(size);
                *bytes = bytes.saturating_sub(size);
                dropped.push(kept);
            }
        }
        drop(known);
    }

    /// The bytes of all that is kept.
    pub(super) fn size(&self) -> usize {
        self.lock().bytes
    }
}

impl Known {
    fn position<Q: PartialEq + Any>(&self, query: &Q) -> Option<usize> {
        let is_same = |other: &Query| other.query.downcast_ref::<Q>() == Some(query);
        self.queries.iter().rposition(is_same)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.lock();
        f.debug_struct("Cache")
            .field("queries", &known.queries.len())
            .field("bytes", &known.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(what: &str) -> Kept {
        Arc::new(what.to_owned())
    }

    fn found(cache: &Cache, query: u32, segments: &[u64]) -> Vec<Option<String>> {
        let found = cache.of(&query, segments.iter().copied()).into_iter();
        found
            .map(|kept| kept?.downcast_ref::<String>().cloned())
            .collect()
    }

    #[test]
    fn what_is_kept_is_of_its_query_and_segment() {
        let cache = Cache::new(10_000);
        cache.live([1, 2].into_iter());
        cache.keep(&7_u32, 1, kept("a"), 10);
        cache.keep(&7_u32, 2, kept("b"), 10);
        cache.keep(&8_u32, 2, kept("c"), 10);
        assert_eq!(
            found(&cache, 7, &[2, 1, 3]),
            [Some("b".into()), Some("a".into()), None]
        );
        assert_eq!(found(&cache, 8, &[1, 2]), [None, Some("c".into())]);
        // Another type is another query.
        assert!(
            cache
                .of(&7_i64, [1].into_iter())
                .iter()
                .all(Option::is_none)
        );
    }

    #[test]
    fn of_segments_that_are_gone_nothing_is_kept() {
        let cache = Cache::new(10_000);
        cache.live([1, 2].into_iter());
        cache.keep(&7_u32, 1, kept("a"), 10);
        cache.keep(&7_u32, 2, kept("b"), 10);
        let size = cache.size();
        cache.live([2, 3].into_iter());
        assert!(cache.size() < size);
        // Whoever began before comes too late.
        cache.keep(&7_u32, 1, kept("a"), 10);
        assert_eq!(found(&cache, 7, &[1, 2]), [None, Some("b".into())]);
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_asked() {
        let cache = Cache::new(3 * (1000 + 2 * OVERHEAD));
        cache.live(0..100);
        for query in 0..50_u32 {
            cache.keep(&query, 1, kept("x"), 1000);
            assert!(cache.size() <= 3 * (1000 + 2 * OVERHEAD));
            assert_eq!(found(&cache, 0, &[1]), [Some("x".into())]);
        }
        assert_eq!(found(&cache, 1, &[1]), [None]);
        cache.keep(&99_u32, 1, kept("too much"), 10_000);
        assert_eq!(found(&cache, 99, &[1]), [None]);
        assert_eq!(found(&cache, 0, &[1]), [Some("x".into())]);
        // The same again takes nothing more.
        let size = cache.size();
        cache.keep(&0_u32, 1, kept("y"), 1000);
        assert_eq!(cache.size(), size);
    }
}
