//! One activity, read from several files.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write};

use uuid::Uuid;

use crate::activity::{Activity, Actor, Flags, Source};
use crate::request::RequestStatus;

/// Tells activities that were read before, by id and content.
///
/// It may be asked about activities of several readers, of Entra and of MIM alike. It
/// holds 32 bytes for each id, and up to as much again while it grows: a million
/// activities are about 60 MB.
///
/// ```
/// use mim_events::entra::{EntraReader, Merge, Merged};
///
/// let page = r#"{"value":[{"id":"Directory_1","activityDateTime":"2026-03-02T08:15:09.5Z","activityDisplayName":"Add user"}]}"#;
/// let line = r#"{"time":"2026-03-02T08:15:09.5000000Z","category":"AuditLogs","tenantId":"contoso",
///     "properties":{"id":"Directory_1","activityDateTime":"2026-03-02T08:15:09.5+00:00","activityDisplayName":"Add user"}}"#;
/// let mut merge = Merge::new();
/// let mut seen = Vec::new();
/// for source in [page, line] {
///     for activity in EntraReader::new(source.as_bytes()) {
///         seen.push(merge.check(&activity?));
///     }
/// }
/// assert_eq!(seen, [Merged::New, Merged::Duplicate]);
/// # Ok::<(), mim_events::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Merge {
    seen: HashMap<Uuid, Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    fingerprint: u64,
    /// How far the request was.
    rank: u8,
}

/// What [`Merge::check`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Merged {
    /// The first activity of this id.
    New,
    /// This activity was there before.
    Duplicate,
    /// Of MIM: the same request was logged before when it was less far, with the same
    /// result. This activity replaces the one before.
    Supersedes,
    /// Another activity of this id was there before: of Entra, a record that a service or a
    /// pipeline wrote twice with a difference. The first stays the one that is remembered.
    Conflict,
}

impl Merge {
    /// Has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this activity was there before; from now on it was.
    ///
    /// What only some exports carry (tenant, operation type, address, additional
    /// details) makes no difference between two records of Entra; what is learned
    /// from other requests (names, parents, correlation) none between two of MIM.
    pub fn check(&mut self, activity: &Activity) -> Merged {
        let fingerprint = fingerprint(activity);
        let rank = match (&activity.source, &activity.status) {
            (Source::IdentityManager, Some(status)) => RequestStatus::new(status.as_str()).rank(),
            _ => 0,
        };
        match self.seen.entry(activity.id) {
            Entry::Vacant(place) => {
                place.insert(Seen { fingerprint, rank });
                Merged::New
            }
            Entry::Occupied(before) if before.get().fingerprint == fingerprint => Merged::Duplicate,
            // The same request from earlier, read later: what is known already says more.
            Entry::Occupied(before) if before.get().rank > rank => Merged::Duplicate,
            Entry::Occupied(mut before) if before.get().rank < rank => {
                before.insert(Seen { fingerprint, rank });
                Merged::Supersedes
            }
            Entry::Occupied(_) => Merged::Conflict,
        }
    }

    /// How many different ids were seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

/// A hash of what every copy of the record says, the same in every run and on every machine.
fn fingerprint(activity: &Activity) -> u64 {
    let mut hash = Fnv(0xCBF2_9CE4_8422_2325);
    let mut core = activity.clone();
    core.details.clear();
    if activity.source == Source::Entra {
        // Not every export carries these.
        core.tenant = None;
        core.operation.clear();
        core.actor.ip = None;
        core.justification = None;
    } else {
        // These may have been learned from other requests between two copies.
        core.correlation = None;
        core.parent = None;
        core.actor = Actor::default();
        core.targets.clear();
        core.approvers_asked.clear();
        core.approvers_decided.clear();
        core.methods.clear();
        core.flags = Flags::default();
    }
    let written = serde_json::to_writer(&mut hash, &core);
    // Hashing takes any bytes and activities have no maps with other keys than texts.
    debug_assert!(written.is_ok());
    hash.0
}

/// FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
struct Fnv(u64);

impl Write for Fnv {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Kind;
    use chrono::DateTime;

    #[test]
    fn new_then_duplicate_then_conflict() {
        let kind = Kind::from_static("user.add");
        let mut activity = Activity::new(
            Uuid::nil(),
            DateTime::UNIX_EPOCH,
            Source::Entra,
            kind,
            "Add user",
        );
        let mut merge = Merge::new();
        assert!(merge.is_empty());
        assert_eq!(merge.check(&activity), Merged::New);
        activity.tenant = Some("t".to_owned());
        assert_eq!(merge.check(&activity), Merged::Duplicate);
        activity.reason = Some("r".to_owned());
        assert_eq!(merge.check(&activity), Merged::Conflict);
        activity.reason = None;
        assert_eq!(merge.check(&activity), Merged::Duplicate);
        assert_eq!(merge.len(), 1);
    }

    #[test]
    fn a_request_logged_again_when_it_was_further_supersedes() {
        let kind = Kind::from_static("group.add");
        let mut activity = Activity::new(
            Uuid::nil(),
            DateTime::UNIX_EPOCH,
            Source::IdentityManager,
            kind,
            "Add group",
        );
        let mut merge = Merge::new();
        activity.status = Some("Committed".to_owned());
        assert_eq!(merge.check(&activity), Merged::New);
        activity.status = Some("Completed".to_owned());
        assert_eq!(merge.check(&activity), Merged::Supersedes);
        assert_eq!(merge.check(&activity), Merged::Duplicate);
        activity.status = Some("Committed".to_owned());
        assert_eq!(merge.check(&activity), Merged::Duplicate);
        activity.status = Some("Completed".to_owned());
        activity.justification = Some("other".to_owned());
        assert_eq!(merge.check(&activity), Merged::Conflict);
    }
}
