//! `Memo`: what several queries over one snapshot share.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Answers to questions that are asked of one snapshot again: to the latest few.
/// They go with the snapshot, whose rows never change, so none of them gets wrong.
#[derive(Default)]
pub(crate) struct Memo {
    /// Those asked last come last.
    known: Mutex<Vec<(Kept, Kept)>>,
}

type Kept = Arc<dyn Any + Send + Sync>;

/// How many answers are kept.
const MOST: usize = 8;

impl Memo {
    fn lock(&self) -> MutexGuard<'_, Vec<(Kept, Kept)>> {
        // What a panic elsewhere leaves is whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to an equal question, if it is known.
    pub(crate) fn find<Q: PartialEq + Any, T: Any + Send + Sync>(
        &self,
        question: &Q,
    ) -> Option<Arc<T>> {
        let mut known = self.lock();
        let is_it = |(known, _): &(Kept, Kept)| known.downcast_ref() == Some(question);
        let at = known.iter().position(is_it)?;
        let found = known.remove(at);
        let answer = Arc::clone(&found.1);
        known.push(found);
        drop(known);
        answer.downcast().ok()
    }

    /// Keeps an answer. Two who did not know of each other may both have made it: nobody waits
    /// for another, who may need the same thread to go on.
    pub(crate) fn keep<Q: PartialEq + Any + Send + Sync, T: Any + Send + Sync>(
        &self,
        question: Q,
        answer: &Arc<T>,
    ) {
        let answer: Kept = Arc::<T>::clone(answer);
        let mut known = self.lock();
        known.retain(|(known, _)| known.downcast_ref() != Some(&question));
        known.push((Arc::new(question), answer));
        let oldest = (known.len() > MOST).then(|| known.remove(0));
        drop(known);
        // It is freed after the lock.
        drop(oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_questions_asked_last_are_kept() {
        let memo = Memo::default();
        for question in 0..8_u32 {
            memo.keep(question, &Arc::new(question * 2));
        }
        assert_eq!(memo.find::<u32, u32>(&0).as_deref(), Some(&0));
        memo.keep(8_u32, &Arc::new(16_u32));
        memo.keep(8_u32, &Arc::new(16_u32));
        assert_eq!(memo.find::<u32, u32>(&1), None);
        for question in [0_u32, 2, 3, 4, 5, 6, 7, 8] {
            let answer = memo.find::<u32, u32>(&question);
            assert_eq!(answer.as_deref(), Some(&(question * 2)));
        }
        // Another question may look the same.
        assert_eq!(memo.find::<u64, u32>(&2), None);
    }
}
