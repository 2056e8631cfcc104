//! Everything that is measured on a set, by name: each way is one pass over all its batches.

use std::collections::BTreeMap;
use std::fmt;
use std::hint::black_box;

use bytes::Bytes;

use super::own::{self, Bare, Frames};
#[cfg(feature = "peers")]
use super::peers::{Arrow, Gzip, Ndjson, Otlp, Postcard, Raw, Zstd};
use super::{Batch, Codec, Set};

/// One pass over all batches of a set.
pub struct Way<'a> {
    /// Its name: `seal/...` or `open/...`.
    pub name: &'static str,
    run: Box<dyn FnMut() + 'a>,
}

impl Way<'_> {
    /// Does it once.
    pub fn run(&mut self) {
        (self.run)();
    }
}

impl fmt::Debug for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Bytes of all batches, by encoding.
pub type Sizes = BTreeMap<&'static str, usize>;

struct Collection<'a> {
    batches: &'a [Batch],
    ways: Vec<Way<'a>>,
    sizes: Sizes,
    only: Option<&'a str>,
}

impl<'a> Collection<'a> {
    fn add(&mut self, name: &'static str, run: impl FnMut() + 'a) {
        let run = Box::new(run);
        self.ways.push(Way { name, run });
    }

    /// Both directions of a codec, which must give back what it was given.
    fn codec<C: Codec + 'a>(&mut self, seal: &'static str, open: &'static str, codec: fn() -> C) {
        if self.only.is_none_or(|only| only == seal || only == open) {
            self.encode(seal, open, codec);
        }
    }

    /// The same, and what was encoded.
    fn encode<C: Codec + 'a>(
        &mut self,
        seal: &'static str,
        open: &'static str,
        codec: fn() -> C,
    ) -> Vec<Bytes> {
        let batches = self.batches;
        let mut one = codec();
        let encoded: Vec<Bytes> = batches.iter().map(|batch| one.encode(batch)).collect();
        for (batch, encoded) in batches.iter().zip(&encoded) {
            let mut events = batch.events.iter();
            one.decode(encoded, |text| {
                let event = events.next().expect("no more than were encoded");
                assert_eq!(event.text.as_bytes(), text, "{open}");
            });
            assert!(events.next().is_none(), "{open}: all that were encoded");
        }
        let name = open.trim_start_matches("open/");
        self.sizes
            .insert(name, encoded.iter().map(Bytes::len).sum());
        let lent = encoded.clone();
        let mut other = codec();
        self.add(seal, move || {
            for batch in batches {
                black_box(other.encode(batch));
            }
        });
        self.add(open, move || {
            for encoded in &lent {
                one.decode(encoded, |text| {
                    black_box(text);
                });
            }
        });
        encoded
    }
}

/// The ways of a set's batches. Those of peers need the feature.
#[must_use]
pub fn ways(batches: &[Batch]) -> Vec<Way<'_>> {
    collect(batches, None).ways
}

/// One of them, without making ready for the others.
#[must_use]
pub fn way<'a>(batches: &'a [Batch], name: &'a str) -> Option<Way<'a>> {
    let ways = collect(batches, Some(name)).ways;
    ways.into_iter().find(|way| way.name == name)
}

/// How large each encoding is.
#[must_use]
pub fn sizes(set: Set) -> Sizes {
    collect(&set.batches(), None).sizes
}

fn collect<'a>(batches: &'a [Batch], only: Option<&'a str>) -> Collection<'a> {
    let mut all = Collection {
        batches,
        ways: Vec::new(),
        sizes: Sizes::new(),
        only,
    };
    // Both sides read the same memory: where it lies makes a difference, too.
    let frames = all.encode("seal/frame", "open/frame", || Frames::new(false, false));
    let sealed = all.encode("seal/frame_zstd", "open/frame_zstd", || {
        Frames::new(true, false)
    });
    floors(&mut all, &frames, &sealed);
    all.codec("seal/frame_full", "open/frame_full", || {
        Frames::new(false, true)
    });
    all.codec("seal/frame_full_zstd", "open/frame_full_zstd", || {
        Frames::new(true, true)
    });
    #[cfg(feature = "peers")]
    peers(&mut all);
    all
}

#[cfg(feature = "peers")]
fn peers(all: &mut Collection<'_>) {
    all.codec("seal/ndjson", "open/ndjson", Raw::<Ndjson>::default);
    all.codec("seal/ndjson_zstd", "open/ndjson_zstd", || Zstd::new(Ndjson));
    all.codec(
        "seal/ndjson_gzip",
        "open/ndjson_gzip",
        Gzip::<Ndjson>::default,
    );
    all.codec("seal/otlp", "open/otlp", || Raw(Otlp { full: false }));
    all.codec("seal/otlp_full", "open/otlp_full", || {
        Raw(Otlp { full: true })
    });
    all.codec("seal/otlp_zstd", "open/otlp_zstd", || {
        Zstd::new(Otlp { full: false })
    });
    all.codec("seal/otlp_full_zstd", "open/otlp_full_zstd", || {
        Zstd::new(Otlp { full: true })
    });
    all.codec("seal/postcard", "open/postcard", Raw::<Postcard>::default);
    all.codec("seal/postcard_zstd", "open/postcard_zstd", || {
        Zstd::new(Postcard)
    });
    all.codec("seal/arrow", "open/arrow", || Arrow::new(false, false));
    all.codec("seal/arrow_full", "open/arrow_full", || {
        Arrow::new(false, true)
    });
    all.codec("seal/arrow_zstd", "open/arrow_zstd", || {
        Arrow::new(true, false)
    });
    all.codec("seal/arrow_full_zstd", "open/arrow_full_zstd", || {
        Arrow::new(true, true)
    });
}

/// What no frame can be faster than, and parts of opening one.
fn floors(all: &mut Collection<'_>, frames: &[Bytes], sealed: &[Bytes]) {
    let bodies: Vec<Bytes> = frames.iter().map(own::body).collect();
    let encoded: Vec<(Bytes, usize)> = sealed
        .iter()
        .zip(&bodies)
        .map(|(frame, body)| (own::body(frame), body.len()))
        .collect();

    let raw = bodies.clone();
    all.add("open/crc", move || {
        raw.iter().for_each(|body| own::crc(body))
    });
    let mut buffer = Vec::new();
    let raw = bodies.clone();
    all.add("seal/copy_crc", move || {
        for body in &raw {
            buffer.clear();
            buffer.extend_from_slice(body);
            own::crc(&buffer);
        }
    });
    let raw = bodies.clone();
    all.add("seal/copy_new_crc", move || {
        for body in &raw {
            own::crc(&black_box(body.to_vec()));
        }
    });
    let mut bare = Bare::default();
    all.add("seal/zstd", move || {
        for body in &bodies {
            black_box(bare.compress(body));
        }
    });
    let whole = encoded.clone();
    let mut bare = Bare::default();
    all.add("open/zstd", move || {
        for (body, raw_len) in &whole {
            black_box(bare.expand(body, *raw_len));
        }
    });
    let whole = encoded.clone();
    let mut bare = Bare::default();
    all.add("open/zstd_crc", move || {
        for (body, raw_len) in &whole {
            own::crc(bare.expand(body, *raw_len));
        }
    });
    let mut bare = Bare::default();
    all.add("open/zstd_new", move || {
        for (body, raw_len) in &encoded {
            bare.expand_new(body, *raw_len);
        }
    });
    let opened = frames.to_vec();
    let opener = Frames::new(false, false);
    all.add("open/frame_unread", move || {
        opened.iter().for_each(|frame| opener.open(frame));
    });
    let frames = frames.to_vec();
    let opener = Frames::new(false, false);
    all.add("open/frame_check", move || {
        frames.iter().for_each(|frame| opener.check(frame));
    });
}
