//! How much an assembler keeps.

use chrono::TimeDelta;

/// How much an [`Assembler`](crate::message::Assembler) keeps, and for how long.
///
/// ```
/// use mim_events::message::{Assembler, AssemblerLimits};
///
/// let limits = AssemblerLimits::default().max_documents(64).max_bytes(8 << 20);
/// let assembler = Assembler::with_limits(limits);
/// # let _ = assembler;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssemblerLimits {
    pub(super) max_documents: usize,
    pub(super) max_bytes: usize,
    pub(super) max_parts: u64,
    pub(super) max_age: TimeDelta,
    pub(super) max_finished_bytes: usize,
}

impl Default for AssemblerLimits {
    fn default() -> Self {
        Self {
            max_documents: 1024,
            max_bytes: 64 << 20,
            max_parts: 1024,
            max_age: TimeDelta::hours(1),
            max_finished_bytes: 1 << 20,
        }
    }
}

impl AssemblerLimits {
    /// The most documents that wait for parts. Default: 1,024; at least 1.
    #[must_use]
    pub fn max_documents(mut self, documents: usize) -> Self {
        self.max_documents = documents.max(1);
        self
    }

    /// The most bytes that all waiting parts take, and one document may take:
    /// their UTF-16 and 128 bytes for each part. Default: 64 MiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The most parts that a header may announce. Default: 1,024, which is more
    /// than `max_bytes` has room for.
    #[must_use]
    pub fn max_parts(mut self, parts: u64) -> Self {
        self.max_parts = parts;
        self
    }

    /// How long after its newest part a document is waited for, by the times of
    /// the events. Default: one hour.
    #[must_use]
    pub fn max_age(mut self, age: TimeDelta) -> Self {
        self.max_age = age;
        self
    }

    /// The most bytes that the memory of finished documents takes, by which late
    /// copies of their parts are known: 8 for each part, and 128 and the names
    /// for each document. Default: 1 MiB.
    #[must_use]
    pub fn max_finished_bytes(mut self, bytes: usize) -> Self {
        self.max_finished_bytes = bytes;
        self
    }
}
