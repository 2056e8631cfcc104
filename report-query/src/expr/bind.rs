//! Binding: names become positions, types are checked, constants are folded.

use super::bound::Bound;
use super::calls::call;
use super::item_test::ItemTest;
use super::parameters::Parameters;
use super::time::check_pattern;
use super::tree::{Each, Expr, Node};
use super::typed::{Typed, fold, unify};
use crate::error::{At, MAX_DEPTH, QueryError, QueryErrorKind, Result};
use crate::result::{Approximation, ResultColumn};
use crate::schema::{DataType, nearest};
use crate::value::Value;

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
            if origin.name == column.name {
                column.label.clone_from(&origin.label);
            }
        }
        column.approximate = self.approximation(expr);
        Ok((column, typed.bound))
    }

    /// How far what an expression gives may be off.
    fn approximation(&self, expr: &Expr) -> Option<Approximation> {
        match &expr.0 {
            Node::Alias(of, _) => self.approximation(of),
            Node::Column(_) => self.origin(expr).and_then(|column| column.approximate),
            _ => self.reads_estimates(expr).then_some(Approximation::Derived),
        }
    }

    /// Whether an expression asks for a column of estimates.
    pub(crate) fn reads_estimates(&self, expr: &Expr) -> bool {
        let is_estimate = |name: &str| {
            let mut columns = self.columns.iter();
            columns.any(|column| column.name == name && column.approximate.is_some())
        };
        let is_exact = self
            .columns
            .iter()
            .all(|column| column.approximate.is_none());
        !is_exact && expr.any_column(&is_estimate)
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
                let tests = match each {
                    Each::Any | Each::All => ItemTest::all_of(&inner).map(Into::into),
                    Each::Filter | Each::Map => None,
                };
                Ok(Typed {
                    bound: Bound::Each(*each, Box::new(list.bound), Box::new(inner), tests),
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
            Node::Part(of, part, zone) => {
                let of = self.time(of, item, below).at("part")?;
                Ok(fold(Bound::Part(of, *part, *zone), Some(DataType::Int)))
            }
            Node::Format(of, pattern, zone) => {
                check_pattern(pattern).at("pattern").at("format_time")?;
                let of = self.time(of, item, below).at("format_time")?;
                let format = Bound::Format(of, pattern.as_str().into(), *zone);
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
