//! The names of things on the wire: streams, audiences, keys.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_newtype {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[allow(clippy::exhaustive_structs)] // a name for a UUID, and never more than that
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_newtype! {
    /// The name of one incarnation of an agent's log: records are numbered in it
    /// from 1 without holes. Whoever creates a log anew, or can't exclude that it
    /// runs on from an old copy, takes a new stream. A UUID of version 7 is
    /// recommended: its time lets a receiver tell a stream that it has forgotten
    /// from one it has never seen ([SPEC](crate::spec) section 4, R5). Never nil.
    ///
    /// ```
    /// use ingest_protocol::StreamId;
    ///
    /// let stream: StreamId = "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?;
    /// assert_eq!(stream.0.get_version_num(), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    StreamId
}

uuid_newtype! {
    /// For whom a frame is: the tenant. It stands in the header that the MAC
    /// covers, so that a frame of one tenant can't be replayed to another
    /// ([SPEC](crate::spec) section 2).
    ///
    /// ```
    /// use ingest_protocol::Audience;
    ///
    /// let tenant: Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
    /// assert_eq!(tenant.to_string(), "6f1d2c3b-4a59-4e8f-9b70-112233445566");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Audience
}

uuid_newtype! {
    /// The name of a key, sent with what the key made ([SPEC](crate::spec) sections
    /// 2.4 and 2.5). Keys are rotated by giving the new one another name; a name is
    /// never used for two keys.
    ///
    /// ```
    /// use ingest_protocol::KeyId;
    ///
    /// let key: KeyId = "0190a0a0-0000-7000-8000-000000000001".parse()?;
    /// assert!(!key.0.is_nil());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    KeyId
}
