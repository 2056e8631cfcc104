//! The id of an activity whose record has none.

use std::fmt::Write as _;

use chrono::SecondsFormat;
use uuid::Uuid;

use crate::activity::id::ENTRA;
use crate::activity::{Activity, Change};

/// The id of a record that has none, over what its row says: see the module page.
pub(super) fn of_row(activity: &Activity) -> Uuid {
    let mut name = Name(Vec::with_capacity(512));
    name.field("row");
    name.field(&activity.time.to_rfc3339_opts(SecondsFormat::Nanos, true));
    name.field(&activity.service);
    name.field(&activity.category);
    name.field(&activity.name);
    name.field(activity.result.as_str());
    name.option(activity.reason.as_deref());
    name.option(activity.correlation.as_deref());
    let actor = &activity.actor;
    for part in [&actor.id, &actor.upn, &actor.name, &actor.via] {
        name.option(part.as_deref());
    }
    name.count(activity.targets.len());
    for (at, target) in activity.targets.iter().enumerate() {
        name.field(&target.object_type);
        for part in [&target.id, &target.upn, &target.name] {
            name.option(part.as_deref());
        }
        let changes = activity.changes.iter();
        name.changes(changes.filter(|change| change.target as usize == at));
        name.changes(target.attributes.iter());
    }
    name.count(activity.details.len());
    for detail in &activity.details {
        name.field(&detail.key);
        name.field(&detail.value);
    }
    Uuid::new_v5(&ENTRA, &name.0)
}

struct Name(Vec<u8>);

impl Name {
    fn field(&mut self, text: &str) {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option(&mut self, text: Option<&str>) {
        self.field(text.unwrap_or_default());
    }

    fn count(&mut self, count: usize) {
        let mut text = String::new();
        // Writing to a `String` can't fail.
        let _ = write!(text, "{count}");
        self.field(&text);
    }

    fn changes<'a>(&mut self, changes: impl Iterator<Item = &'a Change> + Clone) {
        self.count(changes.clone().count());
        for change in changes {
            self.field(&change.property);
            self.option(change.old.as_deref());
            self.option(change.new.as_deref());
        }
    }
}
