//! The questions that engines are compared by.

use report_query::{
    Bucket, Facet, Facets, Join, Query, QueryResult, Result, Store, Value, arg_max, asc, avg, col,
    collect_set, count, count_distinct, desc, item, percentile,
};

use super::start;

/// A question.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Question {
    /// Over the table of thirteen columns.
    Events(Query),
    /// Several counts over the table of thirteen columns.
    Facets(Facets),
    /// Over the table whose targets are lists.
    Lists(Query),
}

impl Question {
    /// The answer: several of several counts. `events` and `lists` hold the two tables.
    ///
    /// # Errors
    ///
    /// None for the [questions] of this module.
    pub fn ask(&self, events: &Store, lists: &Store) -> Result<Vec<QueryResult>> {
        // A snapshot of its own: what queries of one snapshot share must not answer for it.
        match self {
            Self::Events(query) => Ok(vec![query.run(&events.snapshot())?]),
            Self::Lists(query) => Ok(vec![query.run(&lists.snapshot())?]),
            Self::Facets(facets) => {
                let counts = facets.run(&events.snapshot())?;
                Ok(counts.iter().cloned().collect())
            }
        }
    }

    /// The rows of an answer; of several counts each with the number of its own.
    #[must_use]
    pub fn rows(&self, answer: &[QueryResult]) -> Vec<Vec<Value>> {
        let are_several = matches!(self, Self::Facets(_));
        let of_one = |(n, result): (usize, &QueryResult)| {
            let numbered = |row: &[Value]| {
                let number = are_several.then(|| Value::from(n as i64));
                number.into_iter().chain(row.iter().cloned()).collect()
            };
            result.rows().map(numbered).collect::<Vec<_>>()
        };
        answer.iter().enumerate().flat_map(of_one).collect()
    }
}

/// The questions, each with its name.
#[must_use]
pub fn questions() -> Vec<(&'static str, Question)> {
    let mut all = Vec::new();
    all.extend(counts());
    all.extend(searches());
    all.extend(flows());
    all
}

fn week() -> report_query::Expr {
    let day = |day| start() + chrono::TimeDelta::days(day);
    col("time").between(day(7)..day(14))
}

fn counts() -> Vec<(&'static str, Question)> {
    let query = Query::new;
    let events = Question::Events;
    let facets = ["activity", "result", "category", "domain", "method"];
    let facets = Facets::new(facets.map(|name| Facet::new(col(name))));
    vec![
        (
            "q1_count_under_time_source_result",
            events(
                query()
                    .filter(week())
                    .filter(
                        col("source")
                            .eq("source-000001")
                            .and(col("result").eq("result-000000")),
                    )
                    .aggregate([count()]),
            ),
        ),
        (
            "q2_by_activity_and_result",
            events(
                query()
                    .group_by(["activity", "result"])
                    .aggregate([count()]),
            ),
        ),
        (
            "q3_daily_by_activity",
            events(
                query()
                    .group_by([
                        col("time").bucket(Bucket::DAY).alias("day"),
                        col("activity"),
                    ])
                    .aggregate([count()]),
            ),
        ),
        (
            "q4_top_actors_of_one_activity",
            events(
                query()
                    .filter(col("activity").eq("activity-000002"))
                    .group_by(["actor"])
                    .aggregate([count()])
                    .sort([desc("count"), asc("actor")])
                    .limit(10),
            ),
        ),
        (
            "q5_distinct_actors_by_activity",
            events(
                query()
                    .group_by(["activity"])
                    .aggregate([count_distinct(col("actor"))]),
            ),
        ),
        (
            "q9_latency_percentiles_by_activity",
            events(query().group_by(["activity"]).aggregate([
                percentile(col("latency"), 50.0).alias("p50"),
                percentile(col("latency"), 95.0).alias("p95"),
                percentile(col("latency"), 99.0).alias("p99"),
            ])),
        ),
        (
            "q11_five_facets_under_a_filter",
            Question::Facets(
                facets
                    .filter(week())
                    .filter(col("source").eq("source-000001")),
            ),
        ),
        (
            "q12_latest_activity_per_person",
            events(
                query()
                    .group_by(["actor"])
                    .aggregate([arg_max(col("activity"), col("time")).alias("latest")]),
            ),
        ),
    ]
}

fn searches() -> Vec<(&'static str, Question)> {
    let events = Question::Events;
    let search = |found| Query::new().filter(found).aggregate([count()]);
    let newest = |query: Query, rows| query.sort([desc("time")]).limit(rows);
    vec![
        (
            "q6_substring_rare",
            events(search(col("display_name").contains_cs("Payroll 0001"))),
        ),
        (
            "q6_substring_rare_any_case",
            events(search(col("display_name").contains("payroll 0001"))),
        ),
        (
            "q6_substring_common",
            events(search(col("display_name").contains_cs("Shift"))),
        ),
        (
            "q7_newest_50_of_one_actor",
            events(newest(
                Query::new().filter(col("actor").eq("actor-000200")),
                50,
            )),
        ),
        (
            "q8_newest_100_of_a_category",
            events(newest(
                Query::new().filter(col("category").eq("category-000003")),
                100,
            )),
        ),
    ]
}

/// What belongs together by the request, and what stands in lists.
fn flows() -> Vec<(&'static str, Question)> {
    let first_of = |activity: &'static str, key: &'static str, name: &'static str| {
        Query::new()
            .filter(col("activity").eq(activity))
            .group_by([col("request").alias(key)])
            .aggregate([report_query::min(col("time")).alias(name)])
    };
    let pairs = first_of("activity-000000", "request", "created")
        .join(
            Join::inner(first_of("activity-000001", "approval", "approved"))
                .on("request", "approval"),
        )
        .filter(col("approved").ge(col("created")))
        .extend([col("created").seconds_until(col("approved")).alias("wait")])
        .aggregate([count(), avg(col("wait")).alias("wait")]);
    let collapsed = Query::new()
        .group_by(["request"])
        .aggregate([
            arg_max(col("result"), col("time")).alias("latest"),
            collect_set(col("method")).alias("methods"),
        ])
        .group_by(["latest"])
        .aggregate([
            count(),
            report_query::sum(col("methods").length()).alias("methods"),
        ]);
    let of_groups = Query::new()
        .filter(col("activity").eq("activity-000001"))
        .filter(col("targets").any(item().starts_with_cs("group-")))
        .expand("targets")
        .filter(col("targets").starts_with_cs("group-"))
        .group_by(["targets"])
        .aggregate([count()])
        .sort([desc("count"), asc("targets")])
        .limit(100);
    vec![
        ("q10_pairs_of_request_and_approval", Question::Events(pairs)),
        ("q13_members_added_by_group", Question::Lists(of_groups)),
        ("q14_flows_by_latest_result", Question::Events(collapsed)),
    ]
}
