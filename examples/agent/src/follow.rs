//! [`Follower`]: one pass after the other through a log, from events to records.

use anyhow::Result;
use ingest_protocol::frame::Record;
use mim_events::ErrorKind;
use mim_events::eventlog::{Bookmark, Found, LogEvent};
use mim_events::message::{Assembler, Incomplete};
use tracing::{debug, info, warn};

use crate::outbox::Outbox;
use crate::quarantine::Entry;
use crate::record;
use crate::source::EventSource;

pub(crate) struct Follower {
    /// The bookmark's name.
    name: String,
    source: Box<dyn EventSource>,
    assembler: Assembler,
    /// Whether a pass is under way.
    is_reading: bool,
    /// Records that were missing, as far as they were counted.
    missing: u64,
    /// The log is closed: what waits at its end waits for nothing.
    is_closed: bool,
    /// Why it could not be read last time.
    pub(crate) trouble: Option<String>,
}

/// How far a call of [`Follower::read`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// There is more.
    More,
    /// What is there was read.
    AtEnd,
}

/// What an event made.
enum Made {
    Nothing,
    Record(Record),
    Aside(Entry),
}

impl Follower {
    pub(crate) fn new(name: String, source: Box<dyn EventSource>) -> Self {
        Self {
            name,
            source,
            assembler: Assembler::new(),
            is_reading: false,
            missing: 0,
            is_closed: false,
            trouble: None,
        }
    }

    /// Says that nothing comes behind the log's end.
    pub(crate) fn closed(mut self) -> Self {
        self.is_closed = true;
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Forgets what was read: the next pass begins by the cursor's bookmark.
    pub(crate) fn restart(&mut self) {
        self.source.leave();
        self.is_reading = false;
        self.assembler = Assembler::new();
        self.missing = 0;
    }

    pub(crate) fn is_urgent(&mut self, grown: u64) -> bool {
        !self.is_reading && self.source.is_urgent(grown)
    }

    pub(crate) fn progress(&self) -> (u64, u64) {
        self.source.progress()
    }

    /// Reads at most `events` of what is new. A log that can't be read is told, and tried again.
    pub(crate) fn read(&mut self, outbox: &mut Outbox, events: u32) -> Result<Pass> {
        if !self.is_reading && !self.begin(outbox)? {
            return Ok(Pass::AtEnd);
        }
        for _ in 0..events {
            if outbox.is_blocked() {
                return Ok(Pass::More);
            }
            let made = match self.source.next_event() {
                Some(Ok(event)) => made_of(&mut self.assembler, &self.name, &event),
                Some(Err(error)) if error.is_recoverable() => {
                    Made::Aside(Entry::of(&self.name, &error))
                }
                Some(Err(error)) => {
                    // The next pass begins where this one stands.
                    self.note(outbox);
                    self.fail(&error);
                    return Ok(Pass::AtEnd);
                }
                None => {
                    self.end(outbox)?;
                    return Ok(Pass::AtEnd);
                }
            };
            self.take(outbox, made)?;
        }
        Ok(Pass::More)
    }

    fn begin(&mut self, outbox: &mut Outbox) -> Result<bool> {
        let bookmark = outbox.cursor.logs.get(&self.name).cloned();
        let (resumed, by_bookmark) = match self.source.begin(&bookmark.unwrap_or_default()) {
            Ok(begun) => begun,
            Err(error) if matches!(error.kind(), ErrorKind::BookmarkVersion { .. }) => {
                return Err(error.into());
            }
            Err(error) => {
                self.fail(&error);
                return Ok(false);
            }
        };
        self.trouble = None;
        if by_bookmark {
            // The parts that waited are given again.
            self.assembler = Assembler::new();
            self.missing = 0;
        } else if resumed.found.renumbers() {
            self.give_up(outbox)?;
        }
        match resumed.found {
            Found::Beginning | Found::Continued if resumed.lost == 0 => {
                debug!(log = self.name, %resumed, "reading");
            }
            _ => warn!(log = self.name, %resumed, "the log is not what it was"),
        }
        outbox.lose(resumed.lost.saturating_add(resumed.waiting_lost));
        self.note(outbox);
        self.is_reading = true;
        Ok(true)
    }

    /// Takes what an event made. Whatever is counted, the cursor is past it: what is spooled next,
    /// be it of another log, makes both durable.
    fn take(&mut self, outbox: &mut Outbox, made: Made) -> Result<()> {
        let expired = self.assembler.take_expired();
        for incomplete in &expired {
            self.set_aside(outbox, incomplete)?;
        }
        let missing = self.source.summary().records_missing;
        let lost = missing.saturating_sub(self.missing);
        outbox.lose(lost);
        self.missing = missing;
        if lost > 0 || !expired.is_empty() || !matches!(made, Made::Nothing) {
            self.note(outbox);
        }
        match made {
            Made::Nothing => {}
            Made::Aside(mut entry) => {
                entry.after = self.source.bookmark().newest();
                outbox.set_aside(entry)?;
                outbox.cursor.totals.quarantined += 1;
            }
            Made::Record(record) => outbox.push(record)?,
        }
        Ok(())
    }

    fn end(&mut self, outbox: &mut Outbox) -> Result<()> {
        if self.is_closed {
            self.give_up(outbox)?;
        }
        self.take(outbox, Made::Nothing)?;
        self.note(outbox);
        outbox.commit()?;
        self.is_reading = false;
        info!(log = self.name, summary = %self.source.summary(), "read to its end");
        Ok(())
    }

    /// What waits is no longer waited for.
    fn give_up(&mut self, outbox: &mut Outbox) -> Result<()> {
        for incomplete in self.assembler.finish() {
            self.set_aside(outbox, &incomplete)?;
        }
        Ok(())
    }

    fn set_aside(&mut self, outbox: &mut Outbox, incomplete: &Incomplete) -> Result<()> {
        let error = incomplete.error();
        let missing: Vec<String> = incomplete
            .missing()
            .take(20)
            .map(|n| n.to_string())
            .collect();
        let reason = format!("{} (missing: {})", error.kind(), missing.join(", "));
        let origin = incomplete.origin();
        outbox.set_aside(Entry {
            reason,
            // A request's parts may stand anywhere: they are told by the last that came.
            after: origin.time,
            raw: Some(incomplete.text().to_owned()),
            ..Entry::of(&self.name, &error)
        })?;
        outbox.cursor.totals.incomplete += 1;
        Ok(())
    }

    /// Puts into the cursor how far was read.
    fn note(&self, outbox: &mut Outbox) {
        outbox
            .cursor
            .logs
            .insert(self.name.clone(), self.bookmark());
    }

    fn bookmark(&self) -> Bookmark {
        let waiting = self.assembler.waiting_records();
        self.source.bookmark().waiting_for(waiting)
    }

    fn fail(&mut self, error: &mim_events::Error) {
        let source = std::error::Error::source(error).map(ToString::to_string);
        let place = self.source.place();
        warn!(log = self.name, place, %error, source, "the log can't be read now; it is tried again");
        self.trouble = Some(match source {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        });
        self.source.leave();
        self.is_reading = false;
    }
}

fn made_of(assembler: &mut Assembler, log: &str, event: &LogEvent<'_>) -> Made {
    let parts = assembler.summary().parts;
    let why = match assembler.push(event) {
        Ok(None) => return Made::Nothing,
        Ok(Some(document)) => match record::of_request(&document) {
            Ok(record) => return Made::Record(record),
            Err(why) => {
                let origin = document.origin();
                return Made::Aside(Entry {
                    source: log.to_owned(),
                    record_id: Some(origin.record_id),
                    offset: Some(event.offset()),
                    reason: why.to_string(),
                    raw: Some(document.as_str().to_owned()),
                    ..Entry::default()
                });
            }
        },
        Err(error) => error,
    };
    // What contradicts a part is kept as the first of a new set; those before are reported.
    let is_reported = match why.kind() {
        ErrorKind::PartConflict { .. } => true,
        // By what it is: a whole document may be of either kind of event.
        ErrorKind::Limit { .. } => assembler.summary().parts > parts,
        _ => false,
    };
    if is_reported {
        warn!(log, error = %why, "a part of a request");
        return Made::Nothing;
    }
    let texts: Vec<String> = event
        .data()
        .map(|datum| datum.value.to_string_lossy())
        .collect();
    Made::Aside(Entry {
        raw: Some(texts.join("\n")),
        ..Entry::of(log, &why)
    })
}

#[cfg(test)]
mod tests {
    use mim_events::eventlog::{MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST, REQUEST_PART};
    use mim_events::message::AssemblerLimits;

    use super::*;

    #[test]
    fn what_is_too_large_is_set_aside_once_whichever_event_it_is_in() {
        let long = "x".repeat(3_000);
        let whole = format!(r#"{{"a":"{long}"}}"#);
        let id = "9b6f8c34-5a0e-4a37-8000-000000000001";
        let part = format!("Request '{id}', message 1 out of 2: \n{long}");
        for (number, text, told) in [
            (REQUEST, &whole, 1),
            (REQUEST_PART, &whole, 1),
            (REQUEST, &part, 0),
            (REQUEST_PART, &part, 0),
        ] {
            let mut assembler = Assembler::with_limits(AssemblerLimits::default().max_bytes(2_000));
            let event = OwnedLogEvent::new(MIM_PROVIDER, number)
                .channel(MIM_CHANNEL)
                .data(text);
            let made = made_of(&mut assembler, "log", &event.as_event());
            let aside = i32::from(matches!(made, Made::Aside(_)));
            // What came of a request in parts is reported by the assembler.
            let expired = assembler.take_expired().len();
            assert_eq!(
                (aside, expired),
                (told, 1 - told as usize),
                "{number} {told}"
            );
        }
    }
}
