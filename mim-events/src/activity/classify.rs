//! Requests in, activities out, and what is learned on the way: section 6 of the rules' page.

use std::collections::BTreeMap;
use std::fmt;

use uuid::Uuid;

use super::links::{LinkCounts, LinkLimits, Links};
use super::methods::UNKNOWN;
use super::normalize::{Ref, View};
use super::row::Rows;
use super::rule::{Rule, TargetRole, Verb};
use super::rules::Rules;
use super::walk::Walk;
use super::{Activity, Flags, Outcome, kinds};
use crate::request::{Reference, Request};

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
        let walk = Walk::new(&view, &rules);
        let drafts = walk.drafts(&mut self.links);
        let mut rows = Rows::new(request, &view, rules.table(), &mut self.links);
        rows.share_among(drafts.len());
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
        let walk = Walk::new(&view, &self.rules);
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
    if let Some(target) = &view.target {
        let inner = target.references_of(["Request", "Approval"]);
        inner.iter().flatten().for_each(&mut pair);
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
