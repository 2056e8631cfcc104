//! The balance: what became of all that was read.

use ingest_protocol::sender::Sender;
use serde::{Deserialize, Serialize};

use crate::cursor::Totals;
use crate::ledger::Ledger;

/// `read` is the sum of all others but `duplicates`. What is unknown after a kill is counted as acknowledged:
/// that the service set a record aside, if its answer did not arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Balance {
    /// Requests or entries, what could not be read, and what was lost.
    pub(crate) read: u64,
    /// The service has them.
    pub(crate) acknowledged: u64,
    /// The service has them, apart from the good ones.
    pub(crate) quarantined_by_service: u64,
    /// In the agent's quarantine.
    pub(crate) quarantined_by_agent: u64,
    /// Requests of which parts never came, in the agent's quarantine.
    pub(crate) incomplete: u64,
    /// Lost by the log.
    pub(crate) lost_by_log: u64,
    /// Given up since the spool was full, or damaged in it.
    pub(crate) lost_in_spool: u64,
    /// Not acknowledged yet.
    pub(crate) spooled: u64,
    /// Left out since they were read before.
    pub(crate) duplicates: u64,
}

impl Balance {
    /// `loss`: lost by the log, and not yet told to the sender.
    pub(crate) fn new(totals: &Totals, loss: u64, sender: &Sender, ledger: &Ledger) -> Self {
        let spooled = sender.backlog();
        // Of all that has a number in the spool, what is neither lost nor waits is acknowledged.
        let numbered = totals.spooled.saturating_add(totals.lost);
        let lost = sender.undeclared().saturating_add(ledger.lost(sender));
        let done = numbered.saturating_sub(lost).saturating_sub(spooled);
        let rejected = ledger.rejected(sender).min(done);
        let lost_by_log = totals.lost.saturating_add(loss);
        Self {
            read: totals.spooled + totals.quarantined + totals.incomplete + lost_by_log,
            acknowledged: done - rejected,
            quarantined_by_service: rejected,
            quarantined_by_agent: totals.quarantined,
            incomplete: totals.incomplete,
            lost_by_log,
            lost_in_spool: lost.saturating_sub(totals.lost),
            spooled,
            duplicates: totals.duplicates,
        }
    }

    /// Whether nothing is missing.
    pub(crate) fn is_even(&self) -> bool {
        let Self {
            read,
            acknowledged,
            quarantined_by_service,
            quarantined_by_agent,
            incomplete,
            lost_by_log,
            lost_in_spool,
            spooled,
            duplicates: _,
        } = *self;
        read == acknowledged
            + quarantined_by_service
            + quarantined_by_agent
            + incomplete
            + lost_by_log
            + lost_in_spool
            + spooled
    }
}
