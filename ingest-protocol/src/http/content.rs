//! Bodies: their media type and coding, and expanding them within limits.

use std::io::Read;

use ::http::HeaderMap;
use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use bytes::Bytes;

use super::{FRAME_TYPE, LINES_TYPES};

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Frame,
    Lines,
}

impl Media {
    /// By `Content-Type`; parameters are not looked at.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let media = text.split(';').next().unwrap_or_default().trim();
        if media.eq_ignore_ascii_case(FRAME_TYPE) {
            return Some(Self::Frame);
        }
        let is_lines = LINES_TYPES
            .iter()
            .any(|lines| media.eq_ignore_ascii_case(lines));
        is_lines.then_some(Self::Lines)
    }
}

/// How lines are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    #[cfg(feature = "gzip")]
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
}

/// What this build expands, for `Accept-Encoding`.
pub(super) const CODINGS: &str = match (cfg!(feature = "gzip"), cfg!(feature = "zstd")) {
    (true, true) => "gzip, zstd",
    (true, false) => "gzip",
    (false, true) => "zstd",
    (false, false) => "identity",
};

impl Coding {
    /// By `Content-Encoding`. `None`: one that is not known here, or more than one.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut named = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            for name in value.to_str().ok()?.split(',').map(str::trim) {
                let is_none = name.is_empty() || name.eq_ignore_ascii_case("identity");
                if !is_none && named.replace(name.to_ascii_lowercase()).is_some() {
                    return None;
                }
            }
        }
        match named.as_deref() {
            None => Some(Self::Identity),
            #[cfg(feature = "gzip")]
            Some("gzip" | "x-gzip") => Some(Self::Gzip),
            #[cfg(feature = "zstd")]
            Some("zstd") => Some(Self::Zstd),
            Some(_) => None,
        }
    }

    /// Expands a body to at most `limit` bytes.
    pub(super) fn expand(self, body: Bytes, limit: u32) -> Result<Bytes, Fault> {
        let limit = limit as usize;
        match self {
            Self::Identity if body.len() > limit => Err(Fault::TooLarge),
            Self::Identity => Ok(body),
            #[cfg(feature = "gzip")]
            Self::Gzip => {
                read(flate2::read::MultiGzDecoder::new(&body[..]), limit).map(Bytes::from)
            }
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                let damaged = |error: std::io::Error| Fault::Damaged(error.to_string());
                let mut decoder = zstd::Decoder::with_buffer(&body[..]).map_err(damaged)?;
                // 8 MiB: what RFC 9659 lets every reader expect.
                decoder.window_log_max(23).map_err(damaged)?;
                read(decoder, limit).map(Bytes::from)
            }
        }
    }
}

/// Why a body can't be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has more bytes than the limit.
    TooLarge,
    /// It is not what its coding makes.
    #[cfg_attr(not(any(feature = "gzip", feature = "zstd")), allow(dead_code))]
    Damaged(String),
}

/// Reads to the end, and never holds more than `limit` and one chunk.
#[cfg_attr(not(any(feature = "gzip", feature = "zstd")), allow(dead_code))]
fn read(mut from: impl Read, limit: usize) -> Result<Vec<u8>, Fault> {
    const CHUNK: usize = 64 * 1024;
    let mut chunk = vec![0; CHUNK];
    let mut text = Vec::new();
    loop {
        let count = from.read(&mut chunk);
        let count = count.map_err(|error| Fault::Damaged(error.to_string()))?;
        let Some(part) = chunk.get(..count).filter(|part| !part.is_empty()) else {
            return Ok(text);
        };
        let left = limit - text.len();
        if part.len() > left {
            return Err(Fault::TooLarge);
        }
        if part.len() > text.capacity() - text.len() {
            // Twice as much, but not above the limit as a `Vec` would by itself.
            text.reserve_exact(text.len().max(CHUNK).min(left));
        }
        text.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_takes_no_more_memory_than_the_limit() {
        for limit in [1, 65_535, 65_537, 200_000, 1 << 20] {
            for len in [0, 1, limit / 2, limit - 1, limit] {
                let text = read(std::io::repeat(7).take(len as u64), limit).unwrap();
                assert_eq!(text.len(), len);
                assert!(text.capacity() <= limit, "{len} of {limit}");
            }
            assert_eq!(read(std::io::repeat(7), limit), Err(Fault::TooLarge));
        }
    }
}
