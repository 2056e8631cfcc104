//! What a plan says before it runs, while it does, and after: errors, limits, parameters, explanations.

use chrono::TimeDelta;
use report_query::{
    DataType, Expr, Join, Limits, Parameters, Query, QueryErrorKind, Retention, Store,
    StoreOptions, approx_count_distinct, asc, col, collect_set, count, count_distinct, count_if,
    desc, lit, param, percentile, sum,
};

use super::pipelines::doors;
use super::{minute, row, schema, shown};

const DOOR: Expr = Expr::column("door");
const N: Expr = Expr::column("n");
const TIME: Expr = Expr::column("time");

#[test]
fn errors_are_found_at_binding_and_name_the_place() {
    let by_door = || Query::new().group_by([DOOR]).aggregate([count()]);
    for (query, expected) in [
        (
            Query::new().filter(col("dor").eq("x")),
            "stages[0].filter.eq[0]: no column `dor`; is `door` meant?",
        ),
        (
            Query::new().filter(N),
            "stages[0].filter: expected bool, found int",
        ),
        (
            by_door().filter(N.gt(1)),
            "stages[1].filter.gt[0]: no column `n`",
        ),
        (
            by_door().sort([desc("cuont")]),
            "stages[1].sort[0].desc: no column `cuont`; is `count` meant?",
        ),
        (
            Query::new()
                .limit(1)
                .group_by([DOOR])
                .aggregate([count(), sum(DOOR)]),
            "stages[1].group.aggregate[1].sum: expected number, found text",
        ),
        (
            Query::new().aggregate([count_if(N)]),
            "stages[0].group.aggregate[0].count_if: expected bool, found int",
        ),
        (
            Query::new().aggregate([percentile(N, 101.0)]),
            "stages[0].group.aggregate[0].percentile[1]: a percentile lies between 0 and 100",
        ),
        (
            Query::new().aggregate([count().cap(3)]),
            "stages[0].group.aggregate[0].cap: only collections have a cap",
        ),
        (
            Query::new().aggregate([sum(N.add(1))]),
            "stages[0].group.aggregate[0]: the column needs a name",
        ),
        (
            Query::new().extend([N.add(1)]),
            "stages[0].extend[0]: the column needs a name",
        ),
        (
            Query::new().aggregate([count(), count()]),
            "stages[0].group: column `count` occurs twice",
        ),
        (
            Query::new().select([N, N]),
            "stages[0].select: column `n` occurs twice",
        ),
        (
            Query::new().select([] as [Expr; 0]),
            "stages[0].select: at least one column is needed",
        ),
        (
            Query::new().aggregate([]),
            "stages[0].group: a key or an aggregate is needed",
        ),
        (
            Query::new().expand("door"),
            "stages[0].expand.column: expected list, found text",
        ),
        (
            Query::new().sort([asc("tags")]),
            "stages[0].sort[0].asc: expected ordered values, found list of text",
        ),
        (
            Query::new().join(Join::inner(by_door()).on("n", "door")),
            "stages[0].join.on[0][1]: expected int, found text",
        ),
        (
            Query::new().join(Join::inner(by_door().filter(N.gt(1))).on("door", "door")),
            "stages[0].join.with.stages[1].filter.gt[0]: no column `n`",
        ),
        (
            Query::new().join(Join::inner(by_door()).on("door", "door")),
            "stages[0].join: column `door` occurs twice",
        ),
        (
            Query::new().join(Join::semi(by_door())),
            "stages[0].join.on: a join needs keys",
        ),
        (
            by_door().page(5),
            "stages[1].page.by[0].desc: no column `time`",
        ),
        (
            Query::new().page(5).filter(N.gt(1)),
            "stages[1].filter: only `extend` and `select` may follow a page",
        ),
        (
            Query::new().union(Query::new().page(5)),
            "stages[0].union.stages[0].page: only the outermost query has pages",
        ),
        (
            Query::new().page(0),
            "stages[0].page.size: a page has at least one row",
        ),
        (
            Query::new().sessionize("s", ["door"], N, TimeDelta::minutes(1)),
            "stages[0].sessionize.time: expected time, found int",
        ),
        (
            Query::new().sessionize("n", ["door"], TIME, TimeDelta::minutes(1)),
            "stages[0].sessionize: column `n` occurs twice",
        ),
        (
            Query::new().top_per(["dor"], [desc("time")], 1),
            "stages[0].top_per.by[0]: no column `dor`; is `door` meant?",
        ),
    ] {
        let error = query.bind(&schema()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.stage().is_some());
        // The JSON form has its errors at the same places.
        let read = Query::from_json(&query.to_json()).unwrap();
        assert_eq!(read.bind(&schema()).unwrap_err().to_string(), expected);
    }
}

#[test]
fn errors_of_a_run_name_the_stage() {
    let error = |query: Query| query.run(&doors()).unwrap_err().to_string();
    assert_eq!(
        error(Query::new().limit(5).extend([N.add(i64::MAX).alias("x")])),
        "stages[1].extend: a sum overflows"
    );
    assert_eq!(
        error(Query::new().filter(N.eq(param("n")))),
        "stages[0].filter: parameter `n` is missing"
    );
    assert_eq!(
        error(Query::new().union(Query::new().aggregate([collect_set(N).cap(2)]))),
        "stages[0].union.stages[0].group: more than 2 values in a collection"
    );
}

#[test]
fn limits_are_typed_errors_and_nothing_is_cut() {
    let limited = |query: Query, limits: Limits| {
        let plan = query.bind(&schema()).unwrap().with_limits(limits);
        plan.run(&doors())
            .map(|result| result.len())
            .map_err(|error| error.kind().clone())
    };
    let exceeded = |what, limit| Err(QueryErrorKind::LimitExceeded { what, limit });
    let groups = || Query::new().group_by([DOOR]).aggregate([count_distinct(N)]);
    assert_eq!(limited(groups(), Limits::default().groups(4)), Ok(4));
    assert_eq!(
        limited(groups(), Limits::default().groups(3)),
        exceeded("groups", 3)
    );
    assert_eq!(
        limited(groups(), Limits::default().values(2)),
        exceeded("values in aggregates", 2)
    );
    let pairs = || Query::new().join(Join::inner(Query::new()).on(lit(1), lit(1)).prefix("b_"));
    assert_eq!(limited(pairs(), Limits::default().rows(36)), Ok(36));
    assert_eq!(
        limited(pairs(), Limits::default().rows(35)),
        exceeded("rows between two stages", 35)
    );
    assert_eq!(
        limited(Query::new(), Limits::default().cells(41)),
        exceeded("cells between two stages", 41)
    );
}

#[test]
fn parameters_make_one_query_many() {
    let query = Query::new()
        .filter(report_query::when_param("door", DOOR.is_in(param("door"))))
        .aggregate([count()]);
    let run = |parameters: Parameters| shown(&query.run_with(&doors(), &parameters).unwrap());
    assert_eq!(run(Parameters::new()), ["6"]);
    assert_eq!(run(Parameters::new().set("door", "front")), ["2"]);
    assert_eq!(run(Parameters::new().set("door", ["front", "side"])), ["3"]);
}

#[test]
fn plans_explain_themselves_and_run_on_their_schema_only() {
    let query = Query::new()
        .filter(TIME.between(minute(1)..minute(4)).and(DOOR.eq("back")))
        .group_by([DOOR])
        .aggregate([count().alias("n")])
        .sort([desc("n")]);
    let plan = query.bind(&schema()).unwrap();
    assert_eq!(
        plan.explain().to_string(),
        "scan from 2026-11-23T00:01:00+00:00 to 2026-11-23T00:04:00+00:00\n\
         filter and(between(time, 2026-11-23T00:01:00Z, 2026-11-23T00:04:00Z), eq(door, \"back\"))\n\
         group by door: count() as n\n\
         sort n desc\n\
         give door text, n int"
    );
    assert!(!format!("{plan:?}").contains("back"));
    let result = plan.run(&doors()).unwrap();
    assert_eq!(shown(&result), ["back|2"]);
    assert_eq!(result.stats().rows_scanned, 3);
    let other = report_query::Schema::new([
        report_query::Field::new("time", DataType::Time).required(),
        report_query::Field::new("id", DataType::Id).required(),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .unwrap();
    let store = Store::new(other, StoreOptions::default()).unwrap();
    assert!(plan.run(&store.snapshot()).is_err());
}

#[test]
fn an_analysis_says_what_each_step_read_and_took() {
    // A clock that goes on by a millisecond whenever it is asked.
    let asked = std::cell::Cell::new(0);
    let clock = || {
        asked.set(asked.get() + 1);
        std::time::Duration::from_millis(asked.get())
    };
    let others = Query::new().filter(DOOR.ne("back")).select([DOOR]);
    let plan = Query::new()
        .filter(TIME.ge(minute(1)))
        .filter(DOOR.is_not_null())
        .group_by([DOOR])
        .aggregate([count().alias("n")])
        .join(Join::anti(others).on("door", "door"))
        .limit(5)
        .bind(&schema())
        .unwrap();
    let snapshot = doors();
    let analysis = plan.analyze(&snapshot, &clock).unwrap();
    assert_eq!(analysis.result, plan.run(&snapshot).unwrap());
    let steps: Vec<_> = analysis
        .steps
        .iter()
        .map(|step| {
            (
                step.stages.join("+"),
                step.depth,
                step.rows,
                step.time.as_millis(),
            )
        })
        .collect();
    let expected = [
        ("filter+filter+group", 0, 3, 1),
        ("filter", 1, 3, 1),
        ("select", 1, 3, 1),
        ("join", 0, 1, 5),
        ("limit", 0, 1, 1),
    ];
    assert_eq!(
        steps,
        expected.map(|(name, depth, rows, time)| (name.to_owned(), depth, rows, time))
    );
    let stats = analysis.stats();
    assert_eq!(stats.rows_scanned, 5 + 6);
    assert!(stats.bytes_touched > 0, "{stats:?}");
    let text = analysis.to_string();
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(
        text.contains("\n  select") && !text.contains("back"),
        "{text}"
    );

    // All that is looked at costs what it takes, whatever part of it the times leave.
    let of = |query: Query| query.run(&snapshot).unwrap().stats().bytes_touched;
    let one = of(Query::new().group_by([DOOR]).aggregate([count()]));
    let both = of(Query::new().group_by([DOOR, N]).aggregate([count()]));
    let none = of(Query::new());
    assert!(none < one && one < both, "{none} {one} {both}");
}

/// What the first part held counts, though that part alone could not have been too much.
#[test]
fn values_are_limited_over_all_parts_together() {
    let options = StoreOptions::new(Retention::MONTH).segment_rows(80);
    let store = Store::new(schema(), options).unwrap();
    for part in 0..2 {
        let row = |at: u128| {
            let id = part * 80 + at;
            row(minute(id as i64), id, format!("door {at}"), part as i64)
        };
        store.append((0..80).map(row), super::now());
    }
    assert_eq!(store.stats().segments, 2);
    for aggregate in [count_distinct(DOOR), approx_count_distinct(DOOR)] {
        let query = Query::new().group_by([N]).aggregate([aggregate]);
        let plan = query.bind(&schema()).unwrap();
        let run = |values| {
            let plan = plan.clone().with_limits(Limits::default().values(values));
            plan.run(&store.snapshot()).map(|result| result.len())
        };
        assert_eq!(run(160).unwrap(), 2);
        for values in [80, 100, 159] {
            let error = run(values).unwrap_err();
            assert!(
                matches!(error.kind(), QueryErrorKind::LimitExceeded { .. }),
                "{values}"
            );
        }
    }
}
