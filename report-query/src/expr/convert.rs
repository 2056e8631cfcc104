//! What becomes an expression, and the text that an expression becomes.

use std::fmt;
use std::ops;

use super::tree::{Expr, Node, col, list};
use crate::value::Value;

/// Literals. Lists become lists of literals, so that the form is one.
impl<T: Into<Value>> From<T> for Expr {
    fn from(value: T) -> Self {
        match value.into() {
            Value::List(items) => list(items.iter().cloned().map(Self::from)),
            value => Self(Node::Literal(value)),
        }
    }
}

macro_rules! operators {
    ($($operator:ident $method:ident;)*) => {$(
        impl<T: Into<Expr>> ops::$operator<T> for Expr {
            type Output = Self;

            fn $method(self, other: T) -> Self {
                Self::$method(self, other)
            }
        }
    )*};
}

operators! {
    Add add;
    Sub sub;
    Mul mul;
    Div div;
    Rem rem;
}

impl ops::Neg for Expr {
    type Output = Self;

    fn neg(self) -> Self {
        Self::neg(self)
    }
}

impl ops::Not for Expr {
    type Output = Self;

    fn not(self) -> Self {
        Self::not(self)
    }
}

/// A column by its name, or any expression: what a stage selects, groups or sorts by.
///
/// ```
/// use report_query::{Bucket, Query, col, count, desc};
///
/// let query = Query::new()
///     .group_by(["activity"])              // a text is a column here
///     .aggregate([count()])
///     .sort([desc("count")]);
/// # let _ = query;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Key(pub(crate) Expr);

impl From<Expr> for Key {
    fn from(expr: Expr) -> Self {
        Self(expr)
    }
}

impl From<&'static str> for Key {
    fn from(name: &'static str) -> Self {
        Self(col(name))
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self(col(name))
    }
}

impl Expr {
    /// The expressions directly below.
    fn children(&self) -> Vec<&Self> {
        match &self.0 {
            Node::Column(_) | Node::Literal(_) | Node::Param(_) | Node::Item => Vec::new(),
            Node::WhenParam(_, of)
            | Node::Field(of, _)
            | Node::Alias(of, _)
            | Node::Bucket(of, _)
            | Node::Part(of, ..)
            | Node::Format(of, ..) => vec![of],
            Node::List(items) | Node::Call(_, items) => items.iter().collect(),
            Node::Each(_, list, expr) => vec![list, expr],
            Node::Case(arms, otherwise) => arms
                .iter()
                .flat_map(|(condition, value)| [condition, value])
                .chain(otherwise.as_deref())
                .collect(),
            Node::Lookup(of, _, otherwise) => {
                std::iter::once(&**of).chain(otherwise.as_deref()).collect()
            }
        }
    }

    /// Whether it asks for a column that a test finds by its name.
    pub(super) fn any_column(&self, test: &dyn Fn(&str) -> bool) -> bool {
        match &self.0 {
            Node::Column(name) => test(name),
            _ => self.children().into_iter().any(|of| of.any_column(test)),
        }
    }

    /// Writes the expression, with or without its literals.
    fn write(&self, f: &mut fmt::Formatter<'_>, literals: bool) -> fmt::Result {
        let call = |f: &mut fmt::Formatter<'_>, name: &str, items: &[&Self]| {
            write!(f, "{name}(")?;
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    f.write_str(", ")?;
                }
                item.write(f, literals)?;
            }
            f.write_str(")")
        };
        match &self.0 {
            Node::Column(name) => f.write_str(name),
            Node::Literal(value) if !literals => write!(f, "{value:?}"),
            Node::Literal(Value::Null) => f.write_str("null"),
            Node::Literal(Value::Text(text)) => write!(f, "{:?}", text.as_str()),
            Node::Literal(value) => write!(f, "{value}"),
            Node::Param(name) => write!(f, "${name}"),
            Node::WhenParam(name, of) => {
                write!(f, "when ${name}: ")?;
                of.write(f, literals)
            }
            Node::List(items) => call(f, "", &items.iter().collect::<Vec<_>>()),
            Node::Item => f.write_str("item"),
            Node::Field(of, name) => {
                of.write(f, literals)?;
                write!(f, ".{name}")
            }
            Node::Alias(of, name) => {
                of.write(f, literals)?;
                write!(f, " as {name}")
            }
            Node::Call(function, items) => {
                call(f, function.name(), &items.iter().collect::<Vec<_>>())
            }
            Node::Each(each, ..) => call(f, each.name(), &self.children()),
            Node::Case(..) => call(f, "case", &self.children()),
            Node::Lookup(..) => call(f, "lookup", &self.children()),
            Node::Bucket(_, bucket) => call(f, &format!("bucket[{bucket}]"), &self.children()),
            Node::Part(_, part, zone) => {
                call(f, &format!("{}[{zone}]", part.name()), &self.children())
            }
            Node::Format(..) => call(f, "format_time", &self.children()),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, true)
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, false)
    }
}
