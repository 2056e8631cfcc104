//! What a generator gives: one thing after the other, each with its truth.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::truth::Expectation;
use crate::activity::Activity;

/// One document or record, and what must come out of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// When it is logged or exported; steps come in this order.
    pub time: DateTime<Utc>,
    /// The document or record.
    pub item: Item,
    /// The activities that it must give, in no order. Empty for a copy of what
    /// came before, and for what is no audit record.
    pub truth: Vec<Activity>,
    /// Rows that reports must have, stated with the first record of what they tell.
    pub expected: Vec<Expectation>,
    /// The same request is logged once more at a later state, which reports show instead.
    pub superseded: bool,
}

/// A document of either source.
#[derive(Clone)]
#[non_exhaustive]
pub enum Item {
    /// A MIM request, to be logged as one event or as several parts.
    Request(RequestDocument),
    /// An element of an Entra audit export.
    Cloud(CloudRecord),
}

/// A MIM request as its service logs it.
#[derive(Clone)]
#[non_exhaustive]
pub struct RequestDocument {
    /// The request's `HybridObjectID`.
    pub id: Uuid,
    /// The computer whose service logs it.
    pub computer: String,
    /// The document.
    pub json: String,
    /// The same document was logged before.
    pub copy: bool,
}

/// One element of an Entra audit export, in the dress that was asked for.
#[derive(Clone)]
#[non_exhaustive]
pub struct CloudRecord {
    /// The element, without what frames it.
    pub json: String,
    /// The same record was exported before.
    pub copy: bool,
    /// It is an audit record, not a sign-in that stands in the same stream.
    pub audit: bool,
}

/// Positions and sizes only: documents hold people's data.
impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request(document) => document.fmt(f),
            Self::Cloud(record) => record.fmt(f),
        }
    }
}

impl std::fmt::Debug for RequestDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestDocument")
            .field("id", &self.id)
            .field("computer", &self.computer)
            .field("bytes", &self.json.len())
            .field("copy", &self.copy)
            .finish()
    }
}

impl std::fmt::Debug for CloudRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudRecord")
            .field("bytes", &self.json.len())
            .field("copy", &self.copy)
            .field("audit", &self.audit)
            .finish()
    }
}
