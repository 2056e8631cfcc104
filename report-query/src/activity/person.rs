//! What an activity says of a person, taken out of it.

use mim_events::activity::{Activity, Actor, Change, Target};

use super::columns;
use crate::expr::{Expr, folded, item, lit};
use crate::schema::DataType;
use crate::value::Value;

/// What stands for the texts of a redacted person.
pub const REDACTED: &str = "[redacted]";

/// The names of a person, as they are given.
pub(super) struct Names {
    given: Vec<String>,
    /// Without regard to case.
    folded: Vec<String>,
}

impl Names {
    pub(super) fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let given: Vec<String> = names
            .into_iter()
            .map(Into::into)
            .filter(|name| !name.is_empty() && name != REDACTED)
            .collect();
        let folded = given.iter().map(|name| folded(name).into_owned()).collect();
        Self { given, folded }
    }

    /// Whether a row has one of them as a whole text.
    pub(super) fn named(&self) -> Expr {
        if self.given.is_empty() {
            return lit(false);
        }
        let any = |is_one: Expr| columns::TEXT.split("\n").any(is_one);
        // A cloud user's display name stands there, beside the UPN.
        any(item().in_list_ci(self.given.clone()))
            .or(columns::ACTOR_VIA.in_list_ci(self.given.clone()))
    }

    /// Whether a row has one of them, maybe within a longer text.
    pub(super) fn mentioned(&self) -> Expr {
        let in_one = |name: &String| {
            // As the document writes it.
            let written = serde_json::to_string(name).unwrap_or_default();
            let inner = written
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'));
            let written = inner.unwrap_or_default().to_owned();
            columns::TEXT
                .has_term(name.clone())
                .or(columns::ACTOR_VIA.has_term(name.clone()))
                .or(columns::TARGET_KEY.has_term(name.clone()))
                .or(columns::DOCUMENT.has_term(written))
        };
        let each = self.given.iter().map(in_one);
        each.reduce(Expr::or).unwrap_or_else(|| lit(false))
    }

    fn has(&self, text: &str) -> bool {
        let text = folded(text);
        self.folded.iter().any(|name| *name == text)
    }

    /// Takes the person out of a row of the activity table.
    pub(super) fn redact(&self, row: &mut [Value]) {
        let schema = columns::schema();
        let fields = schema.fields();
        let cell = |name: &str| {
            let index = fields.iter().position(|field| field.name == name)?;
            row.get(index)
        };
        let document = cell("document").and_then(Value::as_text);
        let document = document.map(|text| serde_json::from_str::<Activity>(text).ok());
        let mut person = Person::default();
        match &document {
            Some(Some(activity)) => {
                person.actor(self, &activity.actor);
                for target in &activity.targets {
                    person.target(self, target);
                }
                let asked = activity.approvers_asked.iter();
                for actor in asked.chain(&activity.approvers_decided) {
                    person.actor(self, actor);
                }
            }
            _ => {
                let text = |name| cell(name).and_then(Value::as_text);
                person.add(
                    self,
                    ["actor_id", "actor_name", "actor_upn", "actor_account"].map(text),
                    text("actor_domain"),
                    ["actor_ip", "actor_via"].map(text),
                );
                let targets = cell("targets").and_then(Value::as_list);
                for target in targets.unwrap_or_default() {
                    if let Some([_, id, name, account, upn, domain]) = target.as_record() {
                        let texts = [id, name, upn, account].map(Value::as_text);
                        person.add(self, texts, domain.as_text(), [None, None]);
                    }
                }
            }
        }
        let person = person.finish(self);
        for (field, cell) in fields.iter().zip(row.iter_mut()) {
            if !WORDS.contains(&&*field.name)
                && let Some(next) = person.value(cell, &field.data_type)
            {
                *cell = next;
            }
        }
        if let Some(activity) = document
            && let Some(index) = fields.iter().position(|field| field.name == "document")
            && let Some(cell) = row.get_mut(index)
        {
            // Of what is no document it is not known who is in it.
            let mut next = None;
            if let Some(mut activity) = activity {
                if !person.activity(&mut activity) {
                    return;
                }
                next = serde_json::to_string(&activity).ok();
            }
            *cell = next.into();
        }
    }
}

/// Columns of the source's own words and numbers, which name nobody; and the document, which is
/// more than a text.
const WORDS: [&str; 21] = [
    "source",
    "tenant",
    "kind",
    "activity",
    "service",
    "category",
    "operation",
    "status",
    "result",
    "actor_kind",
    "actor_domain",
    "target_types",
    "role",
    "methods",
    "step",
    "step_method",
    "correlation",
    "parent",
    "source_id",
    "request_key",
    "document",
];

/// Fields of records that are such words.
const FIELD_WORDS: [&str; 5] = ["type", "domain", "property", "mode", "key"];

/// All that a row calls a person, folded, the longest first.
#[derive(Default)]
struct Person(Vec<String>);

impl Person {
    fn actor(&mut self, names: &Names, actor: &Actor) {
        let texts = [&actor.id, &actor.name, &actor.upn, &actor.account];
        self.add(
            names,
            texts.map(Option::as_deref),
            actor.domain.as_deref(),
            [actor.ip.as_deref(), actor.via.as_deref()],
        );
    }

    fn target(&mut self, names: &Names, target: &Target) {
        let texts = [&target.id, &target.name, &target.upn, &target.account];
        let texts = texts.map(Option::as_deref);
        self.add(names, texts, target.domain.as_deref(), [None, None]);
    }

    /// Takes in what somebody is called, id, name, UPN and account, and what else is of them, if one
    /// of the names is among it.
    fn add(
        &mut self,
        names: &Names,
        [id, name, upn, account]: [Option<&str>; 4],
        domain: Option<&str>,
        others: [Option<&str>; 2],
    ) {
        let in_domain = domain
            .zip(account)
            .map(|(domain, account)| format!("{domain}\\{account}"));
        let whole = [id, name, upn, in_domain.as_deref().or(account), others[1]];
        if whole.into_iter().flatten().any(|text| names.has(text)) {
            let all = [id, name, upn, account, in_domain.as_deref()];
            let all = all.into_iter().chain(others).flatten();
            self.0.extend(all.map(|text| folded(text).into_owned()));
        }
    }

    fn finish(mut self, names: &Names) -> Self {
        self.0.extend(names.folded.iter().cloned());
        self.0
            .retain(|text| !text.trim().is_empty() && text != REDACTED);
        self.0
            .sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.0.dedup();
        self
    }

    /// A value without the person, if it has them.
    fn value(&self, value: &Value, data_type: &DataType) -> Option<Value> {
        match (value, data_type) {
            (Value::Text(text), _) => self.text(text).map(Value::from),
            (Value::List(items), DataType::List(item)) => {
                let next: Vec<_> = items.iter().map(|value| self.value(value, item)).collect();
                let pairs = next.iter().zip(items.iter());
                next.iter().any(Option::is_some).then(|| {
                    Value::list(pairs.map(|(next, value)| next.as_ref().unwrap_or(value).clone()))
                })
            }
            (Value::Record(values), DataType::Record(fields)) => {
                let pairs = || values.iter().zip(fields.iter());
                let next: Vec<_> = pairs()
                    .map(|(value, field)| match FIELD_WORDS.contains(&&*field.name) {
                        true => None,
                        false => self.value(value, &field.data_type),
                    })
                    .collect();
                next.iter().any(Option::is_some).then(|| {
                    let pairs = next.iter().zip(values.iter());
                    Value::record(pairs.map(|(next, value)| next.as_ref().unwrap_or(value).clone()))
                })
            }
            _ => None,
        }
    }

    /// Takes the person out of an activity; whether they were in it.
    fn activity(&self, activity: &mut Activity) -> bool {
        let mut is_changed = false;
        let mut text = |text: &mut String| {
            if let Some(next) = self.text(text) {
                *text = next;
                is_changed = true;
            }
        };
        let mut actor = |actor: &mut Actor| {
            let Actor {
                id,
                name,
                account,
                upn,
                ip,
                via,
                hint,
                ..
            } = actor;
            let all = [id, name, account, upn, ip, via, hint];
            all.into_iter().flatten().for_each(&mut text);
        };
        actor(&mut activity.actor);
        let asked = activity.approvers_asked.iter_mut();
        asked.chain(&mut activity.approvers_decided).for_each(actor);
        let change = |change: &mut Change, text: &mut dyn FnMut(&mut String)| {
            [&mut change.old, &mut change.new]
                .into_iter()
                .flatten()
                .for_each(text);
        };
        for target in &mut activity.targets {
            let Target {
                id,
                name,
                account,
                upn,
                ..
            } = target;
            [id, name, account, upn]
                .into_iter()
                .flatten()
                .for_each(&mut text);
            for attribute in &mut target.attributes {
                change(attribute, &mut text);
            }
        }
        for one in &mut activity.changes {
            change(one, &mut text);
        }
        for detail in &mut activity.details {
            text(&mut detail.value);
        }
        let free = [&mut activity.reason, &mut activity.justification];
        free.into_iter().flatten().for_each(&mut text);
        is_changed
    }

    /// A text without the person, if it has them: each name that has a border at either end.
    fn text(&self, text: &str) -> Option<String> {
        let plain = folded(text);
        if !self.0.iter().any(|name| plain.contains(name.as_str())) {
            return None;
        }
        // Folding takes each character to one.
        let places: Vec<(usize, usize)> = text
            .char_indices()
            .zip(plain.char_indices())
            .map(|((at, _), (folded, _))| (at, folded))
            .chain([(text.len(), plain.len())])
            .collect();
        let mut next = String::new();
        let mut taken = 0;
        let mut place = 0;
        while let Some((at, folded)) = places.get(place).copied() {
            let rest = plain.get(folded..).unwrap_or_default();
            if rest.starts_with(REDACTED) {
                place += REDACTED.len();
                continue;
            }
            let before = plain.get(..folded).unwrap_or_default();
            let name = self.0.iter().find(|name| {
                rest.strip_prefix(name.as_str())
                    .is_some_and(|after| begins(before, name) && ends(name, after))
            });
            let Some(name) = name else {
                place += 1;
                continue;
            };
            next.push_str(text.get(taken..at).unwrap_or_default());
            next.push_str(REDACTED);
            place += name.chars().count();
            taken = places.get(place).map_or(text.len(), |(at, _)| *at);
        }
        next.push_str(text.get(taken..).unwrap_or_default());
        (next != text).then_some(next)
    }
}

/// Whether a character goes on with a name or an address.
fn goes_on(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '@' | '\\' | '+')
}

/// Whether it joins what goes on at either side of it.
const fn joins(character: char) -> bool {
    matches!(character, '.' | '-')
}

/// Whether a name that stands behind a text is not the end of another: `kim@example` is none in
/// `a.kim@example`, nor `kim` in `HQ\kim`.
fn begins(before: &str, name: &str) -> bool {
    if !name.starts_with(goes_on) {
        return true;
    }
    let mut before = before.chars().rev();
    match before.next() {
        Some(last) if joins(last) => !before.next().is_some_and(goes_on),
        last => !last.is_some_and(goes_on),
    }
}

/// Whether a name that stands before a text is not the beginning of another.
fn ends(name: &str, after: &str) -> bool {
    if !name.ends_with(goes_on) {
        return true;
    }
    let mut after = after.chars();
    match after.next() {
        Some(first) if joins(first) => !after.next().is_some_and(goes_on),
        first => !first.is_some_and(goes_on),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(names: &[&str], text: &str) -> String {
        let names = Names::new(names.iter().copied());
        let person = Person::default().finish(&names);
        person.text(text).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn names_go_as_wholes_and_others_stay() {
        let names = [
            "Kim Berg",
            "kim@harbor.example",
            "kberg",
            "HQ\\kberg",
            "Müller",
        ];
        for (text, expected) in [
            ("", ""),
            ("KIM BERG", "[redacted]"),
            ("asked by Kim Berg.", "asked by [redacted]."),
            ("Kim Berg's desk, kim berg", "[redacted]'s desk, [redacted]"),
            (
                "Kim Bergman and Kim Berg-Hansen",
                "Kim Bergman and Kim Berg-Hansen",
            ),
            ("a.kim@harbor.example", "a.kim@harbor.example"),
            ("kim@harbor.example.org", "kim@harbor.example.org"),
            ("<Kim@Harbor.Example>", "<[redacted]>"),
            ("mail kim@harbor.example.", "mail [redacted]."),
            ("hq\\KBERG", "[redacted]"),
            ("LAB\\kberg", "LAB\\kberg"),
            ("User : kberg, User : li", "User : [redacted], User : li"),
            ("MÜLLER müller Müllers", "[redacted] [redacted] Müllers"),
            ("ıİ Kim Berg ß", "ıİ [redacted] ß"),
            ("...kberg...", "...[redacted]..."),
        ] {
            assert_eq!(without(&names, text), expected, "{text}");
        }
        assert_eq!(
            without(&["[redacted]", "", "redacted"], "[redacted] Redacted"),
            "[redacted] [redacted]"
        );
        assert_eq!(
            without(&["Smith (HR)"], "Smith (HR)x Smith (HR)"),
            "[redacted]x [redacted]"
        );
    }
}
