//! What readers ask, and the same counted once more row by row, without the engine.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use report_query::{
    Bucket, Query, QueryResult, Value, approx_count_distinct, approx_percentile, asc, col, count,
    count_distinct, desc, item, max, percentile, sum,
};

use super::stream::{RESULTS, WORDS, at};

/// One question; the number chooses what it is about.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    pub kind: usize,
    pub about: u64,
}

pub const KINDS: usize = 9;

/// The least exact of counts that are estimated, in standard errors: one of a thousand million
/// estimates is further off.
const SIGMAS: f64 = 6.0;

type Row = Vec<Value>;

impl Question {
    fn word(self) -> &'static str {
        WORDS[self.about as usize % WORDS.len()]
    }

    fn activity(self) -> String {
        format!("activity {:02}", (self.about % 8) * (self.about / 8 % 8))
    }

    pub fn query(self) -> Query {
        let query = Query::new();
        match self.kind {
            0 => query
                .filter(col("result").in_list([RESULTS[self.about as usize % 4], "denied"]))
                .group_by(["activity", "result"])
                .aggregate([count(), max(col("time")).alias("last")]),
            1 => query.group_by(["activity"]).aggregate([
                count_distinct(col("actor")).alias("people"),
                approx_count_distinct(col("actor")).alias("about"),
            ]),
            2 => query
                .filter(col("activity").eq(self.activity()))
                .group_by(["actor"])
                .aggregate([count()])
                .sort([desc("count"), asc("actor")])
                .limit(10),
            3 => query
                .group_by([col("time").bucket(Bucket::HOUR)])
                .aggregate([
                    count(),
                    sum(col("latency")).alias("latency"),
                    sum(col("cost")).alias("cost"),
                ]),
            4 => query.group_by(["activity"]).aggregate([
                percentile(col("latency"), 50.0).alias("p50"),
                percentile(col("latency"), 99.0).alias("p99"),
                approx_percentile(col("latency"), 99.0).alias("about"),
            ]),
            5 => query
                .filter(col("name").contains(self.word().to_lowercase()))
                .aggregate([count()]),
            6 => query
                .filter(col("activity").ne(self.activity()))
                .sort([desc("time"), desc("id")])
                .limit(50)
                .select(["time", "id", "actor"]),
            7 => query
                .top_per(["actor"], [desc("time"), desc("id")], 1)
                .group_by(["result"])
                .aggregate([count()]),
            _ => query
                .filter(col("targets").any(item().eq(format!("group {}", self.about % 300))))
                .group_by(["result"])
                .aggregate([count()]),
        }
    }

    /// Whether an answer is what the rows come to; they are in the order of time and id.
    pub fn check(self, rows: &[Row], answer: &QueryResult) -> Result<(), String> {
        let mut answer: Vec<Row> = answer.rows().map(<[Value]>::to_vec).collect();
        let mut expected = self.recount(rows);
        match self.kind {
            1 => {
                for row in &mut answer {
                    let exact = row[1].as_int().unwrap_or_default() as f64;
                    let about = row
                        .pop()
                        .and_then(|about| about.as_int())
                        .unwrap_or_default();
                    let off = (about as f64 - exact).abs();
                    let allowed = if exact > 1_024.0 {
                        SIGMAS * 0.008_125 * exact
                    } else {
                        0.0
                    };
                    if off > allowed {
                        return Err(format!("{about} for {exact} different values"));
                    }
                }
            }
            4 => {
                for row in &mut answer {
                    let about = row.pop().unwrap_or_default();
                    let near = match (about.as_int(), row[2].as_int()) {
                        (Some(about), Some(exact)) => (about - exact).abs() <= exact / 128,
                        (about, exact) => about.is_none() && exact.is_none(),
                    };
                    if !near {
                        return Err(format!("{about} for {}", row[2]));
                    }
                }
            }
            _ => {}
        }
        if self.kind != 2 && self.kind != 6 {
            expected.sort();
        }
        if answer == expected {
            return Ok(());
        }
        let differs = answer.iter().zip(&expected).position(|(a, b)| a != b);
        Err(format!(
            "{} rows for {}, of which the first that differs is {differs:?}",
            answer.len(),
            expected.len()
        ))
    }

    fn recount(self, rows: &[Row]) -> Vec<Row> {
        match self.kind {
            0 => {
                let wanted = [RESULTS[self.about as usize % 4], "denied"];
                let mut groups: BTreeMap<[Value; 2], (i64, Value)> = BTreeMap::new();
                for row in rows {
                    if row[at::RESULT]
                        .as_text()
                        .is_some_and(|result| wanted.contains(&result))
                    {
                        let key = [row[at::ACTIVITY].clone(), row[at::RESULT].clone()];
                        let (count, last) = groups.entry(key).or_insert((0, Value::Null));
                        *count += 1;
                        *last = row[at::TIME].clone();
                    }
                }
                let row = |([activity, result], (count, last)): ([Value; 2], (i64, Value))| {
                    vec![activity, result, count.into(), last]
                };
                groups.into_iter().map(row).collect()
            }
            1 => {
                let mut groups: BTreeMap<&Value, BTreeSet<&Value>> = BTreeMap::new();
                for row in rows {
                    groups
                        .entry(&row[at::ACTIVITY])
                        .or_default()
                        .insert(&row[at::ACTOR]);
                }
                let row = |(key, people): (&Value, BTreeSet<&Value>)| {
                    vec![key.clone(), (people.len() as i64).into()]
                };
                groups.into_iter().map(row).collect()
            }
            2 => {
                let activity = Value::from(self.activity());
                let of = rows.iter().filter(|row| row[at::ACTIVITY] == activity);
                let mut counts: Vec<_> = counted(of, at::ACTOR).into_iter().collect();
                counts.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
                counts.truncate(10);
                pairs(counts)
            }
            3 => {
                let mut groups: BTreeMap<DateTime<Utc>, (i64, Option<i64>, f64)> = BTreeMap::new();
                for row in rows {
                    let time = row[at::TIME].as_time().unwrap_or_default();
                    let hour = time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time);
                    let (count, latency, cost) = groups.entry(hour).or_default();
                    *count += 1;
                    if let Some(more) = row[at::LATENCY].as_int() {
                        *latency = Some(latency.unwrap_or_default() + more);
                    }
                    // Eighths, of which no sum is rounded.
                    *cost += row[at::COST].as_float().unwrap_or_default();
                }
                let row =
                    |(hour, (count, latency, cost)): (DateTime<Utc>, (i64, Option<i64>, f64))| {
                        vec![hour.into(), count.into(), latency.into(), cost.into()]
                    };
                groups.into_iter().map(row).collect()
            }
            4 => {
                let mut groups: BTreeMap<&Value, Vec<i64>> = BTreeMap::new();
                for row in rows {
                    let values = groups.entry(&row[at::ACTIVITY]).or_default();
                    values.extend(row[at::LATENCY].as_int());
                }
                let row = |(key, mut values): (&Value, Vec<i64>)| {
                    values.sort_unstable();
                    let rank = |percent: usize| {
                        let rank = (percent * values.len()).div_ceil(100).max(1);
                        values.get(rank - 1).copied().into()
                    };
                    vec![key.clone(), rank(50), rank(99)]
                };
                groups.into_iter().map(row).collect()
            }
            5 => {
                let has = |row: &&Row| {
                    row[at::NAME]
                        .as_text()
                        .is_some_and(|name| name.contains(self.word()))
                };
                vec![vec![(rows.iter().filter(has).count() as i64).into()]]
            }
            6 => {
                let activity = Value::from(self.activity());
                let of = rows
                    .iter()
                    .rev()
                    .filter(|row| row[at::ACTIVITY] != activity);
                let row = |row: &Row| {
                    vec![
                        row[at::TIME].clone(),
                        row[at::ID].clone(),
                        row[at::ACTOR].clone(),
                    ]
                };
                of.take(50).map(row).collect()
            }
            7 => {
                let mut latest: HashMap<&Value, &Row> = HashMap::new();
                for row in rows {
                    latest.insert(&row[at::ACTOR], row);
                }
                pairs(counted(latest.into_values(), at::RESULT))
            }
            _ => {
                let group = Value::from(format!("group {}", self.about % 300));
                let has = |row: &&Row| {
                    row[at::TARGETS]
                        .as_list()
                        .is_some_and(|of| of.contains(&group))
                };
                pairs(counted(rows.iter().filter(has), at::RESULT))
            }
        }
    }
}

fn counted<'r>(rows: impl Iterator<Item = &'r Row>, column: usize) -> BTreeMap<&'r Value, i64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(&row[column]).or_default() += 1;
    }
    counts
}

fn pairs<'r>(counts: impl IntoIterator<Item = (&'r Value, i64)>) -> Vec<Row> {
    let row = |(value, count): (&Value, i64)| vec![value.clone(), count.into()];
    counts.into_iter().map(row).collect()
}
