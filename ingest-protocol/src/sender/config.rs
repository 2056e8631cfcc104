//! [`SenderConfig`]: how records become frames, and how patient the sender is.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;

use crate::Audience;
use crate::frame::{Format, Header, Limits, Opener, Sealer};

/// How a [`Sender`](super::Sender) seals, and when it sends again. The defaults suit an agent
/// that uploads every few minutes.
///
/// ```
/// use std::time::Duration;
/// use ingest_protocol::sender::SenderConfig;
///
/// # let tenant: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
/// let config = SenderConfig::new(tenant)
///     .max_records(500)
///     .max_age(Duration::from_secs(60))
///     .spooled();
/// # let _ = config;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SenderConfig {
    pub(super) audience: Audience,
    pub(super) format: Format,
    pub(super) limits: Limits,
    pub(super) max_records: u32,
    pub(super) max_bytes: u32,
    pub(super) max_age: Duration,
    pub(super) max_memory: u64,
    pub(super) timeout: Duration,
    pub(super) heartbeat: Option<Duration>,
    pub(super) history: usize,
    pub(super) spooled: bool,
    pub(super) seed: u64,
    pub(super) compress: bool,
    #[cfg(feature = "mac")]
    pub(super) mac: Option<crate::frame::MacKey>,
    #[cfg(feature = "encrypt")]
    pub(super) encryption: Option<crate::frame::EncryptKey>,
}

impl SenderConfig {
    /// Seals frames for `audience`: at most 1,000 records of JSON, 8 MiB or 10 minutes old, within
    /// the limits that every receiver accepts, in the clear; waits 60 seconds for an answer; keeps
    /// 16 acknowledged frames; holds everything in memory, at most 64 MiB.
    #[must_use]
    pub fn new(audience: Audience) -> Self {
        Self {
            audience,
            format: Format::JSON,
            limits: Limits::FLOOR,
            max_records: 1_000,
            max_bytes: 8 << 20,
            max_age: Duration::from_secs(600),
            max_memory: 64 << 20,
            timeout: Duration::from_secs(60),
            heartbeat: None,
            history: 16,
            spooled: false,
            seed: 0,
            compress: false,
            #[cfg(feature = "mac")]
            mac: None,
            #[cfg(feature = "encrypt")]
            encryption: None,
        }
    }

    /// What the records are; JSON by default.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// What the receiver is known to accept. Unless it said more, the floor of the
    /// specification; what it says later with `too_large` is learned.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Seals a frame when it has so many records.
    #[must_use]
    pub fn max_records(mut self, records: u32) -> Self {
        self.max_records = records.max(1);
        self
    }

    /// Seals a frame before its body, not compressed, has more bytes than these.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u32) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Seals a frame when its first record has waited so long.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Takes no more records while those in memory have so many bytes: those of frames that are not
    /// sealed, not spooled or, without a spool, not acknowledged.
    #[must_use]
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Sends again when no answer came for so long.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends a frame without records when nothing was sent for so long, so that a receiver that
    /// was restored from a backup is noticed while there is nothing to send.
    #[must_use]
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.heartbeat = Some(every);
        self
    }

    /// Keeps the last acknowledged frames, at most 31, so that what a receiver lost by
    /// going back to a backup can be sent again.
    #[must_use]
    pub fn history(mut self, frames: usize) -> Self {
        self.history = frames.min(31);
        self
    }

    /// Stores frames outside: each is given out by [`poll_spool`](super::Sender::poll_spool), and sent
    /// only when it is said to be durable. Without it they are in memory, and lost with the process.
    #[must_use]
    pub fn spooled(mut self) -> Self {
        self.spooled = true;
        self
    }

    /// Random bits, by which a thousand senders don't all send again at the same moment.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Compresses bodies with zstd.
    #[cfg(feature = "zstd")]
    #[must_use]
    pub fn zstd(mut self) -> Self {
        self.compress = true;
        self
    }

    /// Ends each frame with a MAC made with `key`. What was spooled with the MAC of another key is
    /// sent with this one's.
    #[cfg(feature = "mac")]
    #[must_use]
    pub fn mac(mut self, key: crate::frame::MacKey) -> Self {
        self.mac = Some(key);
        self
    }

    /// Encrypts bodies with `key`.
    #[cfg(feature = "encrypt")]
    #[must_use]
    pub fn encryption(mut self, key: crate::frame::EncryptKey) -> Self {
        self.encryption = Some(key);
        self
    }

    /// Bytes of the records of a body that the receiver takes.
    pub(super) fn fitting_bytes(&self) -> u64 {
        const AROUND: u32 = 512; // header, section heads, key ids, tag, MAC
        let limit = if self.compress {
            self.limits.raw_bytes
        } else {
            self.limits.raw_bytes.min(self.limits.frame_bytes)
        };
        u64::from(limit.saturating_sub(AROUND))
    }

    /// Bytes of the records of a body that is sealed.
    pub(super) fn body_bytes(&self) -> u64 {
        self.fitting_bytes().min(self.max_bytes.into())
    }

    /// The most records of a frame.
    pub(super) fn records(&self) -> usize {
        self.max_records.min(self.limits.records).max(1) as usize
    }

    /// The frame as it is sent: with the MAC of the key that is used now.
    #[cfg(feature = "mac")]
    pub(super) fn signed(&self, header: &Header, frame: Bytes) -> Bytes {
        match &self.mac {
            Some(key) => key.sign_anew(header, frame),
            None => frame,
        }
    }

    #[cfg(not(feature = "mac"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn signed(&self, _: &Header, frame: Bytes) -> Bytes {
        frame
    }

    pub(super) fn sealer(&self) -> Sealer {
        let sealer = Sealer::new(self.limits);
        #[cfg(feature = "zstd")]
        let sealer = if self.compress {
            sealer.with_zstd()
        } else {
            sealer
        };
        #[cfg(feature = "mac")]
        let sealer = match &self.mac {
            Some(key) => sealer.with_mac(key.clone()),
            None => sealer,
        };
        #[cfg(feature = "encrypt")]
        let sealer = match &self.encryption {
            Some(key) => sealer.with_encryption(key.clone()),
            None => sealer,
        };
        sealer
    }

    /// Opens what [`sealer`](Self::sealer) sealed, or another with more or less of the same. A MAC is
    /// not looked at: it is no sign of damage that it is another key's.
    pub(super) fn opener(&self) -> Opener {
        let opener = Opener::new(Limits::MAX).with_audience(self.audience);
        #[cfg(feature = "encrypt")]
        let opener = match &self.encryption {
            Some(key) => opener
                .with_encryption_keys([(self.audience, key.clone())].into_iter().collect())
                .allow_cleartext(),
            None => opener,
        };
        opener
    }

    /// All but keys, of which the names stand for the rest.
    fn parts(&self) -> impl Hash + PartialEq + use<> {
        #[cfg(feature = "mac")]
        let mac = self.mac.as_ref().map(crate::frame::NamedKey::key_id);
        #[cfg(not(feature = "mac"))]
        let mac = ();
        #[cfg(feature = "encrypt")]
        let encryption = self.encryption.as_ref().map(crate::frame::NamedKey::key_id);
        #[cfg(not(feature = "encrypt"))]
        let encryption = ();
        (
            (
                self.audience,
                self.format,
                self.limits,
                self.max_records,
                self.max_bytes,
            ),
            (self.max_age, self.max_memory, self.timeout, self.heartbeat),
            (self.history, self.spooled, self.seed, self.compress),
            (mac, encryption),
        )
    }
}

impl PartialEq for SenderConfig {
    /// Keys are equal if their names are.
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for SenderConfig {}

impl Hash for SenderConfig {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}
