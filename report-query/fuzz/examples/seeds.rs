//! Writes the first inputs of every target to `corpus/TARGET/`, beside this package.

use std::fs;
use std::io::Result;
use std::path::Path;

use report_query::ReportDefinition;

const STAGES: [&str; 9] = [
    r#"{"filter":{"and":[{"gt":[{"col":"n"},-3]},{"contains":[{"col":"a"},"b"]},{"in":[{"col":"a"},["x",null]]}]}},{"sort":[{"desc":{"col":"n"}},{"asc":{"col":"a"},"nulls":"first"}]},{"limit":3}"#,
    r#"{"group":{"by":[{"as":["day",{"bucket":{"of":{"col":"time"},"by":"week","offset":"+05:30"}}]},{"col":"a"}],"aggregate":[{"count":[],"as":"c"},{"sum":{"col":"n"}},{"avg":{"col":"x"}},{"percentile":[{"col":"x"},50]},{"collect_set":{"col":"a"},"cap":3},{"arg_max":[{"col":"a"},{"col":"time"}]},{"every":{"col":"ok"}},{"count_if":{"col":"ok"}}]}}"#,
    r#"{"expand":{"column":"tags","as":"tag","position":"at","keep_empty":true}},{"select":[{"col":"at"},{"as":["y",{"concat":[{"lower":{"col":"tag"}},"-",{"to_text":{"col":"n"}}]}]}]}"#,
    r#"{"extend":[{"as":["y",{"map":[{"filter":[{"col":"targets"},{"gt":[{"field":"rank"},1]}]},{"field":"name"}]}]},{"as":["z",{"field":[{"get":[{"col":"targets"},0]},"rank"]}]}]},{"distinct":[{"col":"y"}]}"#,
    r#"{"sessionize":{"as":"s","by":[{"col":"a"}],"time":{"col":"time"},"gap_seconds":600}},{"top_per":{"by":[{"col":"a"}],"sort":[{"desc":{"col":"time"}}],"rows":1}}"#,
    r#"{"join":{"kind":"left","with":{"stages":[{"distinct":[{"col":"a"}]}]},"on":[[{"col":"a"},{"col":"a"}]],"prefix":"o_"}}"#,
    r#"{"union":{"stages":[{"limit":2}]}},{"page":{"size":2,"by":[{"desc":{"col":"time"}}]}}"#,
    r#"{"select":[{"as":["q",{"round":[{"div":[{"mul":[100,{"col":"n"}]},{"col":"x"}]},1]}]},{"as":["r",{"format_time":{"of":{"add_seconds":[{"col":"time"},{"col":"n"}]},"pattern":"%d.%m.%Y %H:%M:%S"}}]},{"as":["p",{"part":{"of":{"col":"time"},"part":"weekday"}}]},{"as":["s",{"substring":[{"col":"a"},1,2]}]},{"as":["t",{"split":[{"col":"a"},"b"]}]},{"as":["u",{"replace":[{"col":"a"},"a","aa"]}]},{"as":["v",{"rem":[{"col":"n"},{"quotient":[{"col":"n"},3]}]}]},{"as":["w",{"seconds_between":[{"col":"time"},{"time":"2026-11-24T12:00:00Z"}]}]}]}"#,
    r#"{"select":[{"as":["i",{"if":[{"is_null":{"col":"n"}},"yes","no"]}]},{"as":["c",{"case":{"when":[[{"gt":[{"col":"n"},10]},"many"]],"else":"one"}}]},{"as":["l",{"lookup":{"of":{"col":"a"},"table":[["x","y"]],"else":{"col":"a"}}}]},{"as":["j",{"join":[{"distinct":{"concat_lists":[{"col":"tags"},["z"]]}}," "]}]},{"as":["g",{"greatest":[{"neg":{"col":"n"}},{"abs":{"to_int":{"col":"x"}}}]}]}]}"#,
];

const FILTERS: [&str; 6] = [
    "activityDateTime ge 2026-03-01 and activityDateTime lt 2026-03-02T08:15:09.1234567+01:00",
    "(category eq 'GroupManagement' or startswith(activityDisplayName,'Add')) and not (result ne 'failure')",
    "initiatedBy/user/userPrincipalName eq 'o''hara@x.test' or initiatedBy/app/displayName eq null",
    "targetResources/any(t:t/id eq ab0e0c1d-0000-4000-8000-0000000000ff or contains(t/displayName,'Night'))",
    "id in ('a','b') and correlationId ne 'c' and 'MIM Service' eq loggedByService",
    "targetResources/all(x:endswith(x/userPrincipalName,'.test') eq true)+and+operationType eq 'Add'",
];

fn main() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let save = |target: &str, name: &str, text: &str| {
        fs::create_dir_all(corpus.join(target))?;
        fs::write(corpus.join(target).join(name), text)
    };
    for (at, stages) in STAGES.iter().enumerate() {
        let query = format!(r#"{{"version":1,"stages":[{stages}]}}"#);
        save("query", &at.to_string(), &query)?;
        let report = format!(
            r#"{{"name":"r","title":"R","parameters":[{{"name":"from","type":"time","default":"newest-P1M","description":"d"}}],"query":{query}}}"#
        );
        save("definition", &at.to_string(), &report)?;
    }
    for (at, filter) in FILTERS.iter().enumerate() {
        save("odata", &at.to_string(), filter)?;
    }
    for report in ReportDefinition::builtins() {
        save("query", &report.name, &report.query.to_json())?;
        save("definition", &report.name, &serde_json::to_string(&report)?)?;
    }
    let snapshot = report_query_fuzz::snapshot();
    let partial =
        report_query_fuzz::plan(snapshot.schema()).and_then(|plan| plan.partial(&snapshot));
    save(
        "partial",
        "real",
        &partial.map_err(std::io::Error::other)?.to_json(),
    )
}
