//! What a record of agent and service holds: one document, and where it was found.
//!
//! The protocol does not look into payloads, so the two programs agree on one here. A
//! payload that is no envelope is a bare document, such as `curl` posts.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use mim_events::request::Origin;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Whose document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A request of Microsoft Identity Manager.
    MimRequest,
    /// An entry of Entra's audit log, in any shape that `mim_events::entra` reads.
    EntraAudit,
}

/// A document on its way from an agent to a service.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope<'a> {
    /// Whose document it is.
    pub kind: Kind,
    /// The event it was logged in, if it was in one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event<'a>>,
    /// The document, byte for byte.
    #[serde(borrow)]
    pub document: &'a RawValue,
}

/// The event that held a document, or the last of its parts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Event<'a> {
    /// The computer that logged it.
    #[serde(borrow)]
    pub computer: Cow<'a, str>,
    /// The channel.
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    /// Its `EventRecordID`.
    pub record_id: u64,
    /// That of the first part.
    pub first_record_id: u64,
    /// When it was logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
    /// How many events held the document.
    pub parts: u32,
}

impl<'a> Envelope<'a> {
    /// Reads a payload; a bare document gets an envelope, its kind told by its members.
    ///
    /// # Errors
    /// The payload is no JSON object in UTF-8. The error holds no text of it.
    pub fn read(payload: &'a [u8]) -> Result<Self, NotAnObject> {
        let document = object(payload)?;
        if let Ok(envelope) = serde_json::from_str::<Self>(document.get()) {
            return Ok(envelope);
        }
        let members: Members = serde_json::from_str(document.get()).map_err(NotAnObject::at)?;
        Ok(Self {
            kind: members.kind(),
            event: None,
            document,
        })
    }

    /// An envelope for a request of an event log.
    #[must_use]
    pub fn request(document: &'a RawValue, origin: &'a Origin) -> Self {
        Self {
            kind: Kind::MimRequest,
            event: Some(Event {
                computer: Cow::Borrowed(&origin.computer),
                channel: Cow::Borrowed(&origin.channel),
                record_id: origin.record_id,
                first_record_id: origin.first_record_id,
                time: origin.time,
                parts: origin.parts,
            }),
            document,
        }
    }

    /// An envelope for an audit entry.
    #[must_use]
    pub fn audit(document: &'a RawValue) -> Self {
        Self {
            kind: Kind::EntraAudit,
            event: None,
            document,
        }
    }

    /// The origin that ids are made from where a request has none.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        let event = self.event.as_ref()?;
        let mut origin = Origin::default();
        origin.computer = event.computer.clone().into_owned();
        origin.channel = event.channel.clone().into_owned();
        origin.record_id = event.record_id;
        origin.first_record_id = event.first_record_id;
        origin.time = event.time;
        origin.parts = event.parts;
        Some(origin)
    }
}

/// The JSON object in a text, byte for byte.
///
/// # Errors
/// The text is no JSON object in UTF-8. The error holds no text of it.
pub fn object(text: &[u8]) -> Result<&RawValue, NotAnObject> {
    let object: &RawValue = serde_json::from_slice(text).map_err(NotAnObject::at)?;
    if object.get().starts_with('{') {
        Ok(object)
    } else {
        Err(NotAnObject { line: 1, column: 1 }) // serde reads structs from arrays, too
    }
}

/// Members that tell a request from an audit entry.
#[derive(Deserialize)]
struct Members {
    #[serde(rename = "HybridObjectID", default)]
    id: Option<serde::de::IgnoredAny>,
    #[serde(rename = "RequestStatus", default)]
    status: Option<serde::de::IgnoredAny>,
    #[serde(rename = "RequestParameter", default)]
    parameter: Option<serde::de::IgnoredAny>,
}

impl Members {
    fn kind(&self) -> Kind {
        if self.id.is_some() || self.status.is_some() || self.parameter.is_some() {
            Kind::MimRequest
        } else {
            Kind::EntraAudit
        }
    }
}

/// A payload that is no JSON object.
#[derive(Debug)]
pub struct NotAnObject {
    line: usize,
    column: usize,
}

impl NotAnObject {
    // The message of a serde_json error quotes values, which are people's data.
    fn at(error: serde_json::Error) -> Self {
        Self {
            line: error.line(),
            column: error.column(),
        }
    }
}

impl std::fmt::Display for NotAnObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, column } = self;
        write!(f, "no JSON object, line {line} column {column}")
    }
}

impl std::error::Error for NotAnObject {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_comes_back_and_its_document_byte_for_byte() -> anyhow::Result<()> {
        let document: &RawValue = serde_json::from_str(r#"{"a" : 1.0, "b":"\ud800", "a":2}"#)?;
        let mut origin = Origin::default();
        origin.computer = "mim \"1\"".to_owned();
        origin.record_id = 7;
        origin.parts = 1;
        origin.time = Some("2026-11-28T08:15:09.31Z".parse()?);
        let payload = serde_json::to_vec(&Envelope::request(document, &origin))?;
        let read = Envelope::read(&payload)?;
        assert_eq!(read.kind, Kind::MimRequest);
        assert_eq!(read.document.get(), document.get());
        assert_eq!(read.origin(), Some(origin));
        let payload = serde_json::to_vec(&Envelope::audit(document))?;
        assert_eq!(Envelope::read(&payload)?.kind, Kind::EntraAudit);
        Ok(())
    }

    #[test]
    fn a_bare_document_is_known_by_its_members() -> anyhow::Result<()> {
        let kind = |text: &'static str| Envelope::read(text.as_bytes()).map(|read| read.kind);
        assert_eq!(kind(r#"{"HybridObjectID":"x"}"#)?, Kind::MimRequest);
        assert_eq!(kind(r#"{"activityDateTime":"x"}"#)?, Kind::EntraAudit);
        // A document that looks a little like an envelope stays whole.
        assert_eq!(kind(r#"{"kind":"mim_request","x":1}"#)?, Kind::EntraAudit);
        Ok(())
    }

    #[test]
    fn what_is_no_object_is_refused_without_its_text() {
        for text in [
            "",
            "secret",
            "[1]",
            "\"secret\"",
            "{\"secret\":",
            "\u{feff}{}",
        ] {
            let error = Envelope::read(text.as_bytes()).expect_err(text);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
