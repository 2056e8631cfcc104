//! The agent is killed at random instants: every request arrives, and counts once.

use std::time::Duration;

use mim_events::eventlog::LogWriter;

use crate::common::log::{append, event, generate, sorted};
use crate::common::number;
use crate::common::process::{Agent, balance, configure};
use crate::common::receiver::{Play, Receiver};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[test]
fn every_request_arrives_once_however_often_the_agent_is_killed() {
    let (kills, seed) = (number("KILLS", 3), number("SEED", 1));
    println!("KILLS={kills} SEED={seed}");
    let mut random = Random(seed);
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let path = folder.join("requests.evtx");
    let mut wanted = generate(&path, 2_000);
    // Some that can't be read, so that their counting is killed, too.
    let mut log = LogWriter::append(&path).unwrap();
    for n in 0..20 {
        log.write(&event(10_000_000 + n, &format!("broken {n}")).as_event())
            .unwrap();
    }
    log.finish().unwrap();
    let receiver = Receiver::start(&folder.join("received"));
    receiver.play(Play::Unanswered);
    let config = configure(folder, &receiver.url(), "[spool]\nbatch = 20\n");
    let (mut killed, mut next) = (0, 20_000_000);
    while killed < kills {
        let mut agent = Agent::start(&config, &["run", "--interval", "50ms"]);
        std::thread::sleep(Duration::from_millis(80 + random.below(900)));
        // It grows meanwhile, so that there always is something to be killed at.
        append(&path, next..next + 30);
        wanted.extend(crate::common::log::documents(next..next + 30));
        next += 30;
        std::thread::sleep(Duration::from_millis(random.below(250)));
        assert!(!agent.has_ended(), "{}", agent.said());
        agent.kill();
        killed += 1;
        if folder.join("state/logs/spool").is_dir() {
            // Asserts that it balances.
            let told = balance(&config, "logs");
            let arrived = receiver.received().documents.len() as u64;
            assert!(told.acknowledged <= arrived, "{told:?}, {arrived} arrived");
            assert!(
                told.acknowledged + told.spooled >= arrived,
                "{told:?}, {arrived} arrived"
            );
            assert_eq!((told.lost, told.lost_in_spool), (0, 0));
        }
    }
    assert_eq!(Agent::start(&config, &["run", "--once"]).code(), 0);
    let received = receiver.received();
    assert_eq!(received.documents.len(), wanted.len());
    assert_eq!(sorted(received.documents), sorted(wanted.clone()));
    let told = balance(&config, "logs");
    assert_eq!(
        (told.acknowledged, told.by_agent),
        (wanted.len() as u64, 20)
    );
    let text = std::fs::read_to_string(folder.join("state/logs/quarantine.ndjson")).unwrap();
    assert_eq!(text.lines().count(), 20);
}
