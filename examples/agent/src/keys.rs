//! Which key of the configuration the agent is known by.

use std::path::PathBuf;

use anyhow::{Result, bail};
use ingest_protocol::KeyId;
use serde::Deserialize;

use crate::secrets::Place;

/// What the service knows the agent by: a token or an HMAC key.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    hmac_key_file: Option<PathBuf>,
    hmac_key_env: Option<String>,
    hmac_key_id: Option<KeyId>,
}

/// Where the key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    Token(Place),
    Hmac(KeyId, Place),
}

impl Key {
    pub(crate) fn credentials(&self) -> Result<Credentials> {
        let Self {
            token_file,
            token_env,
            hmac_key_file,
            hmac_key_env,
            hmac_key_id,
        } = self;
        let token = place(token_file.as_ref(), token_env.as_ref(), "token")?;
        let hmac = place(hmac_key_file.as_ref(), hmac_key_env.as_ref(), "hmac_key")?;
        match (token, hmac, *hmac_key_id) {
            (Some(token), None, None) => Ok(Credentials::Token(token)),
            (None, Some(key), Some(id)) => Ok(Credentials::Hmac(id, key)),
            (None, Some(_), None) => bail!("[key]: an HMAC key needs `hmac_key_id` beside it"),
            _ => bail!("[key] must have either a token or an HMAC key with `hmac_key_id`"),
        }
    }

    /// Paths, which are relative to the configuration's folder.
    pub(crate) fn files(&mut self) -> [&mut Option<PathBuf>; 2] {
        [&mut self.token_file, &mut self.hmac_key_file]
    }
}

/// A secret that may be in a file or in the environment.
pub(crate) fn place(
    file: Option<&PathBuf>,
    env: Option<&String>,
    what: &str,
) -> Result<Option<Place>> {
    match (file, env) {
        (Some(_), Some(_)) => bail!("`{what}_file` and `{what}_env` exclude each other"),
        (Some(file), None) => Ok(Some(Place::File(file.clone()))),
        (None, Some(name)) => Ok(Some(Place::Environment(name.clone()))),
        (None, None) => Ok(None),
    }
}
