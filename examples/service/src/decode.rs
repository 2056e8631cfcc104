//! Records to activities.

use hybrid_examples::envelope::{Envelope, Kind};
use mim_events::activity::{Activity, Classifier};
use mim_events::entra::EntraReader;
use mim_events::request::Request;

/// What a record gave.
#[derive(Debug)]
pub enum Decoded {
    /// Activities.
    Read(Vec<Activity>),
    /// It is of another log, such as a sign-in.
    PassedOver,
    /// It can't be read, or not all of it; with what could be.
    Unreadable(Vec<Activity>, Fault),
}

/// Why a record can't be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// As one word.
    pub code: &'static str,
    /// With the place; never what the record holds.
    pub reason: String,
}

impl Fault {
    fn new(code: &'static str, reason: impl ToString) -> Self {
        Self {
            code,
            reason: reason.to_string(),
        }
    }
}

/// Reads records in the order in which they came: a request explains keys of later ones.
#[derive(Debug, Default)]
pub struct Decoder {
    classifier: Classifier,
}

impl Decoder {
    /// Reads one record.
    pub fn read(&mut self, payload: &[u8]) -> Decoded {
        let envelope = match Envelope::read(payload) {
            Ok(envelope) => envelope,
            Err(error) => {
                return Decoded::Unreadable(Vec::new(), Fault::new("not_an_object", error));
            }
        };
        match envelope.kind {
            Kind::MimRequest => self.request(&envelope),
            Kind::EntraAudit => entries(envelope.document.get()),
        }
    }

    fn request(&mut self, envelope: &Envelope<'_>) -> Decoded {
        let request = match Request::from_json(envelope.document.get()) {
            Ok(request) => request,
            Err(error) => return Decoded::Unreadable(Vec::new(), Fault::new("no_request", error)),
        };
        let request = match envelope.origin() {
            Some(origin) => request.with_origin(origin),
            None => request,
        };
        Decoded::Read(self.classifier.classify(&request))
    }

    /// How many requests no specific rule knows.
    pub fn unclassified(&self) -> u64 {
        self.classifier.unclassified()
    }
}

/// One entry, or a page of them.
fn entries(document: &str) -> Decoded {
    let mut activities = Vec::new();
    let mut fault = None;
    let mut reader = EntraReader::new(document.as_bytes());
    for activity in &mut reader {
        match activity {
            Ok(activity) => activities.push(activity),
            Err(error) => fault = fault.or_else(|| Some(Fault::new("no_audit_entry", error))),
        }
    }
    match fault {
        Some(fault) => Decoded::Unreadable(activities, fault),
        None if !activities.is_empty() => Decoded::Read(activities),
        None if reader.summary().not_audit > 0 => Decoded::PassedOver,
        None => Decoded::Unreadable(
            activities,
            Fault::new("no_audit_entry", "holds no audit entry"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_record_has_its_end() {
        let mut decoder = Decoder::default();
        let mut read = |text: &str| match decoder.read(text.as_bytes()) {
            Decoded::Read(activities) => format!("{} read", activities.len()),
            Decoded::PassedOver => "passed over".to_owned(),
            Decoded::Unreadable(activities, fault) => {
                format!("{} read, {}", activities.len(), fault.code)
            }
        };
        let entry = r#"{"id":"1","activityDateTime":"2026-03-02T08:15:09Z","activityDisplayName":"Add user"}"#;
        let request = r#"{"HybridObjectID":"9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01","Operation":"Delete","TargetObjectType":"Group","CreatedTime":"2026-03-02 08:15:09"}"#;
        assert_eq!(read(entry), "1 read");
        assert_eq!(read(request), "1 read");
        assert_eq!(
            read(&format!(r#"{{"kind":"mim_request","document":{request}}}"#)),
            "1 read"
        );
        assert_eq!(read(&format!(r#"{{"value":[{entry},{entry}]}}"#)), "2 read");
        assert_eq!(read("[]"), "0 read, not_an_object");
        assert_eq!(
            read(r#"{"HybridObjectID":"x","CreatedTime":"soon"}"#),
            "0 read, no_request"
        );
        assert_eq!(
            read(r#"{"id":"1","activityDateTime":"soon","activityDisplayName":"Add user"}"#),
            "0 read, no_audit_entry"
        );
        assert_eq!(read("{}"), "0 read, no_audit_entry");
    }
}
