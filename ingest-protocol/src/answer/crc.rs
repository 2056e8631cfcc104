//! [`Crc64`]: a checksum in JSON.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// A CRC-64/NVME, in JSON as 16 hexadecimal digits, since many readers of JSON know no whole
/// numbers beyond 2^53.
///
/// ```
/// use ingest_protocol::Crc64;
///
/// assert_eq!(serde_json::to_string(&Crc64(0xae8b_1486_0a79_9888))?, r#""ae8b14860a799888""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // a number
pub struct Crc64(pub u64);

impl fmt::Display for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Crc64 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Crc64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(&text, 16).ok().filter(|_| is_hex);
        let number = number.ok_or_else(|| serde::de::Error::custom("not 16 hexadecimal digits"))?;
        Ok(Self(number))
    }
}
