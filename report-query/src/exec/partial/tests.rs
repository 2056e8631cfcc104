//! Rows split over stores: what their partial results are merged to, beside one store's answer.

use proptest::prelude::*;

use crate::exec::random::{aggregates, distinct, filled, keys, predicates, rows};
use crate::{
    Expand, Join, Limits, PartialResult, Plan, Query, QueryErrorKind, Snapshot, Store, Value, asc,
    avg, col, collect_list, collect_set, count, desc, sum,
};

/// Stages that look at one row at a time.
fn by_row(query: Query, shape: usize) -> Query {
    match shape {
        0 => query.expand("tags"),
        1 => query.extend([
            col("n").mul(2).alias("n"),
            col("door").upper().alias("loud"),
        ]),
        2 => query
            .expand(Expand::new("tags").alias("door").position("at_list"))
            .filter(col("door").ne("B").or(col("n").gt(0))),
        _ => query,
    }
}

fn cells(result: &crate::QueryResult) -> String {
    format!("{:?}", result.rows().collect::<Vec<_>>())
}

/// All partial results in one, in an order and grouping that the numbers say.
fn merged(mut partials: Vec<PartialResult>, order: &[usize]) -> PartialResult {
    let limits = Limits::default();
    for at in order {
        if partials.len() > 1 {
            let a = partials.swap_remove(at % partials.len());
            let b = partials.swap_remove(at / 7 % partials.len());
            partials.push(a.merge(b, &limits).unwrap());
        }
    }
    partials.pop().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn rows_split_over_stores_come_to_the_answer_of_one(
        rows in rows(),
        of_store in prop::collection::vec(0_usize..4, 90),
        tests in prop::collection::vec(predicates(), 0..2),
        (keys, aggregates) in (keys(), aggregates()),
        (batch, segment, shape) in (1_usize..50, 1_usize..40, 0_usize..8),
        order in prop::collection::vec(0_usize..49, 3),
    ) {
        let mut query = Query::new();
        for test in tests {
            query = query.filter(test);
        }
        let query = by_row(query, shape)
            .group_by(distinct(keys))
            .aggregate(aggregates)
            .filter(col("a0").is_not_null());
        let one = filled(&rows, batch, segment);
        // Not every random query has the columns that it asks for.
        let Ok(plan) = query.bind(one.schema()) else {
            return Ok(());
        };
        let of = |store: usize| {
            let rows = rows.iter().zip(&of_store).filter(|(_, of)| **of == store);
            let rows: Vec<Vec<Value>> = rows.map(|(row, _)| row.clone()).collect();
            filled(&rows, batch + store, segment / (store + 1) + 1)
        };
        let whole = plan.partial(&one.snapshot());
        let partials: Result<Vec<_>, _> = (0..4).map(|store| plan.partial(&of(store).snapshot())).collect();
        let (whole, partials) = match (whole, partials) {
            (Ok(whole), Ok(partials)) => (whole, partials),
            (Err(error), Err(other)) => {
                prop_assert_eq!(error.kind(), other.kind());
                return Ok(());
            }
            (whole, partials) => {
                prop_assert!(false, "{whole:?} beside {partials:?}");
                return Ok(());
            }
        };
        let json: Vec<String> = partials.iter().map(PartialResult::to_json).collect();
        let merged = merged(partials, &order);
        // Equal rows are equal bytes.
        prop_assert_eq!(merged.to_json(), whole.to_json());
        match (plan.run(&one.snapshot()), plan.finish([merged])) {
            (Ok(result), Ok(finished)) => {
                prop_assert_eq!(finished.columns(), result.columns());
                prop_assert_eq!(cells(&finished), cells(&result));
                let sent = json.iter().map(|json| PartialResult::from_json(json).unwrap());
                prop_assert_eq!(cells(&plan.finish(sent).unwrap()), cells(&result));
            }
            (Err(error), Err(other)) => prop_assert_eq!(error.kind(), other.kind()),
            (one, other) => prop_assert!(false, "{one:?} beside {other:?}"),
        }
    }
}

fn example() -> Store {
    let rows: Vec<Vec<Value>> = (0..20)
        .map(|at: i64| {
            let mut row = vec![Value::Null; 10];
            let minutes = chrono::TimeDelta::minutes(at);
            row[0] = (crate::exec::random::start() + minutes).into();
            row[1] = uuid::Uuid::from_u128(at as u128).into();
            row[2] = ["front", "back"][at as usize % 2].into();
            row[4] = at.into();
            row[5] = 0.1.into();
            row
        })
        .collect();
    filled(&rows, 7, 8)
}

fn plan(query: Query, snapshot: &Snapshot) -> Plan {
    query.bind(snapshot.schema()).unwrap()
}

#[test]
fn the_form_stays_readable() {
    let snapshot = example().snapshot();
    let query = Query::new()
        .filter(col("n").lt(3))
        .group_by(["door"])
        .aggregate([
            count(),
            sum(col("x")),
            avg(col("n")),
            collect_list(col("n")),
            crate::first(col("at")),
            crate::arg_max(col("x"), col("n")).alias("latest"),
            crate::percentile(col("n"), 50.0),
            crate::max(col("time")),
            crate::any(col("n").gt(1)).alias("more"),
        ]);
    let plan = plan(query, &snapshot);
    let json = plan.partial(&snapshot).unwrap().to_json();
    let expected = include_str!("golden.json");
    assert_eq!(json, expected.trim_end());
    let read = PartialResult::from_json(expected).unwrap();
    assert_eq!(read.to_json(), json);
    assert_eq!(
        cells(&plan.finish([read]).unwrap()),
        cells(&plan.run(&snapshot).unwrap())
    );
}

#[test]
fn also_of_rows_that_are_in_both_the_order_does_not_matter() {
    let ours = include_str!("golden.json").trim_end();
    // Of the same rows, with other values.
    let theirs = ours
        .replace(r#"",0],0]"#, r#"",0],7]"#)
        .replace(r#"",0],2]"#, r#"",0],-7]"#)
        .replace(r#"{"float":"0.1"}"#, r#"{"float":"0.3"}"#);
    assert_ne!(theirs, ours);
    let merged = |one: &str, other: &str| {
        let [one, other] = [one, other].map(|json| PartialResult::from_json(json).unwrap());
        one.merge(other, &Limits::default()).unwrap().to_json()
    };
    assert_eq!(merged(ours, &theirs), merged(&theirs, ours));
}

#[test]
fn what_is_not_split_names_its_stage() {
    let snapshot = example().snapshot();
    let counted = || Query::new().group_by(["door"]).aggregate([count()]);
    let counts = || Query::new().limit(3).aggregate([count()]);
    for (query, place) in [
        (Query::new(), ""),
        (Query::new().filter(col("n").gt(1)), ""),
        (counts(), "stages[0].limit"),
        (
            Query::new()
                .filter(col("n").gt(1))
                .sort([asc("n")])
                .aggregate([count()]),
            "stages[1].sort",
        ),
        (
            Query::new()
                .top_per(["door"], [desc("n")], 1)
                .aggregate([count()]),
            "stages[0].top_per",
        ),
        (
            Query::new()
                .join(Join::semi(counted()).on("door", "door"))
                .aggregate([count()]),
            "stages[0].join",
        ),
        (
            counted().join(Join::inner(counted()).on("door", "door").prefix("r_")),
            "stages[1].join",
        ),
        (counted().union(counted()), "stages[1].union"),
        (
            counted().page(crate::Page::new(3).by([asc("door")])),
            "stages[1].page",
        ),
    ] {
        let plan = plan(query, &snapshot);
        for error in [
            plan.partial(&snapshot).unwrap_err(),
            plan.finish([]).unwrap_err(),
        ] {
            assert!(
                matches!(error.kind(), QueryErrorKind::NotSplittable { .. }),
                "{error}"
            );
            assert_eq!(error.path(), place);
        }
    }
    let plan = plan(counts(), &snapshot);
    assert_eq!(
        plan.partial(&snapshot).unwrap_err().to_string(),
        "stages[0].limit: can't be answered in parts: the stage needs all rows at once"
    );
}

#[test]
fn later_stages_run_in_the_end() {
    let snapshot = example().snapshot();
    let query = Query::new()
        .group_by(["door", "n"])
        .aggregate([count()])
        .filter(col("n").ge(4))
        .group_by(["door"])
        .aggregate([sum(col("n")).alias("n")])
        .sort([desc("n")])
        .limit(1);
    let plan = plan(query, &snapshot);
    let partial = plan.partial(&snapshot).unwrap();
    assert_eq!((partial.len(), partial.is_empty()), (20, false));
    let result = plan.finish([partial]).unwrap();
    assert_eq!(result.row(0), Some(&["back".into(), 96.into()][..]));
    assert_eq!(result.len(), 1);
}

#[test]
fn of_nothing_there_is_the_answer_of_no_rows() {
    let snapshot = example().snapshot();
    let all = plan(Query::new().aggregate([count(), sum(col("n"))]), &snapshot);
    assert_eq!(
        all.finish([]).unwrap().row(0),
        Some(&[0.into(), Value::Null][..])
    );
    let by = plan(
        Query::new().group_by(["door"]).aggregate([count()]),
        &snapshot,
    );
    assert!(by.finish([]).unwrap().is_empty());
}

#[test]
fn limits_hold_for_parts_and_for_what_they_are_merged_to() {
    let snapshot = example().snapshot();
    let query = Query::new()
        .group_by(["door"])
        .aggregate([collect_set(col("n")).cap(9), collect_list(col("x"))]);
    let plan = plan(query, &snapshot);
    let partial = || plan.partial(&snapshot).unwrap();
    let limited = |error: crate::QueryError| match error.kind() {
        QueryErrorKind::LimitExceeded { what, limit } => (*what, *limit),
        _ => panic!("{error}"),
    };
    let error = plan.finish([partial()]).unwrap_err();
    assert_eq!(limited(error), ("values in a collection", 9));
    for (limits, expected) in [
        (Limits::default().groups(1), ("groups", 1)),
        (Limits::default().values(39), ("values in aggregates", 39)),
    ] {
        let narrow = plan.clone().with_limits(limits);
        assert_eq!(limited(narrow.partial(&snapshot).unwrap_err()), expected);
        assert_eq!(limited(narrow.finish([partial()]).unwrap_err()), expected);
        assert_eq!(
            limited(partial().merge(partial(), &limits).unwrap_err()),
            expected
        );
    }
    // The same values again are held once in a set, twice in a list.
    let limits = Limits::default().values(60);
    assert!(partial().merge(partial(), &limits).is_ok());
}

#[test]
fn a_partial_result_of_anything_else_is_refused() {
    let snapshot = example().snapshot();
    let query = |n: i64| {
        Query::new()
            .filter(col("n").gt(n))
            .group_by(["door"])
            .aggregate([count()])
    };
    let (plan, other) = (plan(query(1), &snapshot), plan(query(2), &snapshot));
    let partial = plan.partial(&snapshot).unwrap();
    let is_refused =
        |error: crate::QueryError| matches!(error.kind(), QueryErrorKind::PartialResult { .. });
    assert!(is_refused(other.finish([partial.clone()]).unwrap_err()));
    let strange = other.partial(&snapshot).unwrap();
    assert!(is_refused(
        partial
            .clone()
            .merge(strange, &Limits::default())
            .unwrap_err()
    ));

    let json = partial.to_json();
    // What is of the form and not of the query's types.
    let altered = json.replace("\"front\"", "3");
    let read = PartialResult::from_json(&altered).unwrap();
    assert_eq!(
        plan.finish([read]).unwrap_err().to_string(),
        "partial result: of other types"
    );
    for (from, to, error) in [
        (
            "\"version\":1",
            "\"version\":2",
            "version: partial result: of another version",
        ),
        (
            "\"query\":\"",
            "\"query\":\"x",
            "query: partial result: not readable",
        ),
        (
            "[\"count\"]",
            "[\"total\"]",
            "aggregates[0]: partial result: of an aggregate that is not known",
        ),
        (
            "\"front\"",
            "\"back\"",
            "groups[1]: partial result: a group occurs twice",
        ),
        (
            "\"keys\":1",
            "\"keys\":2",
            "groups[0]: partial result: a group of another shape",
        ),
        (
            "\"front\"",
            "{\"alice\":1}",
            "groups[1][0][0]: expected a value",
        ),
        (
            "\"keys\":1",
            "\"keys\":-1",
            "keys: expected a count, found a negative number",
        ),
        ("\"keys\":1,", "", "member `keys` is missing"),
    ] {
        let altered = json.replace(from, to);
        assert_ne!(altered, json, "{from}");
        assert_eq!(
            PartialResult::from_json(&altered).unwrap_err().to_string(),
            error
        );
    }
    assert!(serde_json::from_str::<PartialResult>(&json).is_ok());
    assert!(!format!("{partial:?}").contains("front"));
}

#[test]
fn no_numbers_that_come_from_elsewhere_make_it_panic() {
    let snapshot = example().snapshot();
    let query = Query::new().aggregate([
        count(),
        sum(col("n")),
        avg(col("n")).alias("avg"),
        sum(col("x")),
    ]);
    let plan = plan(query, &snapshot);
    let json = plan.partial(&snapshot).unwrap().to_json();
    let most = i128::MAX.to_string();
    for (from, to) in [
        ("[20,", format!("[{},", i64::MAX)),
        ("\"190\"", format!("\"{most}\"")),
    ] {
        let altered = json.replace(from, &to);
        assert_ne!(altered, json);
        let read = || PartialResult::from_json(&altered).unwrap();
        for error in [
            plan.finish([read(), read(), read(), read()]).unwrap_err(),
            plan.finish([read()])
                .err()
                .unwrap_or_else(|| plan.finish([read(), read()]).unwrap_err()),
        ] {
            assert!(
                matches!(error.kind(), QueryErrorKind::Overflow { .. }),
                "{error}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(at in any::<prop::sample::Index>(), with in "[\\[\\]{}\",:0-9a-z-]{0,3}", cut in 0_usize..4) {
        let snapshot = example().snapshot();
        let golden = include_str!("golden.json");
        let at = at.index(golden.len());
        let mut altered = golden.to_owned();
        altered.replace_range(at..(at + cut).min(golden.len()), &with);
        if let Ok(read) = PartialResult::from_json(&altered) {
            let plan = plan(Query::new().group_by(["door"]).aggregate([count()]), &snapshot);
            prop_assert!(plan.finish([read.clone()]).is_err());
            // What was read is written in its one form.
            let written = read.to_json();
            prop_assert_eq!(PartialResult::from_json(&written).unwrap().to_json(), written);
        }
    }
}
