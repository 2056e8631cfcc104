//! How long the text of a classic event may be.

/// Bytes of the first record of a chunk besides provider, channel, computer,
/// user and text: the record's frame, both template definitions with their
/// names, the values of fixed size, and the NUL that ends the text.
const FIRST_RECORD: usize = 1154;
/// Bytes that a chunk has for records: from the end of its header, 512, to the
/// last offset at which free space may begin, 65,528.
pub(crate) const CHUNK_CAPACITY: usize = 65_528 - 512;

/// The most UTF-16 code units that the one string of a classic event may have
/// to fit an event log record, for these names (and with a level and qualifiers,
/// as classic events have).
///
/// A record must fit one chunk of 64 KiB, together with the template that holds
/// the names of provider, channel and computer. With MIM's own names and a
/// computer name of 20 characters that leaves 31,847 units. 0 if the names
/// alone fill the record.
///
/// The result is exact for [`LogWriter`](crate::eventlog::LogWriter) (version
/// 3.1 of the format, as Windows wrote it up to Windows Server 2019), and so
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
    let names: usize = [provider, channel, computer]
        .iter()
        .map(|name| name.encode_utf16().count() * 2)
        .sum();
    // A SID is 8 bytes and 4 for each number after `S-1-5`.
    let sid = user.map_or(0, |user| {
        8 + 4 * user.matches('-').count().saturating_sub(2)
    });
    CHUNK_CAPACITY.saturating_sub(FIRST_RECORD + names + sid) / 2
}
