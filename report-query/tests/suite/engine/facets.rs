//! Tests of `Facets`: each is what its query gives, and counts made by hand.

use chrono::{FixedOffset, TimeDelta};
use proptest::prelude::*;
use proptest::sample::select;
use report_query::{
    Bucket, Expr, Facet, Facets, Limits, Query, QueryErrorKind, QueryResult, Retention, Snapshot,
    Store, StoreOptions, Value, asc, case, col, desc, field, item, param,
};
use uuid::Uuid;

use super::{guests, minute, now, schema, shown};

fn rows() -> impl Strategy<Value = Vec<Vec<Value>>> {
    let tags = prop::collection::vec(prop::option::of(select(vec!["a", "B", "c"])), 0..4);
    let guest = (select(vec!["Ana", "Li"]), prop::option::of(20_i64..22));
    let row = (
        0_i64..3_000,
        prop::option::of(select(vec!["front", "Back", "side", "BACK"])),
        prop::option::of(-2_i64..3),
        prop::option::of(select(vec![0.5, -0.0, 0.0])),
        prop::option::of(tags),
        prop::collection::vec(guest, 0..3),
    );
    prop::collection::vec(row, 0..80).prop_map(|rows| {
        let with_id = rows.into_iter().enumerate();
        with_id
            .map(|(id, (at, door, n, x, tags, people))| {
                let id = (id as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                vec![
                    minute(at).into(),
                    Uuid::from_u128(id).into(),
                    door.into(),
                    n.into(),
                    x.into(),
                    tags.map_or(Value::Null, Value::list),
                    guests(&people),
                ]
            })
            .collect()
    })
}

/// Of plain values and of lists, with codes and without.
fn keys() -> Vec<Expr> {
    let kolkata = FixedOffset::east_opt(5 * 3600 + 1800).unwrap();
    vec![
        col("door"),
        col("door").lower().alias("lower"),
        col("n"),
        col("x"),
        col("tags"),
        col("time").bucket(Bucket::DAY),
        col("time").bucket(Bucket::HOUR.at(kolkata)).alias("hour"),
        col("guests").map_items(field("name")).alias("names"),
        case([(col("n").gt(0), col("door"))], "few").alias("mixed"),
    ]
}

fn predicate() -> impl Strategy<Value = Expr> {
    prop_oneof![
        select(vec!["front", "Back", "nowhere"]).prop_map(|door| col("door").eq(door)),
        Just(col("door").eq_ci("back")),
        Just(col("door").is_null()),
        (-2_i64..3).prop_map(|n| col("n").gt(n)),
        (-2_i64..3).prop_map(|n| col("n").in_list([n, 1]).not()),
        Just(col("tags").any(item().eq("a"))),
        Just(col("guests").any(field("age").ge(21).and(field("name").eq("Li")))),
        (0_i64..3_000).prop_map(|at| col("time").ge(minute(at))),
        Just(col("x").eq(0.0)),
    ]
}

fn snapshot(rows: &[Vec<Value>], batch: usize, segment: usize) -> Snapshot {
    let options = StoreOptions::new(Retention::MONTH).segment_rows(segment);
    let store = Store::new(schema(), options).unwrap();
    for rows in rows.chunks(batch) {
        store.append(rows.to_vec(), now());
    }
    store.snapshot()
}

fn same(facet: &QueryResult, query: &QueryResult) -> bool {
    facet.columns() == query.columns() && facet.rows().eq(query.rows())
}

proptest! {
    #[test]
    fn each_facet_is_what_its_query_gives(
        rows in rows(),
        filters in prop::collection::vec(predicate(), 0..2),
        chosen in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::collection::vec(predicate(), 0..3)),
            0..6,
        ),
        batch in 1_usize..40,
        segment in 1_usize..30,
        as_of in 0_u64..8,
        first in prop::option::of((any::<prop::sample::Index>(), 1_u64..3, predicate())),
    ) {
        let keys = keys();
        let facets = chosen.iter().map(|(which, only)| {
            let key = which.get(&keys).clone();
            only.iter().cloned().fold(Facet::new(key), Facet::only)
        });
        let facets: Vec<Facet> = facets.collect();
        let facets = filters.iter().cloned().fold(Facets::new(facets), Facets::filter);
        let facets = match first {
            Some((which, rows, behind)) => facets
                .top_per([which.get(&keys).clone()], [desc("n"), asc("door")], rows)
                .filter(behind),
            None => facets,
        };
        let mut snapshot = snapshot(&rows, batch, segment);
        if as_of > 0 {
            snapshot = snapshot.as_of(as_of);
        }

        let counts = facets.run(&snapshot).unwrap();
        let total = facets.rows(None).run(&snapshot).unwrap();
        prop_assert_eq!(counts.total(), total.len() as u64);
        prop_assert_eq!(counts.iter().len(), chosen.len());
        for index in 0..chosen.len() {
            let query = facets.query(index, snapshot.schema()).unwrap();
            let expected = query.run(&snapshot).unwrap();
            let found = counts.get(index).unwrap();
            prop_assert!(same(found, &expected), "{query}\n{found}\n{expected}");
        }
        prop_assert!(counts.get(chosen.len()).is_none());
    }
}

/// Six openings: door, n, tags.
fn openings() -> Snapshot {
    let rows = [
        ("front", 1, vec!["a", "a", "b"]),
        ("front", 2, vec!["a"]),
        ("back", 1, vec![]),
        ("back", 2, vec!["b"]),
        ("side", 1, vec!["a", "b"]),
        ("side", 3, vec!["c"]),
    ];
    let rows = rows.into_iter().enumerate().map(|(at, (door, n, tags))| {
        let mut row = super::row(minute(at as i64), at as u128, door, n);
        row[5] = Value::list(tags);
        row
    });
    let store = Store::new(schema(), StoreOptions::new(Retention::MONTH)).unwrap();
    store.append(rows, now());
    store.snapshot()
}

fn chosen() -> Facets {
    Facets::new([
        Facet::new("door").only(col("door").in_list(["front", "back"])),
        Facet::new("n").only(col("n").eq(1)),
        Facet::new("tags"),
    ])
}

#[test]
fn a_facet_is_counted_without_its_own_choice() {
    let counts = chosen().run(&openings()).unwrap();
    let of = |index| shown(counts.get(index).unwrap());
    assert_eq!(counts.total(), 2);
    assert_eq!(of(0), ["back|1", "front|1", "side|1"]);
    assert_eq!(of(1), ["1|2", "2|2"]);
    // A tag counts once a row, and one that is nowhere left is not shown.
    assert_eq!(of(2), ["a|1", "b|1"]);
    assert_eq!(
        counts.get(2).unwrap().columns()[0].data_type.to_string(),
        "text"
    );

    let counts = chosen().filter(col("tags").any(item().eq("a")));
    let counts = counts.run(&openings()).unwrap();
    assert_eq!(shown(counts.get(0).unwrap()), ["front|1", "side|1"]);
}

#[test]
fn no_facets_are_a_count() {
    let none = Facets::new([]).filter(col("n").gt(1));
    assert_eq!(none.run(&openings()).unwrap().total(), 3);
    let of_nothing = chosen().filter(col("n").gt(9)).run(&openings()).unwrap();
    assert_eq!(of_nothing.total(), 0);
    assert!(of_nothing.iter().all(QueryResult::is_empty));
}

#[test]
fn errors_name_the_facet() {
    let message = |facets: Facets| facets.run(&openings()).unwrap_err().to_string();
    let with = |facet| Facets::new([Facet::new("door"), facet]);
    assert_eq!(
        message(with(Facet::new("dor"))),
        "facets[1].key: no column `dor`; is `door` meant?"
    );
    assert_eq!(
        message(with(Facet::new(col("n").add(1)))),
        "facets[1].key: the column needs a name"
    );
    assert_eq!(
        message(with(Facet::new("n").only(col("n")))),
        "facets[1].only: expected bool, found int"
    );
    assert_eq!(
        message(with(Facet::new("n")).filter(col("m").gt(1))),
        "stages[0].filter.gt[0]: no column `m`; is `n` meant?"
    );
    assert_eq!(
        message(with(Facet::new("n").only(col("n").add(i64::MAX).gt(0)))),
        "facets[1].only: a sum overflows"
    );
    assert_eq!(
        message(with(Facet::new("tags")).with_limits(Limits::default().groups(2))),
        "facets[0].key: more than 2 groups"
    );
    let missing = Facets::new([Facet::new("n").only(col("n").eq(param("n")))]);
    assert_eq!(
        message(missing.clone()),
        "facets[0].only: parameter `n` is missing"
    );
    let given = missing.with_parameters(report_query::Parameters::new().set("n", 1));
    assert_eq!(given.run(&openings()).unwrap().total(), 3);
}

#[test]
fn counting_can_be_stopped() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let rows: Vec<Vec<Value>> = (0..20_000)
        .map(|at| super::row(minute(at / 20), at as u128, ["a", "b"][at as usize % 2], at))
        .collect();
    let snapshot = snapshot(&rows, 20_000, 4_096);
    let facets = Facets::new([
        Facet::new("door").only(col("door").eq("a")),
        Facet::new("n").only(col("n").lt(10_000)),
    ]);
    let run = |stop: usize| {
        let asked = AtomicUsize::new(0);
        let stop = || asked.fetch_add(1, Ordering::Relaxed) == stop;
        let result = facets.run_until(&snapshot, &stop);
        (result, asked.into_inner())
    };
    let (result, asked) = run(usize::MAX);
    assert_eq!(result.unwrap(), facets.run(&snapshot).unwrap());
    // Each segment, once for the filters, each choice and each facet.
    assert!(asked >= 5 * 5, "{asked}");
    for number in 0..asked {
        let (result, asked) = run(number);
        assert_eq!(*result.unwrap_err().kind(), QueryErrorKind::Cancelled);
        assert_eq!(asked, number + 1);
    }
}

#[test]
fn the_rows_beside_are_those_of_all_choices() {
    let query = chosen().filter(col("time").lt(minute(0) + TimeDelta::hours(1)));
    let expected = Query::new()
        .filter(col("time").lt(minute(0) + TimeDelta::hours(1)))
        .filter(col("door").in_list(["front", "back"]))
        .filter(col("n").eq(1));
    assert!(query.rows(None) == expected);
    assert_eq!(query.rows(Some(1)).run(&openings()).unwrap().len(), 4);
}
