//! Services to look at.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::process::Process;
use crate::tenant::{SENDER, configure};

/// Reads a second tenant, that has no activity.
pub(crate) const OTHER: &str = "reader-of-another-tenant-7d1e";

/// How long a service may read its journals.
const PATIENCE: Duration = Duration::from_secs(120);

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
        let config = configure(folder.path()).unwrap();
        Self::configured(folder, &config)
    }

    /// The same, with two years kept, and a second tenant beside it.
    pub(crate) fn with_two_tenants() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = configure(folder.path()).unwrap();
        let one = std::fs::read_to_string(&config).unwrap();
        std::fs::write(folder.path().join("other.token"), OTHER).unwrap();
        let two = r#"
[[tenants]]
name = "Fabrikam"
id = "0e5f6c1d-8a3b-4d2e-9f70-665544332211"
[[tenants.readers]]
name = "other"
token_file = "other.token"
rights = ["raw", "persons"]
"#;
        std::fs::write(&config, format!("retention_days = 800\n{one}{two}")).unwrap();
        Self::configured(folder, &config)
    }

    fn configured(folder: tempfile::TempDir, config: &Path) -> Self {
        let config = config.to_str().unwrap().to_owned();
        Self::start(folder, &["--config", &config])
    }

    fn start(folder: tempfile::TempDir, arguments: &[&str]) -> Self {
        let mut service = Process::start("service", arguments);
        let line = service.wait_for("listening at http://");
        let (_, address) = line.split_once("listening at ").unwrap();
        let site = Self {
            service,
            base: address.trim_end_matches('/').to_owned(),
            _folder: folder,
        };
        // It listens before its journals are read.
        let begun = Instant::now();
        while ureq::get(site.page("/readyz")).call().is_err() {
            assert!(begun.elapsed() < PATIENCE, "it never was ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        site
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
