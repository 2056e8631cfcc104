//! The journal, on a simulated disk and on a real one.
mod crash;
mod damage;
mod failing;
mod golden;
mod group;
mod misread;
mod newer;
mod real;
mod use_of;

use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::journal::{Entry, Item, Journal, Options, Storage};

/// Everything a journal has to read, and what it says is lost.
fn read_all<S: Storage>(journal: &mut Journal<S>) -> (Vec<Entry>, Vec<(u64, u64)>) {
    let (mut entries, mut lost) = (Vec::new(), Vec::new());
    let mut reader = journal.reader();
    while let Some(item) = journal.read(&mut reader).unwrap() {
        match item {
            Item::Entry(entry) => entries.push(entry),
            Item::Lost { first, last } => lost.push((first, last)),
            other => panic!("{other:?}"),
        }
    }
    (entries, lost)
}

fn indices(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(Entry::index).collect()
}

fn bodies(entries: &[Entry]) -> Vec<Vec<u8>> {
    entries.iter().map(|entry| entry.body().to_vec()).collect()
}

fn open(disk: &SimDisk, opening: u8) -> Journal<SimDisk> {
    Journal::open(
        disk.clone(),
        Options::new([opening; 16]).segment_bytes(4096),
    )
    .unwrap()
    .0
}

fn segments(disk: &SimDisk) -> Vec<String> {
    let names = disk.names();
    names
        .into_iter()
        .filter(|name| name.ends_with(".segment"))
        .collect()
}
