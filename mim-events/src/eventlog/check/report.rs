//! What a check found.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// The first so many findings are kept, the rest are counted.
const MAX_FINDINGS: usize = 100;

/// What [`check`](crate::eventlog::check) saw and found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CheckReport {
    /// Chunks that are in use.
    pub chunks: u64,
    /// Records in them.
    pub records: u64,
    /// Names of elements and attributes that the chunks define.
    pub names: u64,
    /// Template definitions in the chunks.
    pub templates: u64,
    /// The first 100 findings: what is wrong ([`ErrorKind::FileHeader`],
    /// [`ErrorKind::Chunk`] or [`ErrorKind::Record`]) and where.
    pub findings: Vec<Error>,
    /// How many findings there were in all.
    pub total: u64,
}

impl CheckReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.total == 0
    }

    /// The first finding as an error.
    ///
    /// # Errors
    /// The first finding, if there is one.
    pub fn into_result(self) -> Result<(), Error> {
        self.findings.into_iter().next().map_or(Ok(()), Err)
    }

    pub(super) fn file(&mut self, offset: u64, what: &'static str) {
        self.add(Error::new(ErrorKind::FileHeader { what }).at_offset(offset));
    }

    pub(super) fn add(&mut self, finding: Error) {
        self.total += 1;
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} chunks, {} records, {} names, {} templates: {} findings",
            self.chunks, self.records, self.names, self.templates, self.total
        )?;
        for finding in &self.findings {
            write!(f, "\n{finding}")?;
        }
        let more = self.total - self.findings.len() as u64;
        if more > 0 {
            write!(f, "\nand {more} more")?;
        }
        Ok(())
    }
}
