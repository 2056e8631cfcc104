//! What must hold once all is told.

use std::collections::{BTreeMap, BTreeSet};

use ingest_protocol::StreamId;
use ingest_protocol::frame::{Frame, Limits};
use ingest_protocol::journal::Item;
use ingest_protocol::receiver::ReceiverLog;

use super::world::World;

pub(super) fn all(world: &World) -> Result<(), String> {
    let mut log = world.log_for_reading();
    let mut reader = log.journal_mut().reader();
    let mut times: BTreeMap<u64, u32> = BTreeMap::new();
    let mut next: BTreeMap<StreamId, u64> = BTreeMap::new();
    let mut declared = 0;
    while let Some(item) = log
        .journal_mut()
        .read(&mut reader)
        .map_err(|e| e.to_string())?
    {
        let Item::Entry(entry) = item else {
            return Err(format!("the service's log lost {item:?}"));
        };
        if entry.kind() != ReceiverLog::<ingest_protocol::journal::sim::SimDisk>::FRAME {
            continue;
        }
        let frame = Frame::open(entry.body().clone(), &Limits::MAX).map_err(|e| e.to_string())?;
        let header = frame.header();
        let expected = next.insert(header.stream(), header.next_seq()).unwrap_or(1);
        if header.accounts_from() != expected {
            return Err(format!(
                "{} where {expected} comes next",
                header.accounts_from()
            ));
        }
        declared += header.lost();
        for record in &frame {
            let id = record.id().ok_or("a record without its id")?;
            *times.entry(id.as_u128() as u64).or_default() += 1;
        }
    }
    let source: BTreeSet<u64> = world.source.iter().map(|sourced| sourced.n).collect();
    let missing = source.iter().filter(|n| !times.contains_key(n)).count() as u64;
    let loses = world.faults.losses || world.faults.service_goes_back;
    if !loses && missing + declared > 0 {
        return Err(format!(
            "{missing} are missing, {declared} declared, of no reason"
        ));
    }
    if missing > declared && !world.left_a_stream {
        return Err(format!(
            "{missing} are missing, {declared} are declared lost"
        ));
    }
    if world.went_back {
        return Ok(());
    }
    if let Some((n, times)) = times.iter().find(|(_, times)| **times > 1) {
        return Err(format!("record {n} is there {times} times"));
    }
    if missing != declared {
        return Err(format!(
            "{missing} are missing, but {declared} are declared lost"
        ));
    }
    let gone = world.source.iter().filter(|sourced| sourced.gone).count() as u64;
    if missing > gone + world.evicted {
        return Err(format!(
            "{missing} are missing, {gone} were gone, {} evicted",
            world.evicted
        ));
    }
    Ok(())
}
