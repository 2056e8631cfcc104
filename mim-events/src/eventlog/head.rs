//! The decoded parts of an event besides its data, kept from event to event.

use chrono::{DateTime, Utc};

use super::collector::{LITERAL, Span, System, User, bytes_of, text_of};
use super::event::{Head, Lane};
use super::filter::Facts;
use super::plan::Plans;
use super::value;
use crate::text::Utf16;

/// The undecoded forms of the head's texts: they repeat from event to event,
/// and what repeats is not decoded again.
#[derive(Default)]
pub(crate) struct Known {
    provider: Vec<u8>,
    channel: Vec<u8>,
    computer: Vec<u8>,
    /// With whether it is a binary SID.
    user: Option<(bool, Vec<u8>)>,
    /// The spans of provider, channel and computer that were literals of these plans.
    literals: [Span; 3],
    plans: u32,
}

impl Known {
    /// Puts what the walker gathered from `chunk` into the head.
    pub(crate) fn fill(&mut self, head: &mut Head, system: &System, chunk: &[u8], plans: &Plans) {
        head.record_id = system.record_id.unwrap_or(head.header_id);
        head.created = system.created;
        head.event_id = system.event_id;
        head.qualifiers = system.qualifiers;
        head.level = system.level;
        head.lane = Lane::Own;
        let literals = plans.literals();
        if self.plans != plans.generation() {
            self.plans = plans.generation();
            self.literals = Default::default();
        }
        let bytes = |span: Span| bytes_of(span, chunk, literals);
        let [provider, channel, computer] = &mut self.literals;
        for (span, literal, raw, text) in [
            (
                system.provider,
                provider,
                &mut self.provider,
                &mut head.provider,
            ),
            (
                system.channel,
                channel,
                &mut self.channel,
                &mut head.channel,
            ),
            (
                system.computer,
                computer,
                &mut self.computer,
                &mut head.computer,
            ),
        ] {
            if span == *literal && span.0 & LITERAL != 0 {
                continue;
            }
            *literal = span;
            let bytes = bytes(span);
            if raw != bytes {
                raw.clear();
                raw.extend_from_slice(bytes);
                text.clear();
                text_of(span, chunk, literals).decode_into(text);
            }
        }
        let user = system.user.map(|user| match user {
            User::Sid(span) => (true, bytes(span)),
            User::Text(span) => (false, bytes(span)),
        });
        if user.is_none() && self.user.is_none() {
            return;
        }
        let known = self.user.as_ref().map(|(sid, raw)| (*sid, raw.as_slice()));
        if known != user {
            self.user = user.map(|(is_sid, bytes)| (is_sid, bytes.to_vec()));
            head.user = user.map(|(is_sid, bytes)| {
                let mut text = String::new();
                if is_sid {
                    // Checked when it was gathered.
                    let _ = value::sid(bytes, &mut text);
                } else {
                    Utf16::from_le_bytes(bytes).decode_into(&mut text);
                }
                text
            });
        }
    }

    /// What is known after another reader wrote the head.
    #[cfg(feature = "evtx")]
    pub(crate) fn of(head: &Head) -> Self {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Self {
            provider: utf16(&head.provider),
            channel: utf16(&head.channel),
            computer: utf16(&head.computer),
            user: head.user.as_deref().map(|user| (false, utf16(user))),
            ..Self::default()
        }
    }
}

impl Facts for Head {
    fn record_id(&self) -> u64 {
        self.record_id
    }

    fn event_id(&self) -> u32 {
        self.event_id
    }

    fn created(&self) -> Option<DateTime<Utc>> {
        self.created.get()
    }

    fn provider_is(&self, name: &str) -> bool {
        self.provider.eq_ignore_ascii_case(name)
    }

    fn channel_is(&self, name: &str) -> bool {
        self.channel.eq_ignore_ascii_case(name)
    }
}
