//! The ways of reading a log, by the names of their rows.

use std::hint::black_box;
use std::path::PathBuf;

use super::own::{self, Source};
#[cfg(feature = "peers")]
use super::peers;
use super::{Picked, Set, floor, megabytes};

/// The floor, and our own.
pub const OURS: &[&str] = &[
    "floor",
    "floor_crc",
    "reject_by_id",
    "reject_by_provider",
    "pick",
    "whole",
    "request",
    "activities",
];

/// Those of other crates.
#[cfg(feature = "peers")]
pub const PEERS: &[&str] = &[
    "evtx_instances_pick",
    "evtx_serialized_pick",
    "evtx_json_value_pick",
    "evtx_json",
    "evtx_json_value_request",
];

/// None without the feature.
#[cfg(not(feature = "peers"))]
pub const PEERS: &[&str] = &[];

/// A way of reading a log, by its name; `None` where the log has no requests.
#[must_use]
pub fn way(name: &str, set: Set) -> Option<Box<dyn FnMut()>> {
    let path: PathBuf = set.file(megabytes());
    let requests = set != Set::Manifest;
    let mut buffer = vec![0; 65_536];
    Some(match name {
        "floor" => Box::new(move || {
            black_box(floor::read(&path, &mut buffer));
        }),
        "floor_crc" => Box::new(move || {
            black_box(floor::read_and_check(&path, &mut buffer));
        }),
        "reject_by_id" => Box::new(move || {
            black_box(own::reject_by_id(Source::new(&path)));
        }),
        "reject_by_provider" => Box::new(move || {
            black_box(own::reject_by_provider(Source::new(&path)));
        }),
        "pick" => Box::new(move || own::pick(Source::new(&path), set, look)),
        "whole" => Box::new(move || {
            black_box(own::whole(Source::new(&path)));
        }),
        "request" if requests => Box::new(move || {
            black_box(own::request(Source::new(&path)));
        }),
        "activities" if requests => Box::new(move || {
            black_box(own::activities(Source::new(&path)));
        }),
        #[cfg(feature = "peers")]
        "evtx_instances_pick" => Box::new(move || peers::pick_instances(&path, set, look)),
        #[cfg(feature = "peers")]
        "evtx_serialized_pick" => Box::new(move || peers::pick_serialized(&path, set, look)),
        #[cfg(feature = "peers")]
        "evtx_json_value_pick" => Box::new(move || peers::pick_json_value(&path, set, look)),
        #[cfg(feature = "peers")]
        "evtx_json" => Box::new(move || {
            black_box(peers::records_json(&path));
        }),
        #[cfg(feature = "peers")]
        "evtx_json_value_request" if requests => Box::new(move || {
            black_box(peers::request(&path, set));
        }),
        _ => return None,
    })
}

fn look(event: Picked<'_>) {
    black_box(event);
}
