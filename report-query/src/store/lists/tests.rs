//! Random lists and records through batches, merges, seals, retention and redaction.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use crate::exec::random::{list, maybe};
use crate::{DataType, Field, Query, Retention, Schema, Store, StoreOptions, Value};

fn schema() -> Schema {
    let inner = DataType::record([
        Field::new("a", DataType::Text),
        Field::new("b", DataType::list(DataType::Text)),
    ]);
    let item = DataType::record([
        Field::new("name", DataType::Text),
        Field::new("n", DataType::Int),
        Field::new("ids", DataType::list(DataType::Id)),
        Field::new("inner", inner.clone()),
        Field::new("mail", DataType::Text),
    ]);
    Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("items", DataType::list(item)),
        Field::new("who", DataType::Text),
        Field::new("tags", DataType::list(DataType::Text)),
        Field::new("deep", DataType::list(DataType::list(DataType::Text))),
        Field::new("one", inner),
        Field::new("flags", DataType::list(DataType::Bool)),
        Field::new("sizes", DataType::list(DataType::Float)),
        Field::new("times", DataType::list(DataType::Time)),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn text() -> impl Strategy<Value = Value> {
    maybe(prop::sample::select(vec!["", "ana", "kim", "li", "a longer name"]).prop_map(Value::from))
}

fn inner() -> impl Strategy<Value = Value> {
    maybe((text(), list(text())).prop_map(|(a, b)| Value::record([a, b])))
}

fn values() -> impl Strategy<Value = Vec<Value>> {
    let int = maybe((-2_i64..300).prop_map(Value::from));
    let id = maybe((0_u128..4).prop_map(|id| Uuid::from_u128(id).into()));
    let item = (text(), int, list(id), inner(), text());
    let item = maybe(item.prop_map(|(a, b, c, d, e)| Value::record([a, b, c, d, e])));
    (
        list(item),
        text(),
        list(text()),
        list(list(text())),
        inner(),
        list(maybe(any::<bool>().prop_map(Value::from))),
        list(maybe((-4_i32..4).prop_map(|n| f64::from(n).into()))),
        list(maybe(
            (0_i64..9).prop_map(|n| (now() + TimeDelta::hours(n)).into()),
        )),
    )
        .prop_map(|(a, b, c, d, e, f, g, h)| vec![a, b, c, d, e, f, g, h])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_stored_comes_back(
        rows in prop::collection::vec((0_i64..72, values()), 0..60),
        (batch, segment) in (1_usize..30, 1_usize..30),
        hours in 0_i64..72,
    ) {
        let options = StoreOptions::new(Retention::days(3)).segment_rows(segment);
        let store = Store::new(schema(), options).unwrap();
        let key = |(id, (hour, values)): (usize, (i64, Vec<Value>))| {
            let time = now() - TimeDelta::hours(hour);
            [time.into(), Uuid::from_u128(id as u128).into()].into_iter().chain(values).collect()
        };
        let mut rows: Vec<Vec<Value>> = rows.into_iter().enumerate().map(key).collect();
        for rows in rows.chunks(batch) {
            prop_assert_eq!(store.append(rows.to_vec(), now()).appended, rows.len() as u64);
        }
        // What comes again is known, whatever stands in its lists.
        prop_assert_eq!(store.append(rows.clone(), now()).duplicates, rows.len() as u64);
        rows.sort_by(|a, b| a[..2].cmp(&b[..2]));
        let all = Query::new().run(&store.snapshot()).unwrap();
        prop_assert!(all.rows().eq(rows.iter().map(Vec::as_slice)));

        // With fewer rows, and other codes of their texts.
        store.expire(now() + TimeDelta::hours(hours));
        let cut: Value = (now() + TimeDelta::hours(hours) - TimeDelta::days(3)).into();
        rows.retain(|row| row[0] >= cut);
        let left = Query::new().run(&store.snapshot()).unwrap();
        prop_assert!(left.rows().eq(rows.iter().map(Vec::as_slice)));
        store.expire(now() + TimeDelta::days(9));
        let is_empty = |dictionary: &crate::store::Dictionary| dictionary.blocks().all(|block| block.all().is_empty());
        prop_assert!(store.snapshot().dictionaries().iter().all(is_empty));
    }
}
