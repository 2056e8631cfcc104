//! Which documents were finished lately, to know late copies of their parts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::waiting::{Key, Part};

pub(super) struct Finished {
    documents: HashMap<Arc<Key>, Box<[u64]>>,
    /// The oldest first.
    order: VecDeque<Arc<Key>>,
    bytes: usize,
    max_bytes: usize,
}

fn cost(key: &Key, hashes: &[u64]) -> usize {
    key.cost() + size_of_val(hashes)
}

impl Finished {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            documents: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            max_bytes,
        }
    }

    /// Whether the document that was finished last under this key had this part.
    pub(super) fn had(&self, key: &Key, total: u64, number: u64, part: &Part) -> bool {
        self.documents.get(key).is_some_and(|hashes| {
            hashes.len() as u64 == total
                && usize::try_from(number - 1)
                    .ok()
                    .and_then(|at| hashes.get(at))
                    .is_some_and(|&hash| hash == part.hash)
        })
    }

    /// Remembers a document by the hashes of its parts, in order.
    pub(super) fn remember(&mut self, key: Key, hashes: Box<[u64]>) {
        self.bytes += cost(&key, &hashes);
        let key = Arc::new(key);
        match self.documents.insert(Arc::clone(&key), hashes) {
            Some(before) => self.bytes -= cost(&key, &before),
            None => self.order.push_back(key),
        }
        while self.bytes > self.max_bytes
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some(hashes) = self.documents.remove(&oldest) {
                self.bytes -= cost(&oldest, &hashes);
            }
        }
    }
}
