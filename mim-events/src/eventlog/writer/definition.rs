//! The template definitions, in BinXML ([MS-EVEN6] 2.2.12).

use uuid::Uuid;

use super::binxml::Binxml;
use crate::eventlog::capacity::Layout;
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
/// The same as version 3.2 has it.
const EVENT_3_2: &str = "<Event?19 xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>\
    <System><Provider Name='{provider}'/><EventID?3 Qualifiers=%4:06>%3:06</EventID>\
    <Version?11>%11:04</Version><Level?0>%0:04</Level><Task?2>%2:06</Task>\
    <Opcode?1>%1:04</Opcode><Keywords?5>%5:15</Keywords><TimeCreated SystemTime=%6:11/>\
    <EventRecordID?10>%10:0A</EventRecordID>\
    <Correlation ActivityID=%7:0F RelatedActivityID=%18:0F/>\
    <Execution ProcessID=%8:08 ThreadID=%9:08/><Channel>{channel}</Channel>\
    <Computer>{computer}</Computer><Security UserID=%12:13/></System>%19:21</Event>";
/// The event data of classic providers: all strings in one array.
const STRINGS: &str = "<EventData><Data?0>%0:81</Data><Binary?2>%2:0E</Binary></EventData>";
/// Event data with an element for each value, named or not.
const VALUES: &str = "<EventData>(<Data Name='{name}'>%n:01</Data>)*</EventData>";
/// The same with the bytes that may be there besides, as the last value.
const VALUES_AND_BINARY: &str =
    "<EventData>(<Data Name='{name}'>%n:01</Data>)*<Binary?m>%m:0E</Binary></EventData>";

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
    pub(in super::super) const GUID: u8 = 0x0F;
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
        layout: Layout,
        provider: &'a str,
        channel: &'a str,
        computer: &'a str,
    },
    /// Event data whose strings are one array.
    Strings,
    /// Event data of so many values, each with the name it has, and perhaps a `Binary`.
    Values {
        names: &'a [Option<Utf16<'a>>],
        binary: bool,
    },
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
                layout,
                provider,
                channel,
                computer,
            } => {
                let event = match layout {
                    Layout::V3_1 => EVENT,
                    Layout::V3_2 => EVENT_3_2,
                };
                for text in [event, provider, channel, computer] {
                    literal(text.as_bytes());
                }
            }
            Self::Strings => literal(STRINGS.as_bytes()),
            Self::Values { names, binary } => {
                literal(if binary { VALUES_AND_BINARY } else { VALUES }.as_bytes());
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
                layout,
                provider,
                channel,
                computer,
            } => event(xml, layout, provider, channel, computer),
            Self::Strings => {
                xml.element("EventData", None, &[], |xml| {
                    xml.element("Data", Some(0), &[], |xml| {
                        xml.substitution(0, value::STRING_ARRAY);
                    });
                    binary_element(xml, 2);
                });
            }
            Self::Values { names, binary } => {
                xml.element("EventData", None, &[], |xml| {
                    // More values than 65,535 don't fit a chunk, and are refused later.
                    let mut slots = (0..).map(|slot: u32| slot as u16);
                    for (name, slot) in names.iter().zip(&mut slots) {
                        let attributes = name.map(|name| ("Name", Attribute::Units(name)));
                        xml.element("Data", None, attributes.as_slice(), |xml| {
                            xml.substitution(slot, value::STRING);
                        });
                    }
                    if binary {
                        binary_element(xml, names.len() as u16);
                    }
                });
            }
        }
    }
}

fn binary_element(xml: &mut Binxml<'_>, slot: u16) {
    xml.element("Binary", Some(slot), &[], |xml| {
        xml.substitution(slot, value::BINARY);
    });
}

/// What an attribute holds.
#[derive(Clone, Copy)]
pub(super) enum Attribute<'a> {
    Text(&'a str),
    Units(Utf16<'a>),
    /// A value of the instance: its number and type.
    Value(u16, u8),
}

fn event(xml: &mut Binxml<'_>, layout: Layout, provider: &str, channel: &str, computer: &str) {
    use Attribute::{Text, Value};

    const SCHEMA: &str = "http://schemas.microsoft.com/win/2004/08/events/event";
    let all = layout == Layout::V3_2;
    let simple = |xml: &mut Binxml<'_>, name, slot, kind| {
        xml.element(name, Some(slot), &[], |xml| xml.substitution(slot, kind));
    };
    xml.element("Event", Some(19), &[("xmlns", Text(SCHEMA))], |xml| {
        xml.element("System", None, &[], |xml| {
            xml.empty("Provider", &[("Name", Text(provider))]);
            let qualifiers = [("Qualifiers", Value(4, value::UINT16))];
            xml.element("EventID", Some(3), &qualifiers, |xml| {
                xml.substitution(3, value::UINT16);
            });
            if all {
                simple(xml, "Version", 11, value::UINT8);
            }
            simple(xml, "Level", 0, value::UINT8);
            simple(xml, "Task", 2, value::UINT16);
            if all {
                simple(xml, "Opcode", 1, value::UINT8);
            }
            simple(xml, "Keywords", 5, value::HEX64);
            xml.empty("TimeCreated", &[("SystemTime", Value(6, value::FILETIME))]);
            simple(xml, "EventRecordID", 10, value::UINT64);
            if all {
                let ids = [
                    ("ActivityID", Value(7, value::GUID)),
                    ("RelatedActivityID", Value(18, value::GUID)),
                ];
                xml.empty("Correlation", &ids);
                let ids = [
                    ("ProcessID", Value(8, value::UINT32)),
                    ("ThreadID", Value(9, value::UINT32)),
                ];
                xml.empty("Execution", &ids);
            }
            xml.element("Channel", None, &[], |xml| xml.text(channel));
            xml.element("Computer", None, &[], |xml| xml.text(computer));
            xml.empty("Security", &[("UserID", Value(12, value::SID))]);
        });
        xml.substitution(19, value::BINXML);
    });
}
