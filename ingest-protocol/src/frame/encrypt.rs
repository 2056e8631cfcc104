//! End-to-end encryption of bodies: AES-256-GCM-SIV.

use std::fmt;

use aes_gcm_siv::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm_siv::{Aes256GcmSiv, Nonce, Tag};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::header::{ENCRYPTION, at, take};
use super::keys::{NamedKey, hmac};
use crate::KeyId;

const ENCRYPT_DOMAIN: &[u8] = b"ingest-batch-frame/1 encrypt\0";
const NONCE_DOMAIN: &[u8] = b"ingest-batch-frame/1 nonce\0";
/// Bytes of the key's id, which stands before the ciphertext.
pub(super) const ID: usize = 16;
/// Bytes of the tag, which stands after it.
pub(super) const TAG: usize = ENCRYPTION - ID;

/// A secret of 32 random bytes that bodies are encrypted with, and its name
/// ([SPEC](crate::spec) section 2.5): what lies between the two ends, the service's
/// journal included, sees headers and sizes alone. `Debug` shows the name alone.
///
/// ```
/// use ingest_protocol::frame::{EncryptKey, Frame, KeyRing, Limits, Opener, Record, Sealer, Stamp};
///
/// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
/// # let (key_id, secret) = ("0190a0a0-0000-7000-8000-000000000002".parse()?, [7; 32]);
/// let key = EncryptKey::new(key_id, &secret);
/// let frame = Sealer::new(Limits::default())
///     .with_encryption(key.clone())
///     .seal(&Stamp::new(audience, stream, 1), &[Record::new("{}")])?;
///
/// // Who has no key can still check and store it.
/// Frame::check(&frame, &Limits::default())?;
/// assert!(Frame::open(frame.clone(), &Limits::default()).is_err());
///
/// let ring = KeyRing::from_iter([(audience, key)]);
/// let opened = Opener::new(Limits::default()).with_encryption_keys(ring).open(frame)?;
/// assert_eq!(opened.records().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct EncryptKey {
    id: KeyId,
    cipher: Aes256GcmSiv,
    /// HMAC with the nonce key in it.
    nonces: Hmac<Sha256>,
}

impl EncryptKey {
    /// The key `id` with its secret, of which the cipher's key and the nonce key
    /// are derived.
    #[must_use]
    pub fn new(id: KeyId, secret: &[u8; 32]) -> Self {
        let derive = |domain: &[u8]| hmac(secret).chain_update(domain).finalize().into_bytes();
        Self {
            id,
            cipher: Aes256GcmSiv::new(&derive(ENCRYPT_DOMAIN)),
            nonces: hmac(&derive(NONCE_DOMAIN).into()),
        }
    }

    /// Encrypts `body` where it stands; the tag comes after it.
    pub(super) fn encrypt(&self, header: &[u8], body: &mut [u8]) -> Option<[u8; TAG]> {
        let tag = self
            .cipher
            .encrypt_inout_detached(&self.nonce(header), &self.aad(header), body.into())
            .ok()?;
        Some(tag.into())
    }

    /// Decrypts `body` where it stands; `false` where the tag does not match, and
    /// then nothing in it is used.
    pub(super) fn decrypt(&self, header: &[u8], body: &mut [u8], tag: &[u8; TAG]) -> bool {
        let tag = Tag::from(*tag);
        self.cipher
            .decrypt_inout_detached(&self.nonce(header), &self.aad(header), body.into(), &tag)
            .is_ok()
    }

    /// Of stream and first sequence number, as they stand in the header.
    fn nonce(&self, header: &[u8]) -> Nonce {
        let named = &header[at::STREAM..at::LOST];
        let mac = self.nonces.clone().chain_update(named).finalize();
        take::<12>(&mac.into_bytes(), 0).into()
    }

    /// The header but for the two checksums, which are over the ciphertext.
    fn aad(&self, header: &[u8]) -> Vec<u8> {
        let mut aad = header[..header.len() - 4].to_vec();
        aad[at::RAW_CRC..at::COUNT].fill(0);
        aad.extend_from_slice(self.id.0.as_bytes());
        aad
    }
}

/// The name of the key that encrypted a body.
pub(super) fn key_id(body: &[u8]) -> KeyId {
    KeyId(uuid::Uuid::from_bytes(take(body, 0)))
}

impl NamedKey for EncryptKey {
    fn key_id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Debug for EncryptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not to be seen from outside: with GCM-SIV another header gives another
    /// ciphertext even under the same nonce.
    #[test]
    fn the_nonce_is_of_stream_and_first_seq_alone() {
        let key = EncryptKey::new(KeyId(uuid::Uuid::from_u128(5)), &[7; 32]);
        let header = [0x5a; 96];
        let nonce = key.nonce(&header);
        for at in 0..header.len() {
            let mut other = header;
            other[at] ^= 1;
            assert_eq!(key.nonce(&other) != nonce, (32..56).contains(&at), "{at}");
        }
        // A secret has its own, and a name has not.
        let other = EncryptKey::new(key.id, &[8; 32]);
        assert_ne!(other.nonce(&header), nonce);
        let renamed = EncryptKey::new(KeyId(uuid::Uuid::from_u128(6)), &[7; 32]);
        assert_eq!(renamed.nonce(&header), nonce);
    }

    #[test]
    fn debug_shows_the_name_alone() {
        let key = EncryptKey::new(KeyId(uuid::Uuid::from_u128(5)), &[0xab; 32]);
        let shown = format!("{key:?} {key:#?}");
        assert!(shown.contains("00000000-0000-0000-0000-000000000005"));
        for secret in ["ab", "AB", "171", "cipher", "nonces"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
