//! Different values, exactly.

use std::collections::HashSet;

use super::state::Budget;
use crate::error::{QueryError, Result};
use crate::value::Value;

/// The different values of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distinct(HashSet<Value>);

impl Distinct {
    pub(super) fn insert(&mut self, value: &Value, cap: u64, budget: &mut Budget) -> Result<()> {
        if self.0.contains(value) {
            return Ok(());
        }
        if self.0.len() as u64 >= cap {
            return Err(QueryError::limit("values in a collection", cap));
        }
        budget.take(1)?;
        self.0.insert(value.clone());
        Ok(())
    }

    /// Also the values of another. How many there may be is looked at in the end.
    pub(super) fn merge(&mut self, other: Self, budget: &mut Budget) -> Result<()> {
        for value in other.0 {
            if self.0.insert(value) {
                budget.take(1)?;
            }
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Ascending, since the set has no order.
    pub(crate) fn into_sorted(self) -> Vec<Value> {
        let mut values: Vec<Value> = self.0.into_iter().map(Value::normalized).collect();
        values.sort_unstable();
        values
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    pub(crate) fn from_values(values: impl IntoIterator<Item = Value>) -> Self {
        Self(values.into_iter().collect())
    }
}
