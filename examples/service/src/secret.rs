//! Secrets: read from a file or the environment, and never shown.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// A secret as text, from a file or the environment; blanks around it are not part of it.
///
/// # Errors
/// It is not there. The error does not hold it.
pub fn secret(file: Option<&Path>, variable: Option<&str>) -> Result<Secret> {
    let text = match (file, variable) {
        (Some(file), _) => std::fs::read_to_string(file)
            .with_context(|| format!("the secret {} can't be read", file.display()))?,
        (None, Some(variable)) => std::env::var(variable)
            .map_err(|_| anyhow::anyhow!("the environment variable {variable} is not set"))?,
        (None, None) => bail!("no secret is named"),
    };
    Ok(Secret(text.trim().to_owned()))
}

/// A secret that is not shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Secret("hunter2".to_owned())), "Secret(..)");
    }
}
