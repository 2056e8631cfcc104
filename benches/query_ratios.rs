//! Our side of `query-peers.py`: the events as files that every engine reads, and what the
//! questions take here.
//!
//! ```text
//! query_ratios write FOLDER events=N      events.arrow and lists.arrow
//! query_ratios time events=N seconds=S [PART]
//!                                         a JSON line for each question, or for those that
//!                                         have PART in their names
//! ```
#![allow(missing_docs, clippy::print_stdout, clippy::print_stderr)]
#![allow(clippy::disallowed_methods, reason = "programs read the clock")]

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_ipc::writer::FileWriter;
use hybrid_benches::events::{self, questions};
use questions::Question;
use report_query::{DataType, Query, Schema, Value, count};
use serde_json::{Value as Json, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["write", folder, events] => {
            number(events, "events=").and_then(|events| write(Path::new(folder), events))
        }
        ["time", events, seconds, ref only @ ..] if only.len() < 2 => number(events, "events=")
            .and_then(|events| {
                time(
                    events,
                    Duration::from_secs(number(seconds, "seconds=")? as u64),
                    only.first().copied().unwrap_or_default(),
                )
            }),
        _ => Err("say write FOLDER events=N, or time events=N seconds=S [PART]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("query_ratios: {error}");
            ExitCode::from(2)
        }
    }
}

fn number(text: &str, name: &str) -> Outcome<usize> {
    let number = text
        .strip_prefix(name)
        .ok_or(format!("{name}N is missing"))?;
    Ok(number.parse()?)
}

fn write(folder: &Path, count: usize) -> Outcome<()> {
    std::fs::create_dir_all(folder)?;
    write_table(
        &folder.join("events.arrow"),
        &events::schema(),
        events::events(count),
    )?;
    write_table(
        &folder.join("lists.arrow"),
        &events::list_schema(),
        events::list_events(count),
    )
}

const ROWS: usize = 65_536;

fn write_table(
    path: &Path,
    schema: &Schema,
    mut rows: impl Iterator<Item = Vec<Value>>,
) -> Outcome<()> {
    let mut writer = None;
    loop {
        let batch: Vec<Vec<Value>> = rows.by_ref().take(ROWS).collect();
        if batch.is_empty() {
            break;
        }
        let batch = batch_of(schema, &batch)?;
        if writer.is_none() {
            let file = BufWriter::new(File::create(path)?);
            writer = Some(FileWriter::try_new(file, &batch.schema())?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
    }
    if let Some(mut writer) = writer {
        writer.finish()?;
    }
    Ok(())
}

fn batch_of(schema: &Schema, rows: &[Vec<Value>]) -> Outcome<RecordBatch> {
    let columns = schema.fields().iter().enumerate().map(|(index, field)| {
        let values = rows
            .iter()
            .map(|row| row.get(index).unwrap_or(&Value::Null));
        let column: ArrayRef = match &field.data_type {
            DataType::Time => Arc::new(TimestampMicrosecondArray::from_iter(
                values.map(|value| Some(value.as_time()?.timestamp_micros())),
            )),
            DataType::Int => Arc::new(Int64Array::from_iter(values.map(Value::as_int))),
            DataType::Id => Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                values.map(|value| value.as_id().map(|id| *id.as_bytes())),
                16,
            )?),
            DataType::List(_) => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for list in values {
                    lists.append_value(
                        list.as_list()
                            .unwrap_or_default()
                            .iter()
                            .map(Value::as_text),
                    );
                }
                Arc::new(lists.finish())
            }
            _ => Arc::new(StringArray::from_iter(values.map(Value::as_text))),
        };
        Ok((field.name.to_string(), column))
    });
    let columns = columns.collect::<Outcome<Vec<_>>>()?;
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// What a peer can give too: times in microseconds, GUIDs in hexadecimal digits, sets sorted.
fn json_of(value: &Value) -> Json {
    match value {
        Value::Int(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Time(time) => json!(time.timestamp_micros()),
        Value::Id(id) => json!(id.simple().to_string()),
        Value::Text(text) => json!(&**text),
        _ => Json::Null,
    }
}

fn time(count_of: usize, span: Duration, only: &str) -> Outcome<()> {
    let begun = Instant::now();
    let store = events::store(count_of);
    let load = begun.elapsed();
    let asked = || {
        let all = questions::questions().into_iter();
        all.filter(|(name, _)| name.contains(only))
    };
    let of_lists = asked().any(|(_, question)| matches!(question, Question::Lists(_)));
    let lists = events::list_store(if of_lists { count_of } else { 0 });
    let usage = store.memory_usage();
    println!(
        "{}",
        json!({"load_seconds": load.as_secs_f64(), "bytes": usage.total()})
    );
    let none = events::store(0).snapshot();
    let fixed = Query::new().aggregate([count()]);
    let (median, least) = measure(span, || std::hint::black_box(fixed.run(&none)).is_ok());
    println!(
        "{}",
        json!({"name": "fixed", "median": median, "min": least})
    );
    for (name, question) in asked() {
        let answer = question.rows(&question.ask(&store, &lists)?);
        let answer: Vec<Vec<Json>> = answer
            .iter()
            .map(|row| row.iter().map(json_of).collect())
            .collect();
        let (median, least) = measure(span, || {
            std::hint::black_box(question.ask(&store, &lists)).is_ok()
        });
        println!(
            "{}",
            json!({"name": name, "median": median, "min": least, "answer": answer})
        );
    }
    Ok(())
}

/// The median and the least of up to 301 runs, in seconds.
fn measure(span: Duration, mut run: impl FnMut() -> bool) -> (f64, f64) {
    let mut times = Vec::new();
    let begun = Instant::now();
    while times.len() < 3 || (times.len() < 301 && begun.elapsed() < span) {
        let at = Instant::now();
        assert!(run());
        times.push(at.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[0])
}
