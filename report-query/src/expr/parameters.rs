//! `Parameters`: the values that a query is bound with.

use std::collections::BTreeMap;
use std::fmt;

use crate::value::Value;

/// Values of [parameters](crate::param), by name.
///
/// A parameter that is null counts as not given. `Debug` shows names and types only.
///
/// ```
/// use report_query::Parameters;
///
/// let parameters = Parameters::new().set("actor", "alice").set("results", ["failure", "denied"]);
/// assert!(parameters.get("actor").is_some() && parameters.get("from").is_none());
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, Value>);

impl Parameters {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets a parameter; a list where several values are meant.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(name, value);
        self
    }

    /// Sets a parameter in place.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    /// The value of a parameter that is given and not null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// The given parameters, by name in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether no parameter is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}
