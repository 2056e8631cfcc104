//! [`Chunk`]: entries that are spooled all or none, with the cursor behind them.

use std::collections::HashSet;

use ingest_protocol::frame::Record;
use mim_events::activity::Activity;
use mim_events::entra::to_directory_audit;
use uuid::Uuid;

use crate::quarantine::Entry;
use crate::record;

/// Well below what a frame may hold.
const BYTES: usize = 4 << 20;

/// What a piece of the source made.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) records: Vec<Record>,
    pub(super) aside: Vec<Entry>,
    pub(super) duplicates: u64,
    /// Ids of all that is in it, each with its time.
    pub(super) ids: Vec<(Uuid, i64)>,
    bytes: usize,
}

impl Chunk {
    pub(super) fn is_full(&self, batch: u32) -> bool {
        self.records.len() >= batch as usize || self.bytes >= BYTES
    }

    /// Takes an entry with the text it came from, unless it is known.
    pub(super) fn take(
        &mut self,
        activity: &Activity,
        raw: Option<&str>,
        known: &mut HashSet<Uuid>,
    ) {
        if !known.insert(activity.id) {
            self.duplicates += 1;
            return;
        }
        let made = raw.map(record::of_entry).and_then(Result::ok);
        // Rows of tables are no objects: they are written as Graph would have.
        let made = made.or_else(|| {
            let text = serde_json::to_string(&to_directory_audit(activity)).ok()?;
            record::of_entry(&text).ok()
        });
        let Some(record) = made else { return };
        let record = record.with_id(activity.id).with_time(activity.time);
        self.bytes += record.payload().len();
        self.ids.push((activity.id, activity.time.timestamp()));
        self.records.push(record);
    }

    /// Sets an element aside, unless it is known by its text.
    pub(super) fn set_aside(&mut self, entry: Entry, at: i64, known: &mut HashSet<Uuid>) {
        let text = entry.raw.as_deref().unwrap_or_default();
        let id = Uuid::new_v5(&Uuid::nil(), text.as_bytes());
        if known.insert(id) {
            self.ids.push((id, at));
            self.aside.push(entry);
        } else {
            self.duplicates += 1;
        }
    }
}
