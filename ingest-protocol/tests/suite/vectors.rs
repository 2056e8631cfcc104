//! The test vectors: read by what is built, and made anew where all of it is.

mod decisions;
pub(crate) mod file;
#[cfg(all(feature = "zstd", feature = "mac", feature = "encrypt"))]
mod make;
mod repair;

use file::{Accepted, Expected, Header, Refused, Sealed, Vectors, unhex};
use ingest_protocol::frame::{Frame, Limits, Opener};
pub(crate) use repair::{repair_body, repair_header};

pub(crate) fn read() -> Vectors {
    serde_json::from_str(include_str!("../vectors/frames.json")).unwrap()
}

/// The opener with the named keys, where they are built.
pub(crate) fn opener(keys: &[String]) -> Option<Opener> {
    #[cfg(all(feature = "zstd", feature = "mac", feature = "encrypt"))]
    return Some(make::opener(keys));
    #[cfg(not(all(feature = "zstd", feature = "mac", feature = "encrypt")))]
    return keys.is_empty().then(Opener::default);
}

/// Whether this build can read the frame.
fn is_built(frame: &[u8]) -> bool {
    let Ok(header) = ingest_protocol::frame::Header::peek(frame, &Limits::MAX) else {
        return true;
    };
    (cfg!(feature = "zstd") || !header.is_compressed())
        && (cfg!(feature = "encrypt") || !header.is_encrypted())
}

#[test]
fn accepted_frames_are_read_as_they_say() {
    for Accepted {
        name,
        keys,
        header,
        records,
        frame,
    } in read().accepted
    {
        let frame = unhex(&frame);
        let Some(opener) = opener(&keys) else {
            continue;
        };
        let opened = opener.open(frame.clone());
        if !is_built(&frame) {
            let error = opened.unwrap_err();
            assert_eq!(error.code().as_str(), "unsupported", "{name}");
            continue;
        }
        let opened = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Header::of(opened.header()), header, "{name}");
        let found: Vec<_> = opened.records().map(Sealed::of).collect();
        assert_eq!(found, records, "{name}");
        assert_eq!(opener.check(&frame).as_ref(), Ok(opened.header()), "{name}");
    }
}

#[test]
fn refused_frames_are_refused_for_their_reason() {
    for Refused {
        name,
        keys,
        audience,
        expected,
        frame,
    } in read().refused
    {
        let frame = unhex(&frame);
        let Some(mut opener) = opener(&keys) else {
            continue;
        };
        if let Some(audience) = audience {
            opener = opener.with_audience(audience.parse().unwrap());
        }
        let error = opener.open(frame.clone()).unwrap_err();
        if is_built(&frame) {
            assert_eq!(Expected::of(&error), expected, "{name}: {error}");
        }
        assert!(
            error.offset() <= frame.len() as u64 + 1024,
            "{name}: {error}"
        );
    }
}

/// The version of zstd decides what its bytes are: those vectors are only read.
#[cfg(all(feature = "zstd", feature = "mac", feature = "encrypt"))]
#[test]
fn the_file_is_what_the_program_makes() {
    let (read, made) = (read(), make::vectors());
    assert_eq!((&read.about, &read.keys), (&made.about, &made.keys));
    let names = |vectors: &Vectors| -> Vec<String> {
        let accepted = vectors.accepted.iter().map(|vector| vector.name.clone());
        let refused = vectors.refused.iter().map(|vector| vector.name.clone());
        accepted.chain(refused).collect()
    };
    assert_eq!(names(&read), names(&made));
    for (read, made) in read.accepted.iter().zip(&made.accepted) {
        if !read.name.contains("zstd") {
            assert_eq!(read, made);
        }
        assert_eq!(read.records, made.records);
    }
    for (read, made) in read.refused.iter().zip(&made.refused) {
        if read.name.contains("zstd") || read.name == "raw-over-limit" {
            assert_eq!(read.expected, made.expected);
        } else {
            assert_eq!(read, made);
        }
    }
}

#[test]
fn sequences_of_frames_are_decided_as_they_say() {
    let text = include_str!("../vectors/decisions.json");
    decisions::check(&serde_json::from_str(text).unwrap());
    // The program makes the same, each step of it against what was expected by hand.
    let made = decisions::text(&decisions::sequences());
    assert_eq!(text.trim_end(), made);
}

/// The first frames of the protocol's design, byte for byte.
#[test]
fn the_golden_frames_are_as_they_were() {
    let accepted = read().accepted;
    let frame = |name: &str| accepted.iter().find(|vector| vector.name == name).unwrap();
    assert_eq!(
        frame("plain").frame,
        "894947420100600000000000000001006f1d2c3b4a594e8f9b701122334455660190f3c27b1e7c409a51\
         3f2d6c8e1a01010000000000000000000000000000000000ceeeb54006003cb947b2cc432ace02000000\
         290000002900000041d79b430100000008000000070000000a00000002000000110000007b2261223a31\
         7d7b2262223a22c3a5227d"
    );
    assert_eq!(
        frame("mac").frame,
        "894947420100600002000000000001006f1d2c3b4a594e8f9b701122334455660190f3c27b1e7c409a51\
         3f2d6c8e1a01030000000000000000000000000000000000ceeeb54006003cb947b2cc432ace02000000\
         2900000029000000b92bbcbb0100000008000000070000000a00000002000000110000007b2261223a31\
         7d7b2262223a22c3a5227d0190a0a0000070008000000000000001269a1eabae2b91b9ea954259419134\
         361595a6c9e973754d59ea9c96296f47cc"
    );
    assert_eq!(
        frame("heartbeat-with-loss").frame,
        "894947420100600000000000000001006f1d2c3b4a594e8f9b701122334455660190f3c27b1e7c409a51\
         3f2d6c8e1a01640000000000000007000000000000000000ceeeb540060003c46c6460bf1d1000000000\
         1000000010000000502d80da01000000000000000200000000000000"
    );
    for vector in &accepted {
        let frame = unhex(&vector.frame);
        assert!(
            Frame::check(&frame, &Limits::default()).is_ok(),
            "{}",
            vector.name
        );
    }
}
