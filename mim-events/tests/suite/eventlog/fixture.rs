//! Builds log files byte by byte, with every shape that the format allows and
//! none of the crate's own code.

use std::collections::HashMap;

pub(crate) const FILE_HEADER: usize = 4096;
pub(crate) const CHUNK: usize = 65_536;

/// An element or what stands in one.
#[derive(Clone)]
pub(crate) enum Node {
    Element(Element),
    Text(Vec<u16>),
    /// A literal value of another type.
    Literal(u8, Vec<u8>),
    Slot(u16),
    Entity(&'static str),
    Char(u16),
    CData(&'static str),
}

#[derive(Clone)]
pub(crate) struct Element {
    name: &'static str,
    depends: u16,
    attributes: Vec<(&'static str, Vec<Node>)>,
    children: Vec<Node>,
}

pub(crate) fn element(name: &'static str) -> Element {
    Element {
        name,
        depends: 0xFFFF,
        attributes: Vec::new(),
        children: Vec::new(),
    }
}

pub(crate) fn text(text: &str) -> Node {
    Node::Text(text.encode_utf16().collect())
}

impl Element {
    /// Left out when the value of this number is null.
    pub(crate) fn depends(mut self, id: u16) -> Self {
        self.depends = id;
        self
    }

    pub(crate) fn attribute(mut self, name: &'static str, value: Node) -> Self {
        self.attributes.push((name, vec![value]));
        self
    }

    pub(crate) fn child(mut self, child: Element) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    pub(crate) fn node(mut self, node: Node) -> Self {
        self.children.push(node);
        self
    }

    pub(crate) fn slot(self, id: u16) -> Self {
        self.node(Node::Slot(id))
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.node(text(value))
    }
}

/// A value of a template instance.
#[derive(Clone)]
pub(crate) enum Value {
    Null,
    Typed(u8, Vec<u8>),
    /// BinXML, with or without a fragment header.
    Fragment(bool, Box<Content>),
}

pub(crate) fn string(text: &str) -> Value {
    units(&text.encode_utf16().collect::<Vec<_>>())
}

pub(crate) fn units(units: &[u16]) -> Value {
    Value::Typed(
        1,
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
    )
}

pub(crate) fn strings(texts: &[&str]) -> Value {
    let bytes = texts
        .iter()
        .flat_map(|text| text.encode_utf16().chain([0]))
        .flat_map(u16::to_le_bytes)
        .collect();
    Value::Typed(0x81, bytes)
}

/// What a record or a fragment holds.
#[derive(Clone)]
pub(crate) enum Content {
    Instance(Element, Vec<Value>),
    Literal(Element),
}

impl Content {
    pub(crate) fn fragment(self) -> Value {
        Value::Fragment(true, Box::new(self))
    }
}

/// One chunk that is being filled.
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    names: HashMap<&'static str, u32>,
    /// Definitions by their tokens as text: name and depth-first shape.
    templates: HashMap<String, u32>,
    first: u64,
    last: u64,
    last_offset: usize,
}

impl Chunk {
    /// The header number of the first record.
    pub(crate) fn new(first: u64) -> Self {
        Self {
            bytes: vec![0; 512],
            names: HashMap::new(),
            templates: HashMap::new(),
            first,
            last: first.wrapping_sub(1),
            last_offset: 0,
        }
    }

    /// Appends a record with the next number.
    pub(crate) fn record(&mut self, written: u64, content: &Content) -> &mut Self {
        let id = self.last.wrapping_add(1);
        self.frame(id, written, |chunk| {
            chunk.bytes.extend([0x0F, 1, 1, 0]);
            chunk.content(content);
            chunk.bytes.push(0);
        });
        self
    }

    /// Appends a record of any bytes.
    pub(crate) fn raw(&mut self, content: &[u8]) -> &mut Self {
        let id = self.last.wrapping_add(1);
        self.frame(id, 0, |chunk| chunk.bytes.extend(content));
        self
    }

    fn frame(&mut self, id: u64, written: u64, content: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend(0x2A2A_u32.to_le_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(id.to_le_bytes());
        self.bytes.extend(written.to_le_bytes());
        content(self);
        while !(self.bytes.len() + 4).is_multiple_of(8) {
            self.bytes.push(0xEE);
        }
        let size = (self.bytes.len() + 4 - start) as u32;
        self.bytes.extend(size.to_le_bytes());
        self.patch(start + 4, size);
        self.last = id;
        self.last_offset = start;
        assert!(self.bytes.len() <= 65_528, "the chunk is full");
    }

    /// The finished chunk, checksums and all.
    pub(crate) fn finish(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let free = bytes.len() as u32;
        bytes.resize(CHUNK, 0);
        bytes[..8].copy_from_slice(b"ElfChnk\0");
        for (at, value) in [
            (8, self.first),
            (16, self.last),
            (24, self.first),
            (32, self.last),
        ] {
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        for (at, value) in [
            (40, 128),
            (44, self.last_offset as u32),
            (48, free),
            (120, 1),
        ] {
            bytes[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
        }
        seal(&mut bytes);
        bytes
    }

    fn patch(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn name(&mut self, name: &'static str) {
        let at = self.bytes.len() as u32 + 4;
        let offset = *self.names.entry(name).or_insert(at);
        self.bytes.extend(offset.to_le_bytes());
        if offset == at {
            let units: Vec<u16> = name.encode_utf16().collect();
            let hash = units
                .iter()
                .fold(0_u32, |h, &u| h.wrapping_mul(65_599).wrapping_add(u.into()));
            self.bytes.extend([0; 4]);
            self.bytes.extend((hash as u16).to_le_bytes());
            self.bytes.extend((units.len() as u16).to_le_bytes());
            self.bytes
                .extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
            self.bytes.extend([0; 2]);
        }
    }

    fn element(&mut self, element: &Element, in_template: bool) {
        let more = if element.attributes.is_empty() {
            0
        } else {
            0x40
        };
        self.bytes.push(0x01 | more);
        if in_template {
            self.bytes.extend(element.depends.to_le_bytes());
        }
        let size_at = self.bytes.len();
        self.bytes.extend([0; 4]);
        self.name(element.name);
        if more != 0 {
            let list_at = self.bytes.len();
            self.bytes.extend([0; 4]);
            for (index, (name, value)) in element.attributes.iter().enumerate() {
                let last = index + 1 == element.attributes.len();
                self.bytes.push(if last { 0x06 } else { 0x46 });
                self.name(name);
                value.iter().for_each(|node| self.node(node, in_template));
            }
            let size = (self.bytes.len() - list_at - 4) as u32;
            self.patch(list_at, size);
        }
        if element.children.is_empty() {
            self.bytes.push(0x03);
        } else {
            self.bytes.push(0x02);
            for node in &element.children {
                self.node(node, in_template);
            }
            self.bytes.push(0x04);
        }
        let size = (self.bytes.len() - size_at - 4) as u32;
        self.patch(size_at, size);
    }

    fn node(&mut self, node: &Node, in_template: bool) {
        match node {
            Node::Element(element) => self.element(element, in_template),
            Node::Text(units) => {
                self.bytes.extend([0x05, 0x01]);
                self.bytes.extend((units.len() as u16).to_le_bytes());
                self.bytes
                    .extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
            }
            Node::Literal(kind, bytes) => {
                self.bytes.extend([0x05, *kind]);
                self.bytes.extend(bytes);
            }
            Node::Slot(id) => {
                self.bytes.push(0x0E);
                self.bytes.extend(id.to_le_bytes());
                self.bytes.push(0x01);
            }
            Node::Entity(name) => {
                self.bytes.push(0x49);
                self.name(name);
            }
            Node::Char(unit) => {
                self.bytes.push(0x08);
                self.bytes.extend(unit.to_le_bytes());
            }
            Node::CData(text) => {
                self.bytes.push(0x07);
                self.bytes
                    .extend((text.encode_utf16().count() as u16).to_le_bytes());
                self.bytes
                    .extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            }
        }
    }

    fn content(&mut self, content: &Content) {
        match content {
            Content::Literal(element) => self.element(element, false),
            Content::Instance(template, values) => {
                self.bytes.extend([0x0C, 1]);
                self.bytes.extend(0x1234_u32.to_le_bytes());
                let at = self.bytes.len() as u32 + 4;
                let key = shape(template);
                let offset = *self.templates.entry(key).or_insert(at);
                self.bytes.extend(offset.to_le_bytes());
                if offset == at {
                    self.bytes.extend([0; 4]);
                    self.bytes.extend(0x1234_u128.to_le_bytes());
                    let size_at = self.bytes.len();
                    self.bytes.extend([0; 4]);
                    self.bytes.extend([0x0F, 1, 1, 0]);
                    self.element(template, true);
                    self.bytes.push(0);
                    let size = (self.bytes.len() - size_at - 4) as u32;
                    self.patch(size_at, size);
                }
                self.values(values);
            }
        }
    }

    fn values(&mut self, values: &[Value]) {
        self.bytes.extend((values.len() as u32).to_le_bytes());
        let descriptors = self.bytes.len();
        self.bytes.resize(descriptors + values.len() * 4, 0);
        for (index, value) in values.iter().enumerate() {
            let start = self.bytes.len();
            let kind = match value {
                Value::Null => 0,
                Value::Typed(kind, bytes) => {
                    self.bytes.extend(bytes);
                    *kind
                }
                Value::Fragment(header, content) => {
                    if *header {
                        self.bytes.extend([0x0F, 1, 1, 0]);
                    }
                    self.content(content);
                    self.bytes.push(0);
                    0x21
                }
            };
            let size = (self.bytes.len() - start) as u16;
            let at = descriptors + index * 4;
            self.bytes[at..at + 2].copy_from_slice(&size.to_le_bytes());
            self.bytes[at + 2] = kind;
        }
    }
}

/// Tells templates apart: everything that a definition says.
fn shape(element: &Element) -> String {
    fn node(node: &Node) -> String {
        match node {
            Node::Element(element) => shape(element),
            Node::Text(units) => format!("{units:?}"),
            Node::Literal(kind, bytes) => format!("{kind}{bytes:?}"),
            Node::Slot(id) => format!("%{id}"),
            Node::Entity(name) => format!("&{name};"),
            Node::Char(unit) => format!("&{unit};"),
            Node::CData(text) => format!("[{text}]"),
        }
    }
    let nodes = |nodes: &[Node]| nodes.iter().map(node).collect::<String>();
    let attributes: String = element
        .attributes
        .iter()
        .map(|(name, value)| format!(" {name}={}", nodes(value)))
        .collect();
    format!(
        "<{}?{}{attributes}>{}</>",
        element.name,
        element.depends,
        nodes(&element.children)
    )
}

/// Writes a chunk's checksums anew.
pub(crate) fn seal(chunk: &mut [u8]) {
    let free = u32::from_le_bytes(chunk[48..52].try_into().unwrap()) as usize;
    let data = crc32(&[&chunk[512..free]]);
    chunk[52..56].copy_from_slice(&data.to_le_bytes());
    let header = crc32(&[&chunk[..120], &chunk[128..512]]);
    chunk[124..128].copy_from_slice(&header.to_le_bytes());
}

/// A log of these chunks.
pub(crate) fn log(chunks: &[Vec<u8>]) -> Vec<u8> {
    log_with_flags(chunks, 0)
}

/// A log with file flags: 1 was not closed, 4 keeps no checksums.
pub(crate) fn log_with_flags(chunks: &[Vec<u8>], flags: u32) -> Vec<u8> {
    let mut file = vec![0; FILE_HEADER];
    file[..8].copy_from_slice(b"ElfFile\0");
    for (at, value) in [
        (32, 128_u16),
        (36, 1),
        (38, 3),
        (40, 4096),
        (42, chunks.len() as u16),
    ] {
        file[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    let crc = crc32(&[&file[..120]]);
    file[120..124].copy_from_slice(&flags.to_le_bytes());
    file[124..128].copy_from_slice(&crc.to_le_bytes());
    chunks.iter().for_each(|chunk| file.extend(chunk));
    file
}

/// CRC-32 by a table, and not the crate's.
fn crc32(parts: &[&[u8]]) -> u32 {
    const REMAINDERS: [u32; 256] = {
        let mut remainders = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut crc = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
                bit += 1;
            }
            remainders[byte] = crc;
            byte += 1;
        }
        remainders
    };
    !parts
        .iter()
        .copied()
        .flatten()
        .fold(u32::MAX, |crc, &byte| {
            (crc >> 8) ^ REMAINDERS[usize::from(crc as u8 ^ byte)]
        })
}

// --- events as Windows writes them ---

pub(crate) const TIME: u64 = 132_210_191_826_330_001;
pub(crate) const SID: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];

pub(crate) fn typed(kind: u8, bytes: impl AsRef<[u8]>) -> Value {
    Value::Typed(kind, bytes.as_ref().to_vec())
}

/// The parts of a classic event that tests change.
#[derive(Clone)]
pub(crate) struct Classic {
    /// The definition of Server 2022 and Windows 10 2004, or the one before.
    pub(crate) layout_b: bool,
    pub(crate) provider: &'static str,
    pub(crate) id: u16,
    pub(crate) record: u64,
    pub(crate) time: u64,
    pub(crate) user: Value,
    /// A string array or null.
    pub(crate) strings: Value,
    pub(crate) binary: Value,
    pub(crate) header: bool,
}

impl Default for Classic {
    fn default() -> Self {
        Self {
            layout_b: false,
            provider: "Microsoft.IdentityManagement.Service",
            id: 4121,
            record: 1,
            time: TIME,
            user: Value::Null,
            strings: strings(&["{\"Operation\":\"Create\"}"]),
            binary: Value::Null,
            header: true,
        }
    }
}

impl Classic {
    pub(crate) fn content(&self) -> Content {
        let optional = |name, id| element(name).depends(id).slot(id);
        let mut system = element("System")
            .child(element("Provider").attribute("Name", text(self.provider)))
            .child(
                element("EventID")
                    .depends(3)
                    .attribute("Qualifiers", Node::Slot(4))
                    .slot(3),
            );
        if self.layout_b {
            system = system.child(optional("Version", 11));
        }
        system = system
            .child(optional("Level", 0))
            .child(optional("Task", 2));
        if self.layout_b {
            system = system.child(optional("Opcode", 1));
        }
        system = system
            .child(optional("Keywords", 5))
            .child(element("TimeCreated").attribute("SystemTime", Node::Slot(6)))
            .child(optional("EventRecordID", 10));
        if self.layout_b {
            system = system
                .child(
                    element("Correlation")
                        .attribute("ActivityID", Node::Slot(7))
                        .attribute("RelatedActivityID", Node::Slot(18)),
                )
                .child(
                    element("Execution")
                        .attribute("ProcessID", Node::Slot(8))
                        .attribute("ThreadID", Node::Slot(9)),
                );
        }
        let system = system
            .child(element("Channel").text("Identity Manager Request Log"))
            .child(element("Computer").text("mim.example.test"))
            .child(element("Security").attribute("UserID", Node::Slot(12)));
        let outer = element("Event")
            .attribute(
                "xmlns",
                text("http://schemas.microsoft.com/win/2004/08/events/event"),
            )
            .child(system)
            .slot(19)
            .depends(19);
        let inner = element("EventData")
            .child(element("Data").depends(0).slot(0))
            .child(element("Binary").depends(2).slot(2));
        let length = match &self.binary {
            Value::Typed(_, bytes) => bytes.len() as u32,
            _ => 0,
        };
        let inner = Content::Instance(
            inner,
            vec![
                self.strings.clone(),
                typed(8, length.to_le_bytes()),
                self.binary.clone(),
            ],
        );
        let mut values = vec![
            typed(4, [4]),
            typed(4, [0]),
            typed(6, 0_u16.to_le_bytes()),
            typed(6, self.id.to_le_bytes()),
            typed(6, 7_u16.to_le_bytes()),
            typed(0x15, 0x0080_0000_0000_0000_u64.to_le_bytes()),
            typed(0x11, self.time.to_le_bytes()),
            Value::Null,
            typed(8, 0_u32.to_le_bytes()),
            typed(8, 0_u32.to_le_bytes()),
            typed(0x0A, self.record.to_le_bytes()),
            typed(4, [0]),
            self.user.clone(),
        ];
        values.extend(std::iter::repeat_n(Value::Null, 6));
        values.push(Value::Fragment(self.header, Box::new(inner)));
        Content::Instance(outer, values)
    }
}

/// A manifest event: `System` with few fields, `EventData` as given, whose
/// slots begin at 4.
pub(crate) fn manifest(record: u64, payload: Element, values: Vec<Value>) -> Content {
    let system = element("System")
        .child(
            element("Provider")
                .attribute("Name", text("Contoso-Test"))
                .attribute("Guid", Node::Slot(3)),
        )
        .child(element("EventID").slot(0))
        .child(element("Level").text("2"))
        .child(element("TimeCreated").attribute("SystemTime", Node::Slot(1)))
        .child(element("EventRecordID").slot(2))
        .child(element("Channel").text("Contoso/Operational"))
        .child(element("Computer").text("pc & co"))
        .child(element("Security"));
    let mut all = vec![
        typed(6, 300_u16.to_le_bytes()),
        typed(0x11, TIME.to_le_bytes()),
        typed(0x0A, record.to_le_bytes()),
        typed(0x0F, [7; 16]),
    ];
    all.extend(values);
    Content::Instance(element("Event").child(system).child(payload), all)
}

/// A forwarded event: everything literal, numbers and times as text.
pub(crate) fn forwarded(record: &str, payload: Element) -> Content {
    let system = element("System")
        .child(element("Provider").attribute("Name", text("Forwarded & Sons")))
        .child(
            element("EventID")
                .attribute("Qualifiers", text("16384"))
                .text("4121"),
        )
        .child(element("Level").text("4"))
        .child(
            element("TimeCreated").attribute("SystemTime", text("2020-08-25T10:52:58.250134000Z")),
        )
        .child(element("EventRecordID").text(record))
        .child(element("Channel").text("ForwardedEvents"))
        .child(element("Computer").text("far.example.test"))
        .child(element("Security").attribute("UserID", text("S-1-5-18")));
    let rendering = element("RenderingInfo").child(element("Message").text("not data"));
    Content::Literal(
        element("Event")
            .attribute("xmlns", text("urn:e"))
            .child(system)
            .child(payload)
            .child(rendering),
    )
}
