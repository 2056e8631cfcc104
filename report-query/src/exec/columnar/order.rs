//! In what order groups are wanted: by their keys, unless what follows does not ask for that.

use crate::aggregate::AggregateFunction;
use crate::expr::Bound;
use crate::query::{BoundSort, BoundStage};

/// The order in which groups are wanted.
pub(in crate::exec) enum Wanted<'p> {
    ByKeys,
    /// What follows comes to the same in any order.
    Any,
    /// The first so many of them alone, sorted by columns of the group.
    First(&'p [BoundSort], usize),
}

impl<'p> Wanted<'p> {
    /// By the stages behind a group, and whether what comes behind these takes rows in any order.
    pub(in crate::exec) fn by(behind: &'p [BoundStage], any: bool) -> Self {
        if let [BoundStage::Sort(keys), BoundStage::Limit(rows), ..] = behind
            && let Ok(rows) = usize::try_from(*rows)
            && keys.iter().all(|key| matches!(key.key, Bound::Column(_)))
        {
            return Self::First(keys, rows);
        }
        for stage in behind {
            match stage {
                BoundStage::Filter(_)
                | BoundStage::Extend(_)
                | BoundStage::Select(_)
                | BoundStage::Expand { .. }
                | BoundStage::Join(_) => {}
                BoundStage::Group { aggregates, .. } => {
                    let mut functions = aggregates.iter().map(|aggregate| aggregate.function);
                    return if functions.all(AggregateFunction::is_order_free) {
                        Self::Any
                    } else {
                        Self::ByKeys
                    };
                }
                _ => return Self::ByKeys,
            }
        }
        if any { Self::Any } else { Self::ByKeys }
    }
}
