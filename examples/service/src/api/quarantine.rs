//! `GET /v1/quarantine`: records that can't be used, and why.

use std::io::Write as _;

use axum::Json;
use axum::extract::RawQuery;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};

use super::activities::may_read_raw;
use super::{none_left, parameters, stream, take};
use crate::auth::Reader;
use crate::quarantine::Quarantined;
use crate::refuse::Problem;

/// How many are listed if nothing is said, and at most.
const LISTED: usize = 100;
const MOST: usize = 10_000;

/// The newest, with reasons and places; nothing of what they hold.
pub(super) async fn list(
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut given = parameters(query.as_deref())?;
    let most = limit(take(&mut given, "limit"), LISTED)?;
    none_left(&given, "limit")?;
    let quarantine = &reader.tenant.quarantine;
    Ok(Json(
        json!({ "total": quarantine.total(), "records": quarantine.newest(most) }),
    ))
}

/// The same with the records themselves, one JSON object a line.
pub(super) async fn download(
    reader: Reader,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut given = parameters(query.as_deref())?;
    let most = limit(take(&mut given, "limit"), MOST)?;
    none_left(&given, "limit")?;
    may_read_raw(&reader)?;
    let mut response = stream::written("application/x-ndjson", move |out| {
        #[derive(Serialize)]
        struct Line<'a> {
            #[serde(flatten)]
            record: &'a Quarantined,
            /// `None` if the journal does not have it any more; bytes that are no UTF-8 are replaced.
            raw: Option<std::borrow::Cow<'a, str>>,
        }
        reader.note("quarantine", "raw");
        let newest = reader.tenant.quarantine.newest(most);
        for of_one in newest.chunk_by(|a, b| a.entry == b.entry) {
            let seqs = of_one.iter().map(|record| record.seq).collect();
            let payloads = reader.tenant.records(of_one[0].entry, &seqs);
            let payloads = payloads.map_err(std::io::Error::other)?;
            for record in of_one {
                let payload = payloads.get(&record.seq);
                let raw = payload.map(|payload| String::from_utf8_lossy(payload));
                serde_json::to_writer(&mut *out, &Line { record, raw })?;
                out.write_all(b"\n")?;
            }
        }
        Ok(())
    });
    stream::download(response.headers_mut(), "quarantine.ndjson");
    Ok(response)
}

fn limit(text: Option<String>, default: usize) -> Result<usize, Problem> {
    let Some(text) = text else {
        return Ok(default);
    };
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| Problem::bad_request(format!("`limit` is a number from 1 to {MOST}")))
}
