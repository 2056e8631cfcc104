//! Results: typed columns and rows, the same for queries and reports.
//!
//! A [`QueryResult`] knows the name, label, type and unit of each of its
//! columns, and how far estimates [may be off](Approximation). Its rows are in the order that
//! the query states, always the same for the same data.
//!
//! | Form | Method | For |
//! |---|---|---|
//! | aligned table | `Display`, [`write_text`](QueryResult::write_text) | terminals, mails |
//! | CSV, RFC 4180 | [`write_csv`](QueryResult::write_csv) | spreadsheets |
//! | JSON | [`write_json`](QueryResult::write_json) | programs that want types and labels |
//! | NDJSON | [`write_ndjson`](QueryResult::write_ndjson) | programs that read line by line |
//!
//! Every cell may hold what somebody typed into a directory. Tables show what
//! would act on a terminal ([`visible`]), CSV marks what a spreadsheet would run
//! ([`formula_original`] takes the mark away), JSON keeps everything as it is.
//! The writers stream: memory does not grow with the rows, and each row is one
//! write. Moments are RFC 3339 in the forms for machines and
//! `YYYY-MM-DD HH:MM:SS` in tables, always UTC.

mod analysis;
mod approximation;
mod cell;
mod csv;
mod json;
mod table;
mod text;
mod visible;

pub use analysis::{Analysis, Step};
pub use approximation::Approximation;
pub use csv::CsvOptions;
pub use table::{QueryResult, ResultColumn, RunStats};
pub use text::TextOptions;
pub use visible::{formula_original, visible};
