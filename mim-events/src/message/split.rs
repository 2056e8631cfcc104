//! A document as parts, and as events.

use uuid::Uuid;

use super::header::Header;
use crate::error::{Error, ErrorKind, Result};
use crate::eventlog::{OwnedLogEvent, REQUEST, REQUEST_PART, text_capacity};

/// Cuts a document into parts of at most `max_units` UTF-16 code units, each
/// with its header. A document that fits stays whole and has no header.
///
/// No part ends inside a surrogate pair, so each is a text of its own.
///
/// ```
/// use mim_events::message::split;
///
/// let id = "9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01".parse()?;
/// assert_eq!(split("{\"a\":1}", id, 80)?, ["{\"a\":1}"]);
/// let parts = split(&format!("{{\"a\":\"{}\"}}", "x".repeat(80)), id, 80)?;
/// assert_eq!(
///     parts[0],
///     "Request '9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01', message 1 out of 8: \n{\"a\":\"xxxxx"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Limit`] if `max_units` leaves no room beside the header.
pub fn split(document: &str, request: Uuid, max_units: usize) -> Result<Vec<String>> {
    if document.encode_utf16().count() <= max_units {
        return Ok(vec![document.to_owned()]);
    }
    // How long the numbers are depends on how many parts there are.
    let mut largest = 9;
    loop {
        let header = Header::new(request, largest, largest).to_string().len();
        // A pair of surrogates must fit.
        let room = max_units.checked_sub(header).filter(|&room| room >= 2);
        let Some(room) = room else {
            return Err(Error::new(ErrorKind::Limit {
                what: "UTF-16 code units of a part's header",
                actual: header as u64 + 2,
                limit: max_units as u64,
            }));
        };
        let bodies = cut(document, room);
        let total = bodies.len() as u64;
        if total <= largest {
            return Ok((1..)
                .zip(bodies)
                .map(|(number, body)| Header::new(request, number, total).to_string() + body)
                .collect());
        }
        largest = largest * 10 + 9;
    }
}

/// The events in which a document is logged: one event 4121, or a 4137 for each
/// part.
///
/// Everything but event id and data is taken from `like`: provider, channel,
/// computer, user, level, times. The parts are as long as an event log record
/// allows with these names ([`text_capacity`]). A record id in `like` is the first event's,
/// and the next ones count on; without one they are left to the writer.
///
/// # Errors
/// [`ErrorKind::Limit`] if the names leave no room for text.
pub fn document_events(
    document: &str,
    request: Uuid,
    like: &OwnedLogEvent,
) -> Result<Vec<OwnedLogEvent>> {
    let event = like.as_event();
    let capacity = text_capacity(
        event.provider(),
        event.channel(),
        event.computer(),
        event.user(),
    );
    let parts = split(document, request, capacity)?;
    let event_id = if parts.len() == 1 {
        REQUEST
    } else {
        REQUEST_PART
    };
    let mut record_id = event.record_id();
    let events = parts.into_iter().map(|part| {
        let mut event = OwnedLogEvent {
            head: like.head.clone(),
            bytes: Vec::new(),
            items: Vec::new(),
            binary: None,
        };
        event.head.event_id = event_id;
        event.head.record_id = record_id;
        event.head.header_id = record_id;
        if record_id != 0 {
            record_id = record_id.wrapping_add(1);
        }
        event.bytes.reserve_exact(part.len() * 2);
        event.data(part)
    });
    Ok(events.collect())
}

/// Pieces of at most so many UTF-16 code units.
fn cut(document: &str, room: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut units) = (0, 0);
    for (at, c) in document.char_indices() {
        if units + c.len_utf16() > room {
            pieces.push(&document[start..at]);
            (start, units) = (at, 0);
        }
        units += c.len_utf16();
    }
    pieces.push(&document[start..]);
    pieces
}
