//! Tokens and keys: from a file or the environment, never from the command line.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ingest_protocol::KeyId;
use ingest_protocol::frame::MacKey;
use serde::Deserialize;

/// A token, or an address that may hold one; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// The token itself, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Environment(String),
}

impl Place {
    /// Reads the secret anew: it may have been exchanged.
    pub(crate) fn read(&self) -> Result<Secret> {
        let text = match self {
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|error| anyhow::anyhow!("{}", plain(&error)))
                .with_context(|| self.to_string())?,
            Self::Environment(name) => {
                // Its error may show the value.
                let Ok(text) = std::env::var(name) else {
                    bail!("{self} is not set, or no text")
                };
                text
            }
        };
        let text = text.trim();
        ensure!(!text.is_empty(), "{self} is empty");
        // Nothing that could end a header.
        ensure!(
            text.bytes().all(|byte| byte.is_ascii_graphic()),
            "{self} holds blanks, or more than ASCII"
        );
        Ok(Secret(text.to_owned()))
    }

    /// Reads the secret as a key of 32 bytes in 64 hexadecimal digits.
    pub(crate) fn read_key(&self, id: KeyId) -> Result<MacKey> {
        let secret = self.read()?;
        let Some(key) = from_hex(secret.expose()) else {
            bail!("{self} is not 64 hexadecimal digits, which a key of 32 bytes has")
        };
        Ok(MacKey::new(id, &key))
    }

    /// What is wrong with who may read the secret, if anything.
    pub(crate) fn is_open_to_others(&self) -> bool {
        match self {
            Self::File(path) => is_open(path),
            Self::Environment(_) => false,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "secret file {}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
        }
    }
}

#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).is_ok_and(|file| file.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::InvalidData => "it is no text in UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok())
        .collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_never_shown() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("token");
        let place = Place::File(path.clone());
        std::fs::write(&path, " s3cr3t-token\r\n")?;
        let secret = place.read()?;
        assert_eq!(secret.expose(), "s3cr3t-token");
        assert!(!format!("{secret:?} {place:?}").contains("s3cr3t"));
        for wrong in ["", "two s3cr3t", "s3cr3t\u{e9}", "line\ns3cr3t"] {
            std::fs::write(&path, wrong)?;
            let error = format!("{:#}", place.read().expect_err(wrong));
            assert!(!error.contains("s3cr3t"), "{error}");
        }
        Ok(())
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("key");
        let id = "0190a0a0-0000-7000-8000-000000000001".parse()?;
        std::fs::write(&path, "aB".repeat(32))?;
        let key = Place::File(path.clone()).read_key(id)?;
        assert!(!format!("{key:?}").contains("aB"));
        for wrong in ["ab".repeat(31), "ag".repeat(32), "ab".repeat(33)] {
            std::fs::write(&path, &wrong)?;
            let error = format!("{:#}", Place::File(path.clone()).read_key(id).unwrap_err());
            assert!(!error.contains(&wrong), "{error}");
        }
        Ok(())
    }
}
