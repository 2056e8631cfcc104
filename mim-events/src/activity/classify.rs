//! The walk through the rules, and what is learned on the way: sections 2 and 6 of the rules' page.

use std::collections::BTreeMap;
use std::fmt;

use uuid::Uuid;

use super::links::{LinkCounts, LinkLimits, Links};
use super::methods::UNKNOWN;
use super::normalize::{Item, Ref, View};
use super::row::{Draft, Rows};
use super::rules::{Rule, Rules, Take, TargetRole, Verb};
use super::{Activity, Flags, Outcome, kinds};
use crate::request::{DisplayName, Reference, Request};

/// The most shapes that are counted apart; what comes after is in the total only.
const MAX_SHAPES: usize = 256;
/// The longest word of a shape, in bytes, that is kept.
const MAX_WORD: usize = 64;

/// Turns requests into activities, one after the other, and remembers what later ones leave out.
///
/// MIM writes many references as bare keys of its database. A classifier learns what they mean from
/// the requests it is given, and fills names and GUIDs in as it goes; which rows a request gives,
/// and their ids, do not depend on it. Memory is [bounded](LinkLimits).
///
/// ```
/// use mim_events::activity::{Classifier, Outcome, kinds};
/// use mim_events::request::Request;
///
/// let request = Request::from_json(r#"{
///     "HybridObjectID": "9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01", "ObjectType": "Request",
///     "Operation": "Put", "RequestStatus": "Completed", "TargetObjectType": "Group",
///     "DisplayName": "Update to Group:  'Night Shift' Request",
///     "CreatedTime": "2026-03-02 08:15:09.586",
///     "Creator": {"HybridObjectID": "0d6e26a0-2d4d-4a39-8d4b-3b1c5a0f0a55", "AccountName": "dokafor"},
///     "Target": {"HybridObjectID": "3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77", "DisplayName": "Night Shift"},
///     "RequestParameter": [
///         {"PropertyName": "ExplicitMember", "Mode": "Add", "Value": {
///             "HybridObjectID": "0d6e26a0-2d4d-4a39-8d4b-3b1c5a0f0a55",
///             "DisplayName": "Dana Okafor", "ObjectType": "Person"}},
///         {"PropertyName": "Description", "Mode": "Modify", "Value": "From ten to six"}
///     ]
/// }"#)?;
/// let mut classifier = Classifier::default();
/// let activities = classifier.classify(&request);
///
/// assert_eq!(activities[0].name, "Add member to group");
/// assert_eq!(activities[0].targets[1].text(), "Dana Okafor");
/// assert_eq!(activities[1].kind, kinds::GROUP_UPDATE);
/// assert_eq!(activities[1].result, Outcome::Success);
/// assert_eq!(classifier.unclassified(), 0);
/// # Ok::<(), mim_events::Error>(())
/// ```
pub struct Classifier {
    rules: Rules,
    links: Links,
    unclassified: u64,
    shapes: BTreeMap<(String, String), u64>,
}

impl Default for Classifier {
    /// The built-in rules.
    fn default() -> Self {
        Self::new(Rules::builtin())
    }
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier")
            .field("links", &self.links.counts())
            .field("unclassified", &self.unclassified)
            .finish_non_exhaustive()
    }
}

impl Classifier {
    /// A classifier that has learned nothing yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self::with_limits(rules, LinkLimits::default())
    }

    /// As [`new`](Self::new), with other bounds of memory.
    #[must_use]
    pub fn with_limits(rules: Rules, limits: LinkLimits) -> Self {
        Self {
            rules,
            links: Links::new(limits),
            unclassified: 0,
            shapes: BTreeMap::new(),
        }
    }

    /// The rows of a request: at least one.
    ///
    /// Requests should come in the order in which they were logged; in another order the rows are the
    /// same, but fewer bare keys are resolved.
    pub fn classify(&mut self, request: &Request<'_>) -> Vec<Activity> {
        let view = View::new(request);
        learn(&mut self.links, &self.rules, request, &view);
        let rules = self.rules.clone();
        let walk = Walk {
            view: &view,
            rules: &rules,
        };
        let drafts = walk.drafts(&mut self.links);
        let mut rows = Rows::new(request, &view, rules.table(), &mut self.links);
        let made: Vec<Activity> = drafts.iter().map(|draft| rows.row(draft)).collect();
        for (draft, activity) in drafts.iter().zip(&made) {
            self.count(draft.rule, &view);
            self.learn_methods(draft.rule, activity);
        }
        made
    }

    /// Which rules make the rows of a request, row by row.
    #[cfg(test)]
    pub(super) fn rule_ids(&mut self, request: &Request<'_>) -> Vec<String> {
        let view = View::new(request);
        let walk = Walk {
            view: &view,
            rules: &self.rules,
        };
        let drafts = walk.drafts(&mut self.links);
        drafts.iter().map(|draft| draft.rule.id.clone()).collect()
    }

    /// How many rows only a generic rule explained (H3: a type that MIM does not define; H4: an
    /// operation or a type that is not known; a user's rules that say `generic`).
    #[must_use]
    pub fn unclassified(&self) -> u64 {
        self.unclassified
    }

    /// The operations and types of those rows, with how many there were; in the order of their names.
    ///
    /// Words as logged, cut to 64 bytes. Only the first 256 shapes are counted apart, so the sum may be less than
    /// [`unclassified`](Self::unclassified).
    pub fn unclassified_shapes(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.shapes.iter().map(|((operation, object_type), count)| {
            (operation.as_str(), object_type.as_str(), *count)
        })
    }

    /// How much is remembered at the moment.
    #[must_use]
    pub fn links(&self) -> LinkCounts {
        self.links.counts()
    }

    fn count(&mut self, rule: &Rule, view: &View<'_>) {
        if !rule.generic {
            return;
        }
        self.unclassified += 1;
        let word = |word: &str| {
            let ends = (0..=MAX_WORD.min(word.len())).rev();
            let cut = ends.filter_map(|end| word.get(..end)).next();
            cut.unwrap_or_default().to_owned()
        };
        let shape = (word(view.operation.as_str()), word(&view.object_type));
        if let Some(count) = self.shapes.get_mut(&shape) {
            *count += 1;
        } else if self.shapes.len() < MAX_SHAPES {
            self.shapes.insert(shape, 1);
        }
    }

    fn learn_methods(&mut self, rule: &Rule, activity: &Activity) {
        let registers = [
            kinds::SSPR_REGISTERED,
            kinds::METHOD_REGISTERED,
            kinds::METHOD_UPDATED,
        ];
        if activity.result != Outcome::Success
            || activity.flags.contains(Flags::NOISE)
            || !registers.contains(&activity.kind)
        {
            return;
        }
        let methods: Vec<String> = activity
            .methods
            .iter()
            .filter(|method| *method != UNKNOWN)
            .cloned()
            .collect();
        let has_person = rule.targets != TargetRole::PersonGate || activity.targets.len() > 1;
        let person = activity
            .targets
            .first()
            .filter(|_| has_person && !methods.is_empty())
            .and_then(|target| Uuid::try_parse(target.id.as_deref()?).ok());
        if let Some(person) = person {
            let replace = activity.kind == kinds::SSPR_REGISTERED;
            self.links.learn_person(person, &methods, replace);
        }
    }
}

/// Learns what a request says about others, before its own rows are made.
fn learn(links: &mut Links, rules: &Rules, request: &Request<'_>, view: &View<'_>) {
    let scope = &view.scope;
    let mut pair = |reference: &Ref<'_>| {
        if let (Some(id), Some(key)) = (reference.id, reference.key.as_deref()) {
            let texts = [
                reference.name.as_deref(),
                reference.account.as_deref(),
                reference.domain.as_deref(),
            ];
            links.learn_resource(scope, key, id, reference.object_type.as_deref(), texts);
        }
    };
    let top = [&view.creator, &view.target, &view.parent];
    top.into_iter().flatten().for_each(&mut pair);
    for item in view.items.iter().chain(&view.calculated) {
        // A bare text teaches nothing, and most values are one.
        let Some(value) = item.reference().filter(Ref::is_whole) else {
            continue;
        };
        pair(&value);
        if let Some(inner) = value.reference("Request").filter(Ref::is_whole) {
            pair(&inner);
        }
    }
    for asked in request.computed_actors() {
        pair(&Ref::new(asked));
    }
    for policy in &view.policies {
        pair(&Ref::new(Reference::Resource(policy.resource())));
    }
    for instance in view.workflows() {
        pair(&Ref::new(Reference::Resource(instance.resource())));
    }
    for attribute in ["Request", "Approval"] {
        let inner = view
            .target
            .as_ref()
            .and_then(|target| target.reference(attribute));
        if let Some(inner) = inner {
            pair(&inner);
        }
    }
    if let Some(id) = view.id {
        let own_key = view
            .workflows()
            .find_map(|instance| instance.request()?.key());
        if let Some(key) = own_key {
            let name = view.display_name.as_deref();
            links.learn_resource(scope, &key, id, Some("Request"), [name, None, None]);
        }
        let parent = view.parent.as_ref().and_then(|parent| {
            let key = || {
                links
                    .resource(scope, parent.key.as_deref()?)
                    .map(|known| known.id)
            };
            parent.id.or_else(key)
        });
        links.learn_request(id, parent, &view.object_type);
    }
    if view.is_type("Approval")
        && view.verb.is_some_and(|verb| verb != Verb::Delete)
        && let Some(approval) = &view.target
        && let Some(request) = view.reference("Request")
    {
        links.learn_approval(scope, &approval.identity(), request.identity());
    }
    if view.is_type("WorkflowDefinition")
        && let Some(definition) = &view.target
        && let Some(xoml) = view.text("XOML")
    {
        let methods = rules.table().methods.in_xoml(&xoml);
        links.learn_workflow(scope, &definition.identity(), &methods);
    }
}

/// The rules of a table, tried on one request.
struct Walk<'w, 'a> {
    view: &'w View<'a>,
    rules: &'w Rules,
}

impl<'w> Walk<'w, '_> {
    fn drafts(&self, links: &mut Links) -> Vec<Draft<'w>> {
        let view = self.view;
        let candidates: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| rule.enabled && self.suits(rule, links))
            .collect();
        let mut drafts = Vec::new();
        self.group(&candidates, None, &mut drafts);
        let mut others: Vec<Uuid> = Vec::new();
        for id in view.items.iter().filter_map(|item| item.foreign) {
            if !others.contains(&id) {
                others.push(id);
            }
        }
        for id in others {
            self.group(&candidates, Some(id), &mut drafts);
        }
        drafts
    }

    /// The rows of the parameters of one target.
    fn group(&self, rules: &[&'w Rule], foreign: Option<Uuid>, drafts: &mut Vec<Draft<'w>>) {
        let view = self.view;
        let items = &view.items;
        let mut left: Vec<usize> = (0..items.len())
            .filter(|at| items.get(*at).is_some_and(|item| item.foreign == foreign))
            .collect();
        let start = drafts.len();
        for rule in rules {
            match rule.take {
                Take::Each => {
                    let mut made = Vec::new();
                    left.retain(|at| {
                        let Some(item) = items.get(*at) else {
                            return true;
                        };
                        let by_self = self.value_is_creator(item);
                        let takes = item.value.is_some()
                            && states(rule, item)
                            && rule.when.by_self.is_none_or(|wanted| wanted == by_self);
                        if takes {
                            made.push(Draft {
                                rule,
                                items: vec![*at],
                                foreign,
                                by_self,
                            });
                        }
                        !takes
                    });
                    drafts.append(&mut made);
                }
                Take::All => {
                    let matches =
                        |at: &usize| items.get(*at).is_some_and(|item| states(rule, item));
                    if !left.iter().any(matches) || !self.whole_suits(rule, foreign) {
                        continue;
                    }
                    let (taken, rest) = left.into_iter().partition(|at| {
                        matches(at)
                            || items
                                .get(*at)
                                .is_some_and(|item| rule.with.iter().any(|name| item.is(name)))
                    });
                    left = rest;
                    drafts.push(self.whole(rule, taken, foreign));
                }
                Take::Request => {
                    let kind = rule.kind_for(view.verb);
                    let made = |draft: &Draft<'_>| draft.rule.kind_for(view.verb) == kind;
                    if foreign.is_none()
                        && !drafts.iter().any(made)
                        && self.whole_suits(rule, foreign)
                    {
                        drafts.push(self.whole(rule, Vec::new(), foreign));
                    }
                }
                Take::Rest => {}
            }
        }
        let needed = !left.is_empty()
            || (foreign.is_none() && (view.verb != Some(Verb::Update) || drafts.is_empty()));
        if !needed {
            return;
        }
        let rest = rules.iter().find(|rule| {
            let only = &rule.when.only;
            let item = |at: &usize| items.get(*at);
            rule.take == Take::Rest
                && (rule.when.attribute.is_empty()
                    || left.iter().filter_map(item).any(|item| states(rule, item)))
                && (only.is_empty()
                    || (!left.is_empty()
                        && left
                            .iter()
                            .filter_map(item)
                            .all(|item| only.iter().any(|name| item.is(name)))))
                && self.whole_suits(rule, foreign)
        });
        // A user's table alone may leave something over.
        let rule = rest.copied().or_else(|| self.rules.last_resort());
        if let Some(rule) = rule {
            let draft = self.whole(rule, left, foreign);
            let place = if view.verb == Some(Verb::Add) {
                start
            } else {
                drafts.len()
            };
            drafts.insert(place, draft);
        }
    }

    fn whole(&self, rule: &'w Rule, items: Vec<usize>, foreign: Option<Uuid>) -> Draft<'w> {
        Draft {
            rule,
            items,
            foreign,
            by_self: self.object_is_creator(foreign),
        }
    }

    /// The conditions on the whole request, but `self`.
    fn suits(&self, rule: &Rule, links: &mut Links) -> bool {
        let view = self.view;
        let when = &rule.when;
        let any = |words: &[String], text: &str| {
            words.is_empty()
                || words
                    .iter()
                    .any(|word| word.eq_ignore_ascii_case(text.trim()))
        };
        any(&when.op, view.operation.as_str())
            && (when.object_type.is_empty()
                || when.object_type.iter().any(|wanted| {
                    view.is_type(wanted) || (wanted == "*" && !view.object_type.is_empty())
                }))
            && when.class.is_none_or(|class| class == view.class)
            && (when.initiator.is_empty() || when.initiator.contains(&view.initiator))
            && (when.result.is_empty() || when.result.contains(&view.outcome))
            && when
                .via_workflow
                .is_none_or(|wanted| wanted == view.via_workflow())
            && when
                .parameters
                .is_none_or(|wanted| wanted != view.items.is_empty())
            && (when.gate.is_empty()
                || view
                    .gate()
                    .is_some_and(|(id, _)| id.is_some_and(|id| when.gate.contains(&id))))
            && (when.decision.is_empty()
                || view
                    .text("Decision")
                    .is_some_and(|word| any(&when.decision, &word)))
            && (when.target.is_empty() || self.target_is(&when.target))
            && self.policies_suit(rule)
            && (when.workflow_name.is_empty()
                || view
                    .workflows()
                    .filter_map(|instance| instance.display_name())
                    .any(|name| any(&when.workflow_name, &name)))
            && (when.parent_type.is_empty() || self.parent_is(&when.parent_type, links))
    }

    fn policies_suit(&self, rule: &Rule) -> bool {
        let when = &rule.when;
        let policies = &self.view.policies;
        let is = |words: &[String], text: &str| {
            words
                .iter()
                .any(|word| word.eq_ignore_ascii_case(text.trim()))
        };
        (when.policy_id.is_empty()
            || policies
                .iter()
                .filter_map(|policy| policy.id())
                .any(|id| when.policy_id.contains(&id)))
            && (when.policy_name.is_empty()
                || policies
                    .iter()
                    .filter_map(|policy| policy.display_name())
                    .any(|name| is(&when.policy_name, &name)))
            && (when.policy_attribute.is_empty()
                || policies
                    .iter()
                    .flat_map(|policy| policy.action_parameters())
                    .any(|name| is(&when.policy_attribute, &name)))
    }

    fn target_is(&self, wanted: &[String]) -> bool {
        let Some(target) = &self.view.target else {
            return false;
        };
        let id = target.id.map(|id| id.to_string());
        let texts = [target.name.as_deref(), id.as_deref(), target.key.as_deref()];
        texts.into_iter().flatten().any(|text| {
            wanted
                .iter()
                .any(|word| word.eq_ignore_ascii_case(text.trim()))
        })
    }

    fn parent_is(&self, types: &[String], links: &mut Links) -> bool {
        let Some(parent) = &self.view.parent else {
            return false;
        };
        let is = |text: &str| {
            types
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(text.trim()))
        };
        if parent
            .text("TargetObjectType")
            .is_some_and(|text| is(&text))
        {
            return true;
        }
        let title = parent.name.as_deref().and_then(DisplayName::parse);
        if title.is_some_and(|title| is(title.object_type)) {
            return true;
        }
        let id = parent.id.or_else(|| {
            let key = parent.key.as_deref()?;
            links.resource(&self.view.scope, key).map(|known| known.id)
        });
        id.is_some_and(|id| links.chain_has_type(id, types))
    }

    fn whole_suits(&self, rule: &Rule, foreign: Option<Uuid>) -> bool {
        rule.when
            .by_self
            .is_none_or(|wanted| wanted == self.object_is_creator(foreign))
    }

    fn object_is_creator(&self, foreign: Option<Uuid>) -> bool {
        let view = self.view;
        let Some(creator) = &view.creator else {
            return false;
        };
        if view.is_type("GateRegistration") {
            return view
                .gate_person()
                .is_some_and(|person| person.same(creator));
        }
        match foreign {
            Some(id) => creator.id == Some(id),
            None => view
                .target
                .as_ref()
                .is_some_and(|target| target.same(creator)),
        }
    }

    fn value_is_creator(&self, item: &Item<'_>) -> bool {
        let creator = self.view.creator.as_ref();
        creator.is_some_and(|creator| item.reference().is_some_and(|value| value.same(creator)))
    }
}

/// Whether a parameter is what a rule states of one.
fn states(rule: &Rule, item: &Item<'_>) -> bool {
    let when = &rule.when;
    when.attribute.iter().any(|name| item.is(name))
        && (when.mode.is_empty() || item.mode.is_some_and(|mode| when.mode.contains(&mode)))
        && (when.value.is_empty()
            || item.text().is_some_and(|text| {
                when.value
                    .iter()
                    .any(|wanted| value_is(wanted, text.trim()))
            }))
}

/// Whether a value is the one of a rule: MIM writes booleans as words and as digits.
fn value_is(wanted: &str, text: &str) -> bool {
    let digit = match wanted {
        "true" => "1",
        "false" => "0",
        _ => wanted,
    };
    text.eq_ignore_ascii_case(wanted) || text == digit
}

impl Request<'_> {
    /// The rows of this request, by the built-in rules: at least one.
    ///
    /// Bare internal keys are resolved as far as this request explains them. To read many requests,
    /// keep a [`Classifier`]: it learns from each.
    #[must_use]
    pub fn activities(&self) -> Vec<Activity> {
        self.activities_with(&Rules::builtin())
    }

    /// As [`activities`](Self::activities), by other rules.
    #[must_use]
    pub fn activities_with(&self, rules: &Rules) -> Vec<Activity> {
        Classifier::new(rules.clone()).classify(self)
    }
}
