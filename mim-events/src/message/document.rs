//! A complete document, lent by the assembler.

use std::fmt;

use crate::error::Result;
use crate::request::{Origin, ParseOptions, Request};

/// A complete document: the text of one event or of all parts, and where it was
/// logged. It borrows the assembler's buffer until the next event.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) origin: &'a Origin,
    pub(super) replaced: usize,
}

impl<'a> Document<'a> {
    /// The text as it was logged, a byte order mark or NULs around it included.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Where the document was logged. The record id and time are those of the
    /// part with the highest record id, whatever the order in which they came.
    #[must_use]
    pub fn origin(&self) -> &'a Origin {
        self.origin
    }

    /// How many unpaired surrogates were read as U+FFFD.
    #[must_use]
    pub fn replaced_characters(&self) -> usize {
        self.replaced
    }

    /// Parses the document as a request that knows its origin.
    ///
    /// # Errors
    /// As [`Request::from_json_with`], with the record id of the origin.
    pub fn parse(&self) -> Result<Request<'a>> {
        self.parse_with(&ParseOptions::default())
    }

    /// Parses the document with options.
    ///
    /// # Errors
    /// As [`Request::from_json_with`], with the record id of the origin.
    pub fn parse_with(&self, options: &ParseOptions) -> Result<Request<'a>> {
        match Request::from_json_with(self.text, options) {
            Ok(request) => Ok(request.with_origin(self.origin.clone())),
            Err(error) => Err(error.at_record(self.origin.record_id)),
        }
    }
}

/// The text's length only: documents hold people's data.
impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("bytes", &self.text.len())
            .field("origin", self.origin)
            .field("replaced_characters", &self.replaced)
            .finish()
    }
}
