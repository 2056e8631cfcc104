//! Opens a stream's spool as the configuration wants it.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use ingest_protocol::frame::Limits;
use ingest_protocol::journal::{self, FsStorage, Options, Recovery};
use ingest_protocol::sender::{SenderConfig, SpoolError, SpooledSender};
use tracing::{error, info};
use uuid::Uuid;

use crate::config::Config;
use crate::keys::Credentials;

/// A spool that is open elsewhere is tried so often again, 5 seconds in all.
const LOCKED_TRIES: u32 = 50;
const LOCKED_PAUSE: Duration = Duration::from_millis(100);
/// So often a service is told that the agent is there, so that one that was restored from a
/// backup is noticed.
const HEARTBEAT: Duration = Duration::from_secs(3600);

/// Opens the spool, or makes it, for a service with these limits, and tells what was found.
pub(crate) fn open(config: &Config, path: &Path, limits: Limits) -> Result<SpooledSender> {
    let mut sender = SenderConfig::new(config.tenant)
        // A service that takes less says so, and frames are sealed anew.
        .limits(limits.at_least_floor())
        .max_records(config.spool.batch)
        .timeout(config.http.timeout.0)
        .heartbeat(HEARTBEAT)
        .seed(Uuid::new_v4().as_u64_pair().0)
        .zstd();
    if let Credentials::Hmac(id, key) = config.key.credentials()? {
        sender = sender.mac(key.read_key(id)?);
    }
    let max = config.spool.max.0;
    let options = Options::new(Uuid::new_v4().into_bytes())
        // To give up a frame, its segment is written anew.
        .segment_bytes((max / 64).clamp(64 << 10, 4 << 20))
        .cap_bytes(max);
    let (spool, recovery) = open_unlocked(path, options, &sender)?;
    tell(&recovery);
    Ok(spool)
}

/// `agent status` has the spool for as long as it reads it: that is waited for.
fn open_unlocked(
    path: &Path,
    options: Options,
    sender: &SenderConfig,
) -> Result<(SpooledSender, Recovery)> {
    let mut tries = LOCKED_TRIES;
    loop {
        let storage = FsStorage::create(path)?;
        let fresh = Uuid::now_v7().into();
        match SpooledSender::open(storage, options, sender.clone(), fresh) {
            Err(SpoolError::Journal(journal::Error::Locked)) if tries > 0 => {
                if tries == LOCKED_TRIES {
                    info!("the spool is open elsewhere: waiting for it");
                }
                tries -= 1;
                std::thread::sleep(LOCKED_PAUSE);
            }
            opened => return Ok(opened?),
        }
    }
}

fn tell(recovery: &Recovery) {
    if recovery.is_loss() {
        error!(findings = %recovery, "the spool is damaged: what is lost is declared");
    } else if !recovery.findings().is_empty() {
        info!(findings = %recovery, "the spool was not closed, and is whole");
    }
}
