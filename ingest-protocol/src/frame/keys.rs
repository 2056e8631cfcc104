//! [`KeyRing`]: the keys that are held, by audience and name.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit as _};
use sha2::Sha256;

use crate::{Audience, KeyId};

/// The keys a reader holds, by audience and name, so that the key of one tenant never
/// vouches for the frames of another. Keys are rotated by holding the old and the new
/// one until no frame of the old one can come any more.
///
/// ```
/// # #[cfg(feature = "mac")] {
/// use ingest_protocol::frame::{KeyRing, MacKey};
///
/// # let tenant: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
/// # let old_id: ingest_protocol::KeyId = "0190a0a0-0000-7000-8000-000000000001".parse()?;
/// # let new_id: ingest_protocol::KeyId = "0190a0a0-0000-7000-8000-000000000002".parse()?;
/// # let (old, new) = ([1; 32], [2; 32]);
/// let mut ring = KeyRing::new();
/// ring.insert(tenant, MacKey::new(old_id, &old));
/// ring.insert(tenant, MacKey::new(new_id, &new));
/// // Later, when nothing signed with the old key is waited for:
/// assert!(ring.remove(tenant, old_id));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct KeyRing<K>(BTreeMap<(Audience, KeyId), K>);

/// A key that has a name: [`MacKey`](super::MacKey), `EncryptKey`.
pub trait NamedKey {
    /// The key's name.
    fn key_id(&self) -> KeyId;
}

impl<K: NamedKey> KeyRing<K> {
    /// No keys.
    #[must_use]
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Holds `key` for the frames of `audience`; one of the same name is replaced.
    pub fn insert(&mut self, audience: Audience, key: K) {
        self.0.insert((audience, key.key_id()), key);
    }

    /// Holds a key no longer; whether it was held.
    pub fn remove(&mut self, audience: Audience, key_id: KeyId) -> bool {
        self.0.remove(&(audience, key_id)).is_some()
    }

    /// The key of that name, if it is held for that audience.
    #[must_use]
    pub fn get(&self, audience: Audience, key_id: KeyId) -> Option<&K> {
        self.0.get(&(audience, key_id))
    }
}

impl<K: NamedKey> Default for KeyRing<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: NamedKey> FromIterator<(Audience, K)> for KeyRing<K> {
    fn from_iter<T: IntoIterator<Item = (Audience, K)>>(keys: T) -> Self {
        let mut ring = Self::new();
        for (audience, key) in keys {
            ring.insert(audience, key);
        }
        ring
    }
}

impl<K> fmt::Debug for KeyRing<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// HMAC-SHA-256 with a secret in it.
pub(super) fn hmac(secret: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes keys of any length")
}
