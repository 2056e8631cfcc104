use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::*;
use crate::error::QueryErrorKind;
use crate::result::ResultColumn;
use crate::schema::{DataType, Field};
use crate::value::Value;

struct OneRow(Vec<Value>);

impl Cells for OneRow {
    fn cell(&self, _: usize, column: usize) -> Cow<'_, Value> {
        Cow::Borrowed(&self.0[column])
    }
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A row of every type.
fn row() -> Vec<(ResultColumn, Value)> {
    let target = DataType::record([
        Field::new("name", DataType::Text),
        Field::new("size", DataType::Int),
    ]);
    let targets = Value::list([
        Value::record([Value::from("Night Shift"), Value::from(3)]),
        Value::record([Value::Null, Value::from(5)]),
    ]);
    [
        ("t", DataType::Bool, Value::from(true)),
        ("f", DataType::Bool, Value::from(false)),
        ("null", DataType::Bool, Value::Null),
        ("n", DataType::Int, Value::from(7)),
        ("nn", DataType::Int, Value::Null),
        ("x", DataType::Float, Value::from(2.5)),
        ("s", DataType::Text, Value::from("Alice Müller")),
        ("ns", DataType::Text, Value::Null),
        (
            "time",
            DataType::Time,
            Value::from(time("2026-11-24T14:32:05Z")),
        ),
        ("id", DataType::Id, Value::from(uuid::Uuid::from_u128(5))),
        (
            "tags",
            DataType::list(DataType::Text),
            Value::list(["b", "a", "b"]),
        ),
        (
            "empty",
            DataType::list(DataType::Text),
            Value::list([""; 0]),
        ),
        ("no_list", DataType::list(DataType::Text), Value::Null),
        ("targets", DataType::list(target.clone()), targets),
        (
            "no_targets",
            DataType::list(target),
            Value::list([false; 0]),
        ),
    ]
    .into_iter()
    .map(|(name, data_type, value)| (ResultColumn::new(name, data_type), value))
    .collect()
}

fn bind_with(expr: &Expr, parameters: &Parameters) -> crate::Result<Bound> {
    let columns: Vec<ResultColumn> = row().into_iter().map(|(column, _)| column).collect();
    let binder = Binder {
        columns: &columns,
        parameters,
        depth: 0,
    };
    Ok(binder.bind(expr)?.bound)
}

fn try_eval(expr: &Expr) -> crate::Result<Value> {
    let bound = bind_with(expr, &Parameters::new())?;
    let row = OneRow(row().into_iter().map(|(_, value)| value).collect());
    let value = bound.eval(&Scope::new(Row::Of(&row, 0)))?.into_owned();
    Ok(value)
}

fn eval(expr: Expr) -> String {
    let value = try_eval(&expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
    if value.is_null() {
        "null".to_owned()
    } else {
        value.to_string()
    }
}

fn error(expr: Expr) -> String {
    try_eval(&expr).unwrap_err().to_string()
}

#[test]
fn three_valued_logic() {
    let table = [
        // a, b, and, or
        ("t", "t", "true", "true"),
        ("t", "f", "false", "true"),
        ("t", "null", "null", "true"),
        ("f", "t", "false", "true"),
        ("f", "f", "false", "false"),
        ("f", "null", "false", "null"),
        ("null", "t", "null", "true"),
        ("null", "f", "false", "null"),
        ("null", "null", "null", "null"),
    ];
    for (a, b, and, or) in table {
        assert_eq!(eval(col(a).and(col(b))), and, "{a} and {b}");
        assert_eq!(eval(col(a).or(col(b))), or, "{a} or {b}");
    }
    assert_eq!(eval(col("null").not()), "null");
    assert_eq!(eval(!col("t")), "false");
    // Literals are folded to the same.
    assert_eq!(eval(lit(true).and(lit(Value::Null))), "null");
    assert_eq!(eval(lit(Value::Null).and(false)), "false");
    assert_eq!(eval(lit(Value::Null).or(true)), "true");
    assert_eq!(eval(col("null").and(lit(false))), "false");
}

#[test]
fn comparisons_with_null_are_null() {
    assert_eq!(eval(col("nn").eq(7)), "null");
    assert_eq!(eval(col("nn").ne(7)), "null");
    assert_eq!(eval(col("nn").eq(col("nn"))), "null");
    assert_eq!(eval(col("n").lt(lit(Value::Null))), "null");
    assert_eq!(eval(col("nn").is_null()), "true");
    assert_eq!(eval(col("nn").is_not_null()), "false");
    assert_eq!(eval(col("ns").contains("x")), "null");
    assert_eq!(eval(col("s").contains(col("ns"))), "null");
}

#[test]
fn membership_and_null() {
    assert_eq!(eval(col("n").in_list([1, 7])), "true");
    assert_eq!(eval(col("n").in_list([1, 2])), "false");
    assert_eq!(eval(col("n").in_list([7.0, 1.5])), "true");
    assert_eq!(eval(col("nn").in_list([1])), "null");
    assert_eq!(eval(col("n").in_list([Some(1), None])), "null");
    assert_eq!(eval(col("n").in_list([Some(7), None])), "true");
    assert_eq!(eval(col("n").in_list([0_i64; 0])), "false");
    assert_eq!(eval(col("s").in_list(["alice müller"])), "false");
    assert_eq!(eval(col("s").in_list_ci(["ALICE MÜLLER"])), "true");
    assert_eq!(eval(lit("a").is_in(col("tags"))), "true");
    assert_eq!(eval(lit("a").is_in(col("no_list"))), "null");
    assert_eq!(eval(col("tags").list_contains("c")), "false");
}

#[test]
fn comparisons() {
    assert_eq!(eval(col("n").between(7..8)), "true");
    assert_eq!(eval(col("n").between(6..7)), "false");
    assert_eq!(eval(col("n").gt(6.5)), "true");
    assert_eq!(eval(col("x").lt(3)), "true");
    assert_eq!(eval(col("s").eq("Alice Müller")), "true");
    assert_eq!(eval(col("s").eq("alice müller")), "false");
    assert_eq!(eval(col("s").eq_ci("ALICE müller")), "true");
    assert_eq!(eval(col("f").lt(col("t"))), "true");
    // A literal text is read as the moment or id that it is compared with.
    assert_eq!(eval(col("time").ge("2026-11-24T15:32:05+01:00")), "true");
    assert_eq!(
        eval(col("id").eq("00000000-0000-0000-0000-000000000005")),
        "true"
    );
    assert_eq!(
        eval(col("id").in_list(["00000000-0000-0000-0000-000000000005"])),
        "true"
    );
    assert_eq!(
        error(col("time").gt("yesterday")),
        "gt[1]: expected time, found text"
    );
    assert_eq!(
        error(col("time").gt(col("s"))),
        "gt[0]: expected text, found time"
    );
    assert_eq!(
        error(col("tags").lt(col("tags"))),
        "lt: expected ordered values, found list of text"
    );
    assert_eq!(eval(col("tags").eq(list(["b", "a", "b"]))), "true");
}

#[test]
fn texts() {
    assert_eq!(eval(col("s").starts_with("ALICE")), "true");
    assert_eq!(eval(col("s").starts_with_cs("ALICE")), "false");
    assert_eq!(eval(col("s").ends_with("MÜLLER")), "true");
    assert_eq!(eval(col("s").ends_with_cs("Müller")), "true");
    assert_eq!(eval(col("s").contains("CE M")), "true");
    assert_eq!(eval(col("s").contains_cs("CE M")), "false");
    assert_eq!(eval(col("s").has_term("alice")), "true");
    assert_eq!(eval(col("s").has_term("alic")), "false");
    assert_eq!(eval(col("s").has_term_cs("alice")), "false");
    assert_eq!(eval(lit("ab").contains(col("s"))), "false");
    assert_eq!(eval(col("s").lower()), "alice müller");
    assert_eq!(eval(col("s").upper()), "ALICE MÜLLER");
    assert_eq!(eval(col("s").length()), "12");
    assert_eq!(eval(lit("  a ").trim()), "a");
    assert_eq!(eval(col("s").replace("l", "L")), "ALice MüLLer");
    assert_eq!(eval(col("s").replace("", "x")), "Alice Müller");
    assert_eq!(eval(col("s").substring(6, 2)), "Mü");
    assert_eq!(eval(col("s").substring(100, 2)), "");
    assert_eq!(eval(concat([col("s"), lit("!")])), "Alice Müller!");
    assert_eq!(eval(concat([col("s"), col("ns")])), "null");
    assert_eq!(
        eval(list([col("s"), col("ns"), lit("x")]).join(" / ")),
        "Alice Müller / x"
    );
    assert_eq!(eval(lit("a;b;;c").split(";").length()), "4");
    assert_eq!(eval(lit("a").split("").length()), "1");
}

#[test]
fn choices() {
    assert_eq!(
        eval(col("ns").coalesce(col("s")).coalesce("x")),
        "Alice Müller"
    );
    assert_eq!(eval(if_then_else(col("t"), 1, 2)), "1");
    assert_eq!(eval(if_then_else(col("null"), 1, 2)), "2");
    assert_eq!(eval(if_then_else(col("t"), 1, 2.5)), "1");
    let cases = case([(col("f"), lit("a")), (col("t"), lit("b"))], lit("c"));
    assert_eq!(eval(cases), "b");
    let labels = [("x", "X"), ("Alice Müller", "A"), ("Alice Müller", "B")];
    assert_eq!(eval(col("s").lookup(labels)), "A");
    assert_eq!(eval(col("s").lookup([("y", "Y")])), "null");
    assert_eq!(
        eval(col("s").lookup_or([("y", "Y")], col("s"))),
        "Alice Müller"
    );
    assert_eq!(eval(col("ns").lookup_or([("y", "Y")], "none")), "none");
    assert_eq!(eval(col("n").lookup([(7, "seven")])), "seven");
    assert_eq!(
        error(if_then_else(col("t"), 1, "x")),
        "if[1]: expected int, found text"
    );
}

#[test]
fn lists() {
    assert_eq!(eval(col("tags").distinct()), "b, a");
    assert_eq!(eval(col("tags").sort_items()), "a, b, b");
    assert_eq!(eval(col("tags").get(1)), "a");
    assert_eq!(eval(col("tags").get(-1)), "b");
    assert_eq!(eval(col("tags").get(-4)), "null");
    assert_eq!(eval(col("tags").get(3)), "null");
    assert_eq!(eval(col("tags").get(i64::MIN)), "null");
    assert_eq!(eval(col("tags").take(2)), "b, a");
    assert_eq!(eval(col("tags").take(-1)), "");
    assert_eq!(
        eval(
            col("tags")
                .concat_list(list(["c"]))
                .concat_list(col("no_list"))
        ),
        "b, a, b, c"
    );
    assert_eq!(eval(list([col("tags"), col("empty")]).flatten()), "b, a, b");
    assert_eq!(eval(col("tags").join("+")), "b+a+b");
    assert_eq!(eval(col("no_list").length()), "null");
    assert_eq!(eval(list([1.5, 2.0]).length()), "2");
    assert_eq!(
        error(list([lit(1), lit("x")])),
        "[1]: expected int, found text"
    );
}

#[test]
fn items_of_lists() {
    let targets = || col("targets");
    assert_eq!(eval(targets().any(field("name").contains("NIGHT"))), "true");
    assert_eq!(eval(targets().any(field("size").gt(5))), "false");
    // The unknown name may be it.
    assert_eq!(eval(targets().any(field("name").eq("x"))), "null");
    assert_eq!(eval(targets().all(field("size").gt(2))), "true");
    assert_eq!(eval(targets().all(field("name").eq("Night Shift"))), "null");
    assert_eq!(eval(col("no_targets").any(field("size").gt(0))), "false");
    assert_eq!(eval(col("no_targets").all(field("size").gt(0))), "true");
    assert_eq!(eval(col("no_list").any(item().eq("x"))), "null");
    assert_eq!(eval(targets().map_items(field("size"))), "3, 5");
    assert_eq!(eval(targets().map_items(field("name")).length()), "2");
    assert_eq!(
        eval(
            targets()
                .filter_items(field("name").is_null())
                .map_items(field("size"))
        ),
        "5"
    );
    assert_eq!(eval(targets().get(0).field("name")), "Night Shift");
    assert_eq!(eval(targets().get(5).field("name")), "null");
    // Columns of the row are seen inside, too, and lists within lists.
    assert_eq!(
        eval(targets().any(field("size").add(4).eq(col("n")))),
        "true"
    );
    let inner = col("tags").any(item().eq("a"));
    assert_eq!(eval(targets().all(inner)), "true");
    assert_eq!(
        error(targets().any(field("nme").eq("x"))),
        "any[1].eq[0].field: no field `nme`; is `name` meant?"
    );
    assert_eq!(
        error(targets().any(field("size"))),
        "any[1]: expected bool, found int"
    );
    assert_eq!(error(col("n").any(item())), "any: expected list, found int");
    assert_eq!(
        error(item().eq(1)),
        "eq[0]: an item stands only inside `any`, `all`, `filter` and `map`"
    );
    assert_eq!(
        error(col("s").field("x")),
        "field: expected record, found text"
    );
}

#[test]
fn arithmetic_is_checked() {
    assert_eq!(eval(col("n") + 1 - 2), "6");
    assert_eq!(eval(col("n") * 2.0), "14");
    assert_eq!(eval(col("n") / 2), "3.5");
    assert_eq!(eval(col("n").quotient(2)), "3");
    assert_eq!(eval(col("n").neg().quotient(2)), "-3");
    assert_eq!(eval(-col("n") % 4), "-3");
    assert_eq!(eval(col("n") / 0), "null");
    assert_eq!(eval(col("n").quotient(0)), "null");
    assert_eq!(eval(col("n") % 0), "null");
    assert_eq!(eval(col("x") % 0.0), "null");
    assert_eq!(eval(col("n") + lit(Value::Null)), "null");
    assert_eq!(eval((-col("n")).abs()), "7");
    assert_eq!(eval(col("x").round()), "3");
    assert_eq!(eval(lit(-2.5).round()), "-3");
    assert_eq!(eval(lit(2.345).round_to(1)), "2.3");
    assert_eq!(eval(lit(1e300).round()), "null");
    assert_eq!(eval(col("n").greatest(col("nn")).greatest(9.5)), "9.5");
    assert_eq!(eval(col("n").least(col("nn"))), "7");
    let max = || col("n") + (i64::MAX - 7);
    assert_eq!(eval(max()), i64::MAX.to_string());
    assert_eq!(error(max() + 1), "a sum overflows");
    assert_eq!(error(max() * 2), "a product overflows");
    assert_eq!(error(-max() - 2), "a difference overflows");
    assert_eq!(
        error((-max() - 1).abs()),
        "a number without its sign overflows"
    );
    assert_eq!(error(-(-max() - 1)), "a negation overflows");
    assert_eq!(error((-max() - 1).quotient(-1)), "a quotient overflows");
    assert_eq!(eval((-max() - 1).rem(-1)), "0");
    assert_eq!(error(col("s") + 1), "add[0]: expected number, found text");
    // An overflow of literals is one of the run, in case it is never reached.
    assert_eq!(eval(col("t").or(lit(i64::MAX).add(1).gt(0))), "true");
}

#[test]
fn times() {
    let time = || col("time");
    assert_eq!(eval(time().bucket(Bucket::MONTH)), "2026-11-01T00:00:00Z");
    assert_eq!(eval(time().part(TimePart::Weekday)), "2");
    assert_eq!(eval(time().format_time("%d.%m.%Y")), "24.11.2026");
    assert_eq!(eval(time().seconds_until("2026-11-24T14:33:05.9Z")), "60");
    assert_eq!(eval(time().seconds_until("2026-11-24T14:32:04Z")), "-1");
    assert_eq!(eval(time().add_seconds(-5)), "2026-11-24T14:32:00Z");
    assert_eq!(error(time().add_seconds(i64::MAX)), "a moment overflows");
    assert_eq!(eval(lit(Value::Null).bucket(Bucket::DAY)), "null");
    assert_eq!(
        error(time().format_time("%Q")),
        "format_time.pattern: not a pattern of times"
    );
    assert_eq!(
        error(col("n").bucket(Bucket::DAY)),
        "bucket.of: expected time, found int"
    );
}

#[test]
fn conversions() {
    assert_eq!(eval(col("time").to_text()), "2026-11-24T14:32:05Z");
    assert_eq!(
        eval(col("id").to_text()),
        "00000000-0000-0000-0000-000000000005"
    );
    assert_eq!(eval(col("nn").to_text()), "null");
    assert_eq!(eval(col("t").to_text()), "true");
    assert_eq!(eval(lit(" 12 ").to_int()), "12");
    assert_eq!(eval(lit("x").to_int()), "null");
    assert_eq!(eval(lit(-2.9).to_int()), "-2");
    assert_eq!(eval(lit(f64::NAN).to_int()), "null");
    assert_eq!(eval(lit(9.3e18).to_int()), "null");
    assert_eq!(eval(col("t").to_int()), "1");
    assert_eq!(eval(lit("1.5").to_float()), "1.5");
    assert_eq!(
        eval(lit("2026-11-24T15:00:00+01:00").to_time()),
        "2026-11-24T14:00:00Z"
    );
    assert_eq!(eval(col("s").to_time()), "null");
    assert_eq!(
        eval(
            lit("{00000000-0000-0000-0000-000000000005}")
                .to_id()
                .eq(col("id"))
        ),
        "true"
    );
    assert_eq!(eval(col("s").to_id()), "null");
}

#[test]
fn parameters_are_optional_only_where_it_is_said() {
    let given = Parameters::new()
        .set("who", "alice")
        .set("several", ["x", "Alice Müller"]);
    let test = |expr: Expr, parameters: &Parameters| {
        let row = OneRow(row().into_iter().map(|(_, value)| value).collect());
        bind_with(&expr, parameters)?.test(&Scope::new(Row::Of(&row, 0)))
    };
    let none = Parameters::new();
    let optional = || when_param("who", col("s").starts_with(param("who")));
    assert_eq!(test(optional(), &given).unwrap(), Some(true));
    assert_eq!(test(optional(), &none).unwrap(), Some(true));
    assert_eq!(
        test(optional(), &Parameters::new().set("who", "bob")).unwrap(),
        Some(false)
    );
    let null = Parameters::new().set("who", Value::Null);
    assert_eq!(test(optional(), &null).unwrap(), Some(true));
    assert_eq!(
        *test(col("s").eq(param("who")), &none).unwrap_err().kind(),
        QueryErrorKind::MissingParameter {
            name: "who".to_owned()
        }
    );
    // Several values, or one where several would do.
    assert_eq!(
        test(col("s").is_in(param("several")), &given).unwrap(),
        Some(true)
    );
    assert_eq!(
        test(col("s").is_in_ci(param("who")), &given).unwrap(),
        Some(false)
    );
    // Types are checked with and without values.
    let error = test(col("n").eq(param("who")), &given).unwrap_err();
    assert_eq!(error.to_string(), "eq[1]: expected int, found text");
    let error = test(when_param("x", col("nix").eq(param("x"))), &none).unwrap_err();
    assert_eq!(error.to_string(), "when_param[1].eq[0]: no column `nix`");
    // A moment given as text.
    let from = Parameters::new().set("from", "2026-11-24T14:32:05Z");
    assert_eq!(
        test(col("time").ge(param("from")), &from).unwrap(),
        Some(true)
    );
}

#[test]
fn texts_of_expressions_show_literals_and_debug_does_not() {
    let expr = col("actor")
        .eq("alice")
        .and(col("n").in_list([1, 2]))
        .alias("x");
    assert_eq!(
        expr.to_string(),
        r#"and(eq(actor, "alice"), in(n, (1, 2))) as x"#
    );
    assert!(!format!("{expr:?}").contains("alice"));
    assert!(!format!("{:?}", Parameters::new().set("actor", "alice")).contains("alice"));
}

#[test]
fn names_stand_outermost() {
    assert_eq!(
        error(col("n").alias("a").add(1)),
        "add[0]: a name stands only outermost in an expression"
    );
    assert_eq!(error(col("nul")), "no column `nul`; is `null` meant?");
}
