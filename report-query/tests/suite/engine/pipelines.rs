//! Each stage, and stages one after the other.

use chrono::TimeDelta;
use report_query::{
    Bucket, DataType, Expand, Expr, Join, JoinKind, Page, Query, Value, any, arg_max, arg_min, asc,
    avg, col, collect_list, collect_set, concat, count, count_distinct, count_if, desc, every,
    field, first, last, lit, max, min, percentile, sum,
};

use super::{guests, minute, row, schema, shown, store, store_of};

const DOOR: Expr = Expr::column("door");
const N: Expr = Expr::column("n");
const TIME: Expr = Expr::column("time");

pub(super) fn doors() -> report_query::Snapshot {
    let mut with_guests = row(minute(3), 4, "back", 7);
    with_guests[5] = Value::list(["a", "b"]);
    with_guests[6] = guests(&[("Ann", Some(30)), ("Bob", None)]);
    let mut no_guests = row(minute(5), 6, "side", 1);
    no_guests[6] = guests(&[]);
    store_of([
        row(minute(0), 1, "front", 5),
        row(minute(1), 2, "back", 3),
        row(minute(2), 3, "front", None::<i64>),
        with_guests,
        row(minute(4), 5, None::<&str>, 9),
        no_guests,
    ])
    .snapshot()
}

fn run(query: &Query) -> Vec<String> {
    shown(
        &query
            .run(&doors())
            .unwrap_or_else(|error| panic!("{error}")),
    )
}

#[test]
fn a_bare_query_gives_all_rows_in_time_order() {
    let result = Query::new().run(&doors()).unwrap();
    assert_eq!((result.len(), result.columns().len()), (6, 7));
    assert_eq!(
        run(&Query::new().select(["door"])),
        ["front", "back", "front", "back", "-", "side"]
    );
    assert_eq!(result.columns()[2].label, "Door");
}

#[test]
fn filters_keep_what_is_true() {
    assert_eq!(
        run(&Query::new().filter(DOOR.ne("front")).select(["n"])),
        ["3", "7", "1"]
    );
    assert_eq!(
        run(&Query::new().filter(DOOR.eq("front").not()).select(["n"])),
        ["3", "7", "1"]
    );
    assert_eq!(
        run(&Query::new()
            .filter(N.gt(3).or(N.is_null()))
            .filter(DOOR.is_not_null())
            .select(["n"])),
        ["5", "-", "7"]
    );
}

#[test]
fn extend_replaces_in_place_and_sees_what_was_before() {
    let query = Query::new()
        .select(["door", "n"])
        .extend([N.add(1).alias("n"), N.mul(2).alias("twice")])
        .limit(2);
    let result = query.run(&doors()).unwrap();
    assert_eq!(shown(&result), ["front|6|10", "back|4|6"]);
    let names: Vec<&str> = result
        .columns()
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(names, ["door", "n", "twice"]);
}

#[test]
fn groups_come_by_ascending_key_with_null_last() {
    let query = Query::new().group_by([DOOR]).aggregate([
        count(),
        count_if(N.gt(4)).alias("many"),
        sum(N),
        avg(N),
        min(N),
        max(N),
        first(N),
        last(N),
    ]);
    let result = query.run(&doors()).unwrap();
    assert_eq!(
        shown(&result),
        [
            "back|2|1|10|5|3|7|3|7",
            "front|2|1|5|5|5|5|5|5",
            "side|1|0|1|1|1|1|1|1",
            "-|1|1|9|9|9|9|9|9",
        ]
    );
    let column = |name: &str| result.columns()[result.column_index(name).unwrap()].clone();
    assert_eq!(column("avg_n").data_type, DataType::Float);
    assert_eq!(column("sum_n").unit.unwrap().as_str(), "s");
    assert_eq!(column("count").unit, None);
    assert_eq!(column("door").label, "Door");
}

#[test]
fn aggregates_with_filters_keys_and_collections() {
    let query = Query::new().aggregate([
        count().filter(DOOR.eq("front")).alias("front"),
        arg_max(DOOR, N),
        arg_min(DOOR, N).alias("least"),
        collect_set(DOOR).alias("doors"),
        collect_list(N.mod_two()).alias("parity"),
        count_distinct(DOOR).alias("different"),
        any(N.gt(8)).alias("any"),
        every(N.gt(0)).alias("every"),
        percentile(N, 50.0).alias("p50"),
        percentile(TIME, 100.0).alias("newest"),
    ]);
    assert_eq!(
        run(&query),
        ["2|-|side|back, front, side|1, 1, 1, 1, 1|3|true|true|5|2026-11-23T00:05:00Z"]
    );
}

trait Parity {
    fn mod_two(self) -> Expr;
}

impl Parity for Expr {
    fn mod_two(self) -> Expr {
        self % 2
    }
}

#[test]
fn of_no_rows_there_is_one_group_without_keys_and_none_with() {
    let empty = Query::new().filter(lit(false));
    assert_eq!(run(&empty.clone().aggregate([count(), sum(N)])), ["0|-"]);
    assert!(run(&empty.group_by([DOOR]).aggregate([count()])).is_empty());
}

#[test]
fn a_filter_after_a_group_and_a_group_after_a_group() {
    let query = Query::new()
        .group_by([DOOR])
        .aggregate([count().alias("opened")])
        .filter(col("opened").gt(1))
        .sort([desc("door")]);
    assert_eq!(run(&query), ["front|2", "back|2"]);
    let query = Query::new()
        .group_by([DOOR])
        .aggregate([count().alias("opened")])
        .group_by(["opened"])
        .aggregate([count().alias("doors")]);
    assert_eq!(run(&query), ["1|2", "2|2"]);
}

#[test]
fn time_buckets_are_keys_that_keep_their_name() {
    let query = Query::new()
        .group_by([TIME.bucket(Bucket::WEEK)])
        .aggregate([count()])
        .extend([TIME.format_time("%Y-%m-%d").alias("week")])
        .select(["week", "count"]);
    assert_eq!(run(&query), ["2026-11-23|6"]);
    assert_eq!(
        run(&Query::new().distinct(["door"])),
        ["back", "front", "side", "-"]
    );
}

#[test]
fn sorting_is_stable_with_nulls_last_unless_told() {
    let names = |query: Query| run(&query.select(["door", "n"])).join(" ");
    assert_eq!(
        names(Query::new().sort([asc("n")])),
        "side|1 back|3 front|5 back|7 -|9 front|-"
    );
    assert_eq!(
        names(Query::new().sort([desc("n")])),
        "-|9 back|7 front|5 back|3 side|1 front|-"
    );
    assert_eq!(
        names(Query::new().sort([desc("door").nulls_first(), asc("n").nulls_first()])),
        "-|9 side|1 front|- front|5 back|3 back|7"
    );
    // Equal keys stay in time order, with a limit as well.
    assert_eq!(names(Query::new().sort([asc(lit(1))])), names(Query::new()));
    assert_eq!(
        names(Query::new().sort([asc(DOOR.length())]).limit(3)),
        "back|3 back|7 side|1"
    );
    assert_eq!(names(Query::new().sort([asc("n")]).limit(0)), "");
    assert_eq!(names(Query::new().limit(100)).split(' ').count(), 6);
}

#[test]
fn expand_makes_rows_of_items() {
    let query = Query::new()
        .expand(Expand::new("guests").alias("guest").position("at"))
        .select([
            col("door"),
            col("guest").field("name"),
            col("guest").field("age"),
            col("at"),
        ]);
    assert_eq!(run(&query), ["back|Ann|30|0", "back|Bob|-|1"]);
    let query = Query::new()
        .expand(Expand::new("guests").keep_empty())
        .group_by([col("guests").field("name")])
        .aggregate([count()]);
    assert_eq!(run(&query), ["Ann|1", "Bob|1", "-|5"]);
    assert_eq!(
        run(&Query::new().expand("tags").select(["tags", "n"])),
        ["a|7", "b|7"]
    );
    let query = Query::new()
        .filter(col("guests").any(field("name").eq_ci("ANN")))
        .select(["n"]);
    assert_eq!(run(&query), ["7"]);
}

#[test]
fn joins_of_every_kind() {
    let counts = || {
        Query::new()
            .filter(DOOR.ne("side"))
            .group_by([DOOR])
            .aggregate([count().alias("opened"), max(N).alias("most")])
    };
    let of = |kind| {
        Query::new()
            .filter(N.lt(6).or(DOOR.is_null()))
            .select(["door", "n"])
            .join(Join::new(kind, counts()).on("door", "door").prefix("d_"))
    };
    assert_eq!(
        run(&of(JoinKind::Inner)),
        ["front|5|front|2|5", "back|3|back|2|7"]
    );
    assert_eq!(
        run(&of(JoinKind::Left)),
        [
            "front|5|front|2|5",
            "back|3|back|2|7",
            "-|9|-|-|-",
            "side|1|-|-|-"
        ]
    );
    assert_eq!(run(&of(JoinKind::Semi)), ["front|5", "back|3"]);
    assert_eq!(run(&of(JoinKind::Anti)), ["-|9", "side|1"]);
    // Several partners stand in their own order; computed keys join too.
    let all = Query::new().select(["door", "n"]);
    let query = Query::new()
        .select([DOOR.upper().alias("up")])
        .distinct(["up"])
        .join(Join::inner(all).on("up", DOOR.upper()));
    assert_eq!(
        run(&query),
        [
            "BACK|back|3",
            "BACK|back|7",
            "FRONT|front|5",
            "FRONT|front|-",
            "SIDE|side|1"
        ]
    );
}

#[test]
fn unions_match_columns_by_name() {
    let left = Query::new().filter(N.gt(6)).select(["door", "n"]);
    let right = Query::new()
        .filter(N.lt(2))
        .select([N, lit("x").alias("mark")]);
    assert_eq!(run(&left.union(right)), ["back|7|-", "-|9|-", "-|1|x"]);
    let twice = Query::new()
        .filter(N.gt(6))
        .union(Query::new().filter(N.gt(8)));
    assert_eq!(run(&twice.select(["n"])), ["7", "9", "9"]);
    let error = Query::new()
        .select(["n"])
        .union(Query::new().select([DOOR.alias("n")]));
    assert_eq!(
        error.bind(&schema()).unwrap_err().to_string(),
        "stages[1].union.n: expected int, found text"
    );
}

#[test]
fn sessions_end_where_a_gap_is_longer() {
    let store = store_of([
        row(minute(0), 1, "a", 1),
        row(minute(10), 2, "a", 2),
        row(minute(21), 3, "a", 3),
        row(minute(5), 4, "b", 4),
        row(minute(30), 5, "a", 5),
    ]);
    let query = Query::new()
        .sessionize("session", ["door"], TIME, TimeDelta::minutes(10))
        .group_by(["door", "session"])
        .aggregate([count(), collect_list(N).alias("n")])
        .select(["door", "count", "n"]);
    let result = query.run(&store.snapshot()).unwrap();
    assert_eq!(shown(&result), ["a|2|1, 2", "a|2|3, 5", "b|1|4"]);
}

#[test]
fn the_first_rows_of_each_key() {
    let query = Query::new()
        .top_per(["door"], [desc("time")], 1)
        .select(["door", "n"]);
    assert_eq!(run(&query), ["front|-", "back|7", "-|9", "side|1"]);
    let query = Query::new()
        .top_per(["door"], [asc(N.is_null()), desc("n")], 1)
        .select(["n"]);
    assert_eq!(run(&query), ["5", "7", "9", "1"]);
}

#[test]
fn pages_give_each_row_once_while_rows_arrive() {
    let store = store();
    let batch = |from: u128, to: u128| {
        (from..to)
            .map(|id| row(minute((id % 7) as i64), id, "d", (id % 3) as i64))
            .collect::<Vec<_>>()
    };
    store.append(batch(0, 20), super::now());
    let expected = Query::new()
        .sort([desc("time"), desc("id")])
        .select(["id"])
        .run(&store.snapshot())
        .unwrap();
    for page in [
        Page::new(3),
        Page::new(3).by([desc("n")]),
        Page::new(7).by([asc("door")]),
    ] {
        let (mut seen, mut token) = (Vec::new(), None::<String>);
        loop {
            let query = match &token {
                Some(token) => Query::new().page(page.clone().after(token.as_str())),
                None => Query::new().page(page.clone()),
            };
            let result = query.select(["id"]).run(&store.snapshot()).unwrap();
            seen.extend(shown(&result));
            // Rows that come between two pages are in none of the later ones.
            let next = 1000 * (1 + seen.len() as u128) + store.stats().rows as u128;
            if seen.len() < 20 {
                store.append(batch(next, next + 2), super::now());
            }
            token = result.next_page().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), seen.len());
        if page == Page::new(3) {
            assert_eq!(seen, shown(&expected));
        } else {
            assert!(seen.len() >= 20);
        }
    }
}

#[test]
fn tokens_of_other_queries_are_refused() {
    let snapshot = doors();
    let page = |size: u64| Query::new().page(size);
    let token = page(2)
        .run(&snapshot)
        .unwrap()
        .next_page()
        .unwrap()
        .to_owned();
    assert!(
        Query::new()
            .page(Page::new(2).after(&*token))
            .run(&snapshot)
            .is_ok()
    );
    for (query, expected) in [
        (
            Query::new().page(Page::new(3).after(&*token)),
            "of another query",
        ),
        (
            Query::new().page(Page::new(3).after("nonsense")),
            "not readable",
        ),
    ] {
        let error = query.run(&snapshot).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("stages[0].page.after: page token: {expected}")
        );
    }
    let empty = store().snapshot();
    let error = Query::new()
        .page(Page::new(2).after(&*token))
        .run(&empty)
        .unwrap_err();
    assert!(error.to_string().contains("of another store"), "{error}");
}

#[test]
fn the_same_data_gives_the_same_rows_however_it_came() {
    let rows: Vec<_> = (0..50_u128)
        .map(|id| row(minute((id as i64 * 7) % 50), id, "d", 1))
        .collect();
    let whole = store_of(rows.clone());
    let options = report_query::StoreOptions::default().segment_rows(8);
    let parts = report_query::Store::new(schema(), options).unwrap();
    for part in rows.chunks(3).rev() {
        parts.append(part.to_vec(), super::now());
    }
    let query = Query::new().extend([concat([DOOR, lit("!")]).alias("door")]);
    let (a, b) = (
        query.run(&whole.snapshot()).unwrap(),
        query.run(&parts.snapshot()).unwrap(),
    );
    assert_eq!(shown(&a), shown(&b));
    assert!(parts.stats().segments > 2);
}
