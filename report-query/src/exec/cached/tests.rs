use chrono::TimeDelta;
use proptest::prelude::*;

use crate::exec::random::{aggregates, distinct, keys, predicates, rows, schema, start};
use crate::{
    Query, Retention, Snapshot, Store, StoreOptions, Value, col, count, count_distinct, max,
};

const BYTES: usize = 1 << 20;

fn store(segment: usize) -> Store {
    let options = StoreOptions::new(Retention::FOREVER).segment_rows(segment);
    Store::new(schema(), options.cache(BYTES)).unwrap()
}

fn append(store: &Store, rows: &[Vec<Value>]) {
    store.append(rows.iter().cloned(), start() + TimeDelta::days(30));
}

/// A run with what is known of segments comes to what all stages row by row come to.
fn compare(query: &Query, snapshot: &Snapshot) -> Result<(), TestCaseError> {
    let plan = query.bind(snapshot.schema()).unwrap();
    match (plan.run(snapshot), plan.run_by_rows(snapshot)) {
        (Ok(result), Ok(rows)) => {
            let cells: Vec<Vec<Value>> = result.rows().map(<[Value]>::to_vec).collect();
            prop_assert_eq!(cells, rows);
        }
        (Err(one), Err(other)) => {
            prop_assert_eq!(format!("{:?}", one.kind()), format!("{:?}", other.kind()));
        }
        (one, other) => prop_assert!(false, "{one:?} beside {other:?}"),
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_known_of_segments_changes_no_answer(
        rows in rows(),
        tests in prop::collection::vec(predicates(), 0..3),
        (keys, aggregates) in (keys(), aggregates()),
        (batch, segment) in (1_usize..50, 1_usize..40),
        (from, erased) in (0_i64..12, predicates()),
    ) {
        let store = store(segment);
        let mut query = Query::new();
        for test in tests {
            query = query.filter(test);
        }
        let query = query.group_by(distinct(keys)).aggregate(aggregates);
        let recent = Query::new().filter(col("time").ge(start() + TimeDelta::hours(from)));
        let both = [query.clone(), Query { stages: [recent.stages, query.stages].concat() }];
        let mut before = Vec::new();
        for rows in rows.chunks(batch) {
            append(&store, rows);
            for query in &both {
                compare(query, &store.snapshot())?;
            }
            before.push(store.snapshot());
        }
        // What fails erases nothing.
        let _ = store.erase(erased);
        for snapshot in before.iter().chain([&store.snapshot()]) {
            for query in &both {
                compare(query, snapshot)?;
                compare(query, &snapshot.as_of(1))?;
            }
        }
        prop_assert!(store.memory_usage().cache <= BYTES);
    }
}

/// So many hours of visits, by a person in each.
fn visits(hours: i64) -> Vec<Vec<Value>> {
    let columns = schema();
    let visit = |hour: i64| {
        let values = columns.fields().iter().map(|field| match &*field.name {
            "time" => (start() + TimeDelta::hours(hour)).into(),
            "id" => uuid::Uuid::from_u128(hour as u128 + 1).into(),
            "door" => format!("door {}", hour % 3).into(),
            _ => Value::Null,
        });
        values.collect()
    };
    (0..hours).map(visit).collect()
}

#[test]
fn the_same_question_is_answered_from_what_is_known() {
    let store = store(10);
    append(&store, &visits(95));
    let sealed = store.stats().segments;
    assert!(sealed > 5);
    let by_door = |from: i64| {
        Query::new()
            .filter(col("time").ge(start() + TimeDelta::hours(from)))
            .filter(col("door").ne("door 0"))
            .group_by(["door"])
            .aggregate([count(), max(col("time")).alias("last")])
    };
    let known = |query: &Query| {
        query
            .run(&store.snapshot())
            .unwrap()
            .stats()
            .segments_cached
    };
    assert_eq!(known(&by_door(0)), 0);
    assert_eq!(known(&by_door(0)), sealed);
    // Of the segment that a time cuts nothing is known.
    let stats = by_door(5).run(&store.snapshot()).unwrap().stats();
    assert_eq!(stats.segments_cached, sealed - 1);
    assert!(stats.segments > 0 && stats.rows_scanned < 20, "{stats:?}");
    // Other stages behind the group are the same question, other tests are not.
    assert_eq!(known(&by_door(0).limit(1)), sealed);
    assert_eq!(known(&by_door(0).filter(col("count").gt(1))), sealed);
    let query = Query::new().filter(col("door").ne("door 1"));
    assert_eq!(known(&query.group_by(["door"]).aggregate([count()])), 0);
    // Rows that come change what is not sealed alone.
    append(&store, &visits(97));
    assert_eq!(known(&by_door(0)), sealed);
    let used = store.memory_usage();
    assert!(used.cache > 0 && used.total() > used.columns + used.values);
}

#[test]
fn questions_with_answers_of_any_size_or_with_floats_are_not_kept() {
    let store = store(10);
    append(&store, &visits(50));
    let queries = [
        Query::new()
            .group_by(["door"])
            .aggregate([count_distinct(col("id"))]),
        Query::new()
            .filter(col("n").add(0.5).lt(9))
            .aggregate([count()]),
        Query::new().limit(20).aggregate([count()]),
        Query::new(),
    ];
    for query in queries {
        for _ in 0..2 {
            let result = query.run(&store.snapshot()).unwrap();
            assert_eq!(result.stats().segments_cached, 0);
        }
        assert_eq!(store.memory_usage().cache, 0);
    }
}

#[test]
fn what_is_known_goes_with_its_rows() {
    let store = store(10);
    append(&store, &visits(50));
    let query = Query::new().group_by(["door"]).aggregate([count()]);
    let old = store.snapshot();
    query.run(&old).unwrap();
    let used = store.memory_usage().cache;
    assert!(used > 0);
    store.erase(col("door").eq("door 1")).unwrap();
    assert!(
        store.memory_usage().cache < used / 4,
        "all segments had such rows"
    );
    // Who looks at the time before keeps nothing of it.
    let result = query.run(&old).unwrap();
    assert_eq!((result.len(), result.stats().segments_cached), (3, 0));
    assert!(store.memory_usage().cache < used / 4);
    assert_eq!(query.run(&store.snapshot()).unwrap().len(), 2);
    // Also where the rows stay.
    let stays = [("door", Value::from("a door"))];
    store.redact(col("door").is_not_null(), stays).unwrap();
    let result = query.run(&store.snapshot()).unwrap();
    assert_eq!(result.value(0, "door"), Some(&Value::from("a door")));
    assert_eq!((result.len(), result.stats().segments_cached), (1, 0));
}
