//! Random pipelines on random rows: the front on columns beside all stages row by row.

use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use crate::exec::random::{aggregates, distinct, filled, keys, predicates, rows, start};
use crate::{Join, Page, Query, Snapshot, Value, asc, col, count, desc, first, max};

/// Both ways come to the same rows, or both to an error of one kind.
pub(super) fn compare(query: &Query, snapshot: &Snapshot) -> Result<(), TestCaseError> {
    let plan = query.bind(snapshot.schema()).unwrap();
    let by_rows = plan.run_by_rows(snapshot);
    match (plan.run(snapshot), by_rows) {
        (Ok(result), Ok(rows)) => {
            let cells: Vec<Vec<Value>> = result.rows().map(<[Value]>::to_vec).collect();
            // Bit by bit, since a float must not depend on the way either.
            prop_assert_eq!(format!("{cells:?}"), format!("{rows:?}"));
            prop_assert_eq!(cells, rows);
        }
        // Where two stages fail, the one that is met first depends on the way.
        (Err(error), Err(other)) => {
            prop_assert_eq!(format!("{:?}", error.kind()), format!("{:?}", other.kind()));
        }
        (one, other) => prop_assert!(false, "{one:?} beside {other:?}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_front_on_columns_is_as_row_by_row(
        rows in rows(),
        tests in prop::collection::vec(predicates(), 0..3),
        keys in keys(),
        aggregates in aggregates(),
        (batch, segment) in (1_usize..50, 1_usize..40),
        (in_order, shape, as_of) in (any::<bool>(), 0..19, 0_u64..8),
        limit in 0_u64..12,
    ) {
        let mut rows = rows;
        if in_order {
            rows.sort_by(|a, b| a[..2].cmp(&b[..2]));
        }
        let store = filled(&rows, batch, segment);
        let mut query = Query::new();
        for test in tests {
            query = query.filter(test);
        }
        query = match shape {
            0 => query,
            1 => query.limit(limit),
            2 => query.sort([desc("time")]).limit(limit).select(["door", "time", "id"]),
            3 => query.sort([asc("time")]).limit(limit),
            4 => query.sort([desc("time"), asc("door"), desc("id")]).limit(limit),
            5 => query.page(Page::new(limit + 1)),
            6 => query.page(Page::new(limit + 1).by([asc("time"), desc(col("n").add(1))])),
            7 => query.top_per(distinct(keys), [desc("n"), asc("door")], 1),
            8 => query.top_per(distinct(keys), [asc(col("n").add(1)), desc("time")], 1 + limit / 6),
            9 => query
                .top_per(["door"], [desc("n"), asc("kind")], 1)
                .filter(col("n").gt(0).or(col("door").ne("north")))
                .group_by(distinct(keys))
                .aggregate(aggregates),
            10 => query
                .top_per(["kind", "n"], [asc("door")], 1)
                .filter(col("time").ge(start() + TimeDelta::hours(2)))
                .sort([desc("time")])
                .limit(limit),
            // The first of the groups alone; in any order; and of both sides of a join.
            11 => query
                .group_by(["door", "n"])
                .aggregate([count(), max(col("time")).alias("last")])
                .sort([desc("count"), desc("door"), asc("n").nulls_first()])
                .limit(limit),
            12 => query
                .group_by(distinct(keys))
                .aggregate([count().alias("rows")])
                .group_by(["rows"])
                .aggregate([count()]),
            // Here the order of the first groups matters.
            13 => query
                .group_by(["door"])
                .aggregate([count().alias("rows")])
                .group_by(["rows"])
                .aggregate([count(), first(col("door"))]),
            14 => query
                .clone()
                .group_by(["badge"])
                .aggregate([count()])
                .join(Join::inner(query.group_by([col("badge").alias("other")]).aggregate([max(col("n")).alias("most")])).on("badge", "other"))
                .group_by(["most"])
                .aggregate([count().alias("badges")]),
            15 => query
                .clone()
                .group_by(["room"])
                .aggregate([count()])
                .join(Join::left(query.group_by([col("room").alias("other")]).aggregate([max(col("n")).alias("most")])).on("room", "other"))
                .sort([desc("room"), asc("count")])
                .limit(limit),
            16 => query.sort([desc("room"), asc("id")]).limit(limit),
            // Of the pairs those that the filter leaves out are not made; it may fail.
            17 => {
                let with = query.clone().select(["door", "n", "time"]);
                let join = if limit % 2 == 0 { Join::inner(with) } else { Join::left(with) };
                let filter = if limit < 3 {
                    col("n").add(i64::MAX - 2).gt(col("other_n"))
                } else {
                    col("other_time").ge(col("time")).and(col("n").ne(col("other_n")))
                };
                query
                    .join(join.on("door", "door").prefix("other_"))
                    .filter(filter)
                    .select(["id", "other_n", "other_time"])
            }
            _ => query.group_by(distinct(keys)).aggregate(aggregates),
        };
        let snapshot = store.snapshot();
        compare(&query, &snapshot)?;
        compare(&query, &snapshot.as_of(as_of))?;
    }
}

proptest! {
    #[test]
    fn pages_by_time_are_the_whole_in_their_order(
        rows in rows(),
        tests in prop::collection::vec(predicates(), 0..2),
        (batch, segment) in (1_usize..50, 1_usize..40),
        (order, size, as_of) in (0..5, 1_u64..9, 0_u64..8),
    ) {
        let store = filled(&rows, batch, segment);
        let mut query = Query::new();
        for test in tests {
            query = query.filter(test);
        }
        let keys = match order {
            0 => vec![desc("time"), desc("id")],
            1 => vec![asc("time"), asc("id")],
            2 => vec![desc("time"), asc("door")],
            3 => vec![asc("time")],
            _ => vec![desc("time"), desc(col("n").add(1))],
        };
        let mut snapshot = store.snapshot();
        if as_of > 0 {
            snapshot = snapshot.as_of(as_of);
        }
        let all = query.clone().sort(keys.clone()).run(&snapshot);
        let Ok(all) = all else {
            // A row that fails may stand in no page.
            return Ok(());
        };
        let mut paged: Vec<Vec<Value>> = Vec::new();
        let mut page = Page::new(size).by(keys);
        loop {
            let result = query.clone().page(page.clone()).run(&snapshot).unwrap();
            paged.extend(result.rows().map(<[Value]>::to_vec));
            prop_assert!(result.len() as u64 == size || result.next_page().is_none());
            match result.next_page() {
                Some(token) => page = page.after(token),
                None => break,
            }
        }
        prop_assert!(all.rows().eq(paged.iter().map(Vec::as_slice)));
    }
}

#[test]
fn a_page_by_time_reads_its_own_segments() {
    let row = |minute: i64| {
        let mut row = vec![Value::Null; 10];
        // Two of a time.
        row[0] = (start() + TimeDelta::minutes(minute / 2)).into();
        row[1] = Uuid::from_u128(minute as u128).into();
        row[4] = minute.into();
        row
    };
    let rows: Vec<Vec<Value>> = (0..100).map(row).collect();
    let snapshot = filled(&rows, 10, 10).snapshot();
    let newest = Page::new(5);
    let oldest = Page::new(5).by([asc("time"), asc("id")]);
    for (page, first) in [(newest, 99), (oldest, 0)] {
        let mut page = page;
        for number in 0..20 {
            let result = Query::new().page(page.clone()).run(&snapshot).unwrap();
            let found = result.value(0, "n").and_then(Value::as_int);
            assert_eq!(found, Some(i64::abs(first - number * 5)));
            // Of a page that ends with a segment, the next row is in another one.
            let stats = result.stats();
            assert!(stats.segments <= 2, "page {number}: {stats:?}");
            assert_eq!(stats.segments + stats.segments_skipped, 10);
            match result.next_page() {
                Some(token) => page = page.after(token),
                None => assert_eq!(number, 19),
            }
        }
    }
}

#[test]
fn segments_that_a_limit_leaves_no_row_of_are_not_read() {
    let row = |minute: i64| {
        let mut row = vec![Value::Null; 10];
        row[0] = (start() + TimeDelta::minutes(minute)).into();
        row[1] = Uuid::from_u128(minute as u128).into();
        row[4] = minute.into();
        row
    };
    let rows: Vec<Vec<Value>> = (0..100).map(row).collect();
    let snapshot = filled(&rows, 10, 10).snapshot();
    // One row is looked at, and then twice as many each time.
    for (query, minutes, segments, rows) in [
        (Query::new().limit(3), vec![0, 1, 2], 1, 3),
        (Query::new().limit(0), vec![], 0, 0),
        (
            Query::new().sort([asc("time")]).limit(11),
            (0..11).collect(),
            2,
            20,
        ),
        (
            Query::new().sort([desc("time")]).limit(2),
            vec![99, 98],
            1,
            3,
        ),
        (
            // Of the newest segment two rows pass, so the next one is read, too.
            Query::new()
                .filter(col("n").in_list([91, 94, 85, 60]))
                .sort([desc("time")])
                .limit(3),
            vec![94, 91, 85],
            2,
            20,
        ),
        (Query::new().sort([desc("n")]).limit(1), vec![99], 10, 100),
    ] {
        let result = query.select(["n"]).run(&snapshot).unwrap();
        let found: Vec<i64> = result.rows().filter_map(|row| row[0].as_int()).collect();
        assert_eq!(found, minutes);
        let stats = result.stats();
        assert_eq!(
            (stats.segments, stats.segments_skipped),
            (segments, 10 - segments)
        );
        assert_eq!(stats.rows_scanned, rows);
    }
}
