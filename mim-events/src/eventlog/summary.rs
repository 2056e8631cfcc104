//! What a reader did, in numbers.

use std::fmt;

use super::filter::Reason;

/// What a [`LogReader`](crate::eventlog::LogReader) has read so far: plain
/// numbers, and as text for people.
///
/// Every record that the log was seen to hold is counted once: as given
/// ([`events`](Self::events)), as filtered out, or as damaged. So is every byte:
/// once a log is read to its end, [`bytes_read`](Self::bytes_read),
/// [`bytes_skipped`](Self::bytes_skipped), [`bytes_unused`](Self::bytes_unused),
/// [`bytes_unfinished`](Self::bytes_unfinished) and
/// [`bytes_overwritten`](Self::bytes_overwritten) together are its length, less that of
/// the chunks that were left out whole
/// ([`chunks_behind`](Self::chunks_behind), [`chunks_filtered`](Self::chunks_filtered)).
/// Each [refresh](crate::eventlog::LogReader::refresh) counts the newest chunk's bytes
/// again, and those of the overwritten chunks that it reads. (Where damaged records
/// overlap, a byte counts for the first of them.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadSummary {
    /// Chunks of 65,536 bytes whose records were read.
    pub chunks: u64,
    /// Chunks that hold nothing but zeros: space that was reserved.
    pub chunks_empty: u64,
    /// Chunks that could not be used at all.
    pub chunks_damaged: u64,
    /// 1 if the file ends inside its last chunk.
    pub chunks_truncated: u64,
    /// Chunks that a filter left out by the numbers in their headers
    /// ([`LogFilter::header_ids`](crate::eventlog::LogFilter::header_ids)).
    pub chunks_filtered: u64,
    /// Chunks that were behind the bookmark by the numbers in their headers, and not read.
    pub chunks_behind: u64,
    /// Chunks that the log began anew while it was read: a
    /// [refresh](crate::eventlog::LogReader::refresh) reads them.
    pub chunks_overwritten: u64,
    /// Events read by this crate's own walker.
    pub events_own: u64,
    /// Events read through the `evtx` crate.
    pub events_evtx: u64,
    /// Records that the filter left out.
    pub filtered: FilterCounts,
    /// Records that were behind the bookmark, in chunks that were read.
    pub records_behind: u64,
    /// Records that should stand between those that were read, by their
    /// numbers, and those that the bookmark wanted again and that did not
    /// come: they were overwritten or deleted, or were in a damaged chunk.
    pub records_missing: u64,
    /// Records that could not be read, by their numbers where these tell.
    /// Those of a damaged chunk are not known.
    pub records_damaged: u64,
    /// Of the damaged ones: records of a shape that only feature `evtx` reads.
    pub records_unsupported: u64,
    /// Bytes of headers, and of records that were given, filtered out, or dealt
    /// with before a bookmark.
    pub bytes_read: u64,
    /// Bytes of damaged records and chunks.
    pub bytes_skipped: u64,
    /// Bytes at the end of the newest chunk of a log that is being written to,
    /// that are no whole record yet: they are no damage until the log goes on
    /// in another chunk.
    pub bytes_unfinished: u64,
    /// Bytes of chunks that hold no records: after the last one, and empty chunks.
    pub bytes_unused: u64,
    /// Bytes of chunks that the log began anew while it was read
    /// ([`chunks_overwritten`](Self::chunks_overwritten)).
    pub bytes_overwritten: u64,
    /// Stored checksums that were wrong: of the file header, of chunk headers, of chunks'
    /// records. In a log that was not closed (or was copied while it was
    /// written to) the newest chunk's may be older than its records.
    pub checksum_mismatches: u64,
    /// Events that hold more than the `Data` values of `EventData` and a `Binary`: `UserData`
    /// and the like, which a [`LogEvent`](crate::eventlog::LogEvent) does not give.
    pub events_with_other_content: u64,
    /// Events whose record has lost its end: values may be cut off or missing.
    pub events_incomplete: u64,
    /// Whether the log was open in the event log service, or copied while it was.
    pub dirty: bool,
}

/// Records that a filter left out, by the first condition that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterCounts {
    /// By the number in the record's header, one by one and by whole chunks.
    pub header_id: u64,
    /// By the time they were written.
    pub written: u64,
    /// By `EventRecordID`.
    pub record_id: u64,
    /// By event id.
    pub event_id: u64,
    /// By `TimeCreated`.
    pub created: u64,
    /// By provider.
    pub provider: u64,
    /// By channel.
    pub channel: u64,
}

impl FilterCounts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self {
            header_id,
            written,
            record_id,
            event_id,
            created,
            provider,
            channel,
        } = *self;
        header_id + written + record_id + event_id + created + provider + channel
    }

    pub(crate) fn count(&mut self, reason: Reason) {
        *match reason {
            Reason::HeaderId => &mut self.header_id,
            Reason::Written => &mut self.written,
            Reason::RecordId => &mut self.record_id,
            Reason::EventId => &mut self.event_id,
            Reason::Created => &mut self.created,
            Reason::Provider => &mut self.provider,
            Reason::Channel => &mut self.channel,
        } += 1;
    }
}

impl FilterCounts {
    fn add(&mut self, other: &Self) {
        let Self {
            header_id,
            written,
            record_id,
            event_id,
            created,
            provider,
            channel,
        } = *other;
        self.header_id += header_id;
        self.written += written;
        self.record_id += record_id;
        self.event_id += event_id;
        self.created += created;
        self.provider += provider;
        self.channel += channel;
    }
}

impl ReadSummary {
    /// Events that were given.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events_own + self.events_evtx
    }

    /// Adds what another reader has read.
    pub fn add(&mut self, other: &Self) {
        let Self {
            chunks,
            chunks_empty,
            chunks_damaged,
            chunks_truncated,
            chunks_filtered,
            chunks_behind,
            chunks_overwritten,
            events_own,
            events_evtx,
            filtered,
            records_behind,
            records_missing,
            records_damaged,
            records_unsupported,
            bytes_read,
            bytes_skipped,
            bytes_unfinished,
            bytes_unused,
            bytes_overwritten,
            checksum_mismatches,
            events_with_other_content,
            events_incomplete,
            dirty,
        } = *other;
        self.chunks += chunks;
        self.chunks_empty += chunks_empty;
        self.chunks_damaged += chunks_damaged;
        self.chunks_truncated += chunks_truncated;
        self.chunks_filtered += chunks_filtered;
        self.chunks_behind += chunks_behind;
        self.chunks_overwritten += chunks_overwritten;
        self.events_own += events_own;
        self.events_evtx += events_evtx;
        self.filtered.add(&filtered);
        self.records_behind += records_behind;
        // Numbers in a log can be anything.
        self.records_missing = self.records_missing.saturating_add(records_missing);
        self.records_damaged += records_damaged;
        self.records_unsupported += records_unsupported;
        self.bytes_read += bytes_read;
        self.bytes_skipped += bytes_skipped;
        self.bytes_unfinished += bytes_unfinished;
        self.bytes_unused += bytes_unused;
        self.bytes_overwritten += bytes_overwritten;
        self.checksum_mismatches += checksum_mismatches;
        self.events_with_other_content += events_with_other_content;
        self.events_incomplete += events_incomplete;
        self.dirty |= dirty;
    }

    /// Whether anything that may have held events could not be read.
    #[must_use]
    pub fn has_losses(&self) -> bool {
        self.records_damaged > 0
            || self.records_missing > 0
            || self.events_incomplete > 0
            || self.chunks_damaged > 0
            || self.chunks_truncated > 0
            || self.bytes_skipped > 0
    }
}

impl fmt::Display for ReadSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} read from {}",
            Count(self.events(), "event"),
            Count(self.chunks, "chunk")
        )?;
        if self.events_evtx > 0 {
            write!(f, " ({} through the `evtx` crate)", self.events_evtx)?;
        }
        let filtered = &self.filtered;
        if filtered.total() > 0 {
            write!(f, "; {} filtered out (", filtered.total())?;
            let mut separator = "";
            for (count, what) in [
                (filtered.header_id, "header id"),
                (filtered.written, "time written"),
                (filtered.record_id, "record id"),
                (filtered.event_id, "event id"),
                (filtered.created, "time created"),
                (filtered.provider, "provider"),
                (filtered.channel, "channel"),
            ] {
                if count > 0 {
                    write!(f, "{separator}{count} by {what}")?;
                    separator = ", ";
                }
            }
            f.write_str(")")?;
        }
        if self.events_incomplete > 0 {
            write!(f, "; {} incomplete", Count(self.events_incomplete, "event"))?;
        }
        if self.records_missing > 0 {
            write!(f, "; {} missing", Count(self.records_missing, "record"))?;
        }
        for (count, what) in [
            (self.records_damaged, "damaged record"),
            (self.chunks_damaged, "damaged chunk"),
            (self.bytes_skipped, "byte"),
        ] {
            if count > 0 {
                write!(f, "; {} skipped", Count(count, what))?;
            }
        }
        if self.bytes_unfinished > 0 {
            let bytes = Count(self.bytes_unfinished, "byte");
            write!(f, "; {bytes} of a record that is not whole yet")?;
        }
        if self.chunks_truncated > 0 {
            f.write_str("; the file ends inside its last chunk")?;
        }
        if self.records_unsupported > 0 {
            write!(
                f,
                "; {} of a shape that needs feature `evtx`",
                Count(self.records_unsupported, "record")
            )?;
        }
        if self.checksum_mismatches > 0 {
            write!(f, "; {}", Count(self.checksum_mismatches, "wrong checksum"))?;
            if self.dirty {
                f.write_str(" (the log was not closed)")?;
            }
        }
        if self.events_with_other_content > 0 {
            write!(
                f,
                "; {} with content besides `Data` and `Binary`, not read",
                Count(self.events_with_other_content, "event")
            )?;
        }
        for (count, what, why) in [
            (self.chunks_empty, "empty chunk", ""),
            (self.chunks_filtered, "chunk", " filtered out whole"),
            (self.chunks_behind, "chunk", " behind the bookmark"),
            (self.records_behind, "record", " behind the bookmark"),
            (self.chunks_overwritten, "chunk", " begun anew meanwhile"),
        ] {
            if count > 0 {
                write!(f, "; {}{why}", Count(count, what))?;
            }
        }
        Ok(())
    }
}

struct Count<'a>(u64, &'a str);

impl fmt::Display for Count<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_happened_and_nothing_else() {
        let mut summary = ReadSummary {
            chunks: 1,
            events_own: 7,
            ..ReadSummary::default()
        };
        assert_eq!(summary.to_string(), "7 events read from 1 chunk");
        assert!(!summary.has_losses());

        summary.events_evtx = 1;
        summary.filtered.count(Reason::EventId);
        summary.filtered.count(Reason::Channel);
        summary.records_damaged = 1;
        summary.bytes_skipped = 128;
        summary.checksum_mismatches = 1;
        summary.dirty = true;
        assert_eq!(
            summary.to_string(),
            "8 events read from 1 chunk (1 through the `evtx` crate); \
             2 filtered out (1 by event id, 1 by channel); 1 damaged record skipped; \
             128 bytes skipped; 1 wrong checksum (the log was not closed)"
        );
        assert!(summary.has_losses());
    }
}
