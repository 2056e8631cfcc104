//! zstd, behind one wall: level 3, a window of 8 MiB, one frame of known size.

use std::sync::Mutex;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, compress_bound, find_frame_compressed_size};

const LEVEL: i32 = 3;
/// 8 MiB: what RFC 9659 lets every reader expect.
const WINDOW_LOG: u32 = 23;
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A compressor with its reused tables.
pub(super) struct Encoder(Compressor<'static>);

impl Encoder {
    pub(super) fn new() -> std::io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        Ok(Self(compressor))
    }

    /// Replaces what is in `out` by `raw`, compressed.
    pub(super) fn encode(&mut self, raw: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        out.clear();
        out.reserve(compress_bound(raw.len()));
        self.0.compress_to_buffer(raw, out).map(|_| ())
    }
}

/// A decompressor that is kept and used again, by one thread at a time: who finds it
/// taken makes another. Empty until it was used first, and so is a clone.
#[derive(Default)]
pub(super) struct Decoder(Mutex<Option<Decompressor<'static>>>);

impl Decoder {
    /// Expands the one zstd frame that `encoded` must be to exactly `raw_len` bytes.
    pub(super) fn decode(&self, encoded: &[u8], raw_len: usize) -> Result<Vec<u8>, &'static str> {
        if content_size(encoded)? != raw_len as u64 {
            return Err("its size is not that of the header");
        }
        if find_frame_compressed_size(encoded) != Ok(encoded.len()) {
            return Err("it is not one whole zstd frame");
        }
        let failed = "zstd can't expand it";
        let kept = self.0.try_lock().ok().and_then(|mut kept| kept.take());
        let mut decompressor = match kept {
            Some(decompressor) => decompressor,
            None => Decompressor::new().map_err(|_| failed)?,
        };
        let mut raw = Vec::with_capacity(raw_len);
        // Each frame begins anew, also after one that failed.
        let decoded = decompressor.decompress_to_buffer(encoded, &mut raw);
        if let Ok(mut kept) = self.0.try_lock() {
            *kept = Some(decompressor);
        }
        if decoded.ok() != Some(raw_len) {
            return Err(failed);
        }
        Ok(raw)
    }
}

impl Clone for Decoder {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("zstd")
    }
}

/// The expanded size as a zstd frame's header gives it (RFC 8878, 3.1.1.1), where the
/// frame is one that every reader of the protocol can expand.
pub(super) fn content_size(encoded: &[u8]) -> Result<u64, &'static str> {
    let torn = "the zstd header is cut off";
    let (magic, rest) = encoded.split_first_chunk().ok_or(torn)?;
    if *magic != MAGIC {
        return Err("it does not begin as a zstd frame does");
    }
    let (&descriptor, rest) = rest.split_first().ok_or(torn)?;
    if descriptor & 0b11 != 0 {
        return Err("it needs a dictionary");
    }
    let single_segment = descriptor & 0b10_0000 != 0;
    let (window, rest) = if single_segment {
        (0, rest)
    } else {
        let (&byte, rest) = rest.split_first().ok_or(torn)?;
        let base = 1_u64 << (10 + (byte >> 3));
        (base + base / 8 * u64::from(byte & 7), rest)
    };
    let (size_bytes, added) = match descriptor >> 6 {
        0 if single_segment => (1, 0),
        0 => return Err("it does not say its size"),
        1 => (2, 256),
        2 => (4, 0),
        _ => (8, 0),
    };
    let mut size = [0; 8];
    size[..size_bytes].copy_from_slice(rest.get(..size_bytes).ok_or(torn)?);
    let size = u64::from_le_bytes(size)
        .checked_add(added)
        .ok_or("its size can't be")?;
    let window = if single_segment { size } else { window };
    if window > 1 << WINDOW_LOG {
        return Err("its window is over 8 MiB");
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(raw: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        Encoder::new().unwrap().encode(raw, &mut encoded).unwrap();
        encoded
    }

    fn decode(encoded: &[u8], raw_len: usize) -> Result<Vec<u8>, &'static str> {
        Decoder::default().decode(encoded, raw_len)
    }

    #[test]
    fn a_decoder_is_kept_and_reads_on_after_a_fault() {
        let decoder = Decoder::default();
        let is_kept = |decoder: &Decoder| decoder.0.lock().unwrap().is_some();
        let raw = b"some text, some text, some text, some text";
        let encoded = encode(raw);
        let wrong = liar();
        assert!(!is_kept(&decoder));
        for _ in 0..2 {
            assert_eq!(decoder.decode(&encoded, raw.len()).as_deref(), Ok(&raw[..]));
            assert!(is_kept(&decoder) && !is_kept(&decoder.clone()));
            let error = "zstd can't expand it";
            assert_eq!(decoder.decode(&wrong, 1 << 19), Err(error));
            assert!(is_kept(&decoder));
        }
        // Another thread is at it.
        let _taken = decoder.0.lock().unwrap();
        assert_eq!(decoder.decode(&encoded, raw.len()).as_deref(), Ok(&raw[..]));
    }

    #[test]
    fn sizes_of_every_width_are_read() {
        for len in [
            1,
            255,
            256,
            257,
            65_791,
            65_792,
            8 << 20,
            (8 << 20) + 1,
            20 << 20,
        ] {
            let raw = vec![b'x'; len];
            let encoded = encode(&raw);
            assert_eq!(content_size(&encoded), Ok(len as u64), "{len}");
            assert_eq!(decode(&encoded, len).as_ref(), Ok(&raw), "{len}");
        }
    }

    #[test]
    fn a_second_frame_is_refused() {
        let raw = b"some text, some text, some text, some text";
        let encoded = encode(raw);
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];
        for second in [&skippable[..], &encoded[..]] {
            let both = [&encoded[..], second].concat();
            let problem = "it is not one whole zstd frame";
            assert_eq!(decode(&both, raw.len()), Err(problem));
        }
    }

    #[test]
    fn a_bomb_is_refused_by_its_size() {
        let encoded = encode(&vec![0; 32 << 20]);
        assert!(encoded.len() < 4096);
        assert_eq!(
            decode(&encoded, 1 << 20),
            Err("its size is not that of the header")
        );
    }

    /// 1 MiB that says it is half of that.
    fn liar() -> Vec<u8> {
        let mut encoded = encode(&vec![0; 1 << 20]);
        let at = encoded.iter().position(|b| *b == 0x10).unwrap(); // 0x0010_0000, little-endian
        encoded[at] = 0x08;
        encoded
    }

    #[test]
    fn a_bomb_that_lies_about_its_size_is_stopped_there() {
        let encoded = liar();
        assert_eq!(content_size(&encoded), Ok(1 << 19));
        assert_eq!(decode(&encoded, 1 << 19), Err("zstd can't expand it"));
    }

    #[test]
    fn windows_over_8_mib_are_refused() {
        let mut compressor = Compressor::new(LEVEL).unwrap();
        compressor.set_parameter(CParameter::WindowLog(24)).unwrap();
        let encoded = compressor.compress(&vec![0; 32 << 20]).unwrap();
        assert_eq!(content_size(&encoded), Err("its window is over 8 MiB"));
    }
}
