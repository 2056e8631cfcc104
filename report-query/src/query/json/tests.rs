use super::*;
use crate::{
    Bucket, Expand, Join, Page, TimePart, Zone, asc, avg, case, col, collect_list, count, count_if,
    desc, field, if_then_else, item, list, lit, param, percentile, when_param,
};

fn round_trip(query: &Query) {
    let json = query.to_json();
    let read = Query::from_json(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert!(read == *query, "{json}");
    assert_eq!(read.to_json(), json);
    // With serde, inside another document.
    let nested: Vec<Query> = serde_json::from_str(&format!("[{json}]")).unwrap();
    assert!(nested == [read]);
}

#[test]
fn every_stage_and_operator_goes_there_and_back() {
    let time = "2026-11-24T14:32:05.5Z"
        .parse::<chrono::DateTime<chrono::Utc>>()
        .unwrap();
    let offset = chrono::FixedOffset::east_opt(5 * 3600 + 1800).unwrap();
    let other = Query::new().filter(col("a").is_null()).select(["a"]);
    round_trip(&Query::new());
    round_trip(
        &Query::new()
            .filter(
                col("a")
                    .eq(lit(time))
                    .and(col("b").eq(uuid::Uuid::from_u128(5)))
                    .and(when_param("p", col("c").in_list([1, 2]).not()))
                    .or(col("d").between(1.0..f64::INFINITY)),
            )
            .filter(col("targets").any(field("name").contains("x").and(item().is_not_null())))
            .filter(col("t").is_in(param("ts")).or(list([1, 2]).length().eq(2)))
            .extend([
                if_then_else(col("a"), 1, 2).alias("i"),
                case([(col("a"), lit("x")), (col("b"), lit("y"))], lit("z")).alias("c"),
                col("s").lookup([("a", "A"), ("b", "B")]).alias("l"),
                col("s").lookup_or([(1, "A")], col("s")).alias("m"),
                col("t").part_at(TimePart::Weekday, offset).alias("w"),
                // UTC without the feature.
                col("t")
                    .bucket(Bucket::DAY.in_zone(Zone::named("Asia/Tehran").unwrap_or(Zone::UTC)))
                    .alias("z"),
                col("t").format_time("%Y").alias("y"),
                col("r").field("name"),
            ])
            .select(["a", "b"])
            .expand(Expand::new("l").alias("x").position("n").keep_empty())
            .group_by([col("t").bucket(Bucket::WEEK.at(offset))])
            .aggregate([
                count(),
                count_if(col("a")).alias("n").filter(col("b").gt(-1)),
                avg(list([1, 2])).alias("weird"),
                percentile(col("w"), 99.9),
                collect_list(col("a")).cap(5),
            ])
            .sort([desc("a"), asc("b").nulls_first()])
            .limit(7)
            .join(Join::left(other.clone()).on("a", col("b")).prefix("x_"))
            .union(other)
            .sessionize("s", ["a"], col("t"), chrono::TimeDelta::minutes(10))
            .top_per(["a"], [desc("t")], 1)
            .page(Page::new(50).by([desc("t")]).after("abc")),
    );
    round_trip(&Query::new().aggregate([count()]).page(1));
}

#[test]
fn handwritten_short_forms_are_read() {
    let query = Query::from_json(
        r#"{"stages": [
            {"expand": "targets"},
            {"filter": {"not": {"eq": [{"field": [{"col": "targets"}, "name"]}, {"lit": "x"}]}}},
            {"distinct": [{"col": "a"}]},
            {"sort": [{"asc": {"col": "a"}, "nulls": "last"}]},
            {"page": 10}
        ]}"#,
    )
    .unwrap();
    let same = Query::new()
        .expand("targets")
        .filter(col("targets").field("name").eq("x").not())
        .distinct(["a"])
        .sort([asc("a")])
        .page(10);
    assert!(query == same);
}

#[test]
fn errors_name_the_path() {
    for (json, expected) in [
        ("{", "invalid JSON at line 1, column 1"),
        (r#"{"stages": []} x"#, "invalid JSON at line 1, column 16"),
        ("[]", "expected an object, found an array"),
        (r#"{"version": 1}"#, "member `stages` is missing"),
        (
            r#"{"version": 2, "stages": []}"#,
            "version: version 2 of the query form is not known (this build reads up to 1)",
        ),
        (
            r#"{"stages": [], "stagse": 1}"#,
            "unknown member `stagse`; is `stages` meant?",
        ),
        (
            r#"{"stages": [{"limit": 1}, {"filtre": true}]}"#,
            "stages[1]: unknown stage `filtre`; is `filter` meant?",
        ),
        (
            r#"{"stages": [{"limit": -1}]}"#,
            "stages[0].limit: expected a count, found a negative number",
        ),
        (
            r#"{"stages": [{"limit": 1, "sort": []}]}"#,
            "stages[0]: expected one member that is a stage, found 2",
        ),
        (
            r#"{"stages": [{"filter": {"eq": [{"col": 1}, 2]}}]}"#,
            "stages[0].filter.eq[0].col: expected a text, found a number",
        ),
        (
            r#"{"stages": [{"filter": {"starts_wiht": [1]}}]}"#,
            "stages[0].filter.starts_wiht: unknown operator `starts_wiht`; is `starts_with` meant?",
        ),
        (
            r#"{"stages": [{}, {}]}"#,
            "stages[0]: expected one member that is a stage, found 0",
        ),
        (
            r#"{"stages": [{"group": {"aggregate": [{"sum": [1, 2]}]}}]}"#,
            "stages[0].group.aggregate[0].sum: expected 1 arguments, found 2",
        ),
        (
            r#"{"stages": [{"group": {"aggregate": [{"approx_percentile": []}]}}]}"#,
            "stages[0].group.aggregate[0].approx_percentile: expected 2 items, found 0",
        ),
        (
            r#"{"stages": [{"join": {"kind": "outer", "with": {"stages": []}, "on": []}}]}"#,
            "stages[0].join.kind: unknown join `outer`",
        ),
        (
            r#"{"stages": [{"limit": 1, "limit": 2}]}"#,
            "member `limit` occurs twice",
        ),
    ] {
        let error = Query::from_json(json).unwrap_err();
        assert_eq!(error.to_string(), expected, "{json}");
        if !json.starts_with('{') || error.path().is_empty() {
            continue;
        }
        // Serde's message says the same, and the place in the text.
        let error = serde_json::from_str::<Query>(json).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn depth_is_limited_alike_in_code_and_in_json() {
    let nested = |levels: usize| {
        let expr = (0..levels).fold(col("a"), |expr, _| expr.not());
        Query::new().filter(expr)
    };
    let schema = crate::Schema::new([crate::Field::new("a", crate::DataType::Bool)]).unwrap();
    for levels in 1..80 {
        let query = nested(levels);
        let read = Query::from_json(&query.to_json());
        if query.bind(&schema).is_ok() {
            assert!(read.is_ok(), "{levels}");
        }
        if levels > 64 {
            let kind = QueryErrorKind::TooDeep { limit: 64 };
            assert_eq!(*read.unwrap_err().kind(), kind);
            assert_eq!(*query.bind(&schema).unwrap_err().kind(), kind);
        }
    }
    let brackets = "[".repeat(100_000);
    assert_eq!(
        *Query::from_json(&brackets).unwrap_err().kind(),
        QueryErrorKind::TooDeep { limit: 64 }
    );
}

#[test]
fn fingerprints_tell_queries_apart_and_pages_not() {
    let query = |page: Page| Query::new().filter(col("a").eq(param("p"))).page(page);
    let none = Parameters::new();
    let first = fingerprint(&query(Page::new(5)), &none);
    assert_eq!(first, fingerprint(&query(Page::new(5).after("x")), &none));
    assert_ne!(first, fingerprint(&query(Page::new(6)), &none));
    assert_ne!(
        first,
        fingerprint(&query(Page::new(5)), &none.clone().set("p", 1))
    );
}

#[test]
fn the_documentation_is_read_back() {
    let mut names = String::new();
    let document = include_str!("../../../docs/JSON.md");
    for block in document.split("```json\n").skip(1) {
        let json = block.split("```").next().unwrap();
        if json.starts_with('{') {
            let query = Query::from_json(json).unwrap_or_else(|error| panic!("{error}"));
            round_trip(&query);
        } else if json.contains("count_distinct") {
            let aggregates: Vec<Aggregate> = serde_json::from_str(json).unwrap();
            round_trip(&Query::new().aggregate(aggregates));
        } else {
            let exprs: Vec<Expr> = serde_json::from_str(json).unwrap();
            round_trip(&Query::new().extend(exprs));
        }
        names.push_str(json);
    }
    // Every function and aggregate is mentioned.
    for function in crate::expr::Function::ALL {
        let name = function.name();
        let name = name.strip_suffix("_cs").unwrap_or(name);
        assert!(document.contains(&format!("`{name}`")), "{name}");
    }
    for function in crate::aggregate::AggregateFunction::ALL {
        assert!(
            names.contains(&format!("\"{}\"", function.name())),
            "{function:?}"
        );
    }
}

/// What is stored by this version is read by all later ones: these texts stay.
#[test]
fn golden_texts_of_version_one() {
    let query = Query::new()
        .filter(
            col("time").ge(lit("2026-11-24T00:00:00Z"
                .parse::<chrono::DateTime<chrono::Utc>>()
                .unwrap())),
        )
        .extend([col("targets")
            .map_items(field("name"))
            .join(", ")
            .alias("names")])
        .group_by([col("actor"), col("time").bucket(Bucket::DAY)])
        .aggregate([
            count().filter(col("ok")).alias("n"),
            percentile(col("wait"), 95.0),
        ])
        .sort([desc("n").nulls_first()])
        .limit(3);
    let golden = concat!(
        r#"{"version":1,"stages":[{"filter":{"ge":[{"col":"time"},{"time":"2026-11-24T00:00:00Z"}]}},"#,
        r#"{"extend":[{"as":["names",{"join":[{"map":[{"col":"targets"},{"field":"name"}]},", "]}]}]},"#,
        r#"{"group":{"by":[{"col":"actor"},{"bucket":{"of":{"col":"time"},"by":"day"}}],"#,
        r#""aggregate":[{"count":[],"as":"n","filter":{"col":"ok"}},{"percentile":[{"col":"wait"},95.0]}]}},"#,
        r#"{"sort":[{"desc":{"col":"n"},"nulls":"first"}]},{"limit":3}]}"#,
    );
    assert_eq!(query.to_json(), golden);
    assert!(Query::from_json(golden).unwrap() == query);
    // A page token made for this query.
    assert_eq!(
        fingerprint(&query, &Parameters::new()),
        8_757_747_954_093_134_083
    );
    let token = token::PageToken {
        fingerprint: 0xabc,
        newest: 12,
        keys: vec!["a".into(), crate::Value::Null],
        given: 1,
    };
    let golden = "WyJwMSIsImFiYyIsImMiLCIxIixbImEiLG51bGxdXQ";
    assert_eq!(token.to_text(), golden);
}

fn bucket_of(members: &str) -> Result<Query> {
    Query::from_json(&format!(
        r#"{{"version":1,"stages":[{{"distinct":[{{"bucket":{{"of":{{"col":"t"}},"by":"day",{members}}}}}]}}]}}"#
    ))
}

#[test]
fn a_zone_is_an_offset_or_a_name() {
    let day = |zone| Query::new().distinct([col("t").bucket(Bucket::DAY.in_zone(zone))]);
    assert!(bucket_of(r#""zone":"UTC""#).unwrap() == day(Zone::UTC));
    assert!(bucket_of(r#""offset":"+00:00""#).unwrap() == day(Zone::UTC));
    let both = bucket_of(r#""zone":"UTC","offset":"+01:00""#).unwrap_err();
    assert_eq!(
        both.to_string(),
        "stages[0].distinct[0].bucket: expected either `offset` or `zone`"
    );
}

#[test]
#[cfg(feature = "tz")]
fn zones_are_written_by_name() {
    let berlin = bucket_of(r#""zone":"Europe/Berlin""#).unwrap();
    assert!(berlin.to_json().contains(r#""zone":"Europe/Berlin""#));
    round_trip(&berlin);
    let error = bucket_of(r#""zone":"Europe/Berlim""#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "stages[0].distinct[0].bucket.zone: no time zone `Europe/Berlim`"
    );
}

#[test]
#[cfg(not(feature = "tz"))]
fn zones_by_name_need_their_feature() {
    let error = bucket_of(r#""zone":"Europe/Berlin""#).unwrap_err();
    assert_eq!(*error.kind(), QueryErrorKind::NoZones);
    assert_eq!(
        error.to_string(),
        "stages[0].distinct[0].bucket.zone: time zones by name need the feature `tz`"
    );
}
