//! Sender, receiver and a channel that loses, repeats, reorders, delays, cuts and flips, over
//! disks that lose what was not synced: nothing is lost in silence, and nothing is there twice
//! unless a machine went back to a snapshot.
#![allow(clippy::disallowed_methods, clippy::print_stdout)] // how many runs, and what one does

mod channel;
mod check;
mod rules;
mod world;

use ingest_protocol::rules::Rules;

use self::world::{Faults, World};

/// Runs of the model: `MODEL_RUNS`, or what a change can wait for.
fn runs() -> u64 {
    let runs = std::env::var("MODEL_RUNS").ok();
    runs.and_then(|runs| runs.parse().ok()).unwrap_or(500)
}

fn run(seed: u64, faults: Faults, rules: Rules) -> Result<(), String> {
    let mut world = World::new(seed, faults, rules);
    world.live();
    world.settle()?;
    check::all(&world)
}

#[test]
fn exactly_once_through_crashes_of_both_and_any_channel() {
    for seed in 0..runs() {
        if let Err(why) = run(seed, Faults::crashes(), Rules::default()) {
            panic!("seed {seed}: {why}");
        }
    }
}

#[test]
fn exactly_once_out_of_a_spool_that_fills_up() {
    let faults = Faults {
        fills: true,
        ..Faults::crashes()
    };
    for seed in 0..runs() {
        if let Err(why) = run(seed, faults, Rules::default()) {
            panic!("seed {seed}: {why}");
        }
    }
}

#[test]
fn nothing_lost_in_silence_after_either_goes_back_to_a_snapshot() {
    for seed in 0..runs() {
        if let Err(why) = run(seed, Faults::snapshots(seed), Rules::default()) {
            panic!("seed {seed}: {why}");
        }
    }
}

/// A seed to look at, with what happens in it: `MODEL_SEED=n cargo test ... -- --ignored`.
#[test]
#[ignore = "for whoever looks into a seed"]
fn one_seed() {
    let seed: u64 = std::env::var("MODEL_SEED").unwrap().parse().unwrap();
    let faults = match std::env::var("MODEL_SNAPSHOTS") {
        Ok(_) => Faults::snapshots(seed),
        Err(_) => Faults::crashes(),
    };
    let mut world = World::new(seed, faults, Rules::default());
    world.tells = true;
    world.live();
    world.settle().and_then(|()| check::all(&world)).unwrap();
}
