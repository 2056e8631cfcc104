//! Sealing and opening frames, and what they can't be faster than.

use std::hint::black_box;

use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use ingest_protocol::frame::{Header, Limits, Opener, Sealer, Stamp};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, compress_bound};

use super::{Batch, Codec};

/// The specification's compression, for every peer, too.
pub const LEVEL: i32 = 3;
/// A window of 8 MiB.
pub const WINDOW_LOG: u32 = 23;

/// Frames.
#[derive(Debug)]
pub struct Frames {
    sealer: Sealer,
    opener: Opener,
    full: bool,
}

impl Frames {
    /// Frames as they are or compressed, of texts alone or with ids and times.
    #[must_use]
    pub fn new(zstd: bool, full: bool) -> Self {
        let sealer = Sealer::new(Limits::default());
        Self {
            sealer: if zstd { sealer.with_zstd() } else { sealer },
            opener: Opener::new(Limits::default()),
            full,
        }
    }

    /// Opens a frame and looks at none of its records.
    pub fn open(&self, frame: &Bytes) {
        black_box(self.opener.open(frame.clone()).expect("a frame"));
    }

    /// Checks what can be without expanding.
    pub fn check(&self, frame: &Bytes) {
        black_box(self.opener.check(frame).expect("a frame"));
    }
}

impl Codec for Frames {
    fn encode(&mut self, batch: &Batch) -> Bytes {
        let audience = uuid::Uuid::from_u128(0x6f1d_2c3b_4a59_4e8f_9b70_1122_3344_5566);
        let stream = uuid::Uuid::from_u128(0x0190_f3c2_7b1e_7c40_9a51_3f2d_6c8e_1a01);
        let stamp = Stamp::new(audience.into(), stream.into(), 1);
        let records = if self.full {
            &batch.full
        } else {
            &batch.records
        };
        self.sealer.seal(&stamp, records).expect("a frame")
    }

    fn decode(&mut self, encoded: &Bytes, mut each: impl FnMut(&[u8])) {
        let frame = self.opener.open(encoded.clone()).expect("a frame");
        for record in frame.records() {
            if self.full {
                black_box((record.id(), record.time_micros()));
            }
            each(record.payload());
        }
    }
}

/// The body of a frame as it is sent.
#[must_use]
pub fn body(frame: &Bytes) -> Bytes {
    let header = Header::peek(frame, &Limits::default()).expect("a frame");
    frame.slice(usize::from(header.header_len())..)
}

/// CRC-64/NVME, and nothing else.
pub fn crc(body: &[u8]) {
    black_box(crc_fast::checksum(CrcAlgorithm::Crc64Nvme, body));
}

/// A compressor as the specification has it.
#[must_use]
pub fn compressor() -> Compressor<'static> {
    let mut compressor = Compressor::new(LEVEL).expect("zstd");
    compressor
        .set_parameter(CParameter::WindowLog(WINDOW_LOG))
        .expect("zstd");
    compressor
}

/// zstd alone, with kept contexts.
#[allow(missing_debug_implementations, reason = "the compressor has none")]
pub struct Bare {
    compressor: Compressor<'static>,
    decompressor: Decompressor<'static>,
    buffer: Vec<u8>,
}

impl Default for Bare {
    fn default() -> Self {
        Self {
            compressor: compressor(),
            decompressor: Decompressor::new().expect("zstd"),
            buffer: Vec::new(),
        }
    }
}

impl Bare {
    /// Compresses into a buffer that is kept.
    pub fn compress(&mut self, raw: &[u8]) -> &[u8] {
        self.buffer.clear();
        self.buffer.reserve(compress_bound(raw.len()));
        self.compressor
            .compress_to_buffer(raw, &mut self.buffer)
            .expect("zstd");
        &self.buffer
    }

    /// Expands into a buffer that is kept.
    pub fn expand(&mut self, encoded: &[u8], raw_len: usize) -> &[u8] {
        self.buffer.clear();
        self.buffer.reserve(raw_len);
        self.decompressor
            .decompress_to_buffer(encoded, &mut self.buffer)
            .expect("zstd");
        &self.buffer
    }

    /// Expands into a buffer that is new, as who keeps what was expanded has to.
    pub fn expand_new(&mut self, encoded: &[u8], raw_len: usize) {
        black_box(
            self.decompressor
                .decompress(encoded, raw_len)
                .expect("zstd"),
        );
    }
}
