//! Any text: what is a query is the same query again when it is written and read,
//! and binding it to a schema, right or wrong, ends.
#![no_main]
use libfuzzer_sys::fuzz_target;
use report_query::{DataType, Field, Query, Schema};

fn schema() -> Schema {
    let target = DataType::record([
        Field::new("name", DataType::Text),
        Field::new("rank", DataType::Int),
    ]);
    let fields = [
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("a", DataType::Text),
        Field::new("n", DataType::Int),
        Field::new("x", DataType::Float),
        Field::new("ok", DataType::Bool),
        Field::new("tags", DataType::list(DataType::Text)),
        Field::new("targets", DataType::list(target)),
    ];
    Schema::new(fields)
        .and_then(|schema| schema.with_key("time", "id"))
        .expect("a schema")
}

fuzz_target!(|text: &str| {
    let Ok(query) = Query::from_json(text) else {
        return;
    };
    let written = query.to_json();
    let again = Query::from_json(&written).expect("what was written is a query");
    assert_eq!(again, query);
    assert_eq!(again.to_json(), written);
    if let Ok(plan) = query.bind(&schema()) {
        let _ = plan.explain().to_string();
    }
});
