//! The first row of each group where nearly each has one: beside all stages row by row.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::tests::compare;
use crate::exec::random::start;
use crate::{
    DataType, Expr, Facet, Facets, Field, Limits, Query, QueryErrorKind, Retention, Schema,
    Snapshot, SortKey, Store, StoreOptions, Value, asc, col, count, desc,
};

/// A row: minute, request, kind, target, rank, when it was done.
type Of = (
    i64,
    Option<u32>,
    Option<&'static str>,
    Option<u32>,
    Option<i64>,
    Option<i64>,
);

fn schema() -> Schema {
    Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("request", DataType::Text),
        Field::new("kind", DataType::Text),
        Field::new("target", DataType::Text),
        Field::new("rank", DataType::Int),
        Field::new("done", DataType::Time),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .unwrap()
}

fn minute(minutes: i64) -> DateTime<Utc> {
    start() + TimeDelta::minutes(minutes)
}

/// Requests that are mostly alone, some of the same tuple, in whatever order.
fn rows() -> impl Strategy<Value = Vec<Of>> {
    let row = (
        0_i64..3_000,
        prop::option::weighted(0.95, prop_oneof![5 => 0_u32..150, 1 => 0_u32..3]),
        prop::option::of(prop::sample::select(vec!["reset", "join"])),
        prop::option::of(0_u32..2),
        prop::option::of(0_i64..3),
        prop::option::of(0_i64..4),
    );
    prop::collection::vec(row, 0..160)
}

fn store(rows: &[Of], batch: usize, segment: usize) -> Store {
    let text = |what: &str, number: Option<u32>| {
        number.map_or(Value::Null, |number| format!("{what} {number}").into())
    };
    let values = |(id, row): (usize, &Of)| {
        let (at, request, kind, target, rank, done) = *row;
        vec![
            minute(at / 7 * 7).into(),
            Uuid::from_u128((id as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15)).into(),
            text("request", request),
            kind.into(),
            text("target", target),
            rank.into(),
            done.map(minute).into(),
        ]
    };
    let rows: Vec<Vec<Value>> = rows.iter().enumerate().map(values).collect();
    let options = StoreOptions::new(Retention::days(30)).segment_rows(segment);
    let store = Store::new(schema(), options).unwrap();
    for rows in rows.chunks(batch) {
        store.append(rows.iter().cloned(), minute(3_000));
    }
    store
}

fn keys() -> impl Strategy<Value = Vec<&'static str>> {
    let all = vec!["request", "kind", "target"];
    let others = prop::sample::subsequence(all, 1..=3).prop_shuffle();
    prop_oneof![3 => Just(vec!["request", "kind", "target"]), 1 => others]
}

fn order() -> Vec<SortKey> {
    vec![
        desc("rank"),
        desc(col("done").coalesce(col("time"))),
        desc("time"),
        desc("id"),
    ]
}

fn orders() -> impl Strategy<Value = Vec<SortKey>> {
    prop::sample::select(vec![
        order(),
        vec![asc("rank").nulls_first()],
        vec![desc("rank").nulls_first(), asc("done")],
        vec![asc("id")],
        vec![],
    ])
}

fn filters() -> impl Strategy<Value = Vec<Expr>> {
    let filter = prop_oneof![
        (0_i64..3_000).prop_map(|from| col("time").ge(minute(from))),
        (0_i64..3_000).prop_map(|to| col("time").lt(minute(to))),
        Just(col("kind").is_not_null()),
        Just(col("rank").ne(1)),
        Just(col("request").ends_with("3").not()),
    ];
    prop::collection::vec(filter, 0..3)
}

fn filtered(query: Query, filters: &[Expr]) -> Query {
    filters.iter().cloned().fold(query, Query::filter)
}

/// What is asked of the first rows, one after the other of the same snapshot.
fn questions(first: &Query, behind: &[Expr]) -> Vec<Query> {
    let first = filtered(first.clone(), behind);
    vec![
        first.clone(),
        first.clone().sort([desc("time")]).limit(7),
        first
            .clone()
            .group_by(["kind", "target"])
            .aggregate([count()]),
        first
            .clone()
            .filter(col("rank").gt(0))
            .group_by(["kind"])
            .aggregate([count()]),
        first,
    ]
}

fn check(snapshot: &Snapshot, first: &Query, behind: &[Expr]) -> Result<(), TestCaseError> {
    for query in questions(first, behind) {
        compare(&query, snapshot)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn first_rows_are_as_row_by_row(
        rows in rows(),
        (keys, order) in (keys(), orders()),
        (front, behind) in (filters(), filters()),
        (batch, segment) in (1_usize..60, 1_usize..60),
        (as_of, cut) in (0_u64..8, prop::option::of(0_i64..3_000)),
    ) {
        let store = store(&rows, batch, segment);
        let first = filtered(Query::new(), &front).top_per(keys, order, 1);
        let snapshot = store.snapshot();
        check(&snapshot, &first, &behind)?;
        check(&snapshot.as_of(as_of), &first, &behind)?;
        if let Some(cut) = cut {
            // Rows that a segment still has are gone.
            store.expire(minute(cut) + TimeDelta::days(30));
            check(&store.snapshot(), &first, &behind)?;
        }
        store.erase(col("rank").eq(2)).unwrap();
        check(&store.snapshot(), &first, &behind)?;
        store.redact(col("rank").eq(0), [("request", "request 7".into())]).unwrap();
        check(&store.snapshot(), &first, &behind)?;
        // What was there before is so still.
        check(&snapshot, &first, &behind)?;
    }

    #[test]
    fn as_many_groups_as_there_are_may_be(
        rows in rows(),
        (batch, segment) in (1_usize..60, 1_usize..60),
    ) {
        let store = store(&rows, batch, segment);
        let snapshot = store.snapshot();
        let query = Query::new()
            .top_per(["request", "kind", "target"], order(), 1)
            .aggregate([count().alias("rows")]);
        let groups = query.run(&snapshot).unwrap();
        let groups = groups.value(0, "rows").and_then(Value::as_int).unwrap() as u64;
        let run = |snapshot: &Snapshot, groups| {
            let plan = query.bind(snapshot.schema()).unwrap();
            plan.with_limits(Limits::default().rows(groups)).run(snapshot)
        };
        // A snapshot that knows the rows, and one that does not.
        for snapshot in [&snapshot, &store.snapshot()] {
            // The group behind is one.
            prop_assert!(run(snapshot, groups.max(1)).is_ok());
            if groups > 1 {
                let error = run(snapshot, groups - 1).unwrap_err();
                prop_assert_eq!(error.path(), "stages[0].top_per");
                let is_limit = matches!(error.kind(), QueryErrorKind::LimitExceeded { .. });
                prop_assert!(is_limit, "{:?}", error);
            }
        }
    }

    #[test]
    fn facets_of_first_rows_are_their_queries(
        rows in rows(),
        (front, behind) in (filters(), filters()),
        (batch, segment) in (1_usize..60, 1_usize..60),
    ) {
        let store = store(&rows, batch, segment);
        let snapshot = store.snapshot();
        let mut facets = Facets::new([
            Facet::new("kind").only(col("kind").ne("join")),
            Facet::new("target"),
            Facet::new("rank").only(col("rank").ge(1)),
        ]);
        for filter in front {
            facets = facets.filter(filter);
        }
        facets = facets.top_per(["request", "kind", "target"], order(), 1);
        for filter in behind {
            facets = facets.filter(filter);
        }
        let counts = facets.run(&snapshot).unwrap();
        for facet in 0..3 {
            let query = facets.query(facet, snapshot.schema()).unwrap();
            let counted = query.run(&store.snapshot()).unwrap();
            let of_facet = counts.get(facet).unwrap();
            prop_assert!(counted.rows().eq(of_facet.rows()));
        }
    }
}

#[test]
fn it_can_be_stopped_while_it_looks_for_them() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    let row = |at: u32| (i64::from(at), Some(at), None, None, Some(0), None);
    let rows: Vec<Of> = (0..2_000).map(row).collect();
    let store = store(&rows, 100, 50);
    let plan = Query::new().top_per(["request"], order(), 1);
    let plan = plan.bind(store.schema()).unwrap();
    let asked = AtomicUsize::new(0);
    let until = |most: usize| {
        asked.store(0, Relaxed);
        let stop = || asked.fetch_add(1, Relaxed) >= most;
        plan.run_until(&store.snapshot(), &stop)
    };
    assert!(until(usize::MAX).is_ok());
    let all = asked.load(Relaxed);
    // The parts are asked of before there are rows.
    assert!(all > 2 * 40, "{all}");
    for most in 0..40 {
        let error = until(most).unwrap_err();
        assert_eq!(*error.kind(), QueryErrorKind::Cancelled);
    }
}
