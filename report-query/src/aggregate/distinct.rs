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

    pub(super) fn merge(&mut self, other: Self, cap: u64) -> Result<()> {
        self.0.extend(other.0);
        if self.0.len() as u64 > cap {
            return Err(QueryError::limit("values in a collection", cap));
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Ascending, since the set has no order.
    pub(super) fn into_sorted(self) -> Vec<Value> {
        let mut values: Vec<Value> = self.0.into_iter().collect();
        values.sort_unstable();
        values
    }
}
