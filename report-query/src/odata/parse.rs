//! The grammar of `$filter`: from tokens to an expression.

use chrono::{DateTime, TimeDelta, Timelike, Utc};

use super::error::{Clause, ODataError, ODataErrorKind, shown};
use super::lex::{Lexer, Token, time};
use super::property::{Property, id_is, resolve};
use crate::activity::columns::{TARGETS, TIME};
use crate::expr::{Expr, list, lit};

type Result<T> = std::result::Result<T, ODataError>;

/// How many levels of a query's JSON form the expression has at most, so that
/// it can be bound as a filter.
const MAX_LEVELS: usize = 50;
/// How many of them a comparison of a property takes at most.
const PROPERTY_LEVELS: usize = 24;
/// How many parentheses, `not` and `any` may be open at once.
const MAX_OPEN: usize = 40;

/// An expression, and how many levels it has.
struct Part {
    expr: Expr,
    levels: usize,
}

/// Where in the filter the parser is.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The variable of the `any` around.
    item: Option<&'a str>,
    /// Within a `not`, where false and null are no longer the same.
    negated: bool,
    open: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    In,
}

const OPERATORS: [(&str, Operator); 7] = [
    ("eq", Operator::Eq),
    ("ne", Operator::Ne),
    ("gt", Operator::Gt),
    ("ge", Operator::Ge),
    ("lt", Operator::Lt),
    ("le", Operator::Le),
    ("in", Operator::In),
];

#[derive(Clone, Copy)]
enum TextFunction {
    StartsWith,
    EndsWith,
    Contains,
}

enum Literal {
    Null,
    Text(String),
    Time(DateTime<Utc>),
}

pub(super) fn filter(text: &str) -> Result<Expr> {
    let mut parser = Parser {
        lexer: Lexer::new(Clause::Filter, text)?,
    };
    let part = parser.any_of(Place {
        item: None,
        negated: false,
        open: 0,
    })?;
    match parser.lexer.peek() {
        Token::End => Ok(part.expr),
        _ => Err(parser.lexer.expected("`and`, `or` or the end")),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
}

impl<'a> Parser<'a> {
    fn any_of(&mut self, place: Place<'_>) -> Result<Part> {
        let first = self.all_of(place)?;
        self.chain("or", first, Expr::or, |parser| parser.all_of(place))
    }

    fn all_of(&mut self, place: Place<'_>) -> Result<Part> {
        let first = self.one(place)?;
        self.chain("and", first, Expr::and, |parser| parser.one(place))
    }

    fn chain(
        &mut self,
        word: &str,
        mut part: Part,
        join: fn(Expr, Expr) -> Expr,
        mut next: impl FnMut(&mut Self) -> Result<Part>,
    ) -> Result<Part> {
        let mut joined = false;
        while self.lexer.take_word(word)? {
            let more = next(self)?;
            part.expr = join(part.expr, more.expr);
            part.levels = part.levels.max(more.levels);
            joined = true;
        }
        if joined {
            self.deeper(part.expr, part.levels)
        } else {
            Ok(part)
        }
    }

    /// A level above an expression.
    fn deeper(&self, expr: Expr, levels: usize) -> Result<Part> {
        let levels = levels + 2;
        if levels > MAX_LEVELS {
            return Err(self.lexer.error(ODataErrorKind::TooDeep));
        }
        Ok(Part { expr, levels })
    }

    fn open<'p>(&self, place: Place<'p>) -> Result<Place<'p>> {
        if place.open == MAX_OPEN {
            return Err(self.lexer.error(ODataErrorKind::TooDeep));
        }
        Ok(Place {
            open: place.open + 1,
            ..place
        })
    }

    fn one(&mut self, place: Place<'_>) -> Result<Part> {
        if self.lexer.take_word("not")? {
            let within = Place {
                negated: true,
                ..self.open(place)?
            };
            let part = self.one(within)?;
            return self.deeper(part.expr.not(), part.levels);
        }
        if self.lexer.take(&Token::Open)? {
            let part = self.any_of(self.open(place)?)?;
            self.lexer.expect(&Token::Close, "`)`")?;
            return Ok(part);
        }
        let position = self.lexer.position();
        if let Token::Word(word) = *self.lexer.peek()
            && !is_literal_word(word)
        {
            self.lexer.next()?;
            if *self.lexer.peek() == Token::Open {
                return self.called(word, position, place);
            }
            let property = self.property(word, position, place)?;
            return self.comparison(property, place);
        }
        self.reversed(place)
    }

    fn property(&self, path: &str, position: usize, place: Place<'_>) -> Result<Property> {
        resolve(path, place.item).map_err(|kind| self.lexer.error_at(kind, position))
    }

    /// A word with parentheses after it.
    fn called(&mut self, word: &'a str, position: usize, place: Place<'_>) -> Result<Part> {
        if let Some((path, last)) = word.rsplit_once('/') {
            for each in ["any", "all"] {
                if last.eq_ignore_ascii_case(each) {
                    return self.lambda(path, each == "all", position, place);
                }
            }
        }
        let function = match word.to_ascii_lowercase().as_str() {
            "startswith" => TextFunction::StartsWith,
            "endswith" => TextFunction::EndsWith,
            "contains" => TextFunction::Contains,
            _ => {
                let name = shown(word);
                let kind = ODataErrorKind::UnknownFunction { name };
                return Err(self.lexer.error_at(kind, position));
            }
        };
        self.lexer.expect(&Token::Open, "`(`")?;
        let position = self.lexer.position();
        let Token::Word(path) = self.lexer.next()? else {
            return Err(self
                .lexer
                .error_at(ODataErrorKind::Expected { what: "a property" }, position));
        };
        let property = self.property(path, position, place)?;
        if property == Property::Time || property.is_id() {
            let what = "a text function of this property";
            let kind = ODataErrorKind::Unsupported { what };
            return Err(self.lexer.error_at(kind, position));
        }
        self.lexer.expect(&Token::Comma, "`,`")?;
        let text = match self.lexer.peek() {
            Token::Text(text) => text.clone().into_owned(),
            _ => return Err(self.lexer.expected("a text")),
        };
        self.lexer.next()?;
        self.lexer.expect(&Token::Close, "`)`")?;
        let of = property.rendered();
        let expr = match function {
            TextFunction::StartsWith => of.starts_with(text),
            TextFunction::EndsWith => of.ends_with(text),
            TextFunction::Contains => of.contains(text),
        };
        let part = Part {
            expr,
            levels: PROPERTY_LEVELS,
        };
        self.truth(part)
    }

    /// `eq true` and the like, which some clients write after a function.
    fn truth(&mut self, part: Part) -> Result<Part> {
        let equal = self.lexer.take_word("eq")?;
        if !equal && !self.lexer.take_word("ne")? {
            return Ok(part);
        }
        let value = self.lexer.take_word("true")?;
        if !value && !self.lexer.take_word("false")? {
            return Err(self.lexer.expected("`true` or `false`"));
        }
        // What is null equals neither.
        let expr = match (equal, value) {
            (true, true) => part.expr.coalesce(false),
            (true, false) => part.expr.not().coalesce(false),
            (false, true) => part.expr.coalesce(false).not(),
            (false, false) => part.expr.coalesce(true),
        };
        self.deeper(expr, part.levels + 2)
    }

    fn lambda(&mut self, path: &str, all: bool, position: usize, place: Place<'_>) -> Result<Part> {
        if place.item.is_some() || !path.eq_ignore_ascii_case("targetResources") {
            let kind = match resolve(path, place.item) {
                Err(kind @ ODataErrorKind::UnknownProperty { .. }) => kind,
                _ => ODataErrorKind::Unsupported {
                    what: "`any` or `all` of this property",
                },
            };
            return Err(self.lexer.error_at(kind, position));
        }
        self.lexer.expect(&Token::Open, "`(`")?;
        if !all && self.lexer.take(&Token::Close)? {
            return Ok(Part {
                expr: TARGETS.length().gt(0),
                levels: PROPERTY_LEVELS,
            });
        }
        let item = match *self.lexer.peek() {
            Token::Word(word) if !word.contains(['/', '.']) => word,
            _ => return Err(self.lexer.expected("a variable")),
        };
        self.lexer.next()?;
        self.lexer.expect(&Token::Colon, "`:`")?;
        let within = Place {
            item: Some(item),
            negated: false,
            ..self.open(place)?
        };
        let inner = self.any_of(within)?;
        self.lexer.expect(&Token::Close, "`)`")?;
        // Both are true or false, never null.
        let expr = if all {
            TARGETS.all(inner.expr.coalesce(false))
        } else if place.negated {
            TARGETS.any(inner.expr).coalesce(false)
        } else {
            TARGETS.any(inner.expr)
        };
        self.deeper(expr, inner.levels + 2)
    }

    fn comparison(&mut self, property: Property, place: Place<'_>) -> Result<Part> {
        let position = self.lexer.position();
        let operator = self.operator()?;
        if operator != Operator::In {
            let literal = self.literal(property)?;
            return self.compared(property, operator, literal, position, place);
        }
        self.lexer.expect(&Token::Open, "`(`")?;
        let mut texts = Vec::new();
        let mut times: Option<Expr> = None;
        loop {
            let position = self.lexer.position();
            match self.literal(property)? {
                Literal::Null => {
                    let what = "a text, a date or a time";
                    let kind = ODataErrorKind::Expected { what };
                    return Err(self.lexer.error_at(kind, position));
                }
                Literal::Text(text) => texts.push(text),
                Literal::Time(time) => {
                    let same = compare_time(Operator::Eq, time);
                    times = Some(match times {
                        Some(others) => others.or(same),
                        None => same,
                    });
                }
            }
            if !self.lexer.take(&Token::Comma)? {
                break;
            }
        }
        self.lexer.expect(&Token::Close, "`,` or `)`")?;
        let expr = match times {
            Some(expr) => expr,
            None => two_valued(property.rendered().is_in_ci(list(texts)), place),
        };
        Ok(Part {
            expr,
            levels: PROPERTY_LEVELS,
        })
    }

    /// A comparison whose literal comes first.
    fn reversed(&mut self, place: Place<'_>) -> Result<Part> {
        let start = self.lexer.position();
        let literal = match self.lexer.peek() {
            Token::Word(_) | Token::Text(_) | Token::Time(_) | Token::Guid(_) => {
                self.lexer.next()?
            }
            _ => return Err(self.lexer.expected("a condition")),
        };
        let position = self.lexer.position();
        let operator = match self.operator()? {
            Operator::Gt => Operator::Lt,
            Operator::Ge => Operator::Le,
            Operator::Lt => Operator::Gt,
            Operator::Le => Operator::Ge,
            Operator::In => {
                return Err(self
                    .lexer
                    .error_at(ODataErrorKind::Expected { what: "a property" }, start));
            }
            same => same,
        };
        let Token::Word(path) = *self.lexer.peek() else {
            return Err(self.lexer.expected("a property"));
        };
        let property = self.property(path, self.lexer.position(), place)?;
        self.lexer.next()?;
        let literal = value_of(property, literal).map_err(|what| {
            self.lexer
                .error_at(ODataErrorKind::Expected { what }, start)
        })?;
        self.compared(property, operator, literal, position, place)
    }

    fn operator(&mut self) -> Result<Operator> {
        let found = match self.lexer.peek() {
            Token::Word(word) => OPERATORS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(word)),
            _ => None,
        };
        match found {
            Some((_, operator)) => {
                self.lexer.next()?;
                Ok(*operator)
            }
            None => Err(self.lexer.expected("an operator")),
        }
    }

    fn literal(&mut self, property: Property) -> Result<Literal> {
        let literal = value_of(property, self.lexer.peek().clone())
            .map_err(|what| self.lexer.expected(what))?;
        self.lexer.next()?;
        Ok(literal)
    }

    fn compared(
        &self,
        property: Property,
        operator: Operator,
        literal: Literal,
        position: usize,
        place: Place<'_>,
    ) -> Result<Part> {
        let unsupported = || {
            let what = "this operator for this property";
            let kind = ODataErrorKind::Unsupported { what };
            Err(self.lexer.error_at(kind, position))
        };
        let same = |literal: &str| match property {
            Property::Id => id_is(literal),
            _ => property.rendered().eq_ci(literal),
        };
        let expr = match (operator, literal) {
            (Operator::Eq | Operator::Ne, Literal::Null) if property == Property::Time => {
                lit(operator == Operator::Ne)
            }
            (Operator::Eq, Literal::Null) => property.rendered().is_null(),
            (Operator::Ne, Literal::Null) => property.rendered().is_not_null(),
            (_, Literal::Null) => return unsupported(),
            (operator, Literal::Time(time)) => compare_time(operator, time),
            (Operator::Eq, Literal::Text(text)) => two_valued(same(&text), place),
            (Operator::Ne, Literal::Text(text)) => same(&text).coalesce(false).not(),
            (_, Literal::Text(_)) => return unsupported(),
        };
        Ok(Part {
            expr,
            levels: PROPERTY_LEVELS,
        })
    }
}

fn is_literal_word(word: &str) -> bool {
    ["null", "true", "false"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

/// What a token is as a value of a property; what is expected, else.
fn value_of(property: Property, token: Token<'_>) -> std::result::Result<Literal, &'static str> {
    let is_time = property == Property::Time;
    match token {
        Token::Word(word) if word.eq_ignore_ascii_case("null") => Ok(Literal::Null),
        Token::Time(time) if is_time => Ok(Literal::Time(time)),
        // Some clients quote it.
        Token::Text(text) if is_time => time(&text).map(Literal::Time).ok_or("a date or a time"),
        Token::Text(text) => Ok(Literal::Text(text.into_owned())),
        Token::Guid(text) if property.is_id() => Ok(Literal::Text(text.to_owned())),
        Token::Time(_) | Token::Guid(_) if is_time => Err("a date or a time"),
        Token::Time(_) | Token::Guid(_) => Err("a text in quotes"),
        _ => Err("a literal"),
    }
}

/// Within a `not`: false where there is no value, as OData has it for equality.
fn two_valued(equal: Expr, place: Place<'_>) -> Expr {
    if place.negated {
        equal.coalesce(false)
    } else {
        equal
    }
}

/// Compares the time as it is rendered, cut to 100 ns.
fn compare_time(operator: Operator, time: DateTime<Utc>) -> Expr {
    let over = i64::from(time.nanosecond() % 100);
    let floor = time - TimeDelta::nanoseconds(over);
    let after = floor
        .checked_add_signed(TimeDelta::nanoseconds(100))
        .unwrap_or(floor);
    let ceiling = if over == 0 { floor } else { after };
    match operator {
        Operator::Ge => TIME.ge(ceiling),
        Operator::Gt => TIME.ge(after),
        Operator::Lt => TIME.lt(ceiling),
        Operator::Le => TIME.lt(after),
        Operator::Eq | Operator::In => TIME.ge(ceiling).and(TIME.lt(after)),
        Operator::Ne => TIME.lt(ceiling).or(TIME.ge(after)),
    }
}
