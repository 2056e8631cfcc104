//! `Coding`: what the codes of a computed column stand for, so that no value is made of a row which
//! nobody asks for.

use crate::store::Dictionary;
use crate::value::Value;

/// Values by their codes, from 0 on; every other code is null's.
pub(super) enum Coding {
    /// Those of a column of the store.
    Dictionary(Dictionary),
    Table(Vec<Value>),
}

impl Coding {
    /// How many values there are, without null.
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Dictionary(dictionary) => dictionary.len(),
            Self::Table(values) => values.len(),
        }
    }

    /// The value of a code.
    pub(super) fn value(&self, code: u32) -> Value {
        match self {
            Self::Dictionary(dictionary) => dictionary.value(code),
            Self::Table(values) => values.get(code as usize).cloned().unwrap_or_default(),
        }
    }

    /// Whether a code stands for the same here and there.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dictionary(one), Self::Dictionary(other)) => one.is_same(other),
            _ => std::ptr::eq(self, other),
        }
    }
}
