//! Which authentication methods a row is about: the tables of methods, and their use.

use uuid::Uuid;

use super::Target;
use super::item::Item;
use super::normalize::Ref;
use super::result::holds_word;
use super::row::Rows;
use super::rule::MethodSource;
use super::walk::Draft;

/// The method that is shown when none is known.
pub(crate) const UNKNOWN: &str = "Unknown";

/// A word in lower case and the method that it means.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) method: String,
}

/// The tables of methods of a rules file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Methods {
    pub(crate) order: Vec<String>,
    pub(crate) gates: Vec<(Uuid, String)>,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) words: Vec<Word>,
    pub(crate) xoml: Vec<Word>,
    pub(crate) workflows: Vec<(String, Vec<String>)>,
}

impl Methods {
    /// Adds a user's tables: their gates, attributes and workflows come before, their words beside.
    pub(crate) fn extend(&mut self, user: Self) {
        self.order.extend(user.order);
        self.gates.splice(0..0, user.gates);
        self.attributes.splice(0..0, user.attributes);
        self.words.extend(user.words);
        self.xoml.extend(user.xoml);
        self.workflows.splice(0..0, user.workflows);
    }

    pub(crate) fn of_gate(&self, gate: Uuid) -> Option<&str> {
        self.gates
            .iter()
            .find(|(id, _)| *id == gate)
            .map(|(_, method)| method.as_str())
    }

    pub(crate) fn of_attribute(&self, attribute: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .map(|(_, method)| method.as_str())
    }

    pub(crate) fn of_workflow(&self, name: &str) -> Option<&[String]> {
        self.workflows
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.trim()))
            .map(|(_, methods)| methods.as_slice())
    }

    /// The methods whose words stand in a text.
    pub(crate) fn in_text<'a>(&'a self, text: &str) -> impl Iterator<Item = &'a str> {
        let text = text.to_lowercase();
        self.words
            .iter()
            .filter(move |word| holds_word(&text, &word.text))
            .map(|word| word.method.as_str())
    }

    /// The methods whose class names stand in a workflow's XOML.
    pub(crate) fn in_xoml(&self, xoml: &str) -> Vec<String> {
        let xoml = xoml.to_lowercase();
        let found = self
            .xoml
            .iter()
            .filter(|word| xoml.contains(&word.text))
            .map(|word| word.method.as_str());
        self.ordered(found)
    }

    /// Each method once, in the table's order; those that it does not list after them, as found.
    pub(crate) fn ordered<'a>(&self, found: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut methods: Vec<String> = Vec::new();
        for method in found {
            if !methods.iter().any(|known| known == method) {
                methods.push(method.to_owned());
            }
        }
        let place = |method: &String| {
            self.order
                .iter()
                .position(|known| known == method)
                .unwrap_or(usize::MAX)
        };
        methods.sort_by_key(place);
        methods
    }
}

impl Rows<'_> {
    /// The methods, and whether the document itself or a definition that was read states them.
    pub(super) fn methods(
        &mut self,
        draft: &Draft<'_>,
        object: Option<&Target>,
    ) -> (Vec<String>, bool) {
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
}
