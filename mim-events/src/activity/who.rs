//! Who and what a row is about: references as actors and targets, with what was learned of them.

use std::borrow::Cow;

use uuid::Uuid;

use super::item::Item;
use super::links::Identity;
use super::normalize::{Ref, filled};
use super::row::Rows;
use super::rule::{ActorRole, TargetRole, Verb};
use super::values::short;
use super::walk::Draft;
use super::{Actor, ActorKind, Change, Detail, Target};
use crate::request::well_known::{self, Initiator};

impl Rows<'_> {
    /// A reference's own GUID, or the one that was learned for its key.
    pub(super) fn known_id(&mut self, reference: &Ref<'_>) -> Option<Uuid> {
        reference.id.or_else(|| {
            let key = reference.key.as_deref()?;
            Some(self.links.resource(&self.view.scope, key)?.id)
        })
    }

    pub(super) fn id_of(&mut self, reference: &Ref<'_>) -> Option<String> {
        match self.known_id(reference) {
            Some(id) => Some(id.to_string()),
            None => reference.id_text(),
        }
    }

    pub(super) fn actor(&mut self, reference: &Ref<'_>) -> Actor {
        let target = self.target(reference, "");
        let id = self.known_id(reference);
        let mut actor = actor_of(&target);
        actor.kind = match Initiator::of(id) {
            Initiator::Administrator | Initiator::User => ActorKind::User,
            Initiator::Synchronization | Initiator::Service | Initiator::Anonymous => {
                ActorKind::Service
            }
            _ => ActorKind::Unknown,
        };
        if actor.name.is_none() && actor.account.is_none() {
            actor.name = id.and_then(well_known::account_name).map(Into::into);
        }
        if id.is_none() {
            actor.hint = match reference.key.as_deref().map(str::trim) {
                Some(well_known::GUESSED_SYNCHRONIZATION_KEY) => {
                    Some("probably the Built-in Synchronization Account".to_owned())
                }
                Some(well_known::GUESSED_ADMINISTRATOR_KEY) => {
                    Some("probably the account that installed the service".to_owned())
                }
                _ => None,
            };
        }
        actor
    }

    pub(super) fn target(&mut self, reference: &Ref<'_>, default_type: &str) -> Target {
        let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let mut target = Target {
            id: reference.id_text(),
            name: text(&reference.name),
            account: text(&reference.account),
            domain: text(&reference.domain),
            ..Target::default()
        };
        let mut object_type = text(&reference.object_type);
        if reference.id.is_none()
            && let Some(key) = reference.key.as_deref()
            && let Some(known) = self.links.resource(&self.view.scope, key)
        {
            target.id = Some(known.id.to_string());
            if target.name.is_none() && target.account.is_none() {
                let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
                target.name = text(&known.name);
                target.account = text(&known.account);
                target.domain = target.domain.or_else(|| text(&known.domain));
                object_type = object_type.or_else(|| text(&known.object_type));
            }
        }
        target.object_type = shown_type(object_type.as_deref().unwrap_or(default_type)).to_owned();
        target
    }

    /// The target of the request, or the other resource that parameters name.
    pub(super) fn object(&mut self, foreign: Option<Uuid>) -> Option<Target> {
        let view = self.view;
        if let Some(id) = foreign {
            let mut target = self.target(&Ref::of_identity(Some(id), None), &view.object_type);
            target.object_type = shown_type(&view.object_type).to_owned();
            return Some(target);
        }
        let mut target = match &view.target {
            Some(reference) => self.target(reference, ""),
            None => Target::default(),
        };
        target.object_type = shown_type(&view.object_type).to_owned();
        let created = |attribute: &str| {
            (view.verb == Some(Verb::Add))
                .then(|| {
                    view.parameter(attribute)
                        .and_then(|item| filled(item.text()))
                })
                .flatten()
                .map(|text| short(text).into_owned())
        };
        let own_name = view
            .target
            .as_ref()
            .is_some_and(|target| target.name.is_some());
        if !own_name {
            target.name = created("DisplayName")
                .or_else(|| view.quoted.clone())
                .or(target.name);
        }
        target.account = target.account.or_else(|| created("AccountName"));
        target.domain = target.domain.or_else(|| created("Domain"));
        let known = !target.object_type.is_empty()
            || target.id.is_some()
            || target.name.is_some()
            || target.account.is_some();
        known.then_some(target)
    }

    /// The request that is decided on: as a target, and its GUID where it is known.
    pub(super) fn decided(&mut self, role: TargetRole) -> Option<(Target, Option<Uuid>)> {
        let view = self.view;
        let (named, approval) = match role {
            TargetRole::Approval => {
                let approval = view.target.as_ref().map(Ref::identity);
                (view.reference("Request"), approval)
            }
            TargetRole::Response => {
                let approval = view.reference("Approval");
                let named = approval
                    .as_ref()
                    .and_then(|approval| approval.reference("Request"));
                (named, approval.as_ref().map(Ref::identity))
            }
            _ => return None,
        };
        let (mut target, id) = match named {
            Some(named) => (self.target(&named, "Request"), self.known_id(&named)),
            None => {
                let mut approval = approval?;
                if approval.id.is_none()
                    && let Some(key) = &approval.key
                {
                    approval.id = self.links.resource(&view.scope, key).map(|known| known.id);
                }
                let Identity { id, key } = self.links.approval(&view.scope, &approval)?;
                let named = Ref::of_identity(id, key.map(Cow::Owned));
                (self.target(&named, "Request"), self.known_id(&named))
            }
        };
        if id.is_none() && target.name.is_none() {
            target.name = target
                .id
                .as_ref()
                .map(|key| format!("request {key} (not resolved)"));
        }
        Some((target, id))
    }

    pub(super) fn asked(&mut self, role: TargetRole) -> Vec<Actor> {
        if role != TargetRole::Approval {
            return self.asked.clone();
        }
        let view = self.view;
        let given: Vec<Ref<'_>> = view
            .items
            .iter()
            .filter(|item| item.is("Approver"))
            .filter_map(Item::reference)
            .collect();
        let given = if given.is_empty() {
            view.target
                .as_ref()
                .map(|target| target.references("Approver"))
                .unwrap_or_default()
        } else {
            given
        };
        if given.is_empty() {
            return self.asked.clone();
        }
        given.iter().map(|approver| self.actor(approver)).collect()
    }

    pub(super) fn row_actor(
        &mut self,
        draft: &Draft<'_>,
        object: Option<&Target>,
        details: &mut Vec<Detail>,
    ) -> Actor {
        let view = self.view;
        let (reference, actor) = match draft.rule.actor {
            ActorRole::Creator => return self.creator.clone(),
            ActorRole::Person if view.is_type("GateRegistration") => {
                let person = view.gate_person();
                let actor = person.as_ref().map(|person| self.actor(person));
                (person, actor)
            }
            ActorRole::Person => {
                let reference = match draft.foreign {
                    Some(id) => Some(Ref::of_identity(Some(id), None)),
                    None => view.target.clone(),
                };
                (reference, object.map(actor_of))
            }
            ActorRole::Requestor => {
                let requestor = view.reference("Requestor");
                let actor = requestor.as_ref().map(|requestor| self.actor(requestor));
                (requestor, actor)
            }
        };
        let Some(mut actor) = actor
            .filter(|actor| actor.id.is_some() || actor.name.is_some() || actor.account.is_some())
        else {
            return self.creator.clone();
        };
        actor.kind = if actor.id.is_some() {
            ActorKind::User
        } else {
            ActorKind::Unknown
        };
        if let Some(creator) = &view.creator
            && !reference.is_some_and(|reference| reference.same(creator))
            && !self.creator.text().is_empty()
        {
            details.push(Detail::new(&draft.rule.creator_as, self.creator.text()));
        }
        actor
    }

    pub(super) fn targets(
        &mut self,
        draft: &Draft<'_>,
        object: Option<Target>,
        decided: Option<Target>,
        asked: &[Actor],
        changes: &mut [Change],
    ) -> Vec<Target> {
        let view = self.view;
        let mut targets = Vec::new();
        match draft.rule.targets {
            TargetRole::Object => targets.extend(object),
            TargetRole::Value => {
                targets.extend(object);
                let value = draft
                    .items
                    .first()
                    .and_then(|at| view.items.get(*at))
                    .and_then(Item::reference);
                targets.extend(value.map(|value| self.target(&value, "")));
            }
            TargetRole::PersonGate => {
                if let Some(person) = view.gate_person() {
                    targets.push(self.target(&person, "User"));
                    for change in changes {
                        change.target = 1;
                    }
                }
                targets.extend(object);
            }
            TargetRole::Approval => {
                targets.extend(object);
                targets.extend(decided);
                if view.verb == Some(Verb::Add) {
                    targets.extend(asked.iter().map(|asked| Target {
                        object_type: "User".to_owned(),
                        id: asked.id.clone(),
                        name: asked.name.clone(),
                        account: asked.account.clone(),
                        domain: asked.domain.clone(),
                        ..Target::default()
                    }));
                }
            }
            TargetRole::Response => {
                match view.reference("Approval") {
                    Some(approval) => targets.push(self.target(&approval, "Approval")),
                    None => targets.extend(object),
                }
                targets.extend(decided);
            }
            TargetRole::Pam => {
                match view.reference("msidmPamRequestRole") {
                    Some(role) => targets.push(self.target(&role, "msidmPamRole")),
                    None => targets.extend(object),
                }
                let person = if view.verb == Some(Verb::Add) {
                    view.creator.clone()
                } else {
                    view.target
                        .as_ref()
                        .and_then(|target| target.reference("Creator"))
                };
                if let Some(person) = person {
                    targets.push(self.target(&person, "User"));
                }
            }
        }
        targets
    }
}

/// MIM's `Person` is the cloud's `User`; every other type keeps its spelling.
fn shown_type(object_type: &str) -> &str {
    if object_type.eq_ignore_ascii_case("Person") {
        "User"
    } else {
        object_type
    }
}

fn actor_of(target: &Target) -> Actor {
    Actor {
        id: target.id.clone(),
        name: target.name.clone(),
        account: target.account.clone(),
        domain: target.domain.clone(),
        ..Actor::default()
    }
}
