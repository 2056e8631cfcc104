//! How long the text of a classic event may be, by the version of the format.

/// Bytes that a chunk has for records: from the end of its header, 512, to the
/// last offset at which free space may begin, 65,528.
pub(crate) const CHUNK_CAPACITY: usize = 65_528 - 512;

/// The version of a log file, and with it the template of classic events.
///
/// Windows changed both at once: all 2,107 classic records of the version 3.1
/// files that were looked at have one template, all 62 of version 3.2 another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// Version 3.1: up to Windows Server 2019 and Windows 10 1909.
    #[default]
    V3_1,
    /// Version 3.2: Windows Server 2022, and Windows 10 from 2004 on. `System` has
    /// `Version`, `Opcode`, `Correlation` and `Execution` besides.
    ///
    /// Its table of template definitions has another order, which is not known
    /// ([`LogWriter`](crate::eventlog::LogWriter) fills it in the order of 3.1).
    /// No reader was found that looks a definition up there.
    V3_2,
}

impl Layout {
    /// [`text_capacity`] for logs of this version.
    ///
    /// The larger template of version 3.2 leaves 168 units less.
    ///
    /// ```
    /// use mim_events::eventlog::{Layout, MIM_CHANNEL, MIM_PROVIDER};
    ///
    /// let capacity = Layout::V3_2.text_capacity(
    ///     MIM_PROVIDER, MIM_CHANNEL, "mim01.example.invali", None);
    /// assert_eq!(capacity, 31_679);
    /// ```
    #[must_use]
    pub fn text_capacity(
        self,
        provider: &str,
        channel: &str,
        computer: &str,
        user: Option<&str>,
    ) -> usize {
        // The first record of a chunk besides provider, channel, computer, user
        // and text: the record's frame, both template definitions with their
        // names, the values of fixed size, and the NUL that ends the text.
        let first_record = match self {
            Self::V3_1 => 1154,
            Self::V3_2 => 1490,
        };
        let names: usize = [provider, channel, computer]
            .iter()
            .map(|name| name.encode_utf16().count() * 2)
            .sum();
        // A SID is 8 bytes and 4 for each number after `S-1-5`.
        let sid = user.map_or(0, |user| {
            8 + 4 * user.matches('-').count().saturating_sub(2)
        });
        CHUNK_CAPACITY.saturating_sub(first_record + names + sid) / 2
    }

    /// The minor version in the file header.
    #[cfg(feature = "eventlog")]
    pub(crate) fn minor_version(self) -> u16 {
        match self {
            Self::V3_1 => 1,
            Self::V3_2 => 2,
        }
    }
}

/// The most UTF-16 code units that the one string of a classic event may have
/// to fit an event log record, for these names (and with a level and qualifiers,
/// as classic events have).
///
/// A record must fit one chunk of 64 KiB, together with the template that holds
/// the names of provider, channel and computer. With MIM's own names and a
/// computer name of 20 characters that leaves 31,847 units. 0 if the names
/// alone fill the record. An event with a `Binary` has one unit less for each
/// two bytes of it, begun ones too.
///
/// The result is exact for [`LogWriter`](crate::eventlog::LogWriter) (version
/// 3.1 of the format, as Windows wrote it up to Windows Server 2019;
/// [`Layout::text_capacity`] knows the other), and so
/// holds in every chunk: records that share a chunk with earlier ones, and its
/// template, have more room in it.
///
/// ```
/// use mim_events::eventlog::{MIM_CHANNEL, MIM_PROVIDER, text_capacity};
///
/// assert_eq!(text_capacity(MIM_PROVIDER, MIM_CHANNEL, "mim01.example.invali", None), 31_847);
/// ```
#[must_use]
pub fn text_capacity(provider: &str, channel: &str, computer: &str, user: Option<&str>) -> usize {
    Layout::V3_1.text_capacity(provider, channel, computer, user)
}
