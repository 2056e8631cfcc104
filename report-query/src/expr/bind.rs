//! Binding: names become positions, types are checked, constants are folded.

use std::sync::Arc;

use chrono::FixedOffset;

use super::eval::Scope;
use super::function::Function;
use super::parameters::Parameters;
use super::text::{Needle, TextTest, folded};
use super::time::{Bucket, TimePart, check_pattern};
use super::tree::{Each, Expr, Node};
use crate::error::{At, MAX_DEPTH, QueryError, QueryErrorKind, Result};
use crate::result::ResultColumn;
use crate::schema::{DataType, nearest};
use crate::value::Value;

/// An expression whose columns are positions. It can fail only on overflow and
/// on a parameter that is missing.
#[derive(Clone, Debug)]
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
    Each(Each, Box<Bound>, Box<Bound>),
    Case(Vec<(Bound, Bound)>, Box<Bound>),
    Lookup(Box<Bound>, Arc<[(Value, Value)]>, Box<Bound>),
    Bucket(Box<Bound>, Bucket),
    Part(Box<Bound>, TimePart, FixedOffset),
    Format(Box<Bound>, Arc<str>, FixedOffset),
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
    const fn from_function(function: Function) -> Option<Self> {
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
#[derive(Clone, Debug)]
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

/// A bound expression and its type; none for null and for missing parameters.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) bound: Bound,
    pub(crate) data_type: Option<DataType>,
}

impl Typed {
    const fn new(bound: Bound, data_type: DataType) -> Self {
        Self {
            bound,
            data_type: Some(data_type),
        }
    }

    fn constant(value: Value) -> Self {
        Self {
            data_type: type_of(&value),
            bound: Bound::Const(value),
        }
    }

    fn type_name(&self) -> String {
        self.data_type
            .as_ref()
            .map_or_else(|| "null".to_owned(), ToString::to_string)
    }

    /// Makes it a value of a type: integers become floats, literal texts
    /// become the moments or GUIDs that they spell.
    pub(crate) fn into_type(self, wanted: &DataType) -> Result<Bound> {
        match (&self.data_type, wanted) {
            (None, _) => Ok(self.bound),
            (Some(found), wanted) if found == wanted => Ok(self.bound),
            (Some(DataType::Int), DataType::Float) => Ok(match self.bound {
                Bound::Const(value) => Bound::Const(value.as_float().into()),
                bound => Bound::Call(Function::ToFloat, vec![bound]),
            }),
            (Some(found), wanted) => match &self.bound {
                Bound::Const(value) => match spelled(value, wanted) {
                    Some(value) => Ok(Bound::Const(value)),
                    None => Err(QueryError::type_mismatch(wanted, found)),
                },
                _ => Err(QueryError::type_mismatch(wanted, found)),
            },
        }
    }
}

/// The moment or GUID, or list of them, that a literal text spells.
fn spelled(value: &Value, wanted: &DataType) -> Option<Value> {
    match (value, wanted) {
        (Value::Text(text), DataType::Time) => Some(Value::Time(
            text.parse::<chrono::DateTime<FixedOffset>>().ok()?.into(),
        )),
        (Value::Text(text), DataType::Id) => Some(Value::Id(text.parse().ok()?)),
        (Value::List(items), DataType::List(wanted)) => items
            .iter()
            .map(|item| match item {
                Value::Null => Some(Value::Null),
                item => spelled(item, wanted),
            })
            .collect::<Option<Vec<_>>>()
            .map(Value::from),
        _ => None,
    }
}

/// The type of a literal or parameter; none for null and for lists of nothing.
fn type_of(value: &Value) -> Option<DataType> {
    Some(match value {
        Value::Null | Value::Record(_) => return None,
        Value::Bool(_) => DataType::Bool,
        Value::Int(_) => DataType::Int,
        Value::Float(_) => DataType::Float,
        Value::Time(_) => DataType::Time,
        Value::Text(_) => DataType::Text,
        Value::Id(_) => DataType::Id,
        Value::List(items) => {
            let mut types = items.iter().filter_map(type_of);
            let first = types.next()?;
            let item = types.fold(first, |so_far, next| {
                if so_far == DataType::Int && next == DataType::Float {
                    next
                } else {
                    so_far
                }
            });
            DataType::list(item)
        }
    })
}

/// Whether two values can be equal or not: one type, or both numbers.
fn comparable(a: &DataType, b: &DataType) -> bool {
    a == b || a.is_number() && b.is_number()
}

/// Whether values of the type are ordered by `lt` and the like, and by sorts.
pub(crate) const fn is_ordered(data_type: &DataType) -> bool {
    !matches!(data_type, DataType::List(_) | DataType::Record(_))
}

/// What an item reference stands for.
#[derive(Clone, Copy)]
enum ItemScope<'a> {
    Outside,
    Inside(Option<&'a DataType>),
}

/// Binds expressions to the columns of one stage.
#[derive(Clone, Copy)]
pub(crate) struct Binder<'a> {
    pub(crate) columns: &'a [ResultColumn],
    pub(crate) parameters: &'a Parameters,
    /// How deep the expression itself is nested, in levels of the JSON form.
    pub(crate) depth: usize,
}

impl Binder<'_> {
    /// Binds an expression that may have an alias, which names nothing here.
    pub(crate) fn bind(&self, expr: &Expr) -> Result<Typed> {
        match &expr.0 {
            Node::Alias(of, _) => self
                .expr(of, ItemScope::Outside, self.depth + 2)
                .at_index(1)
                .at("as"),
            _ => self.expr(expr, ItemScope::Outside, self.depth),
        }
    }

    /// Binds a predicate.
    pub(crate) fn predicate(&self, expr: &Expr) -> Result<Bound> {
        self.bind(expr)?.into_type(&DataType::Bool)
    }

    /// Binds what becomes a column.
    pub(crate) fn named(&self, expr: &Expr) -> Result<(ResultColumn, Bound)> {
        let typed = self.bind(expr)?;
        let name = expr
            .name()
            .ok_or_else(|| QueryError::new(QueryErrorKind::MissingName))?;
        let data_type = typed.data_type.unwrap_or(DataType::Text);
        let mut column = ResultColumn::new(name.clone(), data_type);
        if let Some(origin) = self.origin(expr) {
            column.unit.clone_from(&origin.unit);
            column.approximate = origin.approximate;
            if origin.name == column.name {
                column.label.clone_from(&origin.label);
            }
        }
        Ok((column, typed.bound))
    }

    /// The column that an expression shows, whatever it is called.
    pub(crate) fn origin(&self, expr: &Expr) -> Option<&ResultColumn> {
        match &expr.0 {
            Node::Column(name) => self.columns.iter().find(|column| column.name == *name),
            Node::Alias(of, _) | Node::Bucket(of, _) => self.origin(of),
            _ => None,
        }
    }

    fn column(&self, name: &str) -> Result<Typed> {
        let found = self
            .columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name);
        match found {
            Some((index, column)) => Ok(Typed::new(Bound::Column(index), column.data_type.clone())),
            None => Err(QueryError::new(QueryErrorKind::UnknownColumn {
                name: name.to_owned(),
                nearest: nearest(name, self.columns.iter().map(|column| column.name.as_str())),
            })),
        }
    }

    fn expr(&self, expr: &Expr, item: ItemScope<'_>, depth: usize) -> Result<Typed> {
        if depth >= MAX_DEPTH {
            return Err(QueryError::new(QueryErrorKind::TooDeep {
                limit: MAX_DEPTH,
            }));
        }
        // One operator is an object and an array in the JSON form.
        let below = depth + 2;
        match &expr.0 {
            Node::Column(name) => self.column(name),
            Node::Literal(value) => match value {
                Value::Record(_) => Err(QueryError::argument("a record is no literal")),
                value => Ok(Typed::constant(value.clone())),
            },
            Node::Param(name) => Ok(match self.parameters.get(name) {
                Some(value) => Typed::constant(value.clone()),
                None => Typed {
                    bound: Bound::Missing(name.clone().into_owned()),
                    data_type: None,
                },
            }),
            Node::WhenParam(name, predicate) => {
                // Checked even if it is not used, so that a typo is found early.
                let bound = self
                    .expr(predicate, item, below)
                    .and_then(|typed| typed.into_type(&DataType::Bool))
                    .at_index(1)
                    .at("when_param")?;
                let bound = match self.parameters.get(name) {
                    Some(_) => bound,
                    None => Bound::Const(Value::Bool(true)),
                };
                Ok(Typed::new(bound, DataType::Bool))
            }
            Node::List(items) => {
                let mut bound = Vec::with_capacity(items.len());
                for (index, part) in items.iter().enumerate() {
                    bound.push(self.expr(part, item, below).at_index(index)?);
                }
                let (items, data_type) = unify(bound)?;
                Ok(fold(Bound::List(items), data_type.map(DataType::list)))
            }
            Node::Item => match item {
                ItemScope::Inside(data_type) => Ok(Typed {
                    bound: Bound::Item,
                    data_type: data_type.cloned(),
                }),
                ItemScope::Outside => Err(QueryError::argument(
                    "an item stands only inside `any`, `all`, `filter` and `map`",
                )),
            },
            Node::Field(of, name) => {
                let of = self.expr(of, item, below).at_index(0).at("field")?;
                field(of, name)
            }
            Node::Alias(..) => Err(QueryError::argument(
                "a name stands only outermost in an expression",
            )),
            Node::Call(function, arguments) => {
                let name = function.name();
                let (least, most) = function.arity();
                if !(least..=most).contains(&arguments.len()) {
                    return Err(
                        QueryError::argument("another number of arguments is needed").at(name),
                    );
                }
                let single = arguments.len() == 1;
                let mut bound = Vec::with_capacity(arguments.len());
                for (index, argument) in arguments.iter().enumerate() {
                    let typed = self.expr(argument, item, below);
                    bound.push(if single { typed } else { typed.at_index(index) }.at(name)?);
                }
                call(*function, bound).at(name)
            }
            Node::Each(each, list, inner) => {
                let list = self.expr(list, item, below).at_index(0).at(each.name())?;
                let item_type = match &list.data_type {
                    None => None,
                    Some(DataType::List(item)) => Some(&**item),
                    Some(other) => {
                        return Err(QueryError::type_mismatch("list", other).at(each.name()));
                    }
                };
                let inner = self
                    .expr(inner, ItemScope::Inside(item_type), below)
                    .at_index(1)
                    .at(each.name())?;
                let (inner, data_type) = match each {
                    Each::Any | Each::All | Each::Filter => {
                        let inner = inner
                            .into_type(&DataType::Bool)
                            .at_index(1)
                            .at(each.name())?;
                        let of = match each {
                            Each::Filter => list.data_type.clone(),
                            _ => Some(DataType::Bool),
                        };
                        (inner, of)
                    }
                    Each::Map => (inner.bound, inner.data_type.map(DataType::list)),
                };
                Ok(Typed {
                    bound: Bound::Each(*each, Box::new(list.bound), Box::new(inner)),
                    data_type,
                })
            }
            Node::Case(arms, otherwise) => self
                .case(arms, otherwise.as_deref(), item, depth + 4)
                .at(if arms.len() == 1 { "if" } else { "case" }),
            Node::Lookup(of, pairs, otherwise) => self
                .lookup(of, pairs, otherwise.as_deref(), item, depth + 4)
                .at("lookup"),
            Node::Bucket(of, bucket) => {
                let of = self.time(of, item, below).at("bucket")?;
                Ok(fold(Bound::Bucket(of, *bucket), Some(DataType::Time)))
            }
            Node::Part(of, part, offset) => {
                let of = self.time(of, item, below).at("part")?;
                Ok(fold(Bound::Part(of, *part, *offset), Some(DataType::Int)))
            }
            Node::Format(of, pattern, offset) => {
                check_pattern(pattern).at("pattern").at("format_time")?;
                let of = self.time(of, item, below).at("format_time")?;
                let format = Bound::Format(of, pattern.as_str().into(), *offset);
                Ok(fold(format, Some(DataType::Text)))
            }
        }
    }

    fn time(&self, of: &Expr, item: ItemScope<'_>, depth: usize) -> Result<Box<Bound>> {
        let bound = self
            .expr(of, item, depth)
            .and_then(|typed| typed.into_type(&DataType::Time))
            .at("of")?;
        Ok(Box::new(bound))
    }

    fn case(
        &self,
        arms: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        item: ItemScope<'_>,
        depth: usize,
    ) -> Result<Typed> {
        let mut conditions = Vec::with_capacity(arms.len());
        let mut values = Vec::with_capacity(arms.len() + 1);
        for (index, (condition, value)) in arms.iter().enumerate() {
            let condition = self
                .expr(condition, item, depth)
                .and_then(|typed| typed.into_type(&DataType::Bool))
                .at_index(0)
                .at_index(index)?;
            conditions.push(condition);
            values.push(self.expr(value, item, depth).at_index(1).at_index(index)?);
        }
        values.push(match otherwise {
            Some(otherwise) => self.expr(otherwise, item, depth).at("else")?,
            None => Typed::constant(Value::Null),
        });
        let (mut values, data_type) = unify(values)?;
        let otherwise = values.pop().unwrap_or(Bound::Const(Value::Null));
        let arms = conditions.into_iter().zip(values).collect();
        Ok(fold(Bound::Case(arms, Box::new(otherwise)), data_type))
    }

    fn lookup(
        &self,
        of: &Expr,
        pairs: &[(Value, Value)],
        otherwise: Option<&Expr>,
        item: ItemScope<'_>,
        depth: usize,
    ) -> Result<Typed> {
        let of = self.expr(of, item, depth).at("of")?;
        let mut froms = Vec::with_capacity(pairs.len());
        let mut tos = Vec::with_capacity(pairs.len() + 1);
        for (index, (from, to)) in pairs.iter().enumerate() {
            let from = Typed::constant(from.clone());
            let from = match &of.data_type {
                Some(DataType::Float) if from.data_type == Some(DataType::Int) => from.bound,
                Some(data_type) => from.into_type(data_type).at_index(index).at("table")?,
                None => from.bound,
            };
            froms.push(constant_of(from)?);
            tos.push(Typed::constant(to.clone()));
        }
        tos.push(match otherwise {
            Some(otherwise) => self.expr(otherwise, item, depth).at("else")?,
            None => Typed::constant(Value::Null),
        });
        let (mut tos, data_type) = unify(tos)?;
        let otherwise = tos.pop().unwrap_or(Bound::Const(Value::Null));
        let tos = tos.into_iter().map(constant_of);
        // Ascending, the first of equal ones first: found by binary search.
        let mut table = froms
            .into_iter()
            .zip(tos)
            .map(|(from, to)| Ok((from, to?)))
            .collect::<Result<Vec<_>>>()?;
        table.sort_by(|a, b| a.0.cmp(&b.0));
        table.dedup_by(|later, kept| later.0 == kept.0);
        let lookup = Bound::Lookup(Box::new(of.bound), table.into(), Box::new(otherwise));
        Ok(fold(lookup, data_type))
    }
}

fn constant_of(bound: Bound) -> Result<Value> {
    match bound {
        Bound::Const(value) => Ok(value),
        _ => Err(QueryError::argument("a literal is needed")),
    }
}

fn field(of: Typed, name: &str) -> Result<Typed> {
    let Some(DataType::Record(fields)) = &of.data_type else {
        return Err(QueryError::type_mismatch("record", of.type_name()).at("field"));
    };
    match fields.iter().position(|field| field.name == name) {
        Some(index) => {
            let data_type = fields[index].data_type.clone();
            Ok(Typed::new(
                Bound::Field(Box::new(of.bound), index),
                data_type,
            ))
        }
        None => Err(QueryError::new(QueryErrorKind::UnknownField {
            name: name.to_owned(),
            nearest: nearest(name, fields.iter().map(|field| field.name.as_ref())),
        })
        .at("field")),
    }
}

/// Brings values to one type: the first that is known; integers beside floats become floats.
fn unify(values: Vec<Typed>) -> Result<(Vec<Bound>, Option<DataType>)> {
    let mut wanted: Option<DataType> = None;
    for typed in &values {
        match (&wanted, &typed.data_type) {
            (None, Some(found)) => wanted = Some(found.clone()),
            (Some(DataType::Int), Some(DataType::Float)) => wanted = Some(DataType::Float),
            // A literal text takes the type of a moment or GUID beside it.
            (Some(DataType::Text), Some(found @ (DataType::Time | DataType::Id))) => {
                wanted = Some(found.clone());
            }
            _ => {}
        }
    }
    let bound = values
        .into_iter()
        .enumerate()
        .map(|(index, typed)| match &wanted {
            Some(wanted) => typed.into_type(wanted).at_index(index),
            None => Ok(typed.bound),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((bound, wanted))
}

/// Brings two values to types that can be compared.
fn pair(a: Typed, b: Typed) -> Result<(Typed, Typed)> {
    let (Some(left), Some(right)) = (&a.data_type, &b.data_type) else {
        return Ok((a, b));
    };
    if comparable(left, right) {
        return Ok((a, b));
    }
    // A literal takes the type of what it is compared with.
    if matches!(b.bound, Bound::Const(_)) {
        let left = left.clone();
        return Ok((a, Typed::new(b.into_type(&left).at_index(1)?, left)));
    }
    let right = right.clone();
    Ok((Typed::new(a.into_type(&right).at_index(0)?, right), b))
}

/// Takes a call's arguments one by one, each to be of a type.
struct Arguments(std::iter::Enumerate<std::vec::IntoIter<Typed>>);

impl Arguments {
    fn any(&mut self) -> Result<Typed> {
        match self.0.next() {
            Some((_, typed)) => Ok(typed),
            None => Err(QueryError::argument(
                "another number of arguments is needed",
            )),
        }
    }

    fn of(&mut self, wanted: &DataType) -> Result<Bound> {
        match self.0.next() {
            Some((index, typed)) => typed.into_type(wanted).at_index(index),
            None => Err(QueryError::argument(
                "another number of arguments is needed",
            )),
        }
    }

    fn rest(&mut self, wanted: &DataType) -> Result<Vec<Bound>> {
        self.0
            .by_ref()
            .map(|(index, typed)| typed.into_type(wanted).at_index(index))
            .collect()
    }
}

fn call(function: Function, arguments: Vec<Typed>) -> Result<Typed> {
    use Function as F;

    let mut next = Arguments(arguments.into_iter().enumerate());
    let boolean = Some(DataType::Bool);
    Ok(match function {
        F::And => fold(Bound::And(next.rest(&DataType::Bool)?), boolean),
        F::Or => fold(Bound::Or(next.rest(&DataType::Bool)?), boolean),
        F::Not => fold(Bound::Not(Box::new(next.of(&DataType::Bool)?)), boolean),
        F::Eq | F::Ne | F::Lt | F::Le | F::Gt | F::Ge => {
            let comparison = Comparison::from_function(function).unwrap_or(Comparison::Eq);
            let (a, b) = pair(next.any()?, next.any()?)?;
            if !matches!(comparison, Comparison::Eq | Comparison::Ne) {
                ordered(&a)?;
            }
            compare(comparison, a.bound, b.bound)
        }
        F::Between => {
            let of = next.any()?;
            ordered(&of)?;
            let (of, from) = pair(of, next.any()?)?;
            let (of, to) = pair(of, next.any()?)?;
            let from = compare(Comparison::Ge, of.bound.clone(), from.bound);
            let to = compare(Comparison::Lt, of.bound, to.bound);
            fold(Bound::And(vec![from.bound, to.bound]), boolean)
        }
        F::In | F::InCi => membership(function, next.any()?, next.any()?)?,
        F::IsNull | F::IsNotNull => fold(Bound::Call(function, vec![next.any()?.bound]), boolean),
        F::Coalesce | F::Greatest | F::Least => {
            let (items, data_type) = unify(next.0.map(|(_, typed)| typed).collect())?;
            if let (F::Greatest | F::Least, Some(data_type)) = (function, &data_type) {
                if !is_ordered(data_type) {
                    return Err(QueryError::type_mismatch("ordered values", data_type));
                }
            }
            fold(Bound::Call(function, items), data_type)
        }
        F::EqCi => text_test(TextTest::Equal, function, next)?,
        F::StartsWith | F::StartsWithCs => text_test(TextTest::StartsWith, function, next)?,
        F::EndsWith | F::EndsWithCs => text_test(TextTest::EndsWith, function, next)?,
        F::Contains | F::ContainsCs => text_test(TextTest::Contains, function, next)?,
        F::HasTerm | F::HasTermCs => text_test(TextTest::HasTerm, function, next)?,
        F::Concat => fold(
            Bound::Call(function, next.rest(&DataType::Text)?),
            Some(DataType::Text),
        ),
        F::Lower | F::Upper | F::Trim | F::Replace => {
            let arguments = next.rest(&DataType::Text)?;
            fold(Bound::Call(function, arguments), Some(DataType::Text))
        }
        F::Substring => {
            let mut arguments = vec![next.of(&DataType::Text)?];
            arguments.extend(next.rest(&DataType::Int)?);
            fold(Bound::Call(function, arguments), Some(DataType::Text))
        }
        F::Split => {
            let arguments = next.rest(&DataType::Text)?;
            fold(
                Bound::Call(function, arguments),
                Some(DataType::list(DataType::Text)),
            )
        }
        F::Length => {
            let of = next.any()?;
            match &of.data_type {
                None | Some(DataType::Text | DataType::List(_)) => {}
                Some(other) => return Err(QueryError::type_mismatch("text or list", other)),
            }
            fold(Bound::Call(function, vec![of.bound]), Some(DataType::Int))
        }
        F::Join => {
            let texts = DataType::list(DataType::Text);
            let arguments = vec![next.of(&texts)?, next.of(&DataType::Text)?];
            fold(Bound::Call(function, arguments), Some(DataType::Text))
        }
        F::Distinct | F::SortItems => {
            let of = list_of(next.any()?)?;
            fold(Bound::Call(function, vec![of.bound]), of.data_type)
        }
        F::Get => {
            let of = list_of(next.any()?)?;
            let arguments = vec![of.bound, next.of(&DataType::Int)?];
            let data_type = match of.data_type {
                Some(DataType::List(item)) => Some((*item).clone()),
                _ => None,
            };
            fold(Bound::Call(function, arguments), data_type)
        }
        F::Take => {
            let of = list_of(next.any()?)?;
            let arguments = vec![of.bound, next.of(&DataType::Int)?];
            fold(Bound::Call(function, arguments), of.data_type)
        }
        F::ConcatLists => {
            let lists = next
                .0
                .map(|(_, typed)| list_of(typed))
                .collect::<Result<_>>()?;
            let (lists, data_type) = unify(lists)?;
            fold(Bound::Call(function, lists), data_type)
        }
        F::Flatten => {
            let of = list_of(next.any()?)?;
            let data_type = match of.data_type {
                Some(DataType::List(item)) => match &*item {
                    DataType::List(_) => Some((*item).clone()),
                    other => {
                        return Err(QueryError::type_mismatch(
                            "list of lists",
                            format!("list of {other}"),
                        ));
                    }
                },
                _ => None,
            };
            fold(Bound::Call(function, vec![of.bound]), data_type)
        }
        F::Add | F::Sub | F::Mul | F::Rem | F::Neg | F::Abs => {
            let (arguments, data_type) = numbers(next)?;
            fold(Bound::Call(function, arguments), Some(data_type))
        }
        F::Div => {
            let arguments = next.rest(&DataType::Float)?;
            fold(Bound::Call(function, arguments), Some(DataType::Float))
        }
        F::Quotient => {
            let arguments = next.rest(&DataType::Int)?;
            fold(Bound::Call(function, arguments), Some(DataType::Int))
        }
        F::Round => {
            let mut arguments = vec![next.of(&DataType::Float)?];
            arguments.extend(next.rest(&DataType::Int)?);
            let data_type = match arguments.len() {
                1 => DataType::Int,
                _ => DataType::Float,
            };
            fold(Bound::Call(function, arguments), Some(data_type))
        }
        F::SecondsBetween => {
            let arguments = next.rest(&DataType::Time)?;
            fold(Bound::Call(function, arguments), Some(DataType::Int))
        }
        F::AddSeconds => {
            let arguments = vec![next.of(&DataType::Time)?, next.of(&DataType::Int)?];
            fold(Bound::Call(function, arguments), Some(DataType::Time))
        }
        F::ToText => fold(
            Bound::Call(function, vec![next.any()?.bound]),
            Some(DataType::Text),
        ),
        F::ToInt | F::ToFloat => {
            let of = next.any()?;
            match &of.data_type {
                None | Some(DataType::Int | DataType::Float | DataType::Text | DataType::Bool) => {}
                Some(other) => {
                    return Err(QueryError::type_mismatch("number, text or bool", other));
                }
            }
            let data_type = match function {
                F::ToInt => DataType::Int,
                _ => DataType::Float,
            };
            fold(Bound::Call(function, vec![of.bound]), Some(data_type))
        }
        F::ToTime | F::ToId => {
            let data_type = match function {
                F::ToTime => DataType::Time,
                _ => DataType::Id,
            };
            let of = next.any()?;
            if of.data_type.as_ref() == Some(&data_type) {
                return Ok(of);
            }
            let of = of.into_type(&DataType::Text)?;
            fold(Bound::Call(function, vec![of]), Some(data_type))
        }
    })
}

fn compare(comparison: Comparison, a: Bound, b: Bound) -> Typed {
    fold(
        Bound::Compare(comparison, Box::new(a), Box::new(b)),
        Some(DataType::Bool),
    )
}

fn ordered(typed: &Typed) -> Result<()> {
    match &typed.data_type {
        Some(data_type) if !is_ordered(data_type) => {
            Err(QueryError::type_mismatch("ordered values", data_type))
        }
        _ => Ok(()),
    }
}

fn list_of(typed: Typed) -> Result<Typed> {
    match &typed.data_type {
        None | Some(DataType::List(_)) => Ok(typed),
        Some(other) => Err(QueryError::type_mismatch("list", other)),
    }
}

/// Numbers of one type.
fn numbers(arguments: Arguments) -> Result<(Vec<Bound>, DataType)> {
    let arguments: Vec<Typed> = arguments.0.map(|(_, typed)| typed).collect();
    for (index, typed) in arguments.iter().enumerate() {
        if let Some(other) = typed.data_type.as_ref().filter(|other| !other.is_number()) {
            return Err(QueryError::type_mismatch("number", other).at_index(index));
        }
    }
    let (arguments, data_type) = unify(arguments)?;
    Ok((arguments, data_type.unwrap_or(DataType::Int)))
}

fn membership(function: Function, value: Typed, list: Typed) -> Result<Typed> {
    let fold_case = function == Function::InCi;
    if let Some(data_type) = value.data_type.as_ref().filter(|_| fold_case) {
        if *data_type != DataType::Text {
            return Err(QueryError::type_mismatch("text", data_type).at_index(0));
        }
    }
    let list = match (&list.data_type, list.bound) {
        // One value of a parameter, where several would do.
        (Some(data_type), Bound::Const(one)) if !matches!(data_type, DataType::List(_)) => {
            Typed::new(
                Bound::Const(Value::list([one])),
                DataType::list(data_type.clone()),
            )
        }
        (Some(other), _) if !matches!(other, DataType::List(_)) => {
            return Err(QueryError::type_mismatch("list", other).at_index(1));
        }
        (data_type, bound) => Typed {
            data_type: data_type.clone(),
            bound,
        },
    };
    let list = match (&value.data_type, &list.data_type) {
        (Some(value), Some(DataType::List(item))) if !comparable(value, item) => {
            list.into_type(&DataType::list(value.clone())).at_index(1)?
        }
        _ => list.bound,
    };
    let bound = match list {
        Bound::Const(Value::List(items)) => {
            Bound::InSet(Box::new(value.bound), ValueSet::new(&items, fold_case))
        }
        list => Bound::Call(function, vec![value.bound, list]),
    };
    Ok(fold(bound, Some(DataType::Bool)))
}

fn text_test(test: TextTest, function: Function, mut next: Arguments) -> Result<Typed> {
    let text = next.of(&DataType::Text)?;
    let needle = next.of(&DataType::Text)?;
    let bound = match needle {
        Bound::Const(Value::Text(needle)) => {
            let fold_case = folds_case(function);
            Bound::TextTest(test, Box::new(text), Needle::new(&needle, fold_case))
        }
        needle => Bound::Call(function, vec![text, needle]),
    };
    Ok(fold(bound, Some(DataType::Bool)))
}

/// Whether the function looks at texts without regard to case.
pub(super) const fn folds_case(function: Function) -> bool {
    matches!(
        function,
        Function::EqCi
            | Function::InCi
            | Function::StartsWith
            | Function::EndsWith
            | Function::Contains
            | Function::HasTerm
    )
}

/// Evaluates what needs no row. What would fail is left for the run, which
/// may never come to it.
fn fold(bound: Bound, data_type: Option<DataType>) -> Typed {
    let bound = match bound {
        Bound::And(parts) => simplify(parts, true),
        Bound::Or(parts) => simplify(parts, false),
        bound => bound,
    };
    let constant = match &bound {
        Bound::Const(_) => None,
        bound if bound.is_constant() => bound
            .eval(&Scope::EMPTY)
            .ok()
            .map(|value| value.into_owned()),
        _ => None,
    };
    Typed {
        bound: constant.map_or(bound, Bound::Const),
        data_type,
    }
}

/// Drops what decides nothing from an `and` (true) or an `or` (false).
fn simplify(parts: Vec<Bound>, neutral: bool) -> Bound {
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Bound::Const(Value::Bool(value)) if value == neutral => {}
            // What stands before may fail, so only a first part decides alone.
            Bound::Const(Value::Bool(value)) if kept.is_empty() => {
                return Bound::Const(Value::Bool(value));
            }
            Bound::And(inner) if neutral => kept.extend(inner),
            Bound::Or(inner) if !neutral => kept.extend(inner),
            part => kept.push(part),
        }
    }
    match kept.len() {
        0 => Bound::Const(Value::Bool(neutral)),
        1 => kept.swap_remove(0),
        _ if neutral => Bound::And(kept),
        _ => Bound::Or(kept),
    }
}

impl Bound {
    /// Calls a function with each expression directly below.
    fn each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        match self {
            Self::Column(_) | Self::Const(_) | Self::Missing(_) | Self::Item => {}
            Self::Field(of, _)
            | Self::Not(of)
            | Self::InSet(of, _)
            | Self::TextTest(_, of, _)
            | Self::Bucket(of, _)
            | Self::Part(of, ..)
            | Self::Format(of, ..) => visit(of),
            Self::List(items) | Self::And(items) | Self::Or(items) | Self::Call(_, items) => {
                items.iter().for_each(visit);
            }
            Self::Compare(_, a, b) | Self::Each(_, a, b) | Self::Lookup(a, _, b) => {
                visit(a);
                visit(b);
            }
            Self::Case(arms, otherwise) => {
                for (condition, value) in arms {
                    visit(condition);
                    visit(value);
                }
                visit(otherwise);
            }
        }
    }

    /// Whether the value is the same for every row.
    fn is_constant(&self) -> bool {
        let mut constant = !matches!(self, Self::Column(_) | Self::Missing(_) | Self::Item);
        self.each_child(&mut |child| constant = constant && child.is_constant());
        constant
    }

    /// The columns that are looked at, each as often as it occurs.
    pub(crate) fn columns(&self, found: &mut Vec<usize>) {
        if let Self::Column(column) = self {
            found.push(*column);
        }
        self.each_child(&mut |child| child.columns(found));
    }
}
