//! The walk through the rules: which rule takes which parameters. Section 2 of the rules' page.

use std::collections::HashMap;

use uuid::Uuid;

use super::item::Item;
use super::links::Links;
use super::normalize::View;
use super::rule::{Rule, Take, Verb};
use super::rules::Rules;
use crate::request::DisplayName;

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

/// The rules of a table, tried on one request.
pub(crate) struct Walk<'w, 'a> {
    view: &'w View<'a>,
    rules: &'w Rules,
}

impl<'w, 'a> Walk<'w, 'a> {
    pub(crate) fn new(view: &'w View<'a>, rules: &'w Rules) -> Self {
        Self { view, rules }
    }

    /// The rows of the request, in their order.
    pub(crate) fn drafts(&self, links: &mut Links) -> Vec<Draft<'w>> {
        let view = self.view;
        let candidates: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| rule.enabled && self.suits(rule, links))
            .collect();
        let mut drafts = Vec::new();
        for (foreign, items) in targets(view.items.iter().map(|item| item.foreign)) {
            self.group(&candidates, foreign, items, &mut drafts);
        }
        drafts
    }

    /// The rows of the parameters of one target, whose places are in `left`.
    fn group(
        &self,
        rules: &[&'w Rule],
        foreign: Option<Uuid>,
        mut left: Vec<usize>,
        drafts: &mut Vec<Draft<'w>>,
    ) {
        let view = self.view;
        let items = &view.items;
        let start = drafts.len();
        for rule in rules {
            match rule.take {
                Take::Each => {
                    let mut made = Vec::new();
                    left.retain(|at| {
                        let Some(item) = items.get(*at) else {
                            return true;
                        };
                        if item.value.is_none() || !states(rule, item) {
                            return true;
                        }
                        let by_self = self.value_is_creator(item);
                        if rule.when.by_self.is_some_and(|wanted| wanted != by_self) {
                            return true;
                        }
                        made.push(Draft {
                            rule,
                            items: vec![*at],
                            foreign,
                            by_self,
                        });
                        false
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
        let any = |words: &[String], text: &str| words.is_empty() || is_one(words, text);
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
        (when.policy_id.is_empty()
            || policies
                .iter()
                .filter_map(|policy| policy.id())
                .any(|id| when.policy_id.contains(&id)))
            && (when.policy_name.is_empty()
                || policies
                    .iter()
                    .filter_map(|policy| policy.display_name())
                    .any(|name| is_one(&when.policy_name, &name)))
            && (when.policy_attribute.is_empty()
                || policies
                    .iter()
                    .flat_map(|policy| policy.action_parameters())
                    .any(|name| is_one(&when.policy_attribute, &name)))
    }

    fn target_is(&self, wanted: &[String]) -> bool {
        let Some(target) = &self.view.target else {
            return false;
        };
        let id = target.id.map(|id| id.to_string());
        let texts = [target.name.as_deref(), id.as_deref(), target.key.as_deref()];
        texts.into_iter().flatten().any(|text| is_one(wanted, text))
    }

    fn parent_is(&self, types: &[String], links: &mut Links) -> bool {
        let Some(parent) = &self.view.parent else {
            return false;
        };
        let is = |text: &str| is_one(types, text);
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

/// The places of each target's items: the request's own target first, even without any,
/// then the others as they appear. One pass: a request may name a new target in each of
/// its parameters.
fn targets(of_items: impl Iterator<Item = Option<Uuid>>) -> Vec<(Option<Uuid>, Vec<usize>)> {
    let mut targets = vec![(None, Vec::new())];
    let mut places = HashMap::from([(None, 0)]);
    for (at, foreign) in of_items.enumerate() {
        let place = *places.entry(foreign).or_insert_with(|| {
            targets.push((foreign, Vec::new()));
            targets.len() - 1
        });
        if let Some((_, items)) = targets.get_mut(place) {
            items.push(at);
        }
    }
    targets
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

/// Whether a text is one of the words, whatever blanks are around it.
fn is_one(words: &[String], text: &str) -> bool {
    let text = text.trim();
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_by_target_in_their_order() {
        let [one, two] = [1, 2].map(|n| Some(Uuid::from_u128(n)));
        assert_eq!(targets([].into_iter()), [(None, vec![])]);
        assert_eq!(
            targets([two, one, None, two, one].into_iter()),
            [(None, vec![2]), (two, vec![0, 3]), (one, vec![1, 4])]
        );
    }
}
