//! What hostile bytes can make a reader allocate: counted on the test's own thread.
//! What zstd allocates for itself (a context of fixed size) is C's and not counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::Bytes;
use ingest_protocol::frame::{Frame, Header, Limits, Opener, Record, Sealer, Stamp};
use ingest_protocol::{Audience, StreamId};
use uuid::Uuid;

use super::vectors::{file::unhex, opener, read, repair_body, repair_header};

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.get().wrapping_add(layout.size());
        LIVE.set(live);
        // What other threads made and this one freed wraps below 0.
        if live < usize::MAX / 2 {
            PEAK.set(PEAK.get().max(live));
        }
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get().wrapping_sub(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The most bytes that were allocated at once while `run` ran.
fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
    LIVE.set(0);
    PEAK.set(0);
    let result = run();
    (result, PEAK.get())
}

/// Bookkeeping of `Bytes`, and the associated data, which is as long as the header.
const SLACK: usize = 1200;

fn limits() -> Limits {
    Limits::default()
        .with_frame_bytes(4 * 1024)
        .with_raw_bytes(8 * 1024)
        .with_records(20)
        .with_record_bytes(4 * 1024)
}

/// The vector's opener, within narrow limits.
fn narrow(keys: &[String]) -> Option<Opener> {
    opener(keys).map(|opener| opener.with_limits(limits()))
}

#[test]
fn the_counter_counts() {
    let (_, bytes) = peak(|| vec![0_u8; 5_000]);
    assert!((5_000..6_000).contains(&bytes), "{bytes}");
}

/// What opening a frame of this header may allocate beside the frame: a copy of an
/// encrypted body, and what a compressed one expands to.
fn allowed(frame: &[u8]) -> usize {
    let Ok(header) = Header::peek(frame, &limits()) else {
        return SLACK;
    };
    let encrypted = if header.is_encrypted() {
        header.body_len()
    } else {
        0
    };
    let expanded = match (header.is_compressed(), header.is_encrypted()) {
        (false, _) => 0,
        (true, false) => header.raw_len(),
        // The content's size is under the tag.
        (true, true) => limits().raw_bytes,
    };
    (encrypted + expanded) as usize + SLACK
}

#[test]
fn changed_frames_allocate_within_the_limits() {
    let vectors = read();
    let accepted = vectors
        .accepted
        .iter()
        .map(|it| (&it.name, &it.keys, &it.frame));
    let refused = vectors
        .refused
        .iter()
        .map(|it| (&it.name, &it.keys, &it.frame));
    for (name, keys, frame) in accepted.chain(refused) {
        let frame = unhex(frame);
        let Some(opener) = narrow(keys) else { continue };
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if flipped.len() >= 96 {
                let header_len = usize::from(u16::from_le_bytes([flipped[6], flipped[7]]));
                if flipped[8] & 3 == 0 && header_len <= flipped.len() {
                    repair_body(&mut flipped);
                } else {
                    repair_header(&mut flipped);
                }
            }
            let most = allowed(&flipped);
            let flipped = Bytes::from(flipped);
            let (_, bytes) = peak(|| opener.open(flipped.clone()).map(drop));
            assert!(bytes <= most, "{name} at {bit}: {bytes}, not {most}");
        }
    }
}

#[test]
fn a_plain_frame_allocates_next_to_nothing() {
    let stream = StreamId(Uuid::from_u128(1));
    let stamp = Stamp::new(Audience(Uuid::from_u128(2)), stream, 1);
    let records = vec![Record::new(vec![b'x'; 100_000]); 10];
    let sealed = Sealer::new(Limits::default())
        .seal(&stamp, &records)
        .unwrap();
    let (frame, bytes) = peak(|| Frame::open(sealed.clone(), &Limits::default()));
    assert_eq!(frame.unwrap().records().len(), 10);
    assert!(bytes <= SLACK, "{bytes}");
}

#[cfg(feature = "zstd")]
#[test]
fn a_bomb_allocates_no_more_than_the_limit() {
    let stamp = Stamp::new(
        Audience(Uuid::from_u128(2)),
        StreamId(Uuid::from_u128(1)),
        1,
    );
    let records = vec![Record::new(vec![0; 1 << 20]); 60];
    let bomb = Sealer::new(Limits::default())
        .with_zstd()
        .seal(&stamp, &records)
        .unwrap();
    assert!(bomb.len() < 64 * 1024, "{}", bomb.len());
    let narrow = Limits::FLOOR.with_record_bytes(1 << 20);
    let (error, bytes) = peak(|| Frame::open(bomb.clone(), &narrow).unwrap_err());
    assert_eq!(error.code().as_str(), "too_large");
    assert!(bytes <= SLACK, "{bytes}");
    let sealed = bomb.clone();
    let (frame, bytes) = peak(|| Frame::open(bomb, &Limits::default()).unwrap());
    let raw = frame.header().raw_len() as usize;
    assert!((raw..=raw + SLACK).contains(&bytes), "{bytes}");

    // The decoder's own header may say 4 bytes of size after the magic, the descriptor
    // and the window.
    assert_eq!(sealed[96 + 4] >> 6, 2);
    assert_eq!(sealed[96 + 6..96 + 10], sealed[88..92]);
    for (size, limits, code, expected) in [
        // Both headers promise less than the body expands to: the promise is allocated.
        (4096_u32, Limits::default(), "corrupt", 4096..=4096 + SLACK),
        // They promise more, as much as the limit: the same.
        (
            64 << 20,
            Limits::default(),
            "corrupt",
            64 << 20..=(64 << 20) + SLACK,
        ),
        // Over the limit, nothing is.
        ((64 << 20) + 1, Limits::default(), "too_large", 0..=SLACK),
        (u32::MAX, Limits::default(), "too_large", 0..=SLACK),
    ] {
        let mut liar = sealed.to_vec();
        liar[88..92].copy_from_slice(&size.to_le_bytes());
        liar[96 + 6..96 + 10].copy_from_slice(&size.to_le_bytes());
        repair_header(&mut liar);
        let liar = Bytes::from(liar);
        let (error, bytes) = peak(|| Frame::open(liar, &limits).unwrap_err());
        assert_eq!(error.code().as_str(), code, "{size}");
        assert!(expected.contains(&bytes), "{size}: {bytes}");
    }

    // One promises less: they contradict each other, and nothing is allocated.
    let mut liar = sealed.to_vec();
    liar[88..92].copy_from_slice(&4096_u32.to_le_bytes());
    repair_header(&mut liar);
    let liar = Bytes::from(liar);
    let (error, bytes) = peak(|| Frame::open(liar, &Limits::default()).unwrap_err());
    assert_eq!(error.code().as_str(), "corrupt");
    assert!(bytes <= SLACK, "{bytes}");
}

#[cfg(all(feature = "zstd", feature = "encrypt"))]
#[test]
fn an_encrypted_bomb_allocates_no_more_than_the_limit() {
    use ingest_protocol::frame::{EncryptKey, KeyRing};
    let audience = Audience(Uuid::from_u128(2));
    let key = EncryptKey::new(Uuid::from_u128(3).into(), &[3; 32]);
    let stamp = Stamp::new(audience, StreamId(Uuid::from_u128(1)), 1);
    let records = vec![Record::new(vec![0; 1 << 20]); 60];
    let mut sealer = Sealer::new(Limits::default())
        .with_zstd()
        .with_encryption(key.clone());
    let bomb = sealer.seal(&stamp, &records).unwrap();
    let opener = Opener::new(Limits::FLOOR.with_record_bytes(1 << 20))
        .with_encryption_keys(KeyRing::from_iter([(audience, key)]));
    let (error, bytes) = peak(|| opener.open(bomb.clone()).unwrap_err());
    assert_eq!(error.code().as_str(), "too_large");
    // The copy that was decrypted, and nothing that it expands to.
    let copy = bomb.len() - 96 - 32;
    assert!((copy..=copy + SLACK).contains(&bytes), "{bytes}");
}
