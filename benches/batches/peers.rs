//! Other encodings of the same batches: NDJSON, OTLP, postcard, Arrow IPC; as they
//! are, and compressed with zstd as our frames are, or with gzip.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use arrow_array::{
    Array as _, FixedSizeBinaryArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_ipc::{CompressionType, MetadataVersion};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use prost::Message as _;
use std::hint::black_box;

use super::otlp::{ExportLogsServiceRequest, Value};
use super::own::Bare;
use super::{Batch, Codec};

/// An encoding that is compressed by someone else.
pub trait Plain {
    /// Appends the batch.
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>);

    /// Every record's text.
    fn decode(&mut self, encoded: &[u8], each: impl FnMut(&[u8]));
}

/// One text a line.
#[derive(Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "the benches' own")]
pub struct Ndjson;

impl Plain for Ndjson {
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) {
        out.reserve(batch.text_bytes() + batch.events.len());
        for event in &batch.events {
            out.extend_from_slice(event.text.as_bytes());
            out.push(b'\n');
        }
    }

    fn decode(&mut self, encoded: &[u8], mut each: impl FnMut(&[u8])) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', encoded) {
            each(&encoded[start..end]);
            start = end + 1;
        }
    }
}

/// An OTLP export by `prost`, made of messages that are there already.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "the benches' own")]
pub struct Otlp {
    /// With ids and times.
    pub full: bool,
}

impl Plain for Otlp {
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) {
        let export = if self.full {
            &batch.otlp_full
        } else {
            &batch.otlp
        };
        out.reserve(export.encoded_len());
        export.encode_raw(out);
    }

    fn decode(&mut self, encoded: &[u8], mut each: impl FnMut(&[u8])) {
        let export = ExportLogsServiceRequest::decode(encoded).expect("an export");
        for scope in export
            .resource_logs
            .iter()
            .flat_map(|logs| &logs.scope_logs)
        {
            for record in &scope.log_records {
                if self.full {
                    black_box((record.time_unix_nano, &record.attributes));
                }
                let body = record.body.as_ref().and_then(|body| body.value.as_ref());
                if let Some(Value::String(text)) = body {
                    each(text.as_bytes());
                }
            }
        }
    }
}

/// `Vec<&str>` by `postcard`: lengths as varints, and the texts, lent when they are decoded.
#[derive(Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "the benches' own")]
pub struct Postcard;

impl Plain for Postcard {
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) {
        let texts: Vec<&str> = batch.events.iter().map(|event| &*event.text).collect();
        out.reserve(batch.text_bytes() + 8 * texts.len());
        *out = postcard::to_extend(&texts, std::mem::take(out)).expect("memory");
    }

    fn decode(&mut self, encoded: &[u8], mut each: impl FnMut(&[u8])) {
        let texts: Vec<&str> = postcard::from_bytes(encoded).expect("texts");
        for text in texts {
            each(text.as_bytes());
        }
    }
}

/// Not compressed.
#[derive(Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "the benches' own")]
pub struct Raw<P>(pub P);

impl<P: Plain> Codec for Raw<P> {
    fn encode(&mut self, batch: &Batch) -> Bytes {
        let mut out = Vec::new();
        self.0.encode(batch, &mut out);
        out.into()
    }

    fn decode(&mut self, encoded: &Bytes, each: impl FnMut(&[u8])) {
        self.0.decode(encoded, each);
    }
}

/// One zstd frame at our level and window; contexts and buffers are kept.
#[allow(missing_debug_implementations, reason = "the compressor has none")]
pub struct Zstd<P> {
    plain: P,
    zstd: Bare,
    raw: Vec<u8>,
}

impl<P> Zstd<P> {
    /// Compresses this.
    pub fn new(plain: P) -> Self {
        Self {
            plain,
            zstd: Bare::default(),
            raw: Vec::new(),
        }
    }
}

impl<P: Plain> Codec for Zstd<P> {
    fn encode(&mut self, batch: &Batch) -> Bytes {
        self.raw.clear();
        self.plain.encode(batch, &mut self.raw);
        Bytes::copy_from_slice(self.zstd.compress(&self.raw))
    }

    fn decode(&mut self, encoded: &Bytes, each: impl FnMut(&[u8])) {
        let size = zstd::zstd_safe::get_frame_content_size(encoded);
        let size = size.ok().flatten().expect("a size") as usize;
        self.plain.decode(self.zstd.expand(encoded, size), each);
    }
}

/// gzip, level 6, by `zlib-rs`.
#[derive(Debug, Default)]
pub struct Gzip<P> {
    plain: P,
    raw: Vec<u8>,
}

impl<P: Plain> Codec for Gzip<P> {
    fn encode(&mut self, batch: &Batch) -> Bytes {
        self.raw.clear();
        self.plain.encode(batch, &mut self.raw);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        encoder.write_all(&self.raw).expect("memory");
        encoder.finish().expect("memory").into()
    }

    fn decode(&mut self, encoded: &Bytes, each: impl FnMut(&[u8])) {
        self.raw.clear();
        GzDecoder::new(&encoded[..])
            .read_to_end(&mut self.raw)
            .expect("gzip");
        self.plain.decode(&self.raw, each);
    }
}

/// A stream of Arrow IPC with one record batch: a column of texts, and with `full`
/// one of ids and one of times. Building the columns belongs to encoding.
#[derive(Debug)]
pub struct Arrow {
    schema: Arc<Schema>,
    options: IpcWriteOptions,
    full: bool,
}

impl Arrow {
    /// Buffers as they are, or each compressed with zstd at level 3.
    #[must_use]
    pub fn new(zstd: bool, full: bool) -> Self {
        let mut fields = vec![Field::new("text", DataType::Utf8, false)];
        if full {
            fields.push(Field::new("id", DataType::FixedSizeBinary(16), false));
            let time = DataType::Timestamp(TimeUnit::Microsecond, None);
            fields.push(Field::new("time", time, false));
        }
        let options = IpcWriteOptions::try_new(64, false, MetadataVersion::V5).expect("options");
        let zstd = zstd.then_some(CompressionType::ZSTD);
        Self {
            schema: Arc::new(Schema::new(fields)),
            options: options.try_with_compression(zstd).expect("options"),
            full,
        }
    }
}

impl Codec for Arrow {
    fn encode(&mut self, batch: &Batch) -> Bytes {
        let events = &batch.events;
        let texts = StringArray::from_iter_values(events.iter().map(|event| &event.text));
        let mut columns: Vec<arrow_array::ArrayRef> = vec![Arc::new(texts)];
        if self.full {
            let ids = events.iter().map(|event| event.id.into_bytes());
            let ids = FixedSizeBinaryArray::try_from_iter(ids).expect("ids");
            let times = events.iter().map(|event| event.time.timestamp_micros());
            columns.push(Arc::new(ids));
            columns.push(Arc::new(TimestampMicrosecondArray::from_iter_values(times)));
        }
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns).expect("rows");
        let out = Vec::with_capacity(batch.text_bytes() + 64 * 1024);
        let mut writer =
            StreamWriter::try_new_with_options(out, &self.schema, self.options.clone())
                .expect("a stream");
        writer.write(&rows).expect("rows");
        writer.into_inner().expect("a stream").into()
    }

    fn decode(&mut self, encoded: &Bytes, mut each: impl FnMut(&[u8])) {
        let mut decoder = StreamDecoder::new();
        // Nothing is copied, unless the buffers are compressed.
        let mut buffer = Buffer::from(encoded.clone());
        while !buffer.is_empty() {
            let Some(rows) = decoder.decode(&mut buffer).expect("a stream") else {
                continue;
            };
            let texts = rows.column(0).as_any().downcast_ref::<StringArray>();
            let texts = texts.expect("texts");
            if self.full {
                black_box((rows.column(1), rows.column(2)));
            }
            for row in 0..texts.len() {
                each(texts.value(row).as_bytes());
            }
        }
    }
}
