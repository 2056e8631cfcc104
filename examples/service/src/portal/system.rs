//! The system: agents, where every record is, what is stored, what came, what can't be used.

use std::time::Instant;

use axum::response::Response;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use maud::{Markup, html};
use report_query::activity::columns as c;
use report_query::{Bucket, Query, count};

use super::chart::{Bar, SOURCES, Series, Stacked};
use super::context::{Context, Row};
use super::failure::Failure;
use super::layout::{Place, icon, said};
use super::numbers::{bytes, counted, grouped};
use super::text;

/// Records of the quarantine, and entries of the trail, that a page lists.
const LISTED: usize = 500;

pub async fn show(context: Context) -> Response {
    context.answer(draw).await
}

fn draw(context: &Context) -> Result<Response, Failure> {
    context.only(&[])?;
    let body = html! {
        div.head {
            h1 { "System" }
            div.acts { a.btn href="/system/quarantine" { "Quarantine" } a.btn href="/system/readers" { "Who read what" } }
        }
        div.stack {
            (troubles(context))
            (agents(context))
            (balance(context))
            div.grid { (store(context)?) (ingest(context)) }
            (days(context)?)
        }
        (super::reports::foot(context))
    };
    Ok(context.page(Place::System, "System", body))
}

/// What somebody has to do something about.
fn troubles(context: &Context) -> Markup {
    let tenant = &context.reader.tenant;
    html! {
        @if tenant.journal.disk_is_full() {
            div.note.bad role="alert" { (icon("warn")) div {
                b { "The disk is full." } " Batches are refused until there is room; agents keep them, and send them again. Make room on the disk of the service's data."
            } }
        }
        @if let Some(doubt) = tenant.doubt() {
            div.note.bad role="alert" { (icon("warn")) div {
                @match doubt.before_start() {
                    Some(before) => {
                        b { "The clock jumped ahead, or the service stood still for long: nothing is deleted for now." }
                        " The last time that is known of before the start is " (context.clock.exact(before)) "."
                    }
                    None => {
                        b { "The clock jumped ahead, and nothing is deleted for now." }
                        " By the time that passed it should be " (context.clock.exact(doubt.believed(Instant::now()))) "."
                    }
                }
                " If the clock is wrong, set it right. If it is right, leave it: it is believed when it has gone on evenly for "
                (counted(context.app.config.clock_hold_seconds.div_ceil(60), "minute", "minutes")) "."
            } }
        }
    }
}

fn agents(context: &Context) -> Markup {
    let agents = context.reader.tenant.agents();
    let times = agents
        .iter()
        .flat_map(|agent| [agent.last_batch, agent.newest_event]);
    let head = context.clock.head(times.flatten());
    let moment = |time: Option<DateTime<Utc>>| {
        html! {
            @match time {
                Some(time) => { (context.clock.exact(time)) (context.clock.own_offset(&head, time)) span.sub { (context.clock.ago(time)) } }
                None => (super::rows::or_none(None)),
            }
        }
    };
    html! {
        section.card aria-labelledby="s-agents" {
            header { h2 #s-agents { "Agents" } }
            @if agents.is_empty() {
                div.empty { (icon("sys")) p { "No agent has sent a batch yet. Start one: " code { "agent --config agent.toml" } } }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Agents, may be scrolled sideways" {
                    table.t {
                        thead { tr {
                            th scope="col" { "Sender" } th scope="col" { "Stream" }
                            th scope="col" { "Last batch (" (head.label) ")" } th scope="col" { "Newest event" }
                            th.num scope="col" { "Batches" } th.num scope="col" { "Records" } th.num scope="col" { "Lost" } th.num scope="col" { "Quarantined" }
                        } }
                        tbody {
                            @for agent in &agents {
                                tr {
                                    td { b { (text::value(&agent.sender)) } }
                                    td { code { (text::value(&agent.stream.to_string())) } }
                                    td.nowrap { (moment(agent.last_batch)) }
                                    td.nowrap { (moment(agent.newest_event)) }
                                    td.num { (grouped(agent.batches)) }
                                    td.num { (grouped(agent.records)) }
                                    td.num { (grouped(agent.lost)) }
                                    td.num { (grouped(agent.quarantined)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn balance(context: &Context) -> Markup {
    let balance = context.reader.tenant.balance();
    let term = |number: u64, word: &str| html! { b { (grouped(number)) } " " (word) };
    let op = |sign: &str| html! { span.op { (sign) } };
    let balanced = balance.records == balance.read + balance.passed_over + balance.quarantined;
    html! {
        section.card aria-labelledby="s-bal" {
            header { h2 #s-bal { "Where every record is" } @if balanced { p.legend { "The sums agree." } } }
            div.body {
                p.balance {
                    (term(balance.records, "acknowledged")) " " (op("=")) " " (term(balance.read, "read")) " " (op("+")) " "
                    (term(balance.passed_over, "of other logs")) " " (op("+")) " " (term(balance.quarantined, "quarantined"))
                }
                p.balance {
                    (term(balance.activities, "activities")) " " (op("=")) " " (term(balance.stored, "stored")) " " (op("+")) " "
                    (term(balance.duplicates, "there before")) " " (op("+")) " " (term(balance.conflicts, "in conflict")) " " (op("+")) " "
                    (term(balance.expired, "too old")) " " (op("+")) " " (term(balance.future, "ahead of the clock"))
                }
                p.foot-note { span { "Counted from the journal, over " (counted(balance.batches, "batch", "batches")) "." } span { (grouped(balance.lost)) " declared lost by senders." } }
                @if !balanced { div.note.bad { (icon("warn")) div { "The sums do not agree. Tell whoever runs the service." } } }
            }
        }
    }
}

fn store(context: &Context) -> Result<Markup, Failure> {
    let store = context.reader.store();
    let stats = store.stats();
    let memory = store.memory_usage();
    let range = store.snapshot().time_range();
    let shown = [
        ("Activities", grouped(stats.rows)),
        (
            "Parts",
            format!(
                "{} sealed, {} growing",
                grouped(stats.segments as u64),
                grouped(stats.head_chunks as u64)
            ),
        ),
        (
            "Memory: columns",
            bytes((memory.columns + memory.postings) as u64),
        ),
        ("Memory: texts and lists", bytes(memory.values as u64)),
        ("Memory: documents", bytes(memory.documents as u64)),
        ("Memory at most", bytes(context.reader.tenant.max_memory)),
        ("Dropped as too old", grouped(stats.dropped)),
    ];
    Ok(html! {
        section.card.w6.half aria-labelledby="s-store" {
            header { h2 #s-store { "Store" } }
            div.body {
                dl.defs {
                    @for (label, value) in shown { dt { (label) } dd { (value) } }
                    dt { "Retention" } dd { (context.app.config.retention_days) " days, since " (context.clock.exact(context.kept_since())) }
                    @if let Some((oldest, newest)) = range {
                        dt { "Oldest" } dd { (context.clock.exact(oldest)) }
                        dt { "Newest" } dd { (context.clock.exact(newest)) ", " (context.clock.ago(newest)) }
                    }
                    dt { "Running since" } dd { (context.clock.exact(context.app.started)) }
                }
            }
        }
    })
}

/// One bar for five minutes, of the last six hours at most.
fn ingest(context: &Context) -> Markup {
    let rate = context.reader.tenant.ingest_rate();
    if rate.is_empty() {
        return html! {
            section.card.w6.half { header { h2 { "Records by five minutes" } } div.body { div.empty { p { "Nothing came since the service started." } } } }
        };
    }
    let newest = rate
        .iter()
        .map(|(time, _)| *time)
        .max()
        .unwrap_or(context.clock.now);
    let bars: Vec<Bar> = (0..36)
        .rev()
        .map(|step| newest - TimeDelta::minutes(5 * step))
        .map(|time| {
            let local = context.clock.local(time);
            let hour = if local.format("%M").to_string() == "00" {
                local.format("%H:%M").to_string()
            } else {
                String::new()
            };
            Bar {
                label: context.clock.moment(time),
                axis: (String::new(), hour),
                note: None,
                href: "/log?range=PT24H".to_owned(),
                values: vec![
                    rate.iter()
                        .filter(|(at, _)| *at == time)
                        .map(|(_, records)| records)
                        .sum(),
                ],
            }
        })
        .collect();
    let total: u64 = bars.iter().map(Bar::total).sum();
    let series = [Series {
        class: "onprem",
        label: "Records".into(),
        word: "records".into(),
    }];
    let summary = format!(
        "{} came in the last three hours shown.",
        counted(total, "record", "records")
    );
    Stacked {
        id: "c-rate",
        heading: "Records by five minutes",
        of: "Time",
        series: &series,
        bars: &bars,
        summary: &summary,
        width: "w6 half",
    }
    .draw()
}

/// What the store holds, by day.
fn days(context: &Context) -> Result<Markup, Failure> {
    let snapshot = context.snapshot();
    let offset = context.clock.offset(context.clock.now);
    let query = Query::new()
        .group_by([c::TIME.bucket(Bucket::HOUR.at(offset)), c::SOURCE])
        .aggregate([count().alias("rows")]);
    let result = context.run(&query, &snapshot)?;
    let mut days: std::collections::BTreeMap<NaiveDate, Vec<u64>> =
        std::collections::BTreeMap::new();
    for row in Row::all(&result) {
        let Some(time) = row.time("time") else {
            continue;
        };
        let values = days
            .entry(context.clock.date(time))
            .or_insert_with(|| vec![0, 0]);
        if let Some(value) =
            values.get_mut(usize::from(row.text("source") != Some("identity_manager")))
        {
            *value += row.number("rows");
        }
    }
    let bars: Vec<Bar> = days
        .into_iter()
        .map(|(day, values)| Bar {
            label: context.clock.day(day),
            axis: (day.format("%a").to_string(), day.format("%-d").to_string()),
            note: None,
            href: format!("/log?from={day}&to={day}&system=1&noise=1"),
            values,
        })
        .collect();
    if bars.is_empty() {
        return Ok(html! {});
    }
    let total: u64 = bars.iter().map(Bar::total).sum();
    let summary = format!(
        "{} rows are kept, system events, by-products and earlier statuses of requests among them.",
        grouped(total)
    );
    Ok(Stacked {
        id: "c-kept",
        heading: "Rows kept, by day",
        of: "Day",
        series: &SOURCES,
        bars: &bars,
        summary: &summary,
        width: "",
    }
    .draw())
}

pub async fn quarantine(context: Context) -> Response {
    context.answer(draw_quarantine).await
}

fn draw_quarantine(context: &Context) -> Result<Response, Failure> {
    context.only(&[])?;
    let quarantine = &context.reader.tenant.quarantine;
    let (total, records) = (quarantine.total(), quarantine.newest(LISTED));
    let may_load = context.reader.rights.raw && context.reader.rights.persons;
    let body = html! {
        p.crumb { a href="/system" { "System" } span aria-hidden="true" { "/" } span { "Quarantine" } }
        div.head {
            h1 { "Quarantine" }
            @if may_load && total > 0 { div.acts { a.btn href="/v1/quarantine/raw" { (icon("get")) "Download the records" } } }
            p.lead { "Records that could not be used. They are acknowledged, counted, and still in the journal." @if !may_load { " To download them needs the rights " code { "raw" } " and " code { "persons" } "." } }
        }
        @if records.is_empty() {
            (said("ok", "No record is in quarantine", html! { p { "Everything that came could be used." } }))
        } @else {
            section.card aria-labelledby="t-h" {
                h2.vh #t-h { "Records in quarantine" }
                div.tbl-top { p.tot { b { (grouped(total)) } " records" @if total > records.len() as u64 { ", the newest " (grouped(records.len() as u64)) " shown" } } }
                div.scroll tabindex="0" role="region" aria-label="Rows, may be scrolled sideways" {
                    table.t {
                        thead { tr { th scope="col" { "Came at" } th scope="col" { "Sender" } th scope="col" { "Why" } th scope="col" { "Place" } th.num scope="col" { "Size" } } }
                        tbody {
                            @for record in &records {
                                tr {
                                    td.nowrap { (context.clock.exact(record.at)) }
                                    td { (text::value(&record.sender)) }
                                    td { span.badge { (record.code) } " " (text::value(&record.reason)) }
                                    td { code { (text::value(&record.stream.to_string())) } " " (grouped(record.seq)) }
                                    td.num { (bytes(record.bytes as u64)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(context.page(Place::System, "Quarantine · System", body))
}

pub async fn readers(context: Context) -> Response {
    context.answer(draw_readers).await
}

fn draw_readers(context: &Context) -> Result<Response, Failure> {
    context.only(&[])?;
    let entries = context.reader.tenant.audit.newest(LISTED);
    let head = context.clock.head(entries.iter().map(|entry| entry.at));
    let body = html! {
        p.crumb { a href="/system" { "System" } span aria-hidden="true" { "/" } span { "Who read what" } }
        div.head { h1 { "Who read what" } p.lead { "Reports, exports, single activities, documents and people's pages. The whole trail is on the service's disk." } }
        @if entries.is_empty() {
            (said("ppl", "Nobody has read anything yet", html! { p { "Each report, export and document that is read is noted here." } }))
        } @else {
            section.card aria-labelledby="t-h" {
                h2.vh #t-h { "Entries" }
                div.tbl-top { p.tot { "The newest " b { (grouped(entries.len() as u64)) } } }
                div.scroll tabindex="0" role="region" aria-label="Rows, may be scrolled sideways" {
                    table.t {
                        thead { tr { th scope="col" { "Time (" (head.label) ")" } th scope="col" { "Reader" } th scope="col" { "Through" } th scope="col" { "What" } th scope="col" { "Which" } } }
                        tbody {
                            @for entry in &entries {
                                tr {
                                    td.nowrap { (context.clock.exact(entry.at)) (context.clock.own_offset(&head, entry.at)) }
                                    td { (text::value(&entry.reader)) }
                                    td { (text::value(&entry.via)) }
                                    td { (text::value(&entry.what)) }
                                    td { code { (text::value(&entry.which)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(context.page(Place::System, "Who read what · System", body))
}
