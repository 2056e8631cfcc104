//! Each rule of the specification is needed: without it, the model fails.

use ingest_protocol::rules::{Rule, Rules};

use super::world::Faults;

/// The first run that shows what comes of leaving out the rule.
fn first_failure(rule: Rule) -> Option<(u64, String)> {
    (0..2_000).find_map(|seed| {
        let faults = match seed % 2 {
            0 => Faults {
                echoes: seed % 4 == 0,
                ..Faults::crashes()
            },
            _ => Faults::snapshots(seed),
        };
        let failure = super::run(seed, faults, Rules::without(rule)).err()?;
        Some((seed, failure))
    })
}

macro_rules! needed {
    ($($name:ident: $rule:ident)*) => {
        $(#[test]
        fn $name() {
            let failure = first_failure(Rule::$rule);
            let (seed, why) = failure.expect("the model should fail without the rule");
            println!("without {:?}: {why} (seed {seed})", Rule::$rule);
        })*
    };
}

needed! {
    s1_store_before_sending: S1
    s2_done_only_by_its_ack: S2
    s3_ignore_answers_to_what_is_not_in_flight: S3
    s4_stamp_anew_after_a_fork: S4
    s5_take_a_new_stream: S5
    s6_evict_only_what_was_never_sent: S6
    r1_commit_only_what_follows: R1
    r2_know_duplicates_by_fingerprint: R2
    r3_refuse_a_gap: R3
    r4_refuse_a_fork: R4
    r5_never_forget_for_idleness: R5
}
