//! Random queries on random rows against a naive evaluator, row by row.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use report_query::{
    Bucket, Expr, Query, SortKey, Store, StoreOptions, arg_max, asc, col, collect_list,
    collect_set, count, count_distinct, desc, max, min, percentile, sum,
};

use super::{minute, now, row, schema, shown};

/// A row as the oracle has it.
#[derive(Clone, Debug)]
struct Opened {
    minute: i64,
    id: u128,
    door: Option<&'static str>,
    n: Option<i64>,
}

const DOORS: [&str; 5] = ["front", "Back", "back door", "side", "BACK"];

fn opened() -> impl Strategy<Value = Vec<Opened>> {
    let door = prop::option::of(prop::sample::select(&DOORS[..]));
    let one = (0_i64..2000, door, prop::option::of(-3_i64..4));
    prop::collection::vec(one, 0..60).prop_map(|rows| {
        rows.into_iter()
            .enumerate()
            .map(|(id, (minute, door, n))| Opened {
                minute,
                // Ids that don't follow the order of coming.
                id: (id as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15),
                door,
                n,
            })
            .collect()
    })
}

#[derive(Clone, Debug)]
enum Test {
    DoorIs(&'static str),
    DoorHas(&'static str),
    DoorIn(Vec<&'static str>),
    Less(i64),
    Before(i64),
    From(i64),
    Null,
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
}

fn test() -> impl Strategy<Value = Test> {
    let leaf = prop_oneof![
        prop::sample::select(&DOORS[..]).prop_map(Test::DoorIs),
        prop::sample::select(&["back", "DOOR", "i", ""][..]).prop_map(Test::DoorHas),
        prop::collection::vec(prop::sample::select(&DOORS[..]), 0..3).prop_map(Test::DoorIn),
        (-3_i64..4).prop_map(Test::Less),
        (0_i64..2000).prop_map(Test::Before),
        (0_i64..2000).prop_map(Test::From),
        Just(Test::Null),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|test| Test::Not(Box::new(test))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Test::And),
            prop::collection::vec(inner, 1..4).prop_map(Test::Or),
        ]
    })
}

impl Test {
    fn expr(&self) -> Expr {
        let (door, n, time) = (col("door"), col("n"), col("time"));
        match self {
            Self::DoorIs(name) => door.eq(*name),
            Self::DoorHas(part) => door.contains(*part),
            Self::DoorIn(names) => door.in_list(names.clone()),
            Self::Less(than) => n.lt(*than),
            Self::Before(at) => time.lt(minute(*at)),
            Self::From(at) => time.ge(minute(*at)),
            Self::Null => n.is_null(),
            Self::Not(test) => test.expr().not(),
            Self::And(tests) => tests.iter().map(Self::expr).reduce(Expr::and).unwrap(),
            Self::Or(tests) => tests.iter().map(Self::expr).reduce(Expr::or).unwrap(),
        }
    }

    /// True, false or null, from the definition.
    fn holds(&self, row: &Opened) -> Option<bool> {
        match self {
            Self::DoorIs(name) => row.door.map(|door| door == *name),
            Self::DoorHas(part) => row
                .door
                .map(|door| door.to_lowercase().contains(&part.to_lowercase())),
            Self::DoorIn(names) => row.door.map(|door| names.contains(&door)),
            Self::Less(than) => row.n.map(|n| n < *than),
            Self::Before(at) => Some(row.minute < *at),
            Self::From(at) => Some(row.minute >= *at),
            Self::Null => Some(row.n.is_none()),
            Self::Not(test) => test.holds(row).map(|value| !value),
            Self::And(tests) => {
                let all: Vec<_> = tests.iter().map(|test| test.holds(row)).collect();
                if all.contains(&Some(false)) {
                    Some(false)
                } else {
                    (!all.contains(&None)).then_some(true)
                }
            }
            Self::Or(tests) => {
                let all: Vec<_> = tests.iter().map(|test| test.holds(row)).collect();
                if all.contains(&Some(true)) {
                    Some(true)
                } else {
                    (!all.contains(&None)).then_some(false)
                }
            }
        }
    }
}

/// Nulls after all values.
fn nulls_last<T: Ord>(value: Option<T>) -> (bool, Option<T>) {
    (value.is_none(), value)
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// The rows in several batches, in segments of eight.
fn filled(rows: &[Opened], batch: usize) -> Store {
    let store = Store::new(schema(), StoreOptions::default().segment_rows(8)).unwrap();
    for part in rows.chunks(batch) {
        let rows = part
            .iter()
            .map(|opened| row(minute(opened.minute), opened.id, opened.door, opened.n));
        store.append(rows, now());
    }
    store
}

/// The rows that pass, in the order of time and id.
fn passing<'a>(rows: &'a [Opened], test: &Test) -> Vec<&'a Opened> {
    let mut rows: Vec<&Opened> = rows
        .iter()
        .filter(|row| test.holds(row) == Some(true))
        .collect();
    rows.sort_by_key(|row| (row.minute, row.id));
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn filter_sort_and_limit(
        rows in opened(),
        test in test(),
        batch in 1_usize..40,
        keys in prop::collection::vec((0_usize..3, any::<bool>(), any::<bool>()), 0..3),
        limit in prop::option::of(0_u64..20),
    ) {
        let mut query = Query::new().filter(test.expr());
        let sort: Vec<SortKey> = keys.iter().map(|(column, descending, nulls_first)| {
            let column = ["door", "n", "time"][*column];
            let key = if *descending { desc(column) } else { asc(column) };
            if *nulls_first { key.nulls_first() } else { key }
        }).collect();
        if !sort.is_empty() {
            query = query.sort(sort);
        }
        if let Some(limit) = limit {
            query = query.limit(limit);
        }
        let query = query.select(["time", "door", "n"]);
        let mut expected = passing(&rows, &test);
        // The last key first: each sort keeps what the ones before it made.
        for (column, descending, nulls_first) in keys.iter().rev() {
            expected.sort_by(|a, b| {
                let order = match column {
                    0 => a.door.cmp(&b.door),
                    1 => a.n.cmp(&b.n),
                    _ => a.minute.cmp(&b.minute),
                };
                let null = |row: &Opened| match column {
                    0 => row.door.is_none(),
                    1 => row.n.is_none(),
                    _ => false,
                };
                if null(a) || null(b) {
                    let order = null(a).cmp(&null(b));
                    if *nulls_first { order.reverse() } else { order }
                } else if *descending { order.reverse() } else { order }
            });
        }
        let expected: Vec<String> = expected
            .into_iter()
            .take(limit.map_or(usize::MAX, |limit| limit as usize))
            .map(|row| format!("{}|{}|{}", time_text(minute(row.minute)), text(row.door), text(row.n)))
            .collect();
        let store = filled(&rows, batch);
        let result = query.run(&store.snapshot()).unwrap();
        prop_assert_eq!(shown(&result), expected);
        let read = Query::from_json(&query.to_json()).unwrap();
        prop_assert_eq!(&read, &query);
    }

    #[test]
    fn groups_and_aggregates(rows in opened(), test in test(), batch in 1_usize..40) {
        let query = Query::new()
            .filter(test.expr())
            .group_by([col("door"), col("time").bucket(Bucket::HOUR)])
            .aggregate([
                count(),
                sum(col("n")),
                min(col("n")),
                max(col("n")),
                count_distinct(col("n")),
                percentile(col("n"), 50.0).alias("p50"),
                collect_set(col("n")).alias("set"),
                collect_list(col("n")).alias("list"),
                arg_max(col("id"), col("n")).alias("most"),
            ]);
        let mut groups: BTreeMap<_, Vec<&Opened>> = BTreeMap::new();
        for row in passing(&rows, &test) {
            let key = (nulls_last(row.door), row.minute.div_euclid(60));
            groups.entry(key).or_default().push(row);
        }
        let expected: Vec<String> = groups.into_iter().map(|(((_, door), hour), rows)| {
            let ns: Vec<i64> = rows.iter().filter_map(|row| row.n).collect();
            let set: BTreeSet<i64> = ns.iter().copied().collect();
            let mut sorted = ns.clone();
            sorted.sort_unstable();
            let median = sorted.get(sorted.len().div_ceil(2).max(1) - 1);
            let join = |values: &mut dyn Iterator<Item = i64>| {
                values.map(|n| n.to_string()).collect::<Vec<_>>().join(", ")
            };
            // The last of the greatest.
            let most = rows.iter().filter(|row| row.n.is_some()).max_by_key(|row| row.n);
            format!(
                "{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
                text(door),
                time_text(minute(0) + TimeDelta::hours(hour)),
                rows.len(),
                text((!ns.is_empty()).then(|| ns.iter().sum::<i64>())),
                text(ns.iter().min()),
                text(ns.iter().max()),
                set.len(),
                text(median),
                join(&mut set.iter().copied()),
                join(&mut ns.iter().copied()),
                text(most.map(|row| uuid::Uuid::from_u128(row.id))),
            )
        }).collect();
        let store = filled(&rows, batch);
        let result = query.run(&store.snapshot()).unwrap();
        prop_assert_eq!(shown(&result), expected);
    }
}
