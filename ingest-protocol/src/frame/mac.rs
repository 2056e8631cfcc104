//! The MAC trailer: HMAC-SHA256 over every byte that has a meaning.

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::header::{Header, TRAILER, take};
use super::keys::{NamedKey, hmac};
use crate::KeyId;

const DOMAIN: &[u8] = b"ingest-batch-frame/1 mac\0";

/// A secret of 32 random bytes that frames are authenticated with, and its name
/// ([SPEC](crate::spec) section 2.4). `Debug` shows the name alone.
///
/// ```
/// use ingest_protocol::frame::{KeyRing, Limits, MacKey, Opener, Record, Sealer, Stamp};
///
/// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
/// # let (key_id, secret) = ("0190a0a0-0000-7000-8000-000000000001".parse()?, [7; 32]);
/// let key = MacKey::new(key_id, &secret);
/// let frame = Sealer::new(Limits::default())
///     .with_mac(key.clone())
///     .seal(&Stamp::new(audience, stream, 1), &[Record::new("{}")])?;
///
/// let ring = KeyRing::from_iter([(audience, key)]);
/// let opened = Opener::new(Limits::default()).with_mac_keys(ring).open(frame)?;
/// assert_eq!(opened.verified_by(), Some(key_id));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MacKey {
    id: KeyId,
    /// HMAC with the key in it.
    keyed: Hmac<Sha256>,
}

impl MacKey {
    /// The key `id` with its secret.
    #[must_use]
    pub fn new(id: KeyId, secret: &[u8; 32]) -> Self {
        Self {
            id,
            keyed: hmac(secret),
        }
    }

    fn over(&self, signed: &[u8]) -> Hmac<Sha256> {
        self.keyed
            .clone()
            .chain_update(DOMAIN)
            .chain_update(self.id.0.as_bytes())
            .chain_update(signed)
    }

    /// The trailer of a frame of which `signed` is all before the trailer.
    pub(super) fn trailer(&self, signed: &[u8]) -> [u8; TRAILER] {
        let mut trailer = [0; TRAILER];
        trailer[..16].copy_from_slice(self.id.0.as_bytes());
        trailer[16..].copy_from_slice(&self.over(signed).finalize().into_bytes());
        trailer
    }

    /// The frame with this key's trailer in the place of another's. It has the same fingerprint: to a
    /// receiver it is the same frame.
    pub(crate) fn sign_anew(&self, header: &Header, frame: Bytes) -> Bytes {
        let end = header.body().end;
        let Some((signed, old)) = frame.split_at_checked(end) else {
            return frame;
        };
        if !header.has_mac() || old.len() != TRAILER {
            return frame;
        }
        let new = self.trailer(signed);
        if old == new {
            return frame;
        }
        [signed, &new].concat().into()
    }

    /// Whether the trailer is that of `signed`, in constant time.
    pub(super) fn verify(&self, signed: &[u8], trailer: &[u8; TRAILER]) -> bool {
        self.over(signed).verify_slice(&trailer[16..]).is_ok()
    }
}

/// The name of the key that made a trailer.
pub(super) fn key_id(trailer: &[u8; TRAILER]) -> KeyId {
    KeyId(uuid::Uuid::from_bytes(take(trailer, 0)))
}

impl NamedKey for MacKey {
    fn key_id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_name_alone() {
        let key = MacKey::new(KeyId(uuid::Uuid::from_u128(5)), &[0xab; 32]);
        let shown = format!("{key:?} {key:#?}");
        assert!(shown.contains("00000000-0000-0000-0000-000000000005"));
        for secret in ["ab", "AB", "171", "keyed"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
