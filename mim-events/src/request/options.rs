//! How documents are parsed, and how large they may be.

use crate::time::DateOrder;

/// How documents are parsed, and how large they may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseOptions {
    pub(super) date_order: DateOrder,
    pub(super) allow_control_characters: bool,
    pub(super) max_bytes: usize,
    pub(super) max_depth: usize,
    pub(super) max_parameters: usize,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self {
            date_order: DateOrder::MonthFirst,
            allow_control_characters: false,
            max_bytes: 64 << 20,
            max_depth: 128,
            max_parameters: 100_000,
        }
    }
}

impl ParseOptions {
    /// The order of day and month in short dates. Default: month first.
    #[must_use]
    pub fn date_order(mut self, order: DateOrder) -> Self {
        self.date_order = order;
        self
    }

    /// Whether control characters may stand raw inside strings, which JSON
    /// forbids. Default: no.
    #[must_use]
    pub fn allow_control_characters(mut self, allow: bool) -> Self {
        self.allow_control_characters = allow;
        self
    }

    /// The largest document, in bytes of UTF-8. Default: 64 MiB; at most 4 GiB - 1.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The deepest nesting of arrays and objects. Default: 128.
    #[must_use]
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.max_depth = depth;
        self
    }

    /// The most items of `RequestParameter`. Default: 100,000.
    #[must_use]
    pub fn max_parameters(mut self, parameters: usize) -> Self {
        self.max_parameters = parameters;
        self
    }
}
