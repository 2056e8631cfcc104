//! The template definitions, in BinXML ([MS-EVEN6] 2.2.12).

use uuid::Uuid;

use super::chunk::Binxml;
use crate::text::Utf16;

/// The event template of classic providers. `?n` makes an element depend on
/// value n (it is left out when that is null), `%n` puts value n there.
/// `{...}` are literals: one definition serves one provider, channel and computer.
const EVENT: &str = "<Event?19 xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>\
    <System><Provider Name='{provider}'/><EventID?3 Qualifiers=%4:06>%3:06</EventID>\
    <Level?0>%0:04</Level><Task?2>%2:06</Task><Keywords?5>%5:15</Keywords>\
    <TimeCreated SystemTime=%6:11/><EventRecordID?10>%10:0A</EventRecordID>\
    <Channel>{channel}</Channel><Computer>{computer}</Computer><Security UserID=%12:13/>\
    </System>%19:21</Event>";
/// The event data of classic providers: all strings in one array.
const STRINGS: &str = "<EventData><Data?0>%0:81</Data><Binary?2>%2:0E</Binary></EventData>";
/// Event data with an element for each value, named or not.
const VALUES: &str = "<EventData>(<Data Name='{name}'>%n:01</Data>)*</EventData>";

/// A version 5 UUID's namespace of our own, for template ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_8a52_3c0e_4b7a_9d5b_2f4e_71c8_a036);

/// BinXML value types.
pub(super) mod value {
    pub(in super::super) const NULL: u8 = 0x00;
    pub(in super::super) const STRING: u8 = 0x01;
    pub(in super::super) const UINT8: u8 = 0x04;
    pub(in super::super) const UINT16: u8 = 0x06;
    pub(in super::super) const UINT32: u8 = 0x08;
    pub(in super::super) const UINT64: u8 = 0x0A;
    pub(in super::super) const BINARY: u8 = 0x0E;
    pub(in super::super) const FILETIME: u8 = 0x11;
    pub(in super::super) const SID: u8 = 0x13;
    pub(in super::super) const HEX64: u8 = 0x15;
    pub(in super::super) const BINXML: u8 = 0x21;
    pub(in super::super) const STRING_ARRAY: u8 = 0x81;
}

/// Which definition an instance refers to.
#[derive(Clone, Copy)]
pub(super) enum Definition<'a> {
    /// The whole event, with its three literals.
    Event {
        provider: &'a str,
        channel: &'a str,
        computer: &'a str,
    },
    /// Event data whose strings are one array.
    Strings,
    /// Event data of so many values, each with the name it has.
    Values { names: &'a [Option<Utf16<'a>>] },
}

impl Definition<'_> {
    /// The definition's text: what tells definitions apart.
    pub(super) fn text_into(&self, out: &mut Vec<u8>) {
        out.clear();
        let mut literal = |bytes: &[u8]| {
            out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(bytes);
        };
        match *self {
            Self::Event {
                provider,
                channel,
                computer,
            } => {
                for text in [EVENT, provider, channel, computer] {
                    literal(text.as_bytes());
                }
            }
            Self::Strings => literal(STRINGS.as_bytes()),
            Self::Values { names } => {
                literal(VALUES.as_bytes());
                for name in names {
                    match name {
                        Some(name) => literal(name.as_le_bytes()),
                        // No name is as long as this, so it can't be mistaken.
                        None => literal(&[0]),
                    }
                }
            }
        }
    }

    /// The id of a definition: a hash of its text, so that output never varies.
    pub(super) fn guid(text: &[u8]) -> [u8; 16] {
        Uuid::new_v5(&NAMESPACE, text).to_bytes_le()
    }

    /// Writes the definition's element.
    pub(super) fn write(&self, xml: &mut Binxml<'_>) {
        match *self {
            Self::Event {
                provider,
                channel,
                computer,
            } => event(xml, provider, channel, computer),
            Self::Strings => {
                xml.element("EventData", None, &[], |xml| {
                    xml.element("Data", Some(0), &[], |xml| {
                        xml.substitution(0, value::STRING_ARRAY);
                    });
                    xml.element("Binary", Some(2), &[], |xml| {
                        xml.substitution(2, value::BINARY);
                    });
                });
            }
            Self::Values { names } => {
                xml.element("EventData", None, &[], |xml| {
                    for (slot, name) in (0..).zip(names) {
                        let attributes = name.map(|name| ("Name", Attribute::Units(name)));
                        xml.element("Data", None, attributes.as_slice(), |xml| {
                            xml.substitution(slot, value::STRING);
                        });
                    }
                });
            }
        }
    }
}

/// What an attribute holds.
#[derive(Clone, Copy)]
pub(super) enum Attribute<'a> {
    Text(&'a str),
    Units(Utf16<'a>),
    /// A value of the instance: its number and type.
    Value(u16, u8),
}

fn event(xml: &mut Binxml<'_>, provider: &str, channel: &str, computer: &str) {
    use Attribute::{Text, Value};

    const SCHEMA: &str = "http://schemas.microsoft.com/win/2004/08/events/event";
    xml.element("Event", Some(19), &[("xmlns", Text(SCHEMA))], |xml| {
        xml.element("System", None, &[], |xml| {
            xml.empty("Provider", &[("Name", Text(provider))]);
            let qualifiers = [("Qualifiers", Value(4, value::UINT16))];
            xml.element("EventID", Some(3), &qualifiers, |xml| {
                xml.substitution(3, value::UINT16);
            });
            for (name, slot, kind) in [
                ("Level", 0, value::UINT8),
                ("Task", 2, value::UINT16),
                ("Keywords", 5, value::HEX64),
            ] {
                xml.element(name, Some(slot), &[], |xml| xml.substitution(slot, kind));
            }
            xml.empty("TimeCreated", &[("SystemTime", Value(6, value::FILETIME))]);
            xml.element("EventRecordID", Some(10), &[], |xml| {
                xml.substitution(10, value::UINT64);
            });
            xml.element("Channel", None, &[], |xml| xml.text(channel));
            xml.element("Computer", None, &[], |xml| xml.text(computer));
            xml.empty("Security", &[("UserID", Value(12, value::SID))]);
        });
        xml.substitution(19, value::BINXML);
    });
}
