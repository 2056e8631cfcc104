//! A service's configuration with one tenant: who sends to it, and who reads all of it.

use std::fs;
use std::io::Result;
use std::path::{Path, PathBuf};

pub(crate) const TENANT: &str = "6f1d2c3b-4a59-4e8f-9b70-112233445566";
pub(crate) const SENDER: &str = "sender-9c1f4b7a2e6d4f0c8a35";
pub(crate) const READER: &str = "reader-5b80d2c49e1747f3a6b1";

/// Writes it to a folder, at whose `data` the service then keeps its own; the path of the file.
pub(crate) fn configure(folder: &Path) -> Result<PathBuf> {
    fs::write(folder.join("sender.token"), SENDER)?;
    fs::write(folder.join("reader.token"), READER)?;
    let config = format!(
        r#"
listen = "127.0.0.1:0"
data = "data"
[[tenants]]
name = "Contoso"
id = "{TENANT}"
[[tenants.senders]]
name = "mim-01"
token_file = "sender.token"
[[tenants.readers]]
name = "audit"
token_file = "reader.token"
rights = ["raw", "persons"]
"#
    );
    let path = folder.join("service.toml");
    fs::write(&path, config)?;
    Ok(path)
}
