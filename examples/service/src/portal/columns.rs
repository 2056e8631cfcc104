//! The columns of the audit log: what they are called, what they are sorted by, and
//! which columns of the store they are exported as.

use report_query::activity::columns as c;
use report_query::{Expr, SortKey, asc, desc};

/// A column of the log. The order is that of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    Time,
    Activity,
    Result,
    InitiatedBy,
    Target,
    Source,
    Service,
    Category,
    Operation,
    Reason,
    ResourceType,
    Ip,
    Kind,
    Correlation,
    Id,
}

impl Column {
    pub const ALL: [Self; 15] = [
        Self::Time,
        Self::Activity,
        Self::Result,
        Self::InitiatedBy,
        Self::Target,
        Self::Source,
        Self::Service,
        Self::Category,
        Self::Operation,
        Self::Reason,
        Self::ResourceType,
        Self::Ip,
        Self::Kind,
        Self::Correlation,
        Self::Id,
    ];

    pub const DEFAULT: [Self; 6] = [
        Self::Time,
        Self::Activity,
        Self::Result,
        Self::InitiatedBy,
        Self::Target,
        Self::Source,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "activityDateTime",
            Self::Activity => "activityDisplayName",
            Self::Result => "result",
            Self::InitiatedBy => "initiatedBy",
            Self::Target => "targetResources",
            Self::Source => "source",
            Self::Service => "loggedByService",
            Self::Category => "category",
            Self::Operation => "operationType",
            Self::Reason => "resultReason",
            Self::ResourceType => "resourceType",
            Self::Ip => "ipAddress",
            Self::Kind => "kind",
            Self::Correlation => "correlationId",
            Self::Id => "id",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Time => "Time",
            Self::Activity => "Activity",
            Self::Result => "Result",
            Self::InitiatedBy => "Initiated by",
            Self::Target => "Target",
            Self::Source => "Source",
            Self::Service => "Service",
            Self::Category => "Category",
            Self::Operation => "Operation",
            Self::Reason => "Reason",
            Self::ResourceType => "Resource type",
            Self::Ip => "IP address",
            Self::Kind => "Kind",
            Self::Correlation => "Correlation id",
            Self::Id => "Id",
        }
    }

    /// The class of its cells.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Time => "when",
            Self::Activity => "act",
            Self::Result => "rs",
            Self::InitiatedBy => "who",
            Self::Target => "tgt",
            Self::Source => "so",
            _ => "more",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// What it is sorted by; lists are not sorted.
    pub const fn sort(self) -> Option<Expr> {
        Some(match self {
            Self::Time => c::TIME,
            Self::Activity => c::ACTIVITY,
            Self::Result => c::RESULT,
            Self::InitiatedBy => c::ACTOR,
            Self::Target => c::TARGET,
            Self::Source => c::SOURCE,
            Self::Service => c::SERVICE,
            Self::Category => c::CATEGORY,
            Self::Operation => c::OPERATION,
            Self::Reason => c::REASON,
            Self::Kind => c::KIND,
            Self::Ip => c::ACTOR_IP,
            Self::ResourceType | Self::Correlation | Self::Id => return None,
        })
    }

    /// The columns that it is exported as.
    pub fn exported(self) -> Vec<Expr> {
        match self {
            Self::Time => vec![c::TIME],
            Self::Activity => vec![c::ACTIVITY],
            Self::Result => vec![c::RESULT],
            Self::InitiatedBy => vec![c::ACTOR, c::ACTOR_NAME, c::ACTOR_ID],
            Self::Target => vec![c::TARGET],
            Self::Source => vec![c::SOURCE],
            Self::Service => vec![c::SERVICE],
            Self::Category => vec![c::CATEGORY],
            Self::Operation => vec![c::OPERATION],
            Self::Reason => vec![c::REASON],
            Self::ResourceType => vec![c::TARGET_TYPES],
            Self::Ip => vec![c::ACTOR_IP],
            Self::Kind => vec![c::KIND],
            Self::Correlation => vec![c::CORRELATION],
            Self::Id => vec![c::ID],
        }
    }
}

/// The order of the rows: a column and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub column: Column,
    pub descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            column: Column::Time,
            descending: true,
        }
    }
}

impl Order {
    /// As OData writes it: `activityDateTime desc`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let column = Column::of_name(words.next()?)?;
        column.sort()?;
        let descending = match words.next() {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return None,
        };
        words
            .next()
            .is_none()
            .then_some(Self { column, descending })
    }

    pub fn text(self) -> String {
        let direction = if self.descending { "desc" } else { "asc" };
        format!("{} {direction}", self.column.name())
    }

    /// The keys: equal rows go by time and id, in the same direction as time is read.
    pub fn keys(self) -> Vec<SortKey> {
        let key = |expr: Expr, descending| if descending { desc(expr) } else { asc(expr) };
        let tie = self.column != Column::Time || self.descending;
        let mut keys = Vec::new();
        if let Some(expr) = self.column.sort().filter(|_| self.column != Column::Time) {
            keys.push(key(expr, self.descending));
        }
        keys.push(key(c::TIME, tie));
        keys.push(key(c::ROW, tie));
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_back() {
        for column in Column::ALL {
            for descending in [false, true] {
                let order = Order { column, descending };
                let read = Order::parse(&order.text());
                assert_eq!(read, column.sort().map(|_| order));
            }
        }
        for text in ["", "time desc", "result down", "result desc now"] {
            assert_eq!(Order::parse(text), None, "{text}");
        }
    }
}
