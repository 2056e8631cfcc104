//! Which authentication methods a text, a gate or an attribute means: data, in use.

use uuid::Uuid;

use super::result::holds_word;

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
