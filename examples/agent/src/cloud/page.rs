//! One page of Graph's `directoryAudits`: its entries, what is wrong with it, and what comes next.

use std::collections::HashSet;

use mim_events::ErrorKind;
use mim_events::entra::EntraReader;
use serde::Deserialize;
use uuid::Uuid;

use super::chunk::Chunk;
use crate::quarantine::Entry;

/// What a page held.
pub(super) struct Page {
    /// Its entries, as far as they could be read.
    pub(super) chunks: Vec<Chunk>,
    /// The page broke amid its entries, or ends in an error answer: it is to be asked for again.
    pub(super) is_broken: bool,
    /// The address of the next page, if there is one.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
struct Outside {
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "value")]
    _value: Vec<serde::de::IgnoredAny>,
}

impl Page {
    /// Reads a body; entries that are `known` are left out. `at` is the time of what has none.
    pub(super) fn read(
        body: &[u8],
        source: &str,
        batch: u32,
        at: i64,
        known: &mut HashSet<Uuid>,
    ) -> Self {
        let outside: Option<Outside> = serde_json::from_slice(body).ok();
        let (mut chunks, mut chunk) = (Vec::new(), Chunk::default());
        let mut is_broken = outside.is_none();
        let mut reader = EntraReader::new(body);
        while let Some(entry) = reader.next() {
            match entry {
                Ok(activity) => chunk.take(&activity, reader.last_raw(), known),
                // What stands behind the break is no entry any more.
                Err(_) if is_broken => break,
                Err(error) if *error.kind() == ErrorKind::ServiceAnswer => {
                    is_broken = true;
                    break;
                }
                Err(error) if !error.is_recoverable() => {
                    is_broken = true;
                    break;
                }
                Err(error) => {
                    let entry = Entry {
                        raw: reader.last_raw().map(str::to_owned),
                        // Its place changes with each walk; it is known by its text.
                        ..Entry::of(source, &error)
                    };
                    chunk.set_aside(entry, at, known);
                }
            }
            if chunk.is_full(batch) {
                chunks.push(std::mem::take(&mut chunk));
            }
        }
        chunks.push(chunk);
        Self {
            chunks,
            is_broken,
            next: outside
                .and_then(|outside| outside.next)
                .filter(|_| !is_broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> String {
        format!(
            r#"{{"id":"{id}","category":"GroupManagement","activityDateTime":"2026-03-02T08:15:09Z","activityDisplayName":"Add group","loggedByService":"Core Directory"}}"#
        )
    }

    fn read(body: &str, known: &mut HashSet<Uuid>) -> (usize, usize, u64, bool, Option<String>) {
        let page = Page::read(body.as_bytes(), "graph", 1_000, 0, known);
        let sum = |of: fn(&Chunk) -> usize| page.chunks.iter().map(of).sum();
        let duplicates = page.chunks.iter().map(|chunk| chunk.duplicates).sum();
        let records = sum(|chunk| chunk.records.len());
        let aside = sum(|chunk| chunk.aside.len());
        (records, aside, duplicates, page.is_broken, page.next)
    }

    #[test]
    fn a_page_with_a_next_and_one_without() {
        let known = &mut HashSet::new();
        let (a, b) = (entry("a"), entry("b"));
        let body = format!(r#"{{"value":[{a},{b}],"@odata.nextLink":"https://g/?$skiptoken=x"}}"#);
        let next = Some("https://g/?$skiptoken=x".to_owned());
        assert_eq!(read(&body, known), (2, 0, 0, false, next));
        assert_eq!(read(&body, known).2, 2);
        assert_eq!(read(r#"{"value":[]}"#, known), (0, 0, 0, false, None));
    }

    #[test]
    fn a_page_that_breaks_keeps_its_good_prefix() {
        let (a, b) = (entry("a"), entry("b"));
        for body in [
            format!(r#"{{"@odata.nextLink":"x","value":[{a},{b},{{"id":"#),
            format!(r#"{{"@odata.nextLink":"x","value":[{a},{b}{{"error":{{"code":"Unknown"}}}}"#),
            format!(
                r#"{{"@odata.nextLink":"x","value":[{a},{b},{{"error":{{"code":"Unknown"}}}}]}}"#
            ),
        ] {
            let known = &mut HashSet::new();
            assert_eq!(read(&body, known), (2, 0, 0, true, None), "{body}");
        }
        for body in ["", "<html>", r#"{"error":{"code":"x"}}"#] {
            assert_eq!(
                read(body, &mut HashSet::new()),
                (0, 0, 0, true, None),
                "{body}"
            );
        }
    }

    #[test]
    fn an_entry_that_is_none_is_set_aside_once() {
        let known = &mut HashSet::new();
        let a = entry("a");
        let body = format!(
            r#"{{"value":[{{"id":"x","activityDateTime":"never","activityDisplayName":"y","loggedByService":"z","category":"w"}},{a}]}}"#
        );
        assert_eq!(read(&body, known), (1, 1, 0, false, None));
        assert_eq!(read(&body, known), (0, 0, 2, false, None));
    }
}
