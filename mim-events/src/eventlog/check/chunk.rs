//! One chunk: header, records, and the tables of names and templates.

use std::collections::{BTreeMap, BTreeSet};

use super::binxml::{Fault, Walk};
use super::report::CheckReport;
use crate::error::{Error, ErrorKind};
use crate::eventlog::format::{
    CHUNK_HEADER_SIZE, ChunkHeader, FREE_SPACE_LIMIT, RECORD_ALIGNMENT, RECORD_HEADER_SIZE,
    RecordFrame, STRING_BUCKETS, STRING_TABLE, TEMPLATE_BUCKETS, TEMPLATE_TABLE,
    chunk_data_checksum, chunk_header_checksum, u32_at,
};

/// What a chunk held.
pub(super) struct Checked {
    pub(super) records: u64,
    pub(super) names: u64,
    pub(super) templates: u64,
    /// First and last record id, by its header.
    pub(super) ids: Option<(u64, u64)>,
    /// Offsets of the template definitions.
    pub(super) definitions: Vec<u32>,
}

/// Adds the place to what is found in a chunk.
pub(super) struct Findings<'a> {
    chunk: u64,
    offset: u64,
    pub(super) report: &'a mut CheckReport,
}

impl<'a> Findings<'a> {
    pub(super) fn new(chunk: u64, offset: u64, report: &'a mut CheckReport) -> Self {
        Self {
            chunk,
            offset,
            report,
        }
    }

    pub(super) fn chunk(&mut self, at: usize, what: &'static str) {
        self.add(at, Error::new(ErrorKind::Chunk { what }));
    }

    fn record(&mut self, at: usize, id: u64, what: &'static str) {
        self.add(at, Error::new(ErrorKind::Record { what }).at_record(id));
    }

    fn add(&mut self, at: usize, error: Error) {
        self.report.add(
            error
                .at_chunk(self.chunk)
                .at_offset(self.offset + at as u64),
        );
    }
}

pub(super) fn check_chunk(chunk: &[u8], minor: u16, findings: &mut Findings<'_>) -> Checked {
    let mut checked = Checked {
        records: 0,
        names: 0,
        templates: 0,
        ids: None,
        definitions: Vec::new(),
    };
    let Some(header) = ChunkHeader::parse(chunk) else {
        findings.chunk(0, "it does not begin with `ElfChnk`");
        return checked;
    };
    checked.ids = Some((header.first_record_id, header.last_record_id));
    check_header(chunk, &header, findings);

    let mut walk = Walk::new(chunk);
    let end = (header.free_space_offset as usize).clamp(CHUNK_HEADER_SIZE, chunk.len());
    let mut at = CHUNK_HEADER_SIZE;
    let mut last = None;
    while at < end {
        let frame = match RecordFrame::parse(chunk, at, end) {
            Ok(frame) => frame,
            Err(what) => {
                findings.chunk(at, what);
                // What follows can't be found, and so the tables can't be compared.
                return checked;
            }
        };
        let id = frame.header_id;
        if !frame.sound {
            findings.record(at + frame.size - 4, id, "the copy of its size differs");
        }
        if !frame.size.is_multiple_of(RECORD_ALIGNMENT) {
            findings.record(at + 4, id, "its size is not a multiple of 8");
        }
        if id != header.first_record_id.wrapping_add(checked.records) {
            findings.record(at + 8, id, "its number does not follow the one before");
        }
        check_content(&mut walk, at, frame.size, id, findings);
        checked.records += 1;
        last = Some((at, id));
        at += frame.size;
    }
    let Some((offset, id)) = last else {
        if header.last_record_offset != 0 {
            findings.chunk(44, "it has no last record, but the offset of one");
        }
        checked.ids = None;
        return checked;
    };
    if header.last_record_offset as usize != offset {
        findings.chunk(44, "the offset of the last record is another's");
    }
    if header.last_record_id != id {
        findings.chunk(32, "the last record's id is another");
    }
    checked.names = walk.names.len() as u64;
    checked.templates = walk.templates.len() as u64;
    checked.definitions = walk.templates.keys().copied().collect();
    check_tables(chunk, &walk, minor, findings);
    checked
}

fn check_header(chunk: &[u8], header: &ChunkHeader, findings: &mut Findings<'_>) {
    let mut test = |at: usize, ok: bool, what| {
        if !ok {
            findings.chunk(at, what);
        }
    };
    test(
        40,
        u32_at(chunk, 40) == Some(128),
        "its size field is not 128",
    );
    test(
        8,
        header
            .last_record_number
            .wrapping_sub(header.first_record_number)
            == header.last_record_id.wrapping_sub(header.first_record_id),
        "record numbers and record ids count differently",
    );
    let free = header.free_space_offset as usize;
    test(
        48,
        (CHUNK_HEADER_SIZE..=FREE_SPACE_LIMIT).contains(&free),
        "free space begins outside of 512 to 65,528",
    );
    test(
        52,
        chunk_data_checksum(chunk, header.free_space_offset) == Some(header.data_checksum),
        "the checksum of its records is wrong",
    );
    let zero = chunk
        .get(56..120)
        .is_some_and(|bytes| bytes.iter().all(|&byte| byte == 0));
    test(56, zero, "unused fields are not zero");
    test(120, header.flags == 1, "its flags are not 1");
    test(
        124,
        chunk_header_checksum(chunk) == header.header_checksum,
        "the checksum of its header is wrong",
    );
}

fn check_content(
    walk: &mut Walk<'_>,
    at: usize,
    size: usize,
    id: u64,
    findings: &mut Findings<'_>,
) {
    let end = at + size - 4;
    match walk.fragment(at + RECORD_HEADER_SIZE, end) {
        Ok(content_end) if end - content_end >= RECORD_ALIGNMENT => {
            findings.record(
                content_end,
                id,
                "there is more than padding after its content",
            );
        }
        Ok(_) => {}
        Err(Fault { at, what }) => findings.record(at, id, what),
    }
}

/// Every name and every definition must be found through its bucket, and
/// nothing else may be.
fn check_tables(chunk: &[u8], walk: &Walk<'_>, minor: u16, findings: &mut Findings<'_>) {
    let names: BTreeMap<u32, usize> = walk
        .names
        .iter()
        .map(|(&at, &hash)| (at, usize::from(hash) % STRING_BUCKETS))
        .collect();
    let strings = Table {
        at: STRING_TABLE,
        buckets: STRING_BUCKETS,
        stray: "a bucket of names leads to no name",
        wrong: "a name is in another's bucket",
        lost: "a name is in no bucket",
    };
    strings.check(chunk, &names, true, findings);
    let templates: BTreeMap<u32, usize> = walk
        .templates
        .iter()
        .map(|(&at, template)| (at, template.hash as usize % TEMPLATE_BUCKETS))
        .collect();
    let definitions = Table {
        at: TEMPLATE_TABLE,
        buckets: TEMPLATE_BUCKETS,
        stray: "a bucket of templates leads to no definition",
        wrong: "a definition is in another's bucket",
        lost: "a definition is in no bucket",
    };
    // Which bucket a definition goes to is known for version 3.1 only.
    definitions.check(chunk, &templates, minor == 1, findings);
}

struct Table {
    at: usize,
    buckets: usize,
    stray: &'static str,
    wrong: &'static str,
    lost: &'static str,
}

impl Table {
    fn check(
        &self,
        chunk: &[u8],
        nodes: &BTreeMap<u32, usize>,
        function_known: bool,
        findings: &mut Findings<'_>,
    ) {
        let mut reached = BTreeSet::new();
        for bucket in 0..self.buckets {
            let mut place = self.at + bucket * 4;
            let mut newer = u32::MAX;
            while let Some(node) = u32_at(chunk, place).filter(|&node| node != 0) {
                let Some(&wanted) = nodes.get(&node) else {
                    findings.chunk(place, self.stray);
                    break;
                };
                // Older nodes lie before newer ones, so every chain ends.
                if node >= newer {
                    findings.chunk(place, "a bucket's older node lies after a newer one");
                    break;
                }
                if function_known && wanted != bucket {
                    findings.chunk(place, self.wrong);
                }
                reached.insert(node);
                newer = node;
                place = node as usize;
            }
        }
        for node in nodes.keys().filter(|node| !reached.contains(node)) {
            findings.chunk(*node as usize, self.lost);
        }
    }
}
