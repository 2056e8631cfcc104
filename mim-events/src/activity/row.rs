//! One row: how each field is filled. Section 3 of the rules' page.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::links::{Identity, Links};
use super::methods::{Methods, UNKNOWN};
use super::normalize::{Item, Ref, View, filled};
use super::result::{begins_a_word, reset_end};
use super::rules::{ActorRole, MethodSource, Mode, Rule, SelfService, Table, Take, TargetRole};
use super::{
    Activity, Actor, ActorKind, Change, ChangeMode, Detail, Flags, Outcome, Source, Target, id,
};
use crate::request::well_known::{self, Initiator};
use crate::request::{Operation, Request, WorkflowStatus};

/// What the walk decided about a row.
pub(crate) struct Draft<'t> {
    pub(crate) rule: &'t Rule,
    /// Places in [`View::items`], in document order.
    pub(crate) items: Vec<usize>,
    /// The other resource whose parameters these are.
    pub(crate) foreign: Option<Uuid>,
    /// Whether the row is about the creator.
    pub(crate) by_self: bool,
}

/// Makes rows of one request's drafts; what they have in common is made once.
pub(crate) struct Rows<'r> {
    request: &'r Request<'r>,
    view: &'r View<'r>,
    table: &'r Table,
    links: &'r mut Links,
    source_id: Option<String>,
    parent: Option<String>,
    time: DateTime<Utc>,
    creator: Actor,
    asked: Vec<Actor>,
    reason: Option<String>,
    justification: Option<String>,
    granted_by: Vec<String>,
    control: Option<String>,
    /// What was made so far, for the count of exact repetitions.
    made: std::collections::HashMap<Uuid, u32>,
}

impl<'r> Rows<'r> {
    pub(crate) fn new(
        request: &'r Request<'r>,
        view: &'r View<'r>,
        table: &'r Table,
        links: &'r mut Links,
    ) -> Self {
        let origin = request.origin();
        let time = request
            .committed()
            .or_else(|| request.completed())
            .or_else(|| request.created())
            .or_else(|| origin.and_then(|origin| origin.time))
            .unwrap_or(DateTime::UNIX_EPOCH);
        let mut rows = Self {
            request,
            view,
            table,
            links,
            source_id: view.id.map(|id| id.to_string()),
            parent: None,
            time,
            creator: Actor::default(),
            asked: Vec::new(),
            reason: reason(request, view),
            justification: filled(request.justification()).map(Into::into),
            granted_by: view
                .policies
                .iter()
                .filter(|policy| policy.grant_right() == Some(true))
                .filter_map(|policy| {
                    filled(policy.display_name())
                        .map(Into::into)
                        .or_else(|| policy.id().map(|id| id.to_string()))
                })
                .collect(),
            control: request.control().map(|control| control.as_str().to_owned()),
            made: std::collections::HashMap::new(),
        };
        rows.parent = view.parent.as_ref().and_then(|parent| rows.id_of(parent));
        if let Some(creator) = &view.creator {
            rows.creator = rows.actor(creator);
        }
        rows.asked = request
            .computed_actors()
            .map(|asked| rows.actor(&Ref::new(asked)))
            .collect();
        rows
    }

    pub(crate) fn row(&mut self, draft: &Draft<'_>) -> Activity {
        let view = self.view;
        let rule = draft.rule;
        let kind = rule.kind_for(view.verb);
        let name = rule.name_for(
            view.verb,
            &view.object_type,
            view.operation.as_str(),
            || {
                view.display_name
                    .as_deref()
                    .map_or("Request", str::trim)
                    .to_owned()
            },
        );
        let object = self.object(draft.foreign);
        let decided = self.decided(rule.targets);
        let asked = self.asked(rule.targets);
        let (methods, stated) = self.methods(draft, object.as_ref());

        let mut outcome = view.outcome;
        let mut details = Vec::new();
        let actor = self.row_actor(draft, object.as_ref(), &mut details);
        if matches!(
            view.initiator,
            Initiator::Administrator
                | Initiator::Synchronization
                | Initiator::Service
                | Initiator::Anonymous
        ) {
            details.push(Detail::new("Initiator", view.initiator.as_str()));
        }
        if rule.reset {
            let known = if stated { methods.as_slice() } else { &[] };
            let end = reset_end(view.status.as_str(), self.locked_out(), known);
            outcome = end.outcome;
            details.extend(end.word.map(|word| Detail::new("ResetResult", word)));
            details.extend(end.sentence.map(|text| Detail::new("ResetDetail", text)));
        }

        let id = self.id(draft, kind.as_str(), outcome);
        let mut activity = Activity::new(id, self.time, Source::IdentityManager, kind, name);
        activity.service = "MIM Service".to_owned();
        activity.category.clone_from(&rule.category);
        activity.operation = view.operation.as_str().to_owned();
        activity.status = (!view.status.is_empty()).then(|| view.status.as_str().to_owned());
        activity.flags = self.flags(draft);
        activity.actor = actor;
        activity.result = outcome;
        activity.reason = if rule.targets == TargetRole::Response {
            self.decision_reason().or_else(|| self.reason.clone())
        } else {
            self.reason.clone()
        };
        activity.methods = methods;
        activity.changes = self.changes(draft);
        if rule.targets == TargetRole::Response && view.creator.is_some() {
            activity.approvers_decided = vec![self.creator.clone()];
        }
        activity.justification.clone_from(&self.justification);
        activity.created = self.request.created();
        activity.committed = self.request.committed();
        activity.completed = self.request.completed();
        activity.correlation = decided
            .as_ref()
            .and_then(|(_, id)| id.map(|id| id.to_string()))
            .or_else(|| self.source_id.clone());
        activity.parent.clone_from(&self.parent);
        activity.source_id.clone_from(&self.source_id);
        self.more_details(draft, object.as_ref(), &mut details);
        activity.details = details;
        let decided = decided.map(|(target, _)| target);
        activity.targets = self.targets(draft, object, decided, &asked, &mut activity.changes);
        activity.approvers_asked = asked;
        activity
    }

    // --- references, with what was learned ---

    /// A reference's own GUID, or the one that was learned for its key.
    fn known_id(&mut self, reference: &Ref<'_>) -> Option<Uuid> {
        reference.id.or_else(|| {
            let key = reference.key.as_deref()?;
            Some(self.links.resource(&self.view.scope, key)?.id)
        })
    }

    fn id_of(&mut self, reference: &Ref<'_>) -> Option<String> {
        match self.known_id(reference) {
            Some(id) => Some(id.to_string()),
            None => reference.id_text(),
        }
    }

    fn actor(&mut self, reference: &Ref<'_>) -> Actor {
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

    fn target(&mut self, reference: &Ref<'_>, default_type: &str) -> Target {
        let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
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
    fn object(&mut self, foreign: Option<Uuid>) -> Option<Target> {
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
            (view.verb == Some(super::rules::Verb::Add))
                .then(|| {
                    view.parameter(attribute)
                        .and_then(|item| filled(item.text()))
                })
                .flatten()
                .map(std::borrow::Cow::into_owned)
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
    fn decided(&mut self, role: TargetRole) -> Option<(Target, Option<Uuid>)> {
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
                let named = Ref::of_identity(id, key.map(std::borrow::Cow::Owned));
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

    fn asked(&mut self, role: TargetRole) -> Vec<Actor> {
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

    fn row_actor(
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

    fn targets(
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
                if view.verb == Some(super::rules::Verb::Add) {
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
                let person = if view.verb == Some(super::rules::Verb::Add) {
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

    // --- the rest ---

    fn flags(&self, draft: &Draft<'_>) -> Flags {
        let mut flags = draft.rule.flags;
        if self.view.via_workflow() {
            flags.insert(Flags::VIA_WORKFLOW);
        }
        let own = match draft.rule.self_service {
            SelfService::Never => false,
            SelfService::BySelf => draft.by_self,
            SelfService::Always => true,
        };
        if own && self.view.initiator == Initiator::User && !self.view.via_workflow() {
            flags.insert(Flags::SELF_SERVICE);
        }
        flags
    }

    fn changes(&self, draft: &Draft<'_>) -> Vec<Change> {
        let each = draft.rule.take == Take::Each;
        let change = |item: &Item<'_>| {
            let mode = item.mode.map(|mode| match mode {
                // What a `Create` gives has no mode; as a property it was set.
                Mode::Add if !item.explicit && !each => ChangeMode::Set,
                Mode::Add => ChangeMode::Add,
                Mode::Remove => ChangeMode::Remove,
                Mode::Set => ChangeMode::Set,
            });
            let shown = item
                .text()
                .and_then(|text| self.table.hiding.show(&item.property, &text));
            let (old, new) = if mode == Some(ChangeMode::Remove) {
                (shown, None)
            } else {
                (None, shown)
            };
            Change {
                property: item.property.clone().into_owned(),
                mode,
                old,
                new,
                target: 0,
            }
        };
        let items = draft.items.iter().filter_map(|at| self.view.items.get(*at));
        items.map(change).collect()
    }

    fn more_details(&self, draft: &Draft<'_>, object: Option<&Target>, details: &mut Vec<Detail>) {
        let view = self.view;
        if view.is_type("GateRegistration")
            && let Some((_, gate)) = view.gate()
        {
            details.push(Detail::new("GateTypeId", gate));
        }
        if draft.rule.targets == TargetRole::Pam {
            if let Some(id) = object.and_then(|object| object.id.as_ref()) {
                details.push(Detail::new("PamRequest", id));
            }
            if let Some(seconds) = view.text("msidmPamRequestTTL") {
                details.push(Detail::new("PamTtlSeconds", seconds));
            }
        }
        if view.operation == Operation::SYSTEM_EVENT {
            let names = view.definitions.iter().filter_map(Ref::display);
            details.extend(names.map(|name| Detail::new("Workflow", name)));
        }
        details.extend(
            self.granted_by
                .iter()
                .map(|name| Detail::new("GrantedBy", name)),
        );
        if let Some(control) = &self.control {
            details.push(Detail::new("RequestControl", control));
        }
        if draft.rule.take == Take::Rest && draft.foreign.is_none() {
            for item in &view.calculated {
                let shown = item
                    .text()
                    .and_then(|text| self.table.hiding.show(&item.property, &text));
                let text = match shown {
                    Some(shown) => format!("{}: {shown}", item.property),
                    None => item.property.clone().into_owned(),
                };
                details.push(Detail::new("Calculated", text));
            }
        }
    }

    fn decision_reason(&self) -> Option<String> {
        let of_target = self
            .view
            .target
            .as_ref()
            .and_then(|target| target.text("Reason"));
        of_target
            .or_else(|| filled(self.view.parameter("Reason")?.text()))
            .map(std::borrow::Cow::into_owned)
    }

    fn locked_out(&self) -> bool {
        let words = &self.table.lockout_words;
        self.request
            .status_details()
            .any(|text| begins_a_word(&text, words))
            || self.view.workflows().any(|instance| {
                instance
                    .status_details()
                    .any(|text| begins_a_word(&text, words))
            })
    }

    /// The methods, and whether the document itself or a definition that was read states them.
    fn methods(&mut self, draft: &Draft<'_>, object: Option<&Target>) -> (Vec<String>, bool) {
        let view = self.view;
        let table: &Methods = &self.table.methods;
        let unknown = || vec![UNKNOWN.to_owned()];
        let taken = || draft.items.iter().filter_map(|at| view.items.get(*at));
        let of_gate = || {
            let gate = view.gate().and_then(|(id, _)| id)?;
            table.of_gate(gate)
        };
        match draft.rule.methods {
            MethodSource::None => (Vec::new(), false),
            MethodSource::Attribute => {
                let found = taken().filter_map(|item| table.of_attribute(item.property.trim()));
                (table.ordered(found), true)
            }
            MethodSource::Gate => match of_gate() {
                Some(method) => (vec![method.to_owned()], true),
                None => (unknown(), false),
            },
            source => {
                if let Some(method) = of_gate() {
                    return (vec![method.to_owned()], true);
                }
                let values: Vec<Ref<'_>> = taken().filter_map(Item::reference).collect();
                let found = self.stated_methods(&values);
                if !found.is_empty() {
                    return (found, true);
                }
                if source == MethodSource::Registration {
                    return (Vec::new(), false);
                }
                let person = object
                    .and_then(|object| object.id.as_deref())
                    .and_then(|id| Uuid::try_parse(id).ok());
                let known = person.and_then(|person| self.links.person(person));
                match known {
                    Some(known) => {
                        let known = known.iter().map(String::as_str);
                        (self.table.methods.ordered(known), false)
                    }
                    None => (unknown(), false),
                }
            }
        }
    }

    /// Steps 2 to 5: texts of the workflows and of the status, the user's table, definitions.
    fn stated_methods(&mut self, values: &[Ref<'_>]) -> Vec<String> {
        let view = self.view;
        let table: &Methods = &self.table.methods;
        let mut found: Vec<&str> = Vec::new();
        for instance in &view.authentication {
            found.extend(
                instance
                    .display_name()
                    .iter()
                    .flat_map(|text| table.in_text(text)),
            );
            for text in instance.status_details() {
                found.extend(table.in_text(&text));
            }
        }
        if found.is_empty() {
            for text in self.request.status_details() {
                found.extend(table.in_text(&text));
            }
        }
        if found.is_empty() && !table.workflows.is_empty() {
            let names = view
                .authentication
                .iter()
                .map(|instance| instance.display_name());
            for name in names
                .chain(values.iter().map(|value| value.name.clone()))
                .flatten()
            {
                let methods = table.of_workflow(&name).unwrap_or_default();
                found.extend(methods.iter().map(String::as_str));
            }
        }
        if !found.is_empty() {
            return table.ordered(found.into_iter());
        }
        let mut learned: Vec<String> = Vec::new();
        let definitions = view
            .authentication
            .iter()
            .filter_map(|instance| Some(Ref::new(instance.definition()?).identity()))
            .chain(values.iter().map(Ref::identity));
        for definition in definitions {
            learned.extend(
                self.links
                    .workflow(&view.scope, &definition)
                    .into_iter()
                    .flatten(),
            );
        }
        table.ordered(learned.iter().map(String::as_str))
    }

    /// Section 5 of the rules' page.
    fn id(&mut self, draft: &Draft<'_>, kind: &str, outcome: Outcome) -> Uuid {
        let view = self.view;
        let mut origin: Vec<String> = Vec::with_capacity(5);
        match (&self.source_id, self.request.origin()) {
            (Some(id), _) => origin.extend(["request".to_owned(), id.clone()]),
            (None, Some(place)) => {
                let time = place
                    .time
                    .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true));
                origin.extend([
                    "event".to_owned(),
                    place.computer.clone(),
                    place.channel.clone(),
                    place.record_id.to_string(),
                    time.unwrap_or_default(),
                ]);
            }
            (None, None) => {
                let text = self.request.as_json().to_owned();
                origin.extend(["document".to_owned(), text]);
            }
        }
        let value = match draft.rule.take {
            Take::Each => draft.items.first().and_then(|at| view.items.get(*at)),
            _ => None,
        };
        let (attribute, subject, mode) = match value {
            Some(item) => (
                item.property.trim().to_ascii_lowercase(),
                item.subject(),
                item.mode.map_or("", Mode::word),
            ),
            None => {
                let subject = match draft.foreign {
                    Some(id) => Some(id.to_string()),
                    None => view.target.as_ref().and_then(Ref::id_text),
                };
                (String::new(), subject.unwrap_or_default(), "")
            }
        };
        let foreign = draft.foreign.map(|id| id.to_string());
        let result = outcome.as_str();
        let over = |repetition: u32| {
            let repetition = repetition.to_string();
            let own = [kind, &attribute, &subject, mode, result, &repetition];
            let fields = origin.iter().map(String::as_str).chain(own);
            id::mim(fields.chain(foreign.as_deref()))
        };
        let first = over(0);
        let times = self.made.entry(first).or_insert(0);
        let repetition = *times;
        *times += 1;
        if repetition == 0 {
            first
        } else {
            over(repetition)
        }
    }
}

/// MIM's `Person` is the cloud's `User`; every other type keeps its spelling.
pub(crate) fn shown_type(object_type: &str) -> &str {
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

/// Why a request ended as it did: section 4.
fn reason(request: &Request<'_>, view: &View<'_>) -> Option<String> {
    let joined = |texts: &mut dyn Iterator<Item = String>| {
        let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    };
    let given = filled(request.reason()).map(std::borrow::Cow::into_owned);
    given
        .or_else(|| joined(&mut request.status_details().map(|text| text.trim().to_owned())))
        .or_else(|| {
            let unfinished = view
                .workflows()
                .filter(|instance| instance.status() != Some(WorkflowStatus::COMPLETED));
            joined(&mut unfinished.flat_map(|instance| {
                instance
                    .status_details()
                    .map(|text| text.trim().to_owned())
                    .collect::<Vec<_>>()
            }))
        })
        .or_else(|| {
            let target = view.target.as_ref()?;
            target.text("Reason").map(std::borrow::Cow::into_owned)
        })
}
