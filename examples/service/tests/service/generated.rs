//! A generated month as frames, with its truth.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use hybrid_examples::envelope::Envelope;
use ingest_protocol::StreamId;
use ingest_protocol::frame::{Limits, Record, Sealer, Stamp};
use mim_events::generate::{Generator, Item, Options};
use mim_events::request::Origin;
use serde_json::{Value, json};
use uuid::Uuid;

use super::process::{A, Service};

/// Frames of streams, each in its order, and the activities that must come out, by id.
pub(crate) struct Month {
    pub(crate) frames: Vec<Vec<Vec<u8>>>,
    pub(crate) records: u64,
    pub(crate) truth: BTreeMap<Uuid, Value>,
}

impl Month {
    /// MIM's requests as one stream and the cloud's entries as so many.
    pub(crate) fn new(requests: u64, seed: u64, cloud: usize, batch: usize) -> Self {
        let now = Utc::now();
        let options = Options::new(seed)
            .requests(requests)
            .start(now - TimeDelta::days(29))
            .days(28);
        let mut payloads = vec![Vec::new(); cloud + 1];
        let mut truth: BTreeMap<(DateTime<Utc>, Uuid), Value> = BTreeMap::new();
        let mut origin = Origin::default();
        origin.parts = 1;
        for step in Generator::new(&options).take_while(|step| step.time < now) {
            match &step.item {
                Item::Request(document) => {
                    origin.computer.clone_from(&document.computer);
                    origin.record_id += 1;
                    let document = serde_json::from_str(&document.json).unwrap();
                    payloads[0]
                        .push(serde_json::to_vec(&Envelope::request(document, &origin)).unwrap());
                }
                Item::Cloud(record) => {
                    let at = 1 + payloads.iter().map(Vec::len).sum::<usize>() % cloud;
                    // Bare documents are taken, too.
                    payloads[at].push(record.json.clone().into_bytes());
                }
                _ => {}
            }
            for activity in step.truth {
                let key = (activity.time, activity.id);
                truth.insert(key, serde_json::to_value(activity).unwrap());
            }
        }
        let records = payloads.iter().map(Vec::len).sum::<usize>() as u64;
        Self {
            frames: payloads
                .iter()
                .map(|payloads| frames(payloads, batch))
                .collect(),
            records,
            truth: truth
                .into_iter()
                .map(|((_, id), value)| (id, value))
                .collect(),
        }
    }
}

fn frames(payloads: &[Vec<u8>], batch: usize) -> Vec<Vec<u8>> {
    let stream = StreamId(Uuid::now_v7());
    let mut sealer = Sealer::new(Limits::default()).with_zstd();
    let mut first = 1;
    let sealed = payloads.chunks(batch).map(|payloads| {
        let records: Vec<_> = payloads
            .iter()
            .map(|payload| Record::new(payload.clone()))
            .collect();
        let frame = sealer
            .seal(&Stamp::new(A, stream, first), &records)
            .unwrap();
        first += records.len() as u64;
        frame.to_vec()
    });
    sealed.collect()
}

/// All activities that a service shows, the latest row of each.
pub(crate) fn activities(service: &Service, token: &str) -> BTreeMap<Uuid, Value> {
    let query = json!({"version": 1, "stages": [
        {"select": [{"col": "id"}, {"col": "status_rank"}, {"col": "time"}, {"col": "document"}]},
        {"sort": [{"asc": {"col": "status_rank"}}, {"asc": {"col": "time"}}]},
    ]});
    let rows = service.query(&query, token).rows();
    let shown = rows.iter().map(|row| {
        let id: Uuid = row["id"].as_str().unwrap().parse().unwrap();
        (
            id,
            serde_json::from_str(row["document"].as_str().unwrap()).unwrap(),
        )
    });
    shown.collect()
}

/// Says where two differ, without printing all of both.
#[track_caller]
pub(crate) fn assert_same(found: &BTreeMap<Uuid, Value>, wanted: &BTreeMap<Uuid, Value>) {
    for (id, wanted) in wanted {
        assert_eq!(found.get(id), Some(wanted), "{id}");
    }
    assert_eq!(found.len(), wanted.len());
}
