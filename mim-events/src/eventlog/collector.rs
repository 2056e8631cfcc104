//! What a record's elements and values say, gathered into an event.

use chrono::{DateTime, Utc};

use super::binxml::{Name, Stop, Value};
use super::datum::DataValue;
use super::event::{Item, Moment};
use super::filter::{Facts, matches};
use super::format::CHUNK_SIZE;
use super::value::{self, STRING, STRING_ARRAY};
use crate::text::Utf16;
use crate::time::{self, DateOrder, TimeText};

/// Rendered text a record may take besides its strings in the chunk.
const MAX_SCRATCH: usize = 4 << 20;
/// Values an event may have; a chunk has room for 32,000 empty strings.
pub(crate) const MAX_ITEMS: usize = 65_536;

/// A range of bytes: of the chunk below [`CHUNK_SIZE`], of the scratch text above.
pub(crate) type Span = (u32, u32);

/// On the start of a span of [`System`]: it is a range of the plans' literals.
pub(crate) const LITERAL: u32 = 1 << 31;

/// The parts of `System` that an event has, not decoded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct System {
    pub(crate) record_id: Option<u64>,
    pub(crate) event_id: u32,
    pub(crate) qualifiers: Option<u16>,
    pub(crate) level: Option<u8>,
    pub(crate) created: Moment,
    pub(crate) provider: Span,
    pub(crate) channel: Span,
    pub(crate) computer: Span,
    pub(crate) user: Option<User>,
}

impl System {
    pub(crate) fn provider<'a>(&self, chunk: &'a [u8], literals: &'a [u8]) -> Utf16<'a> {
        text_of(self.provider, chunk, literals)
    }

    pub(crate) fn channel<'a>(&self, chunk: &'a [u8], literals: &'a [u8]) -> Utf16<'a> {
        text_of(self.channel, chunk, literals)
    }
}

/// The bytes of a span of [`System`].
#[inline]
pub(crate) fn bytes_of<'a>((start, end): Span, chunk: &'a [u8], literals: &'a [u8]) -> &'a [u8] {
    let (bytes, start) = match start & LITERAL {
        0 => (chunk, start),
        _ => (literals, start & !LITERAL),
    };
    bytes.get(start as usize..end as usize).unwrap_or_default()
}

/// The text of a span of [`System`]: it may go beyond the NUL that ends it.
pub(crate) fn text_of<'a>(span: Span, chunk: &'a [u8], literals: &'a [u8]) -> Utf16<'a> {
    let bytes = bytes_of(span, chunk, literals);
    let end = Utf16::from_le_bytes(bytes).find_nul();
    let end = end.map_or(bytes.len(), |units| units * 2);
    Utf16::from_le_bytes(bytes.get(..end).unwrap_or_default())
}

/// A user's SID in binary or as text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum User {
    Sid(Span),
    Text(Span),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    System,
    EventData,
    Ignored,
}

/// What the text that comes next is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Nothing,
    Provider,
    EventId,
    Qualifiers,
    Level,
    Created,
    RecordId,
    Channel,
    Computer,
    User,
    DataName,
    DataValue,
    Binary,
}

impl Target {
    /// Whether a filter has a condition on it.
    pub(crate) fn is_tested(self) -> bool {
        matches!(
            self,
            Self::RecordId | Self::EventId | Self::Created | Self::Provider | Self::Channel
        )
    }
}

/// A text in pieces. A text of one value stays where it is; others are
/// written to the scratch text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Empty,
    Chunk(Value),
    /// From here to the end of the scratch text.
    Scratch(u32),
}

/// What [`Collector::close`] closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    System,
    Other,
}

/// Gathers one event. The buffers are reused from record to record.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) system: System,
    pub(crate) items: Vec<Item>,
    /// UTF-16LE text that is not in the chunk as it stands.
    pub(crate) scratch: Vec<u8>,
    /// A classic event's `Binary`.
    pub(crate) binary: Option<Span>,
    /// Whether the event holds more than `Data` values and one `Binary`.
    pub(crate) other_content: bool,
    header_id: u64,
    depth: u32,
    roots: u32,
    in_event: bool,
    section: Section,
    /// The element of `System` or the `Data` that is open.
    element: Target,
    target: Target,
    /// Whether `target` got a value.
    filled: bool,
    name: Option<Span>,
    text: Text,
    array: Option<Span>,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            system: System::default(),
            items: Vec::new(),
            scratch: Vec::new(),
            binary: None,
            other_content: false,
            header_id: 0,
            depth: 0,
            roots: 0,
            in_event: false,
            section: Section::Ignored,
            element: Target::Nothing,
            target: Target::Nothing,
            filled: false,
            name: None,
            text: Text::Empty,
            array: None,
        }
    }
}

impl Collector {
    /// Forgets the record before.
    pub(crate) fn begin(&mut self, header_id: u64) {
        let items = std::mem::take(&mut self.items);
        let scratch = std::mem::take(&mut self.scratch);
        *self = Self {
            items,
            scratch,
            header_id,
            ..Self::default()
        };
        self.items.clear();
        self.scratch.clear();
    }

    /// Forgets the record before, and begins with what a plan's literals say.
    pub(crate) fn begin_planned(&mut self, header_id: u64, system: System) {
        self.items.clear();
        self.scratch.clear();
        self.system = system;
        self.header_id = header_id;
        self.binary = None;
        self.other_content = false;
    }

    /// A part of `System` that has one value.
    pub(crate) fn field(&mut self, target: Target, chunk: &[u8], value: Value) -> Result<(), Stop> {
        let bytes = value.bytes(chunk);
        let system = &mut self.system;
        match (target, value.kind, bytes) {
            // The types that providers use.
            (Target::EventId, 0x06, &[low, high]) => {
                system.event_id = u32::from(u16::from_le_bytes([low, high]));
            }
            (Target::Qualifiers, 0x06, &[low, high]) => {
                system.qualifiers = Some(u16::from_le_bytes([low, high]));
            }
            (Target::Level, 0x04, &[level]) => system.level = Some(level),
            _ => {
                self.target = target;
                self.filled = false;
                return self.system_value(chunk, value);
            }
        }
        Ok(())
    }

    /// A `Binary` element that has at most one value.
    pub(crate) fn binary_element(
        &mut self,
        chunk: &[u8],
        value: Option<Value>,
    ) -> Result<(), Stop> {
        if self.binary.is_some() {
            self.other_content = true;
            return Ok(());
        }
        if let Some(value) = value {
            self.field(Target::Binary, chunk, value)?;
        }
        self.binary = Some(self.binary.unwrap_or_default());
        Ok(())
    }

    /// What a filter asks for, before anything is decoded.
    /// `passed`: whether it was asked for the provider and the channel before.
    pub(crate) fn facts<'a>(
        &'a self,
        chunk: &'a [u8],
        literals: &'a [u8],
        passed: [bool; 2],
    ) -> SystemFacts<'a> {
        SystemFacts {
            passed,
            chunk,
            literals,
            system: &self.system,
            header_id: self.header_id,
        }
    }

    pub(crate) fn open(&mut self, name: Name) -> Result<(), Stop> {
        self.depth += 1;
        match self.depth {
            1 => {
                // What follows the first root is not part of the event.
                self.roots += 1;
                self.in_event = self.roots == 1 && name == Name::Event;
            }
            2 if self.in_event => {
                self.section = match name {
                    Name::System => Section::System,
                    Name::EventData => Section::EventData,
                    _ => Section::Ignored,
                };
                if self.section == Section::Ignored && name != Name::RenderingInfo {
                    self.other_content = true;
                }
            }
            3 => {
                self.element = match (self.section, name) {
                    (Section::System, name) => system_element(name),
                    (Section::EventData, Name::Data) => Target::DataValue,
                    (Section::EventData, Name::Binary) if self.binary.is_none() => Target::Binary,
                    (Section::EventData, _) => {
                        self.other_content = true;
                        Target::Nothing
                    }
                    _ => Target::Nothing,
                };
                self.name = None;
                self.text = Text::Empty;
                self.array = None;
                self.filled = false;
            }
            // No event was seen that nests further in what is read here.
            4 if self.element != Target::Nothing => return Err(Stop::Unsupported),
            _ => {}
        }
        self.target = Target::Nothing;
        Ok(())
    }

    pub(crate) fn attribute(&mut self, chunk: &[u8], name: Name) -> Result<(), Stop> {
        self.finish_name(chunk)?;
        self.filled = false;
        self.target = if self.depth != 3 {
            Target::Nothing
        } else {
            attribute_target(self.element, name)
        };
        Ok(())
    }

    pub(crate) fn content(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        self.finish_name(chunk)?;
        self.filled = false;
        self.target = if self.depth == 3 {
            content_target(self.element)
        } else {
            Target::Nothing
        };
        Ok(())
    }

    /// Whether an element may stand here: not in a value that is read.
    pub(crate) fn takes_elements(&self) -> bool {
        self.target == Target::Nothing
    }

    pub(crate) fn close(&mut self) -> Result<Closed, Stop> {
        let mut closed = Closed::Other;
        if self.depth == 3 {
            match self.element {
                Target::DataValue => self.finish_value()?,
                // An element without a value is an empty one.
                Target::Binary => self.binary = Some(self.binary.unwrap_or_default()),
                _ => {}
            }
            self.element = Target::Nothing;
        }
        if self.depth == 2 && self.in_event {
            if self.section == Section::System {
                closed = Closed::System;
            }
            self.section = Section::Ignored;
        }
        self.depth = self.depth.saturating_sub(1);
        self.target = Target::Nothing;
        Ok(closed)
    }

    /// A value that is not null.
    pub(crate) fn value(&mut self, chunk: &[u8], value: Value) -> Result<(), Stop> {
        match self.target {
            Target::Nothing => Ok(()),
            Target::DataName | Target::DataValue => self.push_value(chunk, value),
            _ => self.system_value(chunk, value),
        }
    }

    /// One unit of a reference.
    pub(crate) fn character(&mut self, chunk: &[u8], unit: u16) -> Result<(), Stop> {
        match self.target {
            Target::Nothing => Ok(()),
            Target::DataName | Target::DataValue => {
                self.spill(chunk)?;
                self.reserve(2)?;
                self.scratch.extend_from_slice(&unit.to_le_bytes());
                Ok(())
            }
            _ => Err(Stop::Unsupported),
        }
    }

    fn system_value(&mut self, chunk: &[u8], value: Value) -> Result<(), Stop> {
        let text = string(chunk, value);
        if text.is_some_and(|(start, end)| start == end) {
            return Ok(());
        }
        // A text in pieces: nothing that was ever seen here.
        if std::mem::replace(&mut self.filled, true) {
            return Err(Stop::Unsupported);
        }
        let number = || match text {
            Some(span) => lossy(chunk, span).trim().parse().ok(),
            None => value::unsigned(value.kind, value.bytes(chunk)),
        };
        let narrow = Stop::Unsupported;
        let system = &mut self.system;
        match self.target {
            Target::EventId => {
                system.event_id = number().and_then(|n| n.try_into().ok()).ok_or(narrow)?;
            }
            Target::Qualifiers => {
                system.qualifiers = Some(number().and_then(|n| n.try_into().ok()).ok_or(narrow)?);
            }
            Target::Level => {
                system.level = Some(number().and_then(|n| n.try_into().ok()).ok_or(narrow)?);
            }
            Target::RecordId => system.record_id = Some(number().ok_or(narrow)?),
            Target::Created => {
                system.created = match (text, value.kind) {
                    (Some(span), _) => {
                        parse_time(&lossy(chunk, span)).map_or(Moment::None, Moment::At)
                    }
                    (None, value::FILETIME) => {
                        let ticks = value.bytes(chunk).try_into().map_err(|_| narrow)?;
                        value::filetime_moment(u64::from_le_bytes(ticks))
                    }
                    _ => return Err(narrow),
                };
            }
            Target::Provider => system.provider = text.ok_or(narrow)?,
            Target::Channel => system.channel = text.ok_or(narrow)?,
            Target::Computer => system.computer = text.ok_or(narrow)?,
            Target::User => {
                system.user = Some(match (text, value.kind) {
                    (Some(span), _) => User::Text(span),
                    (None, value::SID) if value::is_sid(value.bytes(chunk)) => {
                        User::Sid((value.start, value.end))
                    }
                    _ => return Err(narrow),
                });
            }
            Target::Binary => self.binary = Some(self.bytes(chunk, value).ok_or(narrow)?),
            Target::Nothing | Target::DataName | Target::DataValue => {}
        }
        Ok(())
    }

    /// A binary value, or one in hexadecimal, as forwarded events have it.
    fn bytes(&mut self, chunk: &[u8], value: Value) -> Option<Span> {
        if value.kind == value::BINARY {
            return Some((value.start, value.end));
        }
        let text = lossy(chunk, string(chunk, value)?);
        let start = CHUNK_SIZE + self.scratch.len();
        value::hexadecimal(&text, &mut self.scratch)?;
        Some((start as u32, (CHUNK_SIZE + self.scratch.len()) as u32))
    }

    fn push_value(&mut self, chunk: &[u8], value: Value) -> Result<(), Stop> {
        if self.array.is_some() {
            return Err(Stop::Unsupported);
        }
        let value = match string(chunk, value) {
            Some((start, end)) if start == end => return Ok(()),
            Some((start, end)) => Value {
                start,
                end,
                ..value
            },
            None => value,
        };
        if value.kind == STRING_ARRAY {
            if self.target == Target::DataName || self.text != Text::Empty {
                return Err(Stop::Unsupported);
            }
            return self.push_array(chunk, value);
        }
        if value.kind != STRING && !value::can_render(value.kind, value.bytes(chunk)) {
            return Err(Stop::Unsupported);
        }
        if self.text == Text::Empty {
            self.text = Text::Chunk(value);
            return Ok(());
        }
        self.spill(chunk)?;
        self.push_text(chunk, value)
    }

    /// An array repeats its element: [MS-EVEN6] 3.1.4.7.5. All but its last
    /// string become items here; the last one when the element closes.
    fn push_array(&mut self, chunk: &[u8], value: Value) -> Result<(), Stop> {
        let bytes = value.bytes(chunk);
        if !bytes.len().is_multiple_of(2) {
            return Err(Stop::Unsupported);
        }
        let mut start = value.start;
        let mut last = None;
        while let Some(length) = utf16(chunk, (start, value.end)).find_nul() {
            let end = start + length as u32 * 2;
            if let Some(span) = last.replace((start, end)) {
                self.push_item(STRING, span)?;
            }
            start = end + 2;
        }
        // Every string ends with NUL; one that doesn't is cut off.
        if start < value.end
            && let Some(span) = last.replace((start, value.end))
        {
            self.push_item(STRING, span)?;
        }
        self.array = last;
        Ok(())
    }

    fn push_item(&mut self, kind: u8, value: Span) -> Result<(), Stop> {
        if self.items.len() == MAX_ITEMS {
            return Err(Stop::Unsupported);
        }
        let name = self.name;
        self.items.push(Item { name, kind, value });
        Ok(())
    }

    fn finish_name(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        if self.target == Target::DataName {
            // A name is lent as a string.
            if let Text::Chunk(value) = self.text
                && value.kind != STRING
            {
                self.spill(chunk)?;
            }
            self.name = self.take_text().map(|(_, span)| span);
        }
        Ok(())
    }

    fn finish_value(&mut self) -> Result<(), Stop> {
        let text = self.take_text();
        let array = self.array.take().map(|span| (STRING, span));
        let (kind, span) = array.or(text).unwrap_or((STRING, (0, 0)));
        self.push_item(kind, span)
    }

    fn take_text(&mut self) -> Option<(u8, Span)> {
        match std::mem::replace(&mut self.text, Text::Empty) {
            Text::Empty => None,
            Text::Chunk(value) => Some((value.kind, (value.start, value.end))),
            Text::Scratch(start) => {
                let base = CHUNK_SIZE as u32;
                Some((STRING, (base + start, base + self.scratch.len() as u32)))
            }
        }
    }

    /// Moves the text that is being gathered to the end of the scratch text.
    fn spill(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        if let Text::Scratch(_) = self.text {
            return Ok(());
        }
        let before = self.text;
        self.text = Text::Scratch(self.scratch.len() as u32);
        match before {
            Text::Chunk(value) => self.push_text(chunk, value),
            _ => Ok(()),
        }
    }

    /// Appends a value as text to the scratch text.
    fn push_text(&mut self, chunk: &[u8], value: Value) -> Result<(), Stop> {
        let bytes = value.bytes(chunk);
        // No type's text is longer than that.
        self.reserve(bytes.len() * 4 + 64)?;
        DataValue {
            kind: value.kind,
            bytes,
        }
        .utf16_into(&mut self.scratch);
        Ok(())
    }

    fn reserve(&self, bytes: usize) -> Result<(), Stop> {
        if self.scratch.len() + bytes > MAX_SCRATCH {
            return Err(Stop::Unsupported);
        }
        Ok(())
    }
}

/// Which part of `System` an element is.
pub(crate) fn system_element(name: Name) -> Target {
    match name {
        Name::Provider => Target::Provider,
        Name::EventId => Target::EventId,
        Name::Level => Target::Level,
        Name::TimeCreated => Target::Created,
        Name::EventRecordId => Target::RecordId,
        Name::Channel => Target::Channel,
        Name::Computer => Target::Computer,
        Name::Security => Target::User,
        _ => Target::Nothing,
    }
}

/// What an attribute of such an element, or of `Data`, is.
pub(crate) fn attribute_target(element: Target, name: Name) -> Target {
    match (element, name) {
        (Target::Provider, Name::Label) => Target::Provider,
        (Target::EventId, Name::Qualifiers) => Target::Qualifiers,
        (Target::Created, Name::SystemTime) => Target::Created,
        (Target::User, Name::UserId) => Target::User,
        (Target::DataValue, Name::Label) => Target::DataName,
        _ => Target::Nothing,
    }
}

/// What the content of such an element is.
pub(crate) fn content_target(element: Target) -> Target {
    match element {
        // These are attributes.
        Target::Provider | Target::Created | Target::User => Target::Nothing,
        element => element,
    }
}

/// A literal that is a string: its range, if it is not empty. `None` for other types.
#[allow(clippy::option_option, reason = "no string, and a string without text")]
pub(crate) fn literal_text(chunk: &[u8], value: Value) -> Option<Option<Span>> {
    let (start, end) = string(chunk, value)?;
    Some((start < end).then_some((start, end)))
}

/// The range of a string value up to its first NUL; `None` for other types and
/// for a string of half units.
fn string(chunk: &[u8], value: Value) -> Option<Span> {
    let bytes = value.bytes(chunk);
    if value.kind != STRING || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let text = Utf16::from_le_bytes(bytes);
    let units = text.find_nul().unwrap_or(text.len());
    Some((value.start, value.start + units as u32 * 2))
}

fn utf16(chunk: &[u8], (start, end): Span) -> Utf16<'_> {
    Utf16::from_le_bytes(chunk.get(start as usize..end as usize).unwrap_or_default())
}

fn lossy(chunk: &[u8], span: Span) -> String {
    utf16(chunk, span).to_string_lossy()
}

/// A time that is text, as forwarded events have it.
pub(crate) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    match time::parse(text, DateOrder::MonthFirst) {
        Ok(TimeText::At(time)) => Some(time),
        Ok(TimeText::None) | Err(_) => None,
    }
}

/// [`System`] as a filter sees it.
pub(crate) struct SystemFacts<'a> {
    chunk: &'a [u8],
    literals: &'a [u8],
    system: &'a System,
    header_id: u64,
    /// Whether the filter has passed the provider and the channel before.
    passed: [bool; 2],
}

impl Facts for SystemFacts<'_> {
    fn record_id(&self) -> u64 {
        self.system.record_id.unwrap_or(self.header_id)
    }

    fn event_id(&self) -> u32 {
        self.system.event_id
    }

    fn created(&self) -> Option<DateTime<Utc>> {
        self.system.created.get()
    }

    fn provider_is(&self, name: &str) -> bool {
        self.passed[0] || matches(self.system.provider(self.chunk, self.literals), name)
    }

    fn channel_is(&self, name: &str) -> bool {
        self.passed[1] || matches(self.system.channel(self.chunk, self.literals), name)
    }
}
