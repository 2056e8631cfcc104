//! What was read.

use std::fmt;

/// What an [`EntraReader`](super::EntraReader) has read so far, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntraSummary {
    /// Elements found: JSON objects and other values where a record can stand, rows of
    /// tables. Each is counted in one of the next three too.
    pub elements: u64,
    /// Audit records that became activities.
    pub activities: u64,
    /// Records of other logs, such as sign-ins.
    pub not_audit: u64,
    /// Elements that could not be read; each gave an error.
    pub damaged: u64,
    /// Activities whose record has no id: the same record read from another kind of
    /// export is another activity.
    pub without_id: u64,
    /// Error answers of the service among the records; each gave an error.
    pub api_errors: u64,
    /// Bytes read.
    pub bytes: u64,
}

impl EntraSummary {
    /// Adds what another reader has read.
    pub fn add(&mut self, other: &Self) {
        self.elements += other.elements;
        self.activities += other.activities;
        self.not_audit += other.not_audit;
        self.damaged += other.damaged;
        self.without_id += other.without_id;
        self.api_errors += other.api_errors;
        self.bytes += other.bytes;
    }
}

/// For people: `1200 records: 1100 activities, 90 of other logs, 10 damaged`.
impl fmt::Display for EntraSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} records: {} activities",
            self.elements, self.activities
        )?;
        for (count, what) in [
            (self.not_audit, "of other logs"),
            (self.damaged, "damaged"),
            (self.without_id, "without an id"),
            (self.api_errors, "error answers"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_and_speaks() {
        let mut sum = EntraSummary {
            elements: 3,
            activities: 2,
            damaged: 1,
            ..EntraSummary::default()
        };
        sum.add(&sum.clone());
        assert_eq!(sum.to_string(), "6 records: 4 activities, 2 damaged");
    }
}
