//! The table of rules: the built-in one, a user's, and the two together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::file::{File, Row};
use super::methods::Methods;
use super::rule::{Rule, tokens_are_known};
use crate::{Error, ErrorKind, Result};

/// A table of rules: which rows a request gives.
///
/// [`Rules::builtin`] is the table of [this page](super#the-rules). A table of your own, read from
/// JSON with [`Rules::from_json`] or from any other form through serde, comes before it with [`Rules::with_user`].
///
/// ```
/// use mim_events::activity::Rules;
///
/// let mine = Rules::from_json(r#"{
///     "rules": [{"op": "Create", "type": "Computer", "kind": "computer.add", "name": "Add computer"}],
///     "names": {"C4": "Add Member"}
/// }"#)?;
/// let rules = Rules::with_user(mine);
/// assert_eq!(rules.iter().next().map(|rule| rule.name()), Some("Add computer"));
/// # Ok::<(), mim_events::Error>(())
/// ```
///
/// Cloning is cheap: clones share the table.
#[derive(Clone)]
pub struct Rules(Arc<Table>);

#[derive(Clone, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Rule>,
    pub(crate) methods: Methods,
    pub(crate) lockout_words: Vec<String>,
    pub(crate) hiding: Hiding,
    /// What a user's table says about built-in rules, until it is put before them.
    names: BTreeMap<String, String>,
    enable: Vec<String>,
    disable: Vec<String>,
}

/// Attributes whose values are not shown, or not in full.
#[derive(Clone, Default)]
pub(crate) struct Hiding {
    pub(crate) secret_attributes: Vec<String>,
    pub(crate) secret_words: Vec<String>,
    pub(crate) masked_phones: Vec<String>,
    pub(crate) masked_addresses: Vec<String>,
}

static BUILTIN: LazyLock<Rules> = LazyLock::new(|| {
    // A constant of this crate; that it is readable is tested.
    Rules::read(include_str!("rules.json"), None).unwrap_or_else(|_| Rules(Arc::default()))
});

impl Rules {
    /// The built-in table.
    #[must_use]
    pub fn builtin() -> Self {
        BUILTIN.clone()
    }

    /// Reads a table of your own; its form is in [the rules](super#the-rules), section 7.
    ///
    /// Used alone, it is the whole table: what none of its rules explains becomes a row of kind
    /// `other`. Most want it [before the built-in one](Rules::with_user).
    ///
    /// # Errors
    /// [`ErrorKind::Rules`] with the rule, counted from 1, and what is wrong with it; 0 is the
    /// table itself. The source names the key or the place in the JSON.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::read(text, Some(&BUILTIN))
    }

    /// The built-in table with a user's before it, and the names, switches and lists that the
    /// user's table changes.
    #[must_use]
    pub fn with_user(user: Self) -> Self {
        let mut table = (*BUILTIN.0).clone();
        let user = Arc::unwrap_or_clone(user.0);
        for row in &mut table.rows {
            if let Some(name) = user.names.get(&row.id) {
                row.name.clone_from(name);
            }
            if user.enable.contains(&row.id) {
                row.enabled = true;
            }
            if user.disable.contains(&row.id) {
                row.enabled = false;
            }
        }
        table.rows.splice(0..0, user.rows);
        table.methods.extend(user.methods);
        table.lockout_words.extend(user.lockout_words);
        let hiding = &mut table.hiding;
        hiding
            .secret_attributes
            .extend(user.hiding.secret_attributes);
        hiding.secret_words.extend(user.hiding.secret_words);
        hiding.masked_phones.extend(user.hiding.masked_phones);
        hiding.masked_addresses.extend(user.hiding.masked_addresses);
        Self(Arc::new(table))
    }

    /// The rules in table order, those that are off included.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.rows.iter()
    }

    /// The built-in rule that suits everything.
    pub(crate) fn last_resort(&self) -> Option<&'static Rule> {
        BUILTIN.0.rows.last()
    }

    pub(crate) fn table(&self) -> &Table {
        &self.0
    }

    fn read(text: &str, builtin: Option<&Self>) -> Result<Self> {
        let file: File<&RawValue> = serde_json::from_str(text).map_err(|error| {
            let what = if error.is_data() {
                "a key that is not known, or a value of another type"
            } else {
                "not valid JSON"
            };
            rules_error(0, what)
                .at_line(error.line() as u64, error.column() as u64)
                .with_source(error)
        })?;
        let file = file.rows(|index, raw| {
            serde_json::from_str::<Row>(raw.get()).map_err(|error| {
                rules_error(index, "a key that is not known, or a value of another type")
                    .with_source(error)
            })
        })?;
        Self::check(file, builtin)
    }

    fn check(file: File<Row>, builtin: Option<&Self>) -> Result<Self> {
        if file.version.is_some_and(|version| version != 1) {
            return Err(rules_error(0, "a version that this build does not know"));
        }
        let mut rows: Vec<Rule> = Vec::with_capacity(file.rules.len());
        for (at, row) in file.rules.into_iter().enumerate() {
            let rule = row
                .into_rule(at + 1)
                .map_err(|what| rules_error(at + 1, what))?;
            if rows.iter().any(|known| known.id == rule.id) {
                return Err(rules_error(at + 1, "its `id` is used twice"));
            }
            rows.push(rule);
        }
        let known = |id: &String| {
            builtin.is_some_and(|rules| rules.0.rows.iter().any(|rule| rule.id == *id))
        };
        if !file.names.keys().all(known)
            || !file.enable.iter().all(known)
            || !file.disable.iter().all(known)
        {
            return Err(rules_error(
                0,
                "`names`, `enable` or `disable` names a rule that the built-in table does not have",
            ));
        }
        if file.names.values().any(|name| !tokens_are_known(name)) {
            return Err(rules_error(0, "a name with a token that is not known"));
        }
        Ok(Self(Arc::new(Table {
            rows,
            methods: file
                .methods
                .into_methods()
                .map_err(|what| rules_error(0, what))?,
            lockout_words: words(file.lockout_words.0)?,
            hiding: Hiding {
                secret_attributes: words(file.secret_attributes.0)?,
                secret_words: lower(words(file.secret_words.0)?),
                masked_phones: words(file.masked_phones.0)?,
                masked_addresses: words(file.masked_addresses.0)?,
            },
            names: file.names,
            enable: file.enable,
            disable: file.disable,
        })))
    }
}

/// An empty word would be found everywhere.
fn words(words: Vec<String>) -> Result<Vec<String>> {
    if words.iter().any(|word| word.trim().is_empty()) {
        return Err(rules_error(0, "an empty word in a list"));
    }
    Ok(words)
}

fn lower(words: Vec<String>) -> Vec<String> {
    words.iter().map(|word| word.to_lowercase()).collect()
}

fn rules_error(index: usize, what: &'static str) -> Error {
    Error::new(ErrorKind::Rules { index, what })
}

impl Default for Rules {
    /// The built-in table.
    fn default() -> Self {
        Self::builtin()
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Rule::id)).finish()
    }
}

/// The same form as [`Rules::from_json`], from any format that serde reads.
impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let file = File::<Row>::deserialize(deserializer)?;
        Self::check(file, Some(&BUILTIN)).map_err(|error| serde::de::Error::custom(error.kind()))
    }
}
