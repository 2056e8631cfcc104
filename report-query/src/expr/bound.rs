//! `Bound`: an expression whose columns are positions.

use std::sync::Arc;

use super::function::Function;
use super::item_test::ItemTest;
use super::text::{Needle, TextTest, folded};
use super::time::{Bucket, TimePart};
use super::tree::Each;
use super::zone::Zone;
use crate::value::Value;

/// An expression whose columns are positions. It can fail only on overflow and
/// on a parameter that is missing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bound {
    Column(usize),
    Const(Value),
    /// A parameter without a value: an error if it is looked at.
    Missing(String),
    Item,
    Field(Box<Bound>, usize),
    List(Vec<Bound>),
    And(Vec<Bound>),
    Or(Vec<Bound>),
    Not(Box<Bound>),
    Compare(Comparison, Box<Bound>, Box<Bound>),
    InSet(Box<Bound>, ValueSet),
    TextTest(TextTest, Box<Bound>, Needle),
    Call(Function, Vec<Bound>),
    /// Also what is asked of each item, taken apart, where that can be done.
    Each(Each, Box<Bound>, Box<Bound>, Option<Arc<[ItemTest]>>),
    Case(Vec<(Bound, Bound)>, Box<Bound>),
    Lookup(Box<Bound>, Arc<[(Value, Value)]>, Box<Bound>),
    Bucket(Box<Bound>, Bucket),
    Part(Box<Bound>, TimePart, Zone),
    Format(Box<Bound>, Arc<str>, Zone),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Comparison {
    pub(super) const fn from_function(function: Function) -> Option<Self> {
        Some(match function {
            Function::Eq => Self::Eq,
            Function::Ne => Self::Ne,
            Function::Lt => Self::Lt,
            Function::Le => Self::Le,
            Function::Gt => Self::Gt,
            Function::Ge => Self::Ge,
            _ => return None,
        })
    }

    pub(crate) const fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        }
    }
}

/// Literal values that a value is looked up in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueSet {
    /// Ascending, without null.
    values: Vec<Value>,
    has_null: bool,
    fold: bool,
}

impl ValueSet {
    pub(crate) fn new(items: &[Value], fold: bool) -> Self {
        let mut values: Vec<Value> = items
            .iter()
            .filter(|item| !item.is_null())
            .map(|item| match item {
                Value::Text(text) if fold => Value::text(folded(text).as_ref()),
                item => item.clone(),
            })
            .collect();
        values.sort_unstable();
        values.dedup();
        Self {
            values,
            has_null: items.iter().any(Value::is_null),
            fold,
        }
    }

    /// The values, ascending, if they are looked up as they are and there is no null among them.
    pub(crate) fn exact_values(&self) -> Option<&[Value]> {
        (!self.fold && !self.has_null).then_some(&self.values)
    }

    /// Null if it may be the null that is in the list, or is null itself.
    pub(crate) fn has(&self, value: &Value) -> Option<bool> {
        let found = match value {
            Value::Null => return None,
            Value::Text(text) if self.fold => {
                let text = folded(text);
                self.values
                    .binary_search_by(|probe| match probe {
                        Value::Text(probe) => probe.as_ref().cmp(text.as_ref()),
                        other => other.cmp(value),
                    })
                    .is_ok()
            }
            value => self.values.binary_search(value).is_ok(),
        };
        (found || !self.has_null).then_some(found)
    }
}

/// Visits the expressions directly below one.
macro_rules! each_child {
    ($bound:expr, $visit:expr, $iter:ident) => {
        match $bound {
            Self::Column(_) | Self::Const(_) | Self::Missing(_) | Self::Item => {}
            Self::Field(of, _)
            | Self::Not(of)
            | Self::InSet(of, _)
            | Self::TextTest(_, of, _)
            | Self::Bucket(of, _)
            | Self::Part(of, ..)
            | Self::Format(of, ..) => $visit(of),
            Self::List(items) | Self::And(items) | Self::Or(items) | Self::Call(_, items) => {
                items.$iter().for_each($visit);
            }
            Self::Compare(_, a, b) | Self::Each(_, a, b, _) | Self::Lookup(a, _, b) => {
                $visit(a);
                $visit(b);
            }
            Self::Case(arms, otherwise) => {
                for (condition, value) in arms {
                    $visit(condition);
                    $visit(value);
                }
                $visit(otherwise);
            }
        }
    };
}

impl Bound {
    /// Calls a function with each expression directly below.
    pub(super) fn each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        each_child!(self, visit, iter);
    }

    /// The same, to change it.
    fn each_child_mut(&mut self, visit: &mut dyn FnMut(&mut Self)) {
        each_child!(self, visit, iter_mut);
    }

    /// The same with columns in the place of the fields of the records of one: from a number on.
    pub(crate) fn with_columns_of(self, record: usize, first: usize) -> Self {
        self.replaced(&|bound| match bound {
            Self::Field(of, field) if **of == Self::Column(record) => {
                Some(Self::Column(first + *field))
            }
            _ => None,
        })
    }

    /// The same with what a function gives in the place of those expressions that it gives any for.
    pub(super) fn replaced(mut self, with: &dyn Fn(&Self) -> Option<Self>) -> Self {
        fn replace(bound: &mut Bound, with: &dyn Fn(&Bound) -> Option<Bound>) {
            match with(bound) {
                Some(other) => *bound = other,
                None => bound.each_child_mut(&mut |child| replace(child, with)),
            }
        }
        replace(&mut self, with);
        self
    }

    /// Whether the value is the same for every row.
    pub(super) fn is_constant(&self) -> bool {
        let mut constant = !matches!(self, Self::Column(_) | Self::Missing(_) | Self::Item);
        self.each_child(&mut |child| constant = constant && child.is_constant());
        constant
    }

    /// Whether a literal of it is a float.
    pub(crate) fn has_float(&self) -> bool {
        fn is_float(value: &Value) -> bool {
            match value {
                Value::List(items) | Value::Record(items) => items.iter().any(is_float),
                value => matches!(value, Value::Float(_)),
            }
        }
        let mut has = match self {
            Self::Const(value) => is_float(value),
            Self::InSet(_, set) => set.values.iter().any(is_float),
            Self::Lookup(_, pairs, _) => pairs.iter().any(|(a, b)| is_float(a) || is_float(b)),
            _ => false,
        };
        self.each_child(&mut |child| has = has || child.has_float());
        has
    }

    /// The only column that is looked at.
    pub(crate) fn only_column(&self) -> Option<usize> {
        let mut columns = Vec::new();
        self.columns(&mut columns);
        columns.dedup();
        match columns[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Whether it can be evaluated for any row without an error.
    pub(crate) fn is_total(&self) -> bool {
        use Function as F;

        let mut total = match self {
            Self::Missing(_) | Self::Bucket(..) => false,
            Self::Call(function, _) => matches!(
                function,
                F::IsNull
                    | F::IsNotNull
                    | F::Coalesce
                    | F::Lower
                    | F::Upper
                    | F::Trim
                    | F::Length
                    | F::Concat
                    | F::Join
            ),
            _ => true,
        };
        self.each_child(&mut |child| total = total && child.is_total());
        total
    }

    /// The columns that are looked at, each as often as it occurs.
    pub(crate) fn columns(&self, found: &mut Vec<usize>) {
        if let Self::Column(column) = self {
            found.push(*column);
        }
        self.each_child(&mut |child| child.columns(found));
    }
}
