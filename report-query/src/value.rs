//! `Value`: one cell of a row, of a column or of a result.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

mod text;

pub use text::Text;
pub(crate) use text::TextBlock;

/// One cell. Cloning is cheap: texts, lists and records are shared.
///
/// Values have a total order, in which rows are grouped and sorted: within a
/// type as one expects (texts by Unicode scalar values, lists and records item
/// by item, NaN after all numbers and equal to itself, -0.0 equal to 0.0),
/// integers and floats together as numbers, and null after everything else.
/// That null equals null here serves grouping and sorting; in an expression a
/// comparison with null is null, as the crate's semantics say.
///
/// `Display` writes the value; `Debug` shows type and size only, since a cell
/// may hold a person's data and debug output ends in logs.
///
/// ```
/// use report_query::Value;
///
/// let name = Value::from("alice");
/// assert_eq!(name.to_string(), "alice");
/// assert_eq!(format!("{name:?}"), "Text(5 bytes)");
/// assert!(Value::from(2) < Value::from(2.5) && Value::from(7) < Value::Null);
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A moment, UTC.
    Time(DateTime<Utc>),
    /// A text.
    Text(Text),
    /// A GUID.
    Id(Uuid),
    /// Values of one type, in order.
    List(Arc<[Value]>),
    /// The fields of a [`DataType::Record`](crate::DataType::Record), in its order.
    Record(Arc<[Value]>),
}

impl Value {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// A list.
    #[must_use]
    pub fn list(items: impl IntoIterator<Item = impl Into<Self>>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// A record: its fields in the order of the type.
    #[must_use]
    pub fn record(fields: impl IntoIterator<Item = impl Into<Self>>) -> Self {
        Self::Record(fields.into_iter().map(Into::into).collect())
    }

    /// The same with texts of its own, which keep no others in memory.
    pub(crate) fn detached(&self) -> Self {
        match self {
            Self::Text(text) => Self::text(&**text),
            Self::List(items) => Self::List(items.iter().map(Self::detached).collect()),
            Self::Record(fields) => Self::Record(fields.iter().map(Self::detached).collect()),
            other => other.clone(),
        }
    }

    /// Bytes that it takes, with what it holds.
    pub(crate) fn size(&self) -> usize {
        let held = match self {
            Self::Text(text) => text.len() + 2 * size_of::<usize>(),
            Self::List(items) | Self::Record(items) => items.iter().map(Self::size).sum(),
            _ => 0,
        };
        size_of::<Self>() + held
    }

    /// Whether there is no value.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value, if it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, whole or not, as the nearest float.
    #[must_use]
    pub const fn as_float(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The moment, if it is one.
    #[must_use]
    pub const fn as_time(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Time(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The GUID, if it is one.
    #[must_use]
    pub const fn as_id(&self) -> Option<Uuid> {
        match self {
            Self::Id(value) => Some(*value),
            _ => None,
        }
    }

    /// The items, if it is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The fields, if it is a record.
    #[must_use]
    pub fn as_record(&self) -> Option<&[Self]> {
        match self {
            Self::Record(fields) => Some(fields),
            _ => None,
        }
    }

    /// The one way to write what is equal within a type: zero without a sign, and one NaN.
    pub(crate) fn normalized(self) -> Self {
        match self {
            // The sign of zero goes.
            Self::Float(0.0) => Self::Float(0.0),
            Self::Float(value) if value.is_nan() => Self::Float(f64::NAN),
            Self::List(items) if items.iter().any(Self::may_be_normalized) => {
                Self::List(items.iter().cloned().map(Self::normalized).collect())
            }
            Self::Record(items) if items.iter().any(Self::may_be_normalized) => {
                Self::Record(items.iter().cloned().map(Self::normalized).collect())
            }
            other => other,
        }
    }

    fn may_be_normalized(&self) -> bool {
        match self {
            Self::Float(value) => *value == 0.0 || value.is_nan(),
            Self::List(items) | Self::Record(items) => items.iter().any(Self::may_be_normalized),
            _ => false,
        }
    }

    /// Types that are compared with each other have one rank; null is last.
    const fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) | Self::Float(_) => 1,
            Self::Time(_) => 2,
            Self::Text(_) => 3,
            Self::Id(_) => 4,
            Self::List(_) => 5,
            Self::Record(_) => 6,
            Self::Null => 7,
        }
    }
}

/// Floats as numbers are ordered: -0.0 is 0.0, NaN is itself and comes last.
fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// An integer and a float, without losing digits of the integer.
fn compare_int_float(a: i64, b: f64) -> Ordering {
    const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
    if b.is_nan() || b >= TWO_POW_63 {
        Ordering::Less
    } else if b < -TWO_POW_63 {
        Ordering::Greater
    } else {
        // In range, so the cast is exact for the whole part.
        a.cmp(&(b.trunc() as i64))
            .then_with(|| compare_floats(0.0, b.fract()))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => compare_floats(*a, *b),
            (Self::Int(a), Self::Float(b)) => compare_int_float(*a, *b),
            (Self::Float(a), Self::Int(b)) => compare_int_float(*b, *a).reverse(),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Id(a), Self::Id(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) | (Self::Record(a), Self::Record(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Value {}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Self::Null => {}
            Self::Bool(value) => value.hash(state),
            Self::Int(value) => value.hash(state),
            Self::Float(value) => {
                // What equals an integer hashes as that integer.
                let whole = *value as i64;
                if compare_int_float(whole, *value).is_eq() {
                    whole.hash(state);
                } else if value.is_nan() {
                    f64::NAN.to_bits().hash(state);
                } else {
                    value.to_bits().hash(state);
                }
            }
            Self::Time(value) => value.hash(state),
            Self::Text(value) => value.hash(state),
            Self::Id(value) => value.as_u128().hash(state),
            Self::List(items) | Self::Record(items) => items.hash(state),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bool(value) => write!(f, "Bool({value})"),
            Self::Int(value) => write!(f, "Int({value})"),
            Self::Float(value) => write!(f, "Float({value:?})"),
            Self::Time(value) => write!(f, "Time({value:?})"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Id(_) => f.write_str("Id(..)"),
            Self::List(items) => write!(f, "List({} items)", items.len()),
            Self::Record(fields) => write!(f, "Record({} fields)", fields.len()),
        }
    }
}

/// The text of a value, as `to_text` gives it: null is empty, times are
/// RFC 3339 in UTC, items of lists and fields of records are joined by `, `.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Time(value) => f.pad(&value.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Text(value) => f.pad(value),
            Self::Id(value) => value.hyphenated().fmt(f),
            Self::List(items) | Self::Record(items) => {
                let mut separator = "";
                for item in items.iter().filter(|item| !item.is_null()) {
                    write!(f, "{separator}{item}")?;
                    separator = ", ";
                }
                Ok(())
            }
        }
    }
}

macro_rules! from {
    ($($from:ty => |$value:ident| $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $to
            }
        }
    )*};
}

from! {
    bool => |value| Self::Bool(value);
    i32 => |value| Self::Int(value.into());
    u32 => |value| Self::Int(value.into());
    i64 => |value| Self::Int(value);
    f64 => |value| Self::Float(value);
    DateTime<Utc> => |value| Self::Time(value);
    &str => |value| Self::Text(value.into());
    &String => |value| Self::Text(value.into());
    String => |value| Self::Text(value.into());
    Arc<str> => |value| Self::Text(value.into());
    Text => |value| Self::Text(value);
    Uuid => |value| Self::Id(value);
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::list(items)
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        Self::list(items)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    fn hash(value: &Value) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn numbers_are_one_order_without_loss() {
        let big = 9_007_199_254_740_993_i64; // 2^53 + 1 is no float
        assert!(Value::from(big) > Value::from(9_007_199_254_740_992.0));
        assert!(Value::from(i64::MAX) < Value::from(9.3e18));
        assert!(Value::from(i64::MIN) == Value::from(-9_223_372_036_854_775_808.0));
        assert!(Value::from(-1) > Value::from(-1.5) && Value::from(-2) < Value::from(-1.5));
        assert!(Value::from(f64::NAN) == Value::from(f64::NAN));
        assert!(Value::from(f64::INFINITY) < Value::from(f64::NAN));
        assert!(Value::from(i64::MAX) < Value::from(f64::NAN));
    }

    #[test]
    fn what_is_equal_hashes_equal() {
        for (a, b) in [
            (Value::from(0.0), Value::from(-0.0)),
            (Value::from(3), Value::from(3.0)),
            (Value::from(f64::NAN), Value::from(-f64::NAN)),
            (Value::list([1, 2]), Value::list([1.0, 2.0])),
            (Value::Null, Value::from(None::<i64>)),
        ] {
            assert!(a == b);
            assert_eq!(hash(&a), hash(&b), "{a:?} {b:?}");
        }
        assert!(Value::list([1]) != Value::record([1]));
    }

    #[test]
    fn null_is_last_and_lists_go_item_by_item() {
        let mut values = [
            Value::Null,
            Value::list([2]),
            Value::list([1, 2]),
            Value::from("b"),
            Value::from(true),
        ];
        values.sort();
        let shown: Vec<String> = values.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["true", "b", "1, 2", "2", ""]);
    }

    #[test]
    fn debug_shows_no_data() {
        let value = Value::list(["alice", "bob"]);
        assert_eq!(format!("{value:?}"), "List(2 items)");
        assert_eq!(format!("{:?}", Value::from(Uuid::nil())), "Id(..)");
    }
}
