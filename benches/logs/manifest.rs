//! A log as a Windows system channel holds them: many small records of a
//! manifest provider.
//!
//! `LogWriter` writes classic events, so these are written here by hand: one
//! outer template of 18 values, the last of them the event data, which is an
//! instance of one template for each event id ([MS-EVEN6] 2.2.12). The fields
//! are those of the audit events 4624, 4663, 4672 and 4688; what is in them is
//! invented.

use std::io::{self, Seek, SeekFrom, Write};

use super::random::Random;

/// The provider of the records.
pub const PROVIDER: &str = "Microsoft-Windows-Security-Auditing";
const CHANNEL: &str = "Security";
const COMPUTER: &str = "dc01.example.test";
/// 2026-03-02T00:00:00Z as FILETIME.
const START: u64 = 134_168_832_000_000_000;

const CHUNK: usize = 65_536;
const FREE_SPACE_LIMIT: usize = 65_528;
const FRAGMENT_HEADER: [u8; 4] = [0x0F, 1, 1, 0];

/// How a field is made, and so its type.
#[derive(Clone, Copy)]
enum Kind {
    Sid,
    User,
    Hex64,
    Hex32,
    U32,
    Guid,
    /// One of a few texts.
    Of(&'static [&'static str]),
}

use Kind::{Guid, Hex32, Hex64, Of, Sid, U32, User};

const DOMAIN: Kind = Of(&["HARBOR"]);
const PROCESS: Kind = Of(&[
    r"C:\Windows\System32\svchost.exe",
    r"C:\Windows\System32\lsass.exe",
    r"C:\Windows\System32\wbem\WmiPrvSE.exe",
    r"C:\Program Files\Backup Agent\agent.exe",
]);

/// Event ids with the names and kinds of their data.
const EVENTS: [(u16, &[(&str, Kind)]); 4] = [
    (
        4624,
        &[
            ("SubjectUserSid", Sid),
            ("SubjectUserName", User),
            ("SubjectDomainName", DOMAIN),
            ("SubjectLogonId", Hex64),
            ("TargetUserSid", Sid),
            ("TargetUserName", User),
            ("TargetDomainName", DOMAIN),
            ("TargetLogonId", Hex64),
            ("LogonType", U32),
            ("LogonProcessName", Of(&["Kerberos", "NtLmSsp "])),
            ("AuthenticationPackageName", Of(&["Kerberos", "NTLM"])),
            ("WorkstationName", Of(&["-", "WS-0412", "WS-1177"])),
            ("LogonGuid", Guid),
            ("ProcessId", Hex64),
            ("ProcessName", PROCESS),
            ("IpAddress", Of(&["192.0.2.17", "192.0.2.104", "-"])),
        ],
    ),
    (
        4663,
        &[
            ("SubjectUserSid", Sid),
            ("SubjectUserName", User),
            ("SubjectDomainName", DOMAIN),
            ("SubjectLogonId", Hex64),
            ("ObjectServer", Of(&["Security"])),
            ("ObjectType", Of(&["File", "Key"])),
            ("ObjectName", Of(&[r"D:\Shares\Finance\2026\plan.xlsx"])),
            ("HandleId", Hex64),
            ("AccessList", Of(&["%%4416\r\n\t\t\t\t"])),
            ("AccessMask", Hex32),
            ("ProcessId", Hex64),
            ("ProcessName", PROCESS),
        ],
    ),
    (
        4672,
        &[
            ("SubjectUserSid", Sid),
            ("SubjectUserName", User),
            ("SubjectDomainName", DOMAIN),
            ("SubjectLogonId", Hex64),
            (
                "PrivilegeList",
                Of(&["SeSecurityPrivilege\r\n\t\t\tSeBackupPrivilege\r\n\t\t\tSeRestorePrivilege"]),
            ),
        ],
    ),
    (
        4688,
        &[
            ("SubjectUserSid", Sid),
            ("SubjectUserName", User),
            ("SubjectDomainName", DOMAIN),
            ("SubjectLogonId", Hex64),
            ("NewProcessId", Hex64),
            ("NewProcessName", PROCESS),
            ("TokenElevationType", Of(&["%%1936", "%%1937"])),
            ("ProcessId", Hex64),
            ("CommandLine", Of(&["", r"agent.exe --quiet --once"])),
            ("TargetUserSid", Sid),
            ("TargetUserName", User),
        ],
    ),
];

/// Writes a log of so many chunks; the same seed gives the same bytes.
pub fn write(out: &mut (impl Write + Seek), chunks: u64, seed: u64) -> io::Result<()> {
    let mut random = Random::new(seed);
    let mut chunk = Chunk::default();
    let mut next = 1;
    out.write_all(&[0; 4096])?;
    for _ in 0..chunks {
        let first = next;
        chunk.begin();
        while chunk.push(next, &mut random) {
            next += 1;
        }
        chunk.finish(first, next - 1);
        out.write_all(&chunk.bytes)?;
    }
    let mut header = vec![0; 4096];
    put(&mut header, 0, b"ElfFile\0");
    put(&mut header, 16, &(chunks - 1).to_le_bytes());
    put(&mut header, 24, &next.to_le_bytes());
    put(&mut header, 32, &[128, 0, 0, 0, 1, 0, 3, 0, 0, 16]);
    let count = u16::try_from(chunks).unwrap_or(u16::MAX);
    put(&mut header, 42, &count.to_le_bytes());
    let checksum = crc32fast::hash(&header[..120]);
    put(&mut header, 124, &checksum.to_le_bytes());
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&header)?;
    out.flush()
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// What an attribute or element holds.
#[derive(Clone, Copy)]
enum Content<'a> {
    Text(&'a str),
    /// A value of the instance: its number and type.
    Value(u16, u8),
    Nothing,
}

use Content::{Nothing, Text, Value};

/// A chunk being filled; positions in it are its offsets.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    /// Offsets of the definitions: the outer one, then one for each event id.
    definitions: [Option<u32>; 1 + EVENTS.len()],
    last: usize,
    /// Reused: the values of an event, their types and sizes.
    values: Vec<u8>,
    types: Vec<(u16, u8)>,
}

impl Chunk {
    fn begin(&mut self) {
        self.bytes.clear();
        self.bytes.resize(512, 0);
        self.definitions = [None; 1 + EVENTS.len()];
    }

    /// Appends a record, or leaves the chunk as it was if that does not fit.
    fn push(&mut self, number: u64, random: &mut Random) -> bool {
        let start = self.bytes.len();
        let tables = self.bytes[128..512].to_vec();
        let definitions = self.definitions;
        let before = random.clone();
        self.record(number, random);
        if self.bytes.len() > FREE_SPACE_LIMIT {
            self.bytes.truncate(start);
            self.bytes[128..512].copy_from_slice(&tables);
            self.definitions = definitions;
            *random = before;
            return false;
        }
        self.last = start;
        true
    }

    fn finish(&mut self, first: u64, last: u64) {
        let free = self.bytes.len();
        self.bytes.resize(CHUNK, 0);
        let bytes = &mut self.bytes;
        put(bytes, 0, b"ElfChnk\0");
        for (at, number) in [(8, first), (16, last), (24, first), (32, last)] {
            put(bytes, at, &number.to_le_bytes());
        }
        put(bytes, 40, &128_u32.to_le_bytes());
        put(bytes, 44, &(self.last as u32).to_le_bytes());
        put(bytes, 48, &(free as u32).to_le_bytes());
        let checksum = crc32fast::hash(&bytes[512..free]);
        put(bytes, 52, &checksum.to_le_bytes());
        put(bytes, 120, &1_u32.to_le_bytes());
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&bytes[..120]);
        hasher.update(&bytes[128..512]);
        put(bytes, 124, &hasher.finalize().to_le_bytes());
    }

    fn record(&mut self, number: u64, random: &mut Random) {
        let event = random.below(EVENTS.len() as u64) as usize;
        let id = EVENTS[event].0;
        let time = START + number * 37_000_000 + random.below(30_000_000);
        let start = self.bytes.len();
        self.bytes
            .extend_from_slice(&[0x2A, 0x2A, 0, 0, 0, 0, 0, 0]);
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self.bytes.extend_from_slice(&time.to_le_bytes());
        self.bytes.extend_from_slice(&FRAGMENT_HEADER);
        self.instance(0, outer);

        let process = (600 + random.below(8) as u32 * 4).to_le_bytes();
        let thread = (700 + random.below(400) as u32 * 4).to_le_bytes();
        let provider = utf16(PROVIDER);
        let channel = utf16(CHANNEL);
        let values: [(u8, &[u8]); 17] = [
            (0x04, &[0]),
            (0x04, &[0]),
            (0x06, &12_544_u16.to_le_bytes()),
            (0x06, &id.to_le_bytes()),
            (0x00, &[]),
            (0x15, &0x8020_0000_0000_0000_u64.to_le_bytes()),
            (0x11, &time.to_le_bytes()),
            (0x00, &[]),
            (0x08, &process),
            (0x08, &thread),
            (0x0A, &number.to_le_bytes()),
            (0x04, &[2]),
            (0x00, &[]),
            (0x00, &[]),
            (0x01, &provider),
            (0x0F, &PROVIDER_GUID),
            (0x01, &channel),
        ];
        self.bytes.extend_from_slice(&18_u32.to_le_bytes());
        for (kind, value) in values {
            descriptor(&mut self.bytes, value.len(), kind);
        }
        let size = self.bytes.len();
        descriptor(&mut self.bytes, 0, 0x21);
        for (_, value) in values {
            self.bytes.extend_from_slice(value);
        }
        let data = self.bytes.len();
        self.bytes.extend_from_slice(&FRAGMENT_HEADER);
        self.instance(event + 1, |xml| event_data(xml, EVENTS[event].1));
        self.event_values(EVENTS[event].1, random);
        self.bytes.push(0);
        let data = (self.bytes.len() - data) as u16;
        put(&mut self.bytes, size, &data.to_le_bytes());
        self.bytes.push(0);

        let size = (self.bytes.len() + 4 - start).next_multiple_of(8);
        self.bytes.resize(start + size - 4, 0);
        let size = (size as u32).to_le_bytes();
        self.bytes.extend_from_slice(&size);
        put(&mut self.bytes, start + 4, &size);
    }

    /// An instance up to its values, with its definition if it is the chunk's first.
    fn instance(&mut self, definition: usize, write: impl FnOnce(&mut Xml<'_>)) {
        let guid = guid(definition as u64);
        self.bytes.extend_from_slice(&[0x0C, 1]);
        self.bytes.extend_from_slice(&guid[..4]);
        if let Some(offset) = self.definitions[definition] {
            self.bytes.extend_from_slice(&offset.to_le_bytes());
            return;
        }
        let offset = self.bytes.len() as u32 + 4;
        self.definitions[definition] = Some(offset);
        self.bytes.extend_from_slice(&offset.to_le_bytes());
        let words = guid
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        chain(&mut self.bytes, 384 + hash(words) as usize % 32 * 4);
        self.bytes.extend_from_slice(&guid);
        let size = open(&mut self.bytes);
        self.bytes.extend_from_slice(&FRAGMENT_HEADER);
        write(&mut Xml(&mut self.bytes));
        self.bytes.push(0);
        close(&mut self.bytes, size);
    }

    fn event_values(&mut self, fields: &[(&str, Kind)], random: &mut Random) {
        self.values.clear();
        self.types.clear();
        for &(_, kind) in fields {
            let before = self.values.len();
            value(kind, random, &mut self.values);
            let size = (self.values.len() - before) as u16;
            self.types.push((size, type_of(kind)));
        }
        self.bytes
            .extend_from_slice(&(fields.len() as u32).to_le_bytes());
        for &(size, kind) in &self.types {
            descriptor(&mut self.bytes, size.into(), kind);
        }
        self.bytes.extend_from_slice(&self.values);
    }
}

const PROVIDER_GUID: [u8; 16] = [
    0x25, 0x96, 0x84, 0x54, 0x78, 0x54, 0x94, 0x49, 0xA5, 0xBA, 0x3E, 0x3B, 0x03, 0x28, 0xC3, 0x0D,
];

/// An id for each definition.
fn guid(definition: u64) -> [u8; 16] {
    let mut random = Random::new(0x6d61_6e69 + definition);
    let mut guid = [0; 16];
    guid[..8].copy_from_slice(&random.next().to_le_bytes());
    guid[8..].copy_from_slice(&random.next().to_le_bytes());
    guid
}

fn descriptor(bytes: &mut Vec<u8>, size: usize, kind: u8) {
    bytes.extend_from_slice(&(size as u16).to_le_bytes());
    bytes.extend_from_slice(&[kind, 0]);
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn type_of(kind: Kind) -> u8 {
    match kind {
        Sid => 0x13,
        User | Of(_) => 0x01,
        Hex64 => 0x15,
        Hex32 => 0x14,
        U32 => 0x08,
        Guid => 0x0F,
    }
}

fn value(kind: Kind, random: &mut Random, out: &mut Vec<u8>) {
    match kind {
        Sid => {
            out.extend_from_slice(&[1, 5, 0, 0, 0, 0, 0, 5]);
            let user = 1000 + random.below(3000) as u32;
            for part in [21, 1_004_336_348, 1_177_238_915, 682_003_330, user] {
                out.extend_from_slice(&part.to_le_bytes());
            }
        }
        User => {
            let name = format!("user{:04}", random.below(3000));
            out.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        }
        Hex64 => out.extend_from_slice(&random.below(1 << 32).to_le_bytes()),
        Hex32 => out.extend_from_slice(&(1_u32 << random.below(16)).to_le_bytes()),
        U32 => out.extend_from_slice(&(2 + random.below(9) as u32).to_le_bytes()),
        Guid => {
            out.extend_from_slice(&random.next().to_le_bytes());
            out.extend_from_slice(&random.next().to_le_bytes());
        }
        Of(texts) => {
            let text = texts[random.below(texts.len() as u64) as usize];
            out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        }
    }
}

/// The system part: provider and channel are values, the computer is a literal.
fn outer(xml: &mut Xml<'_>) {
    const SCHEMA: &str = "http://schemas.microsoft.com/win/2004/08/events/event";
    xml.element("Event", None, &[("xmlns", Text(SCHEMA))], |xml| {
        xml.element("System", None, &[], |xml| {
            let provider = [("Name", Value(14, 0x01)), ("Guid", Value(15, 0x0F))];
            xml.leaf("Provider", None, &provider, Nothing);
            xml.leaf(
                "EventID",
                Some(3),
                &[("Qualifiers", Value(4, 0x06))],
                Value(3, 0x06),
            );
            xml.leaf("Version", Some(11), &[], Value(11, 0x04));
            xml.leaf("Level", Some(0), &[], Value(0, 0x04));
            xml.leaf("Task", Some(2), &[], Value(2, 0x06));
            xml.leaf("Opcode", Some(1), &[], Value(1, 0x04));
            xml.leaf("Keywords", Some(5), &[], Value(5, 0x15));
            xml.leaf(
                "TimeCreated",
                None,
                &[("SystemTime", Value(6, 0x11))],
                Nothing,
            );
            xml.leaf("EventRecordID", Some(10), &[], Value(10, 0x0A));
            let correlation = [
                ("ActivityID", Value(7, 0x0F)),
                ("RelatedActivityID", Value(13, 0x0F)),
            ];
            xml.leaf("Correlation", None, &correlation, Nothing);
            let execution = [("ProcessID", Value(8, 0x08)), ("ThreadID", Value(9, 0x08))];
            xml.leaf("Execution", None, &execution, Nothing);
            xml.leaf("Channel", None, &[], Value(16, 0x01));
            xml.leaf("Computer", None, &[], Text(COMPUTER));
            xml.leaf("Security", None, &[("UserID", Value(12, 0x13))], Nothing);
        });
        xml.content(Value(17, 0x21));
    });
}

fn event_data(xml: &mut Xml<'_>, fields: &[(&str, Kind)]) {
    xml.element("EventData", None, &[], |xml| {
        for (slot, &(name, kind)) in (0..).zip(fields) {
            xml.leaf(
                "Data",
                None,
                &[("Name", Text(name))],
                Value(slot, type_of(kind)),
            );
        }
    });
}

/// A template definition being written.
struct Xml<'a>(&'a mut Vec<u8>);

impl Xml<'_> {
    fn element(
        &mut self,
        name: &str,
        dependency: Option<u16>,
        attributes: &[(&str, Content<'_>)],
        children: impl FnOnce(&mut Self),
    ) {
        let size = self.tag(name, dependency, attributes);
        self.0.push(0x02);
        children(self);
        self.0.push(0x04);
        close(self.0, size);
    }

    fn leaf(
        &mut self,
        name: &str,
        dependency: Option<u16>,
        attributes: &[(&str, Content<'_>)],
        content: Content<'_>,
    ) {
        if !matches!(content, Nothing) {
            return self.element(name, dependency, attributes, |xml| xml.content(content));
        }
        let size = self.tag(name, dependency, attributes);
        self.0.push(0x03);
        close(self.0, size);
    }

    fn tag(
        &mut self,
        name: &str,
        dependency: Option<u16>,
        attributes: &[(&str, Content<'_>)],
    ) -> usize {
        self.0.push(if attributes.is_empty() { 0x01 } else { 0x41 });
        let dependency = dependency.unwrap_or(u16::MAX);
        self.0.extend_from_slice(&dependency.to_le_bytes());
        let size = open(self.0);
        self.name(name);
        if let Some(last) = attributes.len().checked_sub(1) {
            let list = open(self.0);
            for (at, &(name, content)) in attributes.iter().enumerate() {
                self.0.push(if at < last { 0x46 } else { 0x06 });
                self.name(name);
                self.content(content);
            }
            close(self.0, list);
        }
        size
    }

    fn content(&mut self, content: Content<'_>) {
        match content {
            Text(text) => {
                self.0.extend_from_slice(&[0x05, 0x01]);
                let units = text.encode_utf16().count() as u16;
                self.0.extend_from_slice(&units.to_le_bytes());
                self.0.extend_from_slice(&utf16(text));
            }
            Value(slot, kind) => {
                self.0.push(0x0E);
                self.0.extend_from_slice(&slot.to_le_bytes());
                self.0.push(kind);
            }
            Nothing => {}
        }
    }

    /// A name: the offset of its node, with the node where the chunk has none yet.
    fn name(&mut self, name: &str) {
        let name = utf16(name);
        let units = name
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let hash = hash(units) as u16;
        let bucket = 128 + usize::from(hash) % 64 * 4;
        let mut node = u32_at(self.0, bucket) as usize;
        while node != 0
            && self.0.get(node + 8..node + 8 + name.len() + 2)
                != Some(&[&name[..], &[0, 0]].concat())
        {
            node = u32_at(self.0, node) as usize;
        }
        if node != 0 {
            self.0.extend_from_slice(&(node as u32).to_le_bytes());
            return;
        }
        let node = self.0.len() as u32 + 4;
        self.0.extend_from_slice(&node.to_le_bytes());
        chain(self.0, bucket);
        self.0.extend_from_slice(&hash.to_le_bytes());
        self.0
            .extend_from_slice(&((name.len() / 2) as u16).to_le_bytes());
        self.0.extend_from_slice(&name);
        self.0.extend_from_slice(&[0, 0]);
    }
}

fn hash(units: impl Iterator<Item = u16>) -> u32 {
    units.fold(0_u32, |hash, unit| {
        hash.wrapping_mul(65_599).wrapping_add(unit.into())
    })
}

/// Begins a node that comes first in its bucket: the one before is its next.
fn chain(bytes: &mut Vec<u8>, bucket: usize) {
    let node = bytes.len() as u32;
    let next = u32_at(bytes, bucket);
    put(bytes, bucket, &node.to_le_bytes());
    bytes.extend_from_slice(&next.to_le_bytes());
}

/// Leaves room for the count of the bytes that follow.
fn open(bytes: &mut Vec<u8>) -> usize {
    bytes.extend_from_slice(&[0; 4]);
    bytes.len()
}

fn close(bytes: &mut [u8], opened: usize) {
    let size = (bytes.len() - opened) as u32;
    put(bytes, opened - 4, &size.to_le_bytes());
}
