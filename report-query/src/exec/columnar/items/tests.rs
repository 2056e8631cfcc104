//! Random tests of random lists, beside each row's own answer.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use crate::exec::random::{list, maybe};
use crate::{
    DataType, Expand, Expr, Field, Limits, Query, Retention, Schema, Store, StoreOptions, Value,
    col, count, field, item,
};

const NAMES: [&str; 5] = ["", "ana", "kim", "Kim Li", "admin"];

fn schema() -> Schema {
    let item = DataType::record([
        Field::new("mail", DataType::Text).document(),
        Field::new("name", DataType::Text).indexed(),
        Field::new("n", DataType::Int),
    ]);
    Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("kind", DataType::Text),
        Field::new("guests", DataType::list(item)),
        // What says nothing of a list must not say anything of its items.
        Field::new("tags", DataType::list(DataType::Text))
            .document()
            .dictionary()
            .indexed(),
        Field::new("sizes", DataType::list(DataType::Int)),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn name() -> impl Strategy<Value = Value> {
    maybe(prop::sample::select(&NAMES[..]).prop_map(Value::from))
}

fn number() -> impl Strategy<Value = Value> {
    maybe((-2_i64..3).prop_map(Value::from))
}

type Cells = (Value, Value, Value, Value);

fn rows() -> impl Strategy<Value = Vec<Cells>> {
    let guest = (name(), name(), number());
    let guest = maybe(guest.prop_map(|(mail, name, n)| Value::record([mail, name, n])));
    prop::collection::vec((name(), list(guest), list(name()), list(number())), 0..80)
}

/// A test of one value, of texts or of numbers, by the value that it looks at.
fn of_text(value: fn() -> Expr) -> impl Strategy<Value = Expr> {
    let one = prop::sample::select(&NAMES[..]);
    prop_oneof![
        one.clone().prop_map(move |name| value().eq(name)),
        one.clone().prop_map(move |name| value().ne(name)),
        one.clone().prop_map(move |name| value().contains(name)),
        one.prop_map(move |name| value().starts_with_cs(name).not()),
        Just(value().in_list(["ana", "kim"])),
        Just(value().is_null()),
        Just(value().lower().length().gt(3)),
        Just(value().eq("ana").or(value().is_null())),
    ]
}

fn of_number(value: fn() -> Expr) -> impl Strategy<Value = Expr> {
    (-2_i64..3).prop_map(move |n| value().ge(n))
}

fn both(of: impl Strategy<Value = Expr> + Clone) -> impl Strategy<Value = Expr> {
    prop::collection::vec(of, 1..4).prop_map(|all| all.into_iter().reduce(Expr::and).unwrap())
}

fn predicates() -> impl Strategy<Value = Expr> {
    let guest = prop_oneof![
        of_text(|| field("name")).boxed(),
        of_text(|| field("mail")).boxed(),
        of_number(|| field("n")).boxed(),
        // Which look at more than one value.
        Just(field("name").eq(field("mail"))).boxed(),
        Just(field("name").eq(col("kind"))).boxed(),
    ];
    let guest = both(guest.boxed());
    let tag = both(of_text(item).boxed());
    let size = both(of_number(item).boxed());
    let test = prop_oneof![
        guest.prop_map(|test| (col("guests"), test)),
        tag.prop_map(|test| (col("tags"), test)),
        size.prop_map(|test| (col("sizes"), test)),
    ];
    (test, any::<bool>(), any::<bool>()).prop_map(|((list, test), is_any, is_not)| {
        let test = if is_any {
            list.any(test)
        } else {
            list.all(test)
        };
        if is_not { test.not() } else { test }
    })
}

fn filled(rows: &[Cells], batch: usize, segment: usize) -> Store {
    let options = StoreOptions::new(Retention::FOREVER).segment_rows(segment);
    let store = Store::new(schema(), options).unwrap();
    let row = |(id, (a, b, c, d)): (usize, &Cells)| {
        let time = now() - TimeDelta::minutes(id as i64 * 7 % 60);
        let id = Uuid::from_u128(id as u128);
        vec![
            time.into(),
            id.into(),
            a.clone(),
            b.clone(),
            c.clone(),
            d.clone(),
        ]
    };
    let rows: Vec<Vec<Value>> = rows.iter().enumerate().map(row).collect();
    for rows in rows.chunks(batch) {
        store.append(rows.to_vec(), now());
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn items_answer_as_each_row_does(
        rows in rows(),
        tests in prop::collection::vec(predicates(), 1..3),
        (batch, segment) in (1_usize..60, 1_usize..60),
        is_rare in any::<bool>(),
    ) {
        let store = filled(&rows, batch, segment);
        let snapshot = store.snapshot();
        let mut query = Query::new();
        if is_rare {
            // Few rows ask few items.
            query = query.filter(col("kind").eq("ana"));
        }
        for test in &tests {
            query = query.filter(test.clone());
        }
        let plan = query.bind(snapshot.schema()).unwrap();
        let expected = plan.run_by_rows(&snapshot).unwrap();
        let found = plan.run(&snapshot).unwrap();
        prop_assert!(found.rows().eq(expected.iter().map(Vec::as_slice)));
    }

    #[test]
    fn expanded_rows_are_those_of_their_lists(
        rows in rows(),
        (batch, segment) in (1_usize..60, 1_usize..60),
        (list, keep_empty) in (0_usize..3, any::<bool>()),
    ) {
        let store = filled(&rows, batch, segment);
        let column = ["guests", "tags", "sizes"][list];
        let mut expand = Expand::new(column).position("at");
        if keep_empty {
            expand = expand.keep_empty();
        }
        let expanded = Query::new().expand(expand);
        let result = expanded.clone().select(["id", column, "at"]).run(&store.snapshot()).unwrap();
        let mut expected: Vec<Vec<Value>> = Vec::new();
        for row in Query::new().run(&store.snapshot()).unwrap().rows() {
            let items = row[3 + list].as_list().unwrap_or_default();
            let of = |item: &Value, at: Value| vec![row[1].clone(), item.clone(), at];
            expected.extend((0_i64..).zip(items).map(|(at, item)| of(item, at.into())));
            if keep_empty && items.is_empty() {
                expected.push(of(&Value::Null, Value::Null));
            }
        }
        prop_assert!(result.rows().eq(expected.iter().map(Vec::as_slice)));

        // A field of each item, filtered, grouped and sorted.
        let value = if list == 0 { col(column).field("name") } else { col(column) };
        let grouped = expanded
            .filter(value.clone().is_not_null())
            .group_by([value.alias("value")])
            .aggregate([count()])
            .sort([crate::desc("count"), crate::asc("value")])
            .run(&store.snapshot())
            .unwrap();
        let mut counts: std::collections::BTreeMap<Value, i64> = Default::default();
        for row in &expected {
            let value = match list {
                0 => row[1].as_record().map(|record| record[1].clone()).unwrap_or_default(),
                _ => row[1].clone(),
            };
            if !value.is_null() {
                *counts.entry(value).or_default() += 1;
            }
        }
        let mut counts: Vec<(Value, i64)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| -count);
        let counts: Vec<[Value; 2]> = counts.into_iter().map(|(value, count)| [value, count.into()]).collect();
        prop_assert!(grouped.rows().eq(counts.iter().map(<[Value; 2]>::as_slice)));
    }

    #[test]
    fn groups_of_items_are_as_row_by_row(
        rows in rows(),
        tests in prop::collection::vec(predicates(), 0..2),
        (batch, segment, as_of) in (1_usize..60, 1_usize..60, 0_u64..5),
        (list, of_items, keys, aggregate) in (0_usize..3, 0_usize..4, 0_usize..5, 0_usize..8),
    ) {
        let store = filled(&rows, batch, segment);
        let column = ["guests", "tags", "sizes"][list];
        let value = if list == 0 { col(column).field("name") } else { col(column) };
        let mut query = Query::new();
        for test in &tests {
            query = query.filter(test.clone());
        }
        query = query.expand(column);
        query = match of_items {
            0 => query,
            1 => query.filter(value.clone().is_not_null()).filter(col("kind").ne("kim")),
            2 if list < 2 => query.filter(value.clone().contains("i")),
            _ => query.filter(col("time").lt(now() - TimeDelta::minutes(20))),
        };
        let keys = match keys {
            0 => vec![],
            1 => vec![value.clone().alias("value")],
            2 => vec![col("kind").alias("kind"), value.clone().alias("value")],
            3 => vec![col(column).alias("item")],
            _ => vec![col("time").bucket(crate::Bucket::HOUR).alias("hour"), value.clone().alias("value")],
        };
        let aggregate = match aggregate {
            0 => count(),
            1 => crate::count_distinct(col("id")),
            2 => crate::first(value),
            3 => crate::arg_max(value, col("time")),
            4 => crate::max(col("time")),
            5 => crate::collect_set(col("kind")),
            6 => crate::collect_list(col("id")),
            _ => count().filter(value.eq(if list == 2 { Expr::from(1) } else { Expr::from("ana") })),
        };
        query = query.group_by(keys).aggregate([aggregate.alias("a")]);
        let plan = query.bind(store.schema()).unwrap();
        for snapshot in [store.snapshot(), store.snapshot().as_of(as_of)] {
            let expected = plan.run_by_rows(&snapshot).unwrap();
            let found = plan.run(&snapshot).unwrap();
            prop_assert!(found.rows().eq(expected.iter().map(Vec::as_slice)), "{found:?}\n{expected:?}");
        }
    }
}

#[test]
fn sealed_segments_know_where_the_items_of_indexed_columns_are() {
    let guest = |name: &str| Value::record([Value::Null, name.into(), Value::Null]);
    let rows: Vec<Cells> = (0..64)
        .map(|n| {
            let names = [["ana", "kim"][n % 2], "li"].map(|name| format!("{name} {n}"));
            let guests = Value::list(names.iter().map(|name| guest(name)));
            (Value::Null, guests, Value::list(names), Value::Null)
        })
        .collect();
    let store = filled(&rows, 64, 32);
    let snapshot = store.snapshot();
    for segment in snapshot.segments() {
        assert!(segment.item_postings(3, Some(1)).is_some());
        assert!(segment.item_postings(4, None).is_some());
        assert!(segment.item_postings(3, Some(0)).is_none());
    }
    assert!(store.memory_usage().postings >= 4 * 4 * 64);
    for test in [
        col("guests").any(field("name").eq("kim 33")),
        col("tags").any(item().eq("kim 33")),
    ] {
        let found = Query::new().filter(test).run(&snapshot).unwrap();
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn items_are_limited_as_rows() {
    let tags = || Value::list(["ana", "kim"]);
    let rows = vec![(Value::Null, Value::Null, tags(), Value::Null); 5];
    let store = filled(&rows, 5, 100);
    let groups = |rows| {
        let limits = Limits::default().rows(rows);
        let query = Query::new()
            .expand("tags")
            .group_by(["tags"])
            .aggregate([count()]);
        query
            .bind(store.schema())
            .unwrap()
            .with_limits(limits)
            .run(&store.snapshot())
    };
    assert_eq!(groups(10).unwrap().len(), 2);
    assert_eq!(
        groups(9).unwrap_err().to_string(),
        "stages[0].expand: more than 9 rows between two stages"
    );
}
