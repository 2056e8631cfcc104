//! Logs that are read once, grow, begin again and wrap.

use std::fs::File;
use std::path::{Path, PathBuf};

use hybrid_examples::envelope::Kind;
use mim_events::eventlog::LogWriter;

use crate::common::log::{append, document, documents, generate, put, sorted, write};
use crate::common::process::{Agent, Balance, balance, configure};
use crate::common::receiver::{Play, Receiver};
use crate::common::{number, wait_until};

const FOLLOW: &[&str] = &["run", "--interval", "100ms", "--metrics", "127.0.0.1:0"];

fn once(config: &Path) -> i32 {
    Agent::start(config, &["run", "--once"]).code()
}

/// A log that wraps soon, with requests up to `last`.
fn with_small_log(folder: &Path, last: u64) -> (Receiver, PathBuf, LogWriter<File>) {
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    let mut log = LogWriter::create(folder.join("requests.evtx"))
        .unwrap()
        .with_max_size(4 << 16);
    put(&mut log, 1..=last);
    log.flush().unwrap();
    (receiver, config, log)
}

#[test]
fn a_generated_log_arrives_once_and_nothing_comes_with_the_next_runs() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let requests = number("REQUESTS", 1_500);
    let wanted = sorted(generate(&folder.join("requests.evtx"), requests));
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    for _ in 0..3 {
        assert_eq!(once(&config), 0);
        let received = receiver.received();
        assert!(
            received
                .kinds
                .iter()
                .all(|kind| *kind == Some(Kind::MimRequest))
        );
        assert!(received.ids.iter().all(Option::is_some));
        assert!(sorted(received.documents) == wanted);
    }
    let n = wanted.len() as u64;
    let all = Balance {
        read: n,
        acknowledged: n,
        ..Balance::default()
    };
    assert_eq!(balance(&config, "logs"), all);
}

#[test]
fn a_log_that_grows_is_read_on_and_a_service_that_is_away_is_waited_for() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let log = folder.join("requests.evtx");
    write(&log, 1..=40);
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    let mut agent = Agent::start(&config, FOLLOW);
    let mut last = 40;
    for play in [
        Play::Up,
        Play::Down,
        Play::Busy,
        Play::RefusesKeys,
        Play::Unanswered,
    ] {
        receiver.play(play);
        append(&log, last + 1..=last + 40);
        last += 40;
        if matches!(play, Play::Down | Play::Busy | Play::RefusesKeys) {
            let failed = agent.metrics().get("batches_failed_total");
            wait_until("what is new is spooled", || {
                let metrics = agent.metrics();
                assert!(metrics.is_even());
                metrics.get("spooled") == 40
            });
            wait_until("it is tried again", || {
                agent.metrics().get("batches_failed_total") > failed + 2
            });
            let running = balance(&config, "logs");
            assert!(running.spooled <= 40, "{running:?}");
            receiver.play(Play::Up);
        }
        wait_until("all is acknowledged", || {
            let metrics = agent.metrics();
            assert!(metrics.is_even());
            metrics.get("acknowledged_total") == last && metrics.get("spooled") == 0
        });
        assert_eq!(receiver.received().documents, documents(1..=last));
    }
    #[cfg(unix)]
    {
        agent.signal("-TERM");
        assert_eq!(agent.code(), 0);
        assert_eq!(balance(&config, "logs").acknowledged, last);
    }
}

#[test]
fn a_log_that_wraps_while_nobody_reads_has_its_losses_declared() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let (receiver, config, mut log) = with_small_log(folder, 100);
    assert_eq!(once(&config), 0);
    assert_eq!(receiver.received().documents, documents(1..=100));
    // Round and round, far beyond what the log holds.
    put(&mut log, 101..=3_000);
    log.flush().unwrap();
    assert_eq!(once(&config), 0);
    put(&mut log, 3_001..=3_010);
    log.finish().unwrap();
    assert_eq!(once(&config), 0);

    let received = receiver.received();
    let arrived = received.documents.len() as u64;
    assert!(received.lost > 1_000, "{}", received.lost);
    assert_eq!(arrived + received.lost, 3_010);
    let rest = documents(100 + received.lost + 1..=3_010);
    assert_eq!(received.documents[100..], rest);
    let told = balance(&config, "logs");
    let all = Balance {
        read: 3_010,
        acknowledged: arrived,
        lost: received.lost,
        ..Balance::default()
    };
    assert_eq!(told, all);
}

#[test]
fn a_log_that_is_cleared_and_begins_again_is_read_from_its_beginning() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let log = folder.join("requests.evtx");
    write(&log, 1..=50);
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    // Nothing but the new file makes it read before its time.
    let agent = Agent::start(&config, &["--interval", "1h", "--metrics", "127.0.0.1:0"]);
    wait_until("the log arrives", || {
        receiver.received().documents.len() == 50
    });
    std::fs::remove_file(&log).unwrap();
    write(&log, 101..=130);
    wait_until("the new log arrives", || {
        receiver.received().documents.len() == 80
    });
    assert_eq!(receiver.received().documents[50..], documents(101..=130));
    assert!(agent.metrics().is_even());
}

#[test]
fn several_logs_have_a_bookmark_each_and_one_that_is_not_there_stops_no_other() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=20);
    write(&folder.join("second.evtx"), 101..=120);
    let receiver = Receiver::start(&folder.join("received"));
    let more = "[[logs]]\npath = \"missing.evtx\"\n[[logs]]\npath = \"second.evtx\"\n";
    let config = configure(folder, &receiver.url(), more);
    assert_eq!(once(&config), 1);
    append(&folder.join("second.evtx"), [121]);
    write(&folder.join("missing.evtx"), [201]);
    assert_eq!(once(&config), 0);
    let wanted = documents((1..=20).chain(101..=121).chain([201]));
    assert_eq!(sorted(receiver.received().documents), sorted(wanted));
}

#[test]
fn old_logs_are_read_beside_an_agent_that_runs() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 101..=110);
    write(&folder.join("old.evtx"), 1..=30);
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    let _agent = Agent::start(&config, FOLLOW);
    wait_until("the log arrives", || {
        receiver.received().documents.len() == 10
    });
    let old = folder.join("old.evtx");
    for _ in 0..2 {
        let arguments = ["run", "--backfill", old.to_str().unwrap()];
        assert_eq!(Agent::start(&config, &arguments).code(), 0);
    }
    let received = receiver.received().documents;
    assert_eq!(received.len(), 40);
    assert_eq!(received[10..], documents(1..=30));
    assert_eq!(received[0], document(101));
    assert_eq!(balance(&config, "backfill").acknowledged, 30);
}

#[test]
fn a_log_that_wraps_while_it_is_followed_has_its_losses_declared_once() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let (receiver, config, mut log) = with_small_log(folder, 10);
    // Long enough that no reading falls into a burst of writing.
    let agent = Agent::start(&config, &["--interval", "4s", "--metrics", "127.0.0.1:0"]);
    let mut last = 10;
    for burst in [900, 20, 2_000] {
        let read = agent.metrics().get("last_read_timestamp_seconds");
        wait_until("a reading has just ended", || {
            agent.metrics().get("last_read_timestamp_seconds") > read
        });
        put(&mut log, last + 1..=last + burst);
        log.flush().unwrap();
        last += burst;
        wait_until("the burst is read or counted as lost", || {
            let metrics = agent.metrics();
            assert!(metrics.is_even());
            metrics.get("read_total") == last && metrics.get("spooled") == 0
        });
        let received = receiver.received();
        let arrived = received.documents.len() as u64;
        let metrics = agent.metrics();
        assert_eq!(metrics.get("lost_total{where=\"log\"}"), last - arrived);
        wait_until("the loss is told", || {
            receiver.received().lost == last - arrived
        });
        assert_eq!(received.documents.last(), Some(&document(last)));
    }
    assert!(receiver.received().lost > 500);
}
