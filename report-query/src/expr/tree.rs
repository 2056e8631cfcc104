//! `Expr`: an expression as it is written, before names and types are known.

use std::borrow::Cow;
use std::ops::Range;

use chrono::FixedOffset;

use super::function::Function;
use super::time::{Bucket, TimePart};
use super::zone::Zone;
use crate::value::Value;

/// The name of a column, parameter or field.
pub(crate) type Name = Cow<'static, str>;

/// An expression over the columns of a stage.
///
/// Columns that are known when the program is written can be constants:
///
/// ```
/// use report_query::Expr;
///
/// const ACTOR: Expr = Expr::column("actor");
/// let filter = ACTOR.eq("alice").or(ACTOR.is_null());
/// # let _ = filter;
/// ```
///
/// A method takes anything that becomes an expression: another expression, or
/// a literal. A text is a literal; a column is written [`col`].
///
/// `Display` writes the expression with its literals. `Debug` leaves literals
/// out, since they may be a person's data.
#[derive(Clone, PartialEq)]
pub struct Expr(pub(crate) Node);

#[derive(Clone, PartialEq)]
pub(crate) enum Node {
    Column(Name),
    /// A scalar; lists are [`Node::List`].
    Literal(Value),
    Param(Name),
    /// The predicate if the parameter is given, else true.
    WhenParam(Name, Box<Expr>),
    List(Vec<Expr>),
    /// The item that [`Node::Each`] looks at.
    Item,
    Field(Box<Expr>, Name),
    Alias(Box<Expr>, Name),
    Call(Function, Vec<Expr>),
    /// A list, and an expression over each of its items.
    Each(Each, Box<Expr>, Box<Expr>),
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    Lookup(Box<Expr>, Vec<(Value, Value)>, Option<Box<Expr>>),
    Bucket(Box<Expr>, Bucket),
    Part(Box<Expr>, TimePart, Zone),
    Format(Box<Expr>, String, Zone),
}

/// What is done with each item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Each {
    Any,
    All,
    Filter,
    Map,
}

impl Each {
    pub(crate) const ALL: [Self; 4] = [Self::Any, Self::All, Self::Filter, Self::Map];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "all",
            Self::Filter => "filter",
            Self::Map => "map",
        }
    }
}

/// A column by its name.
#[must_use]
pub fn col(name: impl Into<Cow<'static, str>>) -> Expr {
    Expr(Node::Column(name.into()))
}

/// A literal. Most places take a literal as it is; this is for those that don't.
#[must_use]
pub fn lit(value: impl Into<Value>) -> Expr {
    Expr::from(value.into())
}

/// A parameter, whose value is given when the query is bound:
/// [`Query::bind_with`](crate::Query::bind_with). Without a value the query
/// does not run, unless the parameter stands under [`when_param`] of its name.
#[must_use]
pub fn param(name: impl Into<Cow<'static, str>>) -> Expr {
    Expr(Node::Param(name.into()))
}

/// A predicate that holds only when a parameter is given; true when it is not,
/// or is null.
///
/// ```
/// use report_query::{col, param, when_param};
///
/// let optional = when_param("actor", col("actor").eq(param("actor")));
/// # let _ = optional;
/// ```
#[must_use]
pub fn when_param(name: impl Into<Cow<'static, str>>, predicate: impl Into<Expr>) -> Expr {
    Expr(Node::WhenParam(name.into(), Box::new(predicate.into())))
}

/// The item that [`any`](Expr::any), [`all`](Expr::all),
/// [`filter_items`](Expr::filter_items) or [`map_items`](Expr::map_items) looks at.
#[must_use]
pub const fn item() -> Expr {
    Expr(Node::Item)
}

/// A field of [the item](item) that is looked at.
#[must_use]
pub fn field(name: impl Into<Cow<'static, str>>) -> Expr {
    item().field(name)
}

/// A list of expressions of one type.
#[must_use]
pub fn list(items: impl IntoIterator<Item = impl Into<Expr>>) -> Expr {
    Expr(Node::List(items.into_iter().map(Into::into).collect()))
}

/// One value or another; the other one too if the condition is null.
#[must_use]
pub fn if_then_else(
    condition: impl Into<Expr>,
    then: impl Into<Expr>,
    otherwise: impl Into<Expr>,
) -> Expr {
    case([(condition.into(), then.into())], otherwise)
}

/// The value of the first condition that is true, else the last argument.
#[must_use]
pub fn case(arms: impl IntoIterator<Item = (Expr, Expr)>, otherwise: impl Into<Expr>) -> Expr {
    Expr(Node::Case(
        arms.into_iter().collect(),
        Some(Box::new(otherwise.into())),
    ))
}

/// Texts one after the other; null if one is null. To leave nulls out, write
/// `list([..]).join("")`.
#[must_use]
pub fn concat(parts: impl IntoIterator<Item = impl Into<Expr>>) -> Expr {
    Expr(Node::Call(
        Function::Concat,
        parts.into_iter().map(Into::into).collect(),
    ))
}

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident $function:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(self) -> Self {
            self.call(Function::$function, [])
        }
    )*};
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident $function:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(self, other: impl Into<Self>) -> Self {
            self.call(Function::$function, [other.into()])
        }
    )*};
}

#[allow(
    clippy::should_implement_trait,
    reason = "`add`, `not` and the like are the operators too; comparisons give expressions, not truth"
)]
impl Expr {
    /// A column, as a constant.
    #[must_use]
    pub const fn column(name: &'static str) -> Self {
        Self(Node::Column(Cow::Borrowed(name)))
    }

    fn call<const N: usize>(self, function: Function, more: [Self; N]) -> Self {
        let mut arguments = Vec::with_capacity(1 + N);
        arguments.push(self);
        arguments.extend(more);
        Self(Node::Call(function, arguments))
    }

    /// Joins with the same operator stay one flat list, whatever their number.
    fn chain(self, function: Function, other: Self) -> Self {
        let mut arguments = match self.0 {
            Node::Call(same, arguments) if same == function => arguments,
            node => vec![Self(node)],
        };
        match other.0 {
            Node::Call(same, more) if same == function => arguments.extend(more),
            node => arguments.push(Self(node)),
        }
        Self(Node::Call(function, arguments))
    }

    /// Names the column that the expression becomes, in `extend`, `select`,
    /// `group_by` and as a key of a stage.
    #[must_use]
    pub fn alias(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self(Node::Alias(Box::new(self), name.into()))
    }

    /// Both; false if one is false, else null if one is null.
    #[must_use]
    pub fn and(self, other: impl Into<Self>) -> Self {
        self.chain(Function::And, other.into())
    }

    /// Either; true if one is true, else null if one is null.
    #[must_use]
    pub fn or(self, other: impl Into<Self>) -> Self {
        self.chain(Function::Or, other.into())
    }

    /// A value of a list of literals or expressions; texts exactly as written.
    #[must_use]
    pub fn in_list(self, values: impl IntoIterator<Item = impl Into<Self>>) -> Self {
        self.is_in(list(values))
    }

    /// As [`in_list`](Expr::in_list), texts without regard to case.
    #[must_use]
    pub fn in_list_ci(self, values: impl IntoIterator<Item = impl Into<Self>>) -> Self {
        self.is_in_ci(list(values))
    }

    /// From the range's start, and before its end.
    #[must_use]
    pub fn between(self, range: Range<impl Into<Self>>) -> Self {
        self.call(Function::Between, [range.start.into(), range.end.into()])
    }

    unary! {
        /// The opposite; null of null.
        not Not;
        /// Whether there is no value; never null itself.
        is_null IsNull;
        /// Whether there is a value; never null itself.
        is_not_null IsNotNull;
        /// The text in lower case (Unicode, without regard to a language).
        lower Lower;
        /// The text in upper case (Unicode, without regard to a language).
        upper Upper;
        /// The text without white space at its ends.
        trim Trim;
        /// How many characters (Unicode scalar values) a text, or items a list, has.
        length Length;
        /// The list with the first of equal items only.
        distinct Distinct;
        /// The list in ascending order, nulls last.
        sort_items SortItems;
        /// A list of lists as one list; null lists are left out.
        flatten Flatten;
        /// The number with the other sign.
        neg Neg;
        /// The number without its sign.
        abs Abs;
        /// The number as the nearest whole one (halves away from zero).
        round Round;
        /// The value as text, as `Display` of [`Value`] writes it.
        to_text ToText;
        /// The value as a whole number: floats are cut, texts read; null if it is none.
        to_int ToInt;
        /// The value as a float; null if a text is none.
        to_float ToFloat;
        /// A text in RFC 3339 form as a moment; null if it is none.
        to_time ToTime;
        /// A text as a GUID; null if it is none.
        to_id ToId;
    }

    binary! {
        /// The same; texts exactly as written.
        eq Eq;
        /// Not the same.
        ne Ne;
        /// Less than the other.
        lt Lt;
        /// Less than the other, or the same.
        le Le;
        /// Greater than the other.
        gt Gt;
        /// Greater than the other, or the same.
        ge Ge;
        /// The same text without regard to case.
        eq_ci EqCi;
        /// An item of a list expression, such as a list parameter.
        is_in In;
        /// As [`is_in`](Expr::is_in), texts without regard to case.
        is_in_ci InCi;
        /// The first value that is not null.
        coalesce Coalesce;
        /// Begins with the text, without regard to case.
        starts_with StartsWith;
        /// Begins with the text exactly as written.
        starts_with_cs StartsWithCs;
        /// Ends with the text, without regard to case.
        ends_with EndsWith;
        /// Ends with the text exactly as written.
        ends_with_cs EndsWithCs;
        /// Holds the text, without regard to case.
        contains Contains;
        /// Holds the text exactly as written.
        contains_cs ContainsCs;
        /// Holds the text as a term, without regard to case: no letter or digit stands next to it.
        has_term HasTerm;
        /// Holds the text as a term exactly as written.
        has_term_cs HasTermCs;
        /// The text cut at each occurrence of a separator.
        split Split;
        /// The items of a list of texts with a separator between them; nulls are left out.
        join Join;
        /// The item at a position from 0, or from the end if negative; null where there is none.
        get Get;
        /// The first items of a list, at most so many.
        take Take;
        /// The items of both lists; a null list counts as empty.
        concat_list ConcatLists;
        /// The sum; overflow of integers is an error.
        add Add;
        /// The difference; overflow of integers is an error.
        sub Sub;
        /// The product; overflow of integers is an error.
        mul Mul;
        /// The quotient as a float, of integers too; null if the divisor is zero.
        div Div;
        /// The whole quotient of integers, cut towards zero; null if the divisor is zero.
        quotient Quotient;
        /// The remainder, with the sign of the dividend; null if the divisor is zero.
        rem Rem;
        /// The number at so many decimals (halves away from zero), as a float.
        round_to Round;
        /// The greater value; a null does not count.
        greatest Greatest;
        /// The lesser value; a null does not count.
        least Least;
        /// Whole seconds from this moment to the other one, negative if that is earlier.
        seconds_until SecondsBetween;
        /// The moment so many seconds later.
        add_seconds AddSeconds;
    }

    /// The text with each occurrence of one text replaced by another, exactly as written.
    #[must_use]
    pub fn replace(self, from: impl Into<Self>, to: impl Into<Self>) -> Self {
        self.call(Function::Replace, [from.into(), to.into()])
    }

    /// So many characters of the text from a position, counted from 0.
    #[must_use]
    pub fn substring(self, start: impl Into<Self>, length: impl Into<Self>) -> Self {
        self.call(Function::Substring, [start.into(), length.into()])
    }

    /// Whether a list has an item.
    #[must_use]
    pub fn list_contains(self, value: impl Into<Self>) -> Self {
        value.into().is_in(self)
    }

    /// A field of a record; of a list of records use [`map_items`](Expr::map_items).
    #[must_use]
    pub fn field(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self(Node::Field(Box::new(self), name.into()))
    }

    fn each(self, each: Each, expr: impl Into<Self>) -> Self {
        Self(Node::Each(each, Box::new(self), Box::new(expr.into())))
    }

    /// Whether the predicate is true of an item of the list: see [`field`] and [`item`].
    #[must_use]
    pub fn any(self, predicate: impl Into<Self>) -> Self {
        self.each(Each::Any, predicate)
    }

    /// Whether the predicate is true of each item of the list; true of an empty list.
    #[must_use]
    pub fn all(self, predicate: impl Into<Self>) -> Self {
        self.each(Each::All, predicate)
    }

    /// The items of the list of which the predicate is true.
    #[must_use]
    pub fn filter_items(self, predicate: impl Into<Self>) -> Self {
        self.each(Each::Filter, predicate)
    }

    /// The list of an expression's values for each item: `map_items(field("name"))`.
    #[must_use]
    pub fn map_items(self, expr: impl Into<Self>) -> Self {
        self.each(Each::Map, expr)
    }

    /// The label of a value: the second of the first pair whose first equals
    /// the value, else null.
    ///
    /// ```
    /// use report_query::col;
    ///
    /// let shown = col("source").lookup([("entra", "Entra ID"), ("identity_manager", "Identity Manager")]);
    /// # let _ = shown;
    /// ```
    #[must_use]
    pub fn lookup<K: Into<Value>, V: Into<Value>>(
        self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(from, to)| (from.into(), to.into()))
            .collect();
        Self(Node::Lookup(Box::new(self), pairs, None))
    }

    /// As [`lookup`](Expr::lookup), with another value where no pair fits.
    #[must_use]
    pub fn lookup_or<K: Into<Value>, V: Into<Value>>(
        self,
        pairs: impl IntoIterator<Item = (K, V)>,
        otherwise: impl Into<Self>,
    ) -> Self {
        let otherwise = Box::new(otherwise.into());
        match self.lookup(pairs).0 {
            Node::Lookup(of, pairs, _) => Self(Node::Lookup(of, pairs, Some(otherwise))),
            node => Self(node),
        }
    }

    /// The beginning of the hour, day, week or month that a moment lies in.
    /// The column keeps its name.
    #[must_use]
    pub fn bucket(self, bucket: Bucket) -> Self {
        Self(Node::Bucket(Box::new(self), bucket))
    }

    /// A part of a moment as a number, UTC.
    #[must_use]
    pub fn part(self, part: TimePart) -> Self {
        self.part_in(part, Zone::UTC)
    }

    /// A part of a moment as a number, at a fixed offset from UTC.
    #[must_use]
    pub fn part_at(self, part: TimePart, offset: FixedOffset) -> Self {
        self.part_in(part, Zone::fixed(offset))
    }

    /// A part of a moment as a number, by the clocks of a zone.
    #[must_use]
    pub fn part_in(self, part: TimePart, zone: Zone) -> Self {
        Self(Node::Part(Box::new(self), part, zone))
    }

    /// A moment as text in a pattern of `chrono::format::strftime`, UTC.
    #[must_use]
    pub fn format_time(self, pattern: impl Into<String>) -> Self {
        self.format_time_in(pattern, Zone::UTC)
    }

    /// As [`format_time`](Expr::format_time), at a fixed offset from UTC.
    #[must_use]
    pub fn format_time_at(self, pattern: impl Into<String>, offset: FixedOffset) -> Self {
        self.format_time_in(pattern, Zone::fixed(offset))
    }

    /// As [`format_time`](Expr::format_time), by the clocks of a zone.
    #[must_use]
    pub fn format_time_in(self, pattern: impl Into<String>, zone: Zone) -> Self {
        Self(Node::Format(Box::new(self), pattern.into(), zone))
    }

    /// The expression without the name it was given.
    pub(crate) fn without_alias(self) -> Self {
        match self.0 {
            Node::Alias(of, _) => *of,
            node => Self(node),
        }
    }

    /// The name of the column that this becomes, if it has one of its own.
    pub(crate) fn name(&self) -> Option<&Name> {
        match &self.0 {
            Node::Column(name) | Node::Alias(_, name) | Node::Field(_, name) => Some(name),
            Node::Bucket(of, _) => of.name(),
            _ => None,
        }
    }
}
