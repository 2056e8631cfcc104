//! Pseudonyms for people: what a reader without the right `persons` sees.
//!
//! Activities are masked before they get into the store that such readers are answered from. So a
//! search by name finds nothing, whatever the query, and no page, export or computed column can show more.

use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit, Mac};
use mim_events::activity::{Activity, Actor, ActorKind, Source, Target};
use sha2::Sha256;

/// The secret that a tenant's pseudonyms are made with.
#[derive(Clone)]
pub struct PersonKeys(Hmac<Sha256>);

impl fmt::Debug for PersonKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKeys(..)")
    }
}

/// Types of targets that are no person's, and are shown.
const SHOWN: [&str; 22] = [
    "administrativeunit",
    "application",
    "approval",
    "consent",
    "constantspecifier",
    "directory",
    "group",
    "managementpolicyrule",
    "objectvisualizationconfiguration",
    "organizationalunit",
    "policy",
    "portaluiconfiguration",
    "request",
    "role",
    "schema",
    "serviceprincipal",
    "set",
    "synchronizationrule",
    "tenant",
    "timezoneconfiguration",
    "workflowdefinition",
    "workflowinstance",
];

/// Of these, those whose name is a request's title.
const TITLED: [&str; 2] = ["approval", "request"];

/// Keys of details that say how, not who; reports read some of them.
const DETAILS: [&str; 9] = [
    "InitiatorUserType",
    "MIMKind",
    "MIMOperation",
    "MIMRequestStatus",
    "OperationType",
    "RequestId",
    "ResetResult",
    "ResultText",
    "Step",
];

impl PersonKeys {
    /// With a tenant's secret.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let keyed = Hmac::new_from_slice(secret);
        Self(keyed.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length")))
    }

    /// The opaque key of a person: 32 hexadecimal digits of HMAC-SHA256 over what tells the person
    /// apart (id, else UPN, else account, else name), in lower case.
    #[must_use]
    pub fn key(&self, stable: &str) -> String {
        let mac = self
            .0
            .clone()
            .chain_update(stable.to_lowercase().as_bytes());
        let bytes = mac.finalize().into_bytes();
        bytes[..16]
            .iter()
            .fold(String::with_capacity(32), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    /// What is shown instead of a name: `Person 7F3A2C8190B2`, of the key's first 12 digits, so that
    /// two people in a million seldom share one.
    #[must_use]
    pub fn pseudonym(key: &str) -> String {
        let digits = key.get(..12).unwrap_or(key);
        format!("Person {}", digits.to_uppercase())
    }

    /// The activity with people under pseudonyms, and without free text that may name some.
    #[must_use]
    pub fn mask(&self, mut activity: Activity) -> Activity {
        self.actor(&mut activity.actor);
        activity
            .approvers_asked
            .iter_mut()
            .for_each(|actor| self.actor(actor));
        activity
            .approvers_decided
            .iter_mut()
            .for_each(|actor| self.actor(actor));
        activity
            .targets
            .iter_mut()
            .for_each(|target| self.target(target));
        for change in &mut activity.changes {
            (change.old, change.new) = (None, None);
        }
        activity
            .details
            .retain(|detail| DETAILS.contains(&detail.key.as_str()));
        // Of a request that no rule knows it is the request's own title, which names people.
        if activity.source == Source::IdentityManager && activity.kind.as_str() == "other" {
            activity.name = "Other request".to_owned();
        }
        activity.justification = None;
        // Reports tell who gave up from who failed by this word.
        let gave_up = |reason: &String| reason.to_lowercase().contains("cancel");
        activity.reason = activity
            .reason
            .filter(gave_up)
            .map(|_| "canceled".to_owned());
        activity
    }

    fn actor(&self, actor: &mut Actor) {
        actor.ip = None;
        actor.hint = None;
        if matches!(actor.kind, ActorKind::App | ActorKind::Service) {
            return;
        }
        let stable = stable([&actor.id, &actor.upn, &actor.account, &actor.name]);
        (actor.id, actor.name) = self.names(stable);
        (actor.account, actor.domain, actor.upn, actor.via) = (None, None, None, None);
    }

    fn target(&self, target: &mut Target) {
        target.attributes.clear();
        let object_type = target.object_type.to_ascii_lowercase();
        if SHOWN.contains(&object_type.as_str()) {
            // Their names are the titles of requests, which name people.
            if TITLED.contains(&object_type.as_str()) {
                target.name = None;
            }
            return;
        }
        let stable = stable([&target.id, &target.upn, &target.account, &target.name]);
        (target.id, target.name) = self.names(stable);
        (target.account, target.domain, target.upn) = (None, None, None);
    }

    fn names(&self, stable: Option<String>) -> (Option<String>, Option<String>) {
        let key = stable.map(|stable| self.key(&stable));
        let name = key.as_deref().map(Self::pseudonym);
        (key, name)
    }
}

fn stable(names: [&Option<String>; 4]) -> Option<String> {
    names
        .into_iter()
        .flatten()
        .find(|name| !name.is_empty())
        .cloned()
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};
    use mim_events::activity::Classifier;
    use mim_events::entra::{EntraReader, to_directory_audit};
    use mim_events::generate::{Generator, Item, Options};
    use mim_events::request::Request;

    use super::*;

    /// Everything that names a person of an activity, but words that are too short to tell.
    fn names(activity: &Activity) -> Vec<String> {
        let mut names = Vec::new();
        let mut add = |texts: [&Option<String>; 5]| {
            let texts = texts.into_iter().flatten().filter(|text| text.len() > 4);
            names.extend(texts.cloned());
        };
        let actors = [&activity.actor]
            .into_iter()
            .chain(&activity.approvers_asked);
        for actor in actors.chain(&activity.approvers_decided) {
            if actor.kind == ActorKind::User {
                add([
                    &actor.id,
                    &actor.name,
                    &actor.account,
                    &actor.upn,
                    &actor.ip,
                ]);
            }
        }
        for target in &activity.targets {
            if target.object_type == "User" {
                add([
                    &target.id,
                    &target.name,
                    &target.account,
                    &target.upn,
                    &None,
                ]);
            }
        }
        names
    }

    #[test]
    fn nobody_of_a_month_is_named_and_everybody_is_told_apart() -> anyhow::Result<()> {
        let keys = PersonKeys::new(&[7; 32]);
        let start = Utc::now() - TimeDelta::days(30);
        let options = Options::new(5).requests(1_500).people(300).start(start);
        let mut classifier = Classifier::default();
        let (mut people, mut pseudonyms) = (
            std::collections::HashSet::new(),
            std::collections::HashSet::new(),
        );
        for step in Generator::new(&options) {
            let activities: Vec<_> = match &step.item {
                Item::Request(document) => {
                    classifier.classify(&Request::from_json(&document.json)?)
                }
                Item::Cloud(record) => EntraReader::new(record.json.as_bytes()).flatten().collect(),
                _ => continue,
            };
            for activity in activities {
                let masked = keys.mask(activity.clone());
                let shown = serde_json::to_string(&masked)?
                    + &serde_json::to_string(&to_directory_audit(&masked))?;
                let shown = shown.to_lowercase();
                for name in names(&activity) {
                    assert!(
                        !shown.contains(&name.to_lowercase()),
                        "{} {}",
                        activity.kind,
                        activity.id
                    );
                }
                assert_eq!(
                    (masked.id, masked.time, masked.result),
                    (activity.id, activity.time, activity.result)
                );
                if activity.actor.kind == ActorKind::User && activity.actor.id.is_some() {
                    people.insert(activity.actor.id);
                    pseudonyms.insert(masked.actor.name);
                }
            }
        }
        assert!(people.len() > 100);
        assert_eq!(people.len(), pseudonyms.len());
        Ok(())
    }

    #[test]
    fn a_title_of_a_request_names_nobody() -> anyhow::Result<()> {
        let keys = PersonKeys::new(&[7; 32]);
        for kind in ["Approval", "Request"] {
            let record = serde_json::json!({
                "HybridObjectID": "9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01", "ObjectType": "Request",
                "Operation": "Put", "TargetObjectType": kind, "CreatedTime": "2026-03-02 08:15:09",
                "RequestStatus": "Completed",
                "Target": {
                    "HybridObjectID": "3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77", "ObjectID": "9300",
                    "ObjectType": kind, "DisplayName": "Update to Person: 'Ines Marchetti'",
                    "Request": {
                        "HybridObjectID": "77777777-7c1e-4d1b-b0a4-5b0c2b1f9e77",
                        "DisplayName": "Update to Person: 'Ines Marchetti'",
                    },
                },
            });
            let activities =
                Classifier::default().classify(&Request::from_json(&record.to_string())?);
            let named = serde_json::to_string(&activities)?;
            assert!(named.contains("Ines Marchetti"), "{kind}: {named}");
            for activity in activities {
                let ids: Vec<_> = activity
                    .targets
                    .iter()
                    .map(|target| target.id.clone())
                    .collect();
                let masked = keys.mask(activity);
                let kept: Vec<_> = masked
                    .targets
                    .iter()
                    .map(|target| target.id.clone())
                    .collect();
                assert_eq!(kept, ids);
                let shown = serde_json::to_string(&masked)?
                    + &serde_json::to_string(&to_directory_audit(&masked))?;
                assert!(!shown.contains("Marchetti"), "{kind}: {shown}");
            }
        }
        Ok(())
    }

    #[test]
    fn keys_depend_on_the_secret_and_not_on_case() {
        let key = |secret, name: &str| PersonKeys::new(&[secret; 32]).key(name);
        assert_eq!(key(1, "Ines@Contoso.test"), key(1, "ines@contoso.test"));
        assert_ne!(key(1, "a"), key(2, "a"));
        assert_eq!(key(1, "a").len(), 32);
        assert!(!format!("{:?}", PersonKeys::new(&[1; 32])).contains('1'));
    }
}
