//! One row: how each field is filled. Section 3 of the rules' page.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::item::Item;
use super::links::Links;
use super::normalize::{Ref, View, filled};
use super::result::{begins_a_word, reset_end};
use super::rule::{Mode, SelfService, Take, TargetRole};
use super::rules::Table;
use super::values::cut;
use super::walk::Draft;
use super::{Activity, Actor, Change, ChangeMode, Detail, Flags, Outcome, Source, Target, id};
use crate::request::well_known::Initiator;
use crate::request::{Operation, Request, WorkflowStatus};

/// Bytes that what a request says once may take in all its rows together, uncut.
const MAX_SHARED: usize = 64 << 20;
/// How many policies and people each row names beyond that.
const FEW: usize = 8;
/// What a row's copy of a text or a person takes besides the text, about.
const COPY_COST: usize = 64;

/// Makes rows of one request's drafts; what they have in common is made once.
pub(crate) struct Rows<'r> {
    pub(super) request: &'r Request<'r>,
    pub(super) view: &'r View<'r>,
    pub(super) table: &'r Table,
    pub(super) links: &'r mut Links,
    source_id: Option<String>,
    /// The id over the document's text, in place of any other origin.
    document: Option<String>,
    parent: Option<String>,
    time: DateTime<Utc>,
    pub(super) creator: Actor,
    pub(super) asked: Vec<Actor>,
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
            document: (view.id.is_none() && origin.is_none())
                .then(|| id::mim([request.as_json()]).to_string()),
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

    /// Cuts what every one of so many rows repeats, if all together would take too much.
    pub(crate) fn share_among(&mut self, rows: usize) {
        let person = |actor: &Actor| {
            let names = [&actor.id, &actor.name, &actor.account, &actor.upn];
            COPY_COST + names.into_iter().flatten().map(String::len).sum::<usize>()
        };
        let texts = [&self.reason, &self.justification, &self.control];
        let texts = texts.into_iter().flatten().map(String::len);
        let policies = self.granted_by.iter().map(|name| COPY_COST + name.len());
        let asked = self.asked.iter().map(person);
        let each: usize = texts.chain(policies).chain(asked).sum();
        if each.saturating_mul(rows) <= MAX_SHARED {
            return;
        }
        self.granted_by.truncate(FEW);
        self.asked.truncate(FEW);
        let texts = [&mut self.reason, &mut self.justification, &mut self.control];
        for text in texts.into_iter().flatten().chain(&mut self.granted_by) {
            *text = cut(text);
        }
    }

    pub(crate) fn row(&mut self, draft: &Draft<'_>) -> Activity {
        let view = self.view;
        let rule = draft.rule;
        let kind = rule.kind_for(view.verb);
        let operation = cut(view.operation.as_str());
        let name = rule.name_for(view.verb, &view.object_type, &operation, || {
            view.display_name
                .as_deref()
                .map_or_else(|| "Request".to_owned(), |text| cut(text.trim()))
        });
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
        activity.operation = operation;
        activity.status = (!view.status.is_empty()).then(|| cut(view.status.as_str()));
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
                let document = self.document.clone().unwrap_or_default();
                origin.extend(["document".to_owned(), document]);
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
