//! What is already written and waits for its time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use chrono::{DateTime, Utc};

use super::step::Step;

/// Steps by time; those of one time in the order in which they came.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: BinaryHeap<Reverse<Waiting>>,
    came: u64,
}

struct Waiting {
    at: (DateTime<Utc>, u64),
    step: Step,
}

impl Queue {
    pub(crate) fn push(&mut self, step: Step) {
        self.came += 1;
        self.waiting.push(Reverse(Waiting {
            at: (step.time, self.came),
            step,
        }));
    }

    pub(crate) fn due(&self) -> Option<DateTime<Utc>> {
        self.waiting.peek().map(|Reverse(first)| first.at.0)
    }

    pub(crate) fn take(&mut self) -> Option<Step> {
        self.waiting.pop().map(|Reverse(first)| first.step)
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Waiting {}
