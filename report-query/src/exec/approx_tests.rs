//! Estimates of whole queries: how far they are off, what their columns say, limits.

use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use crate::exec::random::{filled, schema, start};
use crate::result::Approximation;
use crate::{
    DataType, Limits, PartialResult, Query, QueryErrorKind, Snapshot, Value, approx_count_distinct,
    approx_percentile, asc, avg, col, count, count_distinct, max, percentile, sum,
};

/// Rows of many doors, waits from 0 to about a million, of which most are short.
fn snapshot() -> Snapshot {
    let rows: Vec<Vec<Value>> = (0..6_000_i64)
        .map(|at| {
            let mut row = vec![Value::Null; 10];
            row[0] = (start() + TimeDelta::seconds(at * 37)).into();
            row[1] = Uuid::from_u128(at as u128).into();
            row[2] = format!("door {}", at * at % 4_001).into();
            row[3] = ["in", "out", "by"][at as usize % 3].into();
            row[4] = (1_000_000 / (at + 1)).into();
            row[5] = (1.0 / (at + 1) as f64).into();
            row[7] = (start() + TimeDelta::milliseconds(at * 7_919)).into();
            row
        })
        .collect();
    filled(&rows, 1_000, 700).snapshot()
}

const COUNT: Approximation = Approximation::StandardError { per_million: 8125 };
const NUMBER: Approximation = Approximation::WithinShare { per_million: 7813 };
const TIME: Approximation = Approximation::WithinSeconds { seconds: 30 };

#[test]
fn estimates_are_as_near_as_their_columns_say() {
    let snapshot = snapshot();
    let mut aggregates = vec![
        approx_count_distinct(col("door")).alias("c0"),
        count_distinct(col("door")).alias("e0"),
    ];
    for (at, percent) in [0.0, 10.0, 50.0, 95.0, 100.0].into_iter().enumerate() {
        for column in ["n", "x", "at"] {
            let (about, exact) = (format!("a_{column}{at}"), format!("e_{column}{at}"));
            aggregates.push(approx_percentile(col(column), percent).alias(about));
            aggregates.push(percentile(col(column), percent).alias(exact));
        }
    }
    let result = Query::new()
        .group_by(["kind"])
        .aggregate(aggregates)
        .run(&snapshot)
        .unwrap();
    for row in result.rows() {
        let pairs = row[1..]
            .chunks_exact(2)
            .zip(result.columns()[1..].chunks_exact(2));
        for (values, columns) in pairs {
            assert_eq!(columns[1].approximate, None);
            let number = |value: &Value| match value {
                Value::Time(time) => time.timestamp_millis() as f64 / 1e3,
                value => value.as_float().unwrap(),
            };
            let off = (number(&values[0]) - number(&values[1])).abs();
            let share = off / number(&values[1]).abs().max(f64::MIN_POSITIVE);
            let (is, said) = match columns[0].approximate.unwrap() {
                COUNT => (share < 4.0 * 0.008_125, COUNT),
                NUMBER => (share <= 1.0 / 128.0, NUMBER),
                other => (off <= 30.0, other),
            };
            assert!(is, "{}: {} for {}", columns[0].name, values[0], values[1]);
            let expected = match columns[0].data_type {
                DataType::Time => TIME,
                _ if columns[0].name == "c0" => COUNT,
                _ => NUMBER,
            };
            assert_eq!(said, expected);
        }
    }
}

#[test]
fn what_is_computed_of_estimates_says_so() {
    let derived = Some(Approximation::Derived);
    let groups = || {
        Query::new().group_by(["kind"]).aggregate([
            approx_count_distinct(col("door")).alias("doors"),
            approx_percentile(col("at"), 50.0).alias("at"),
            count().alias("rows"),
        ])
    };
    let of = |query: Query| {
        let plan = query.bind(&schema()).unwrap();
        let columns = plan.columns().iter();
        columns
            .map(|column| (column.name.clone(), column.approximate))
            .collect::<Vec<_>>()
    };
    let said = |of: &[(String, Option<Approximation>)], name: &str| {
        let found = of.iter().find(|(column, _)| column == name);
        found.unwrap_or_else(|| panic!("{name}")).1
    };
    let columns = of(groups()
        .filter(col("doors").gt(3))
        .sort([asc("doors")])
        .extend([
            col("doors").alias("same"),
            col("doors").add(1).alias("more"),
            col("at").bucket(crate::Bucket::DAY).alias("day"),
            col("rows").add(1).alias("exact"),
        ]));
    assert_eq!(said(&columns, "kind"), None);
    assert_eq!(said(&columns, "rows"), None);
    assert_eq!(said(&columns, "exact"), None);
    assert_eq!(said(&columns, "doors"), Some(COUNT));
    assert_eq!(said(&columns, "same"), Some(COUNT));
    assert_eq!(said(&columns, "at"), Some(TIME));
    assert_eq!(said(&columns, "more"), derived);
    assert_eq!(said(&columns, "day"), derived);
    let columns = of(groups().group_by(["doors"]).aggregate([
        count(),
        sum(col("rows")).alias("rows"),
        max(col("at")).alias("at"),
        avg(col("rows")).filter(col("doors").gt(1)).alias("avg"),
    ]));
    assert_eq!(said(&columns, "doors"), Some(COUNT));
    assert_eq!(said(&columns, "count"), None);
    assert_eq!(said(&columns, "rows"), None);
    assert_eq!(said(&columns, "at"), derived);
    assert_eq!(said(&columns, "avg"), derived);
    let exact = Query::new()
        .group_by(["kind"])
        .aggregate([count_distinct("door").alias("doors")]);
    let columns = of(groups().union(exact.clone()));
    assert_eq!(said(&columns, "doors"), derived);
    assert_eq!(said(&columns, "at"), Some(TIME));
    assert_eq!(said(&of(exact.union(groups())), "doors"), derived);
}

#[test]
fn results_show_it() {
    let result = Query::new()
        .aggregate([
            approx_count_distinct(col("door")).alias("doors"),
            approx_percentile(col("n"), 50.0).alias("wait"),
            approx_percentile(col("at"), 50.0).alias("at"),
            count().alias("rows"),
        ])
        .extend([col("doors").mul(2).alias("twice")])
        .run(&filled(&[], 1, 1).snapshot())
        .unwrap();
    assert_eq!(
        result.to_string(),
        "\
doors ≈  wait ≈  at ≈  rows  twice ≈
-------  ------  ----  ----  -------
      0                   0        0
≈ doors: standard error 0.8125 %
≈ wait: within 0.7813 %
≈ at: within 30 s
≈ twice: of estimates
"
    );
    let mut json = Vec::new();
    result.write_json(&mut json).unwrap();
    let json = String::from_utf8(json).unwrap();
    for (name, said) in [
        (
            "doors",
            r#""type":"int","approximate":{"standard_error":0.008125}}"#,
        ),
        ("wait", r#""type":"int","approximate":{"within":0.007813}}"#),
        (
            "at",
            r#""type":"time","approximate":{"within_seconds":30}}"#,
        ),
        ("rows", r#""type":"int"}"#),
        ("twice", r#""type":"int","approximate":{}}"#),
    ] {
        let column = format!(r#"{{"name":"{name}","label":"{name}",{said}"#);
        assert!(json.contains(&column), "{column} in {json}");
    }
}

#[test]
fn types_and_shares_are_checked() {
    for (aggregate, error) in [
        (
            approx_percentile(col("door"), 50.0),
            "stages[0].group.aggregate[0].approx_percentile: expected number or time, found text",
        ),
        (
            approx_percentile(col("n"), 100.5),
            "stages[0].group.aggregate[0].approx_percentile[1]: a percentile lies between 0 and 100",
        ),
        (
            approx_count_distinct(col("n")).cap(3),
            "stages[0].group.aggregate[0].cap: only collections have a cap",
        ),
    ] {
        let query = Query::new().aggregate([aggregate]);
        assert_eq!(query.bind(&schema()).unwrap_err().to_string(), error);
    }
    let column = |aggregate| {
        Query::new()
            .aggregate([aggregate])
            .bind(&schema())
            .unwrap()
            .columns()[0]
            .name
            .clone()
    };
    assert_eq!(
        column(approx_count_distinct(col("door"))),
        "approx_count_distinct_door"
    );
    let shown = Query::new()
        .aggregate([approx_percentile(col("n"), 99.5)])
        .to_string();
    assert_eq!(shown, "group by : approx_percentile(n, 99.5)");
}

#[test]
fn what_estimates_hold_is_limited() {
    let snapshot = snapshot();
    for (aggregate, held) in [
        // Registers count as the few hashes that are kept beneath.
        (approx_count_distinct(col("door")), 20),
        (
            approx_count_distinct(col("door").lower()).alias("doors"),
            20,
        ),
        (approx_percentile(col("at"), 50.0), 792),
    ] {
        let plan = Query::new().aggregate([aggregate]).bind(&schema()).unwrap();
        let with = |values| plan.clone().with_limits(Limits::default().values(values));
        let is_limited = |error: crate::QueryError| matches!(error.kind(), QueryErrorKind::LimitExceeded { limit, .. } if *limit == held - 1);
        assert!(with(held).run(&snapshot).is_ok());
        assert!(is_limited(with(held - 1).run(&snapshot).unwrap_err()));
        let partial = || with(held).partial(&snapshot).unwrap();
        assert!(is_limited(with(held - 1).partial(&snapshot).unwrap_err()));
        assert!(with(held).finish([partial(), partial()]).is_ok());
        assert!(is_limited(with(held - 1).finish([partial()]).unwrap_err()));
    }
}

/// Of the first five rows.
fn golden_plan() -> crate::Plan {
    let first = col("time").lt(crate::lit(start() + TimeDelta::seconds(37 * 5)));
    Query::new()
        .filter(first)
        .aggregate([
            approx_count_distinct(col("door")),
            approx_percentile(col("n"), 50.0),
            approx_percentile(col("x"), 50.0),
            approx_percentile(col("at"), 50.0),
        ])
        .bind(&schema())
        .unwrap()
}

#[test]
fn the_form_of_their_states_stays_readable() {
    let snapshot = snapshot();
    let plan = golden_plan();
    let json = plan.partial(&snapshot).unwrap().to_json();
    assert_eq!(json, include_str!("approx_golden.json").trim_end());
    let read = PartialResult::from_json(&json).unwrap();
    assert_eq!(
        plan.finish([read]).unwrap().row(0),
        plan.run(&snapshot).unwrap().row(0)
    );
    let states = json.find("\"groups\":").unwrap();
    for (from, to) in [
        (r#"["int","#, r#"["text","#),
        (r#"["time","#, r#"["int","#),
        (r#",1]]],["time","#, r#",0]]],["time","#),
        (r#"[[],[""#, r#"[[],["x"#),
    ] {
        let altered = json[..states].to_owned() + &json[states..].replacen(from, to, 1);
        assert_ne!(altered, json, "{from}");
        let error = PartialResult::from_json(&altered).unwrap_err();
        assert!(error.to_string().ends_with("not readable"), "{error}");
    }
    // Of the form, and not of the column's type.
    let altered = json.replace(r#"["float","#, r#"["time","#);
    assert!(
        PartialResult::from_json(&altered)
            .and_then(|read| plan.finish([read]))
            .is_err()
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        at in any::<prop::sample::Index>(),
        with in "[\\[\\]{}\",:0-9a-z-]{0,3}|9{15,20}|-9223372036854775808",
        cut in 0_usize..6,
    ) {
        let golden = include_str!("approx_golden.json");
        let at = at.index(golden.len());
        let mut altered = golden.to_owned();
        altered.replace_range(at..(at + cut).min(golden.len()), &with);
        if let Ok(read) = PartialResult::from_json(&altered) {
            // What was read is written in its one form, whether or not it is of the plan.
            let written = read.to_json();
            prop_assert_eq!(PartialResult::from_json(&written).unwrap().to_json(), written);
            let _ = golden_plan().finish([read.clone(), read]);
        }
    }
}
