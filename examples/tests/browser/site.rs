//! Services to look at.

use std::path::Path;

use crate::process::Process;

pub(crate) const SENDER: &str = "sender-9c1f4b7a2e6d4f0c8a35";
pub(crate) const READER: &str = "reader-5b80d2c49e1747f3a6b1";

/// A service that runs, and its address without the last slash.
pub(crate) struct Site {
    service: Process,
    pub(crate) base: String,
    _folder: tempfile::TempDir,
}

impl Site {
    /// The demo: a tenant with a month of invented activity, open on this machine.
    pub(crate) fn demo() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start(folder, &["--listen", "127.0.0.1:0", "--requests", "1500"])
    }

    /// A tenant without activity yet, with one reader who has every right.
    pub(crate) fn with_reader() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let write = |name: &str, content: &str| {
            std::fs::write(folder.path().join(name), content).unwrap();
            text(&folder.path().join(name))
        };
        let config = format!(
            r#"
listen = "127.0.0.1:0"
data = "{data}"
[[tenants]]
name = "Contoso"
id = "6f1d2c3b-4a59-4e8f-9b70-112233445566"
[[tenants.senders]]
name = "mim-01"
token_file = "{sender}"
[[tenants.readers]]
name = "audit"
token_file = "{reader}"
rights = ["raw", "persons"]
"#,
            data = text(&folder.path().join("data")),
            sender = write("sender.token", SENDER),
            reader = write("reader.token", READER),
        );
        let config = write("service.toml", &config);
        Self::start(folder, &["--config", &config])
    }

    fn start(folder: tempfile::TempDir, arguments: &[&str]) -> Self {
        let mut service = Process::start("service", arguments);
        let line = service.wait_for("listening at http://");
        let (_, address) = line.split_once("listening at ").unwrap();
        Self {
            service,
            base: address.trim_end_matches('/').to_owned(),
            _folder: folder,
        }
    }

    pub(crate) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends documents, one a line.
    pub(crate) fn send(&self, ndjson: &str) {
        let sent = ureq::post(self.page("/v1/batches"))
            .header("Authorization", format!("Bearer {SENDER}"))
            .header("Content-Type", "application/x-ndjson")
            .header("Idempotency-Key", uuid::Uuid::new_v4().to_string())
            .send(ndjson);
        sent.unwrap();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(!self.service.ended(), "the service ended by itself");
        }
    }
}
