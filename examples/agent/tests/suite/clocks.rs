//! Clocks that differ, and that jump.

use chrono::TimeDelta;

#[cfg(target_os = "linux")]
use crate::common::clock::environment;
use crate::common::log::{append, documents, write};
use crate::common::process::{Agent, balance, configure, output};
use crate::common::receiver::Receiver;
use crate::common::wait_until;

const FOLLOW: &[&str] = &["run", "--interval", "100ms", "--metrics", "127.0.0.1:0"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn an_agent_whose_clock_is_far_behind_does_not_try_at_once_and_says_why() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=50);
    let receiver = Receiver::start(&folder.join("received"));
    // All that begins now is older than the service keeps.
    receiver.set_clock(TimeDelta::days(40));
    let config = configure(folder, &receiver.url(), "");
    let mut agent = Agent::begin(&config, FOLLOW, Vec::new());
    wait_until("it is held", || agent.metrics().get("held") == 1);
    let tries = receiver.received().requests;
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(receiver.received().requests, tries);
    let metrics = agent.metrics();
    assert!(metrics.is_even());
    assert_eq!(metrics.get("spooled"), 50);
    let (code, why) = agent.get("healthz");
    assert!(
        code == 503 && why.contains("clock far behind?"),
        "{code} {why}"
    );
    let check = output(&config, &["check"]);
    let told = text(&check.stdout);
    assert_eq!(check.status.code(), Some(1), "{told}");
    for line in [
        "ok    key at the service: accepted",
        "s behind the service's: set it",
    ] {
        assert!(told.contains(line), "{told}");
    }
    wait_until("the status says so", || {
        let told = text(&output(&config, &["status"]).stdout);
        told.contains("s behind the service's: set it") && told.contains("clock far behind?")
    });
    assert!(agent.said().contains("s behind the service's: set it"));
    agent.kill();

    // Once somebody sets the clock, all arrives.
    let mut agent = Agent::start(&config, FOLLOW);
    wait_until("it is held again", || agent.metrics().get("held") == 1);
    receiver.set_clock(TimeDelta::zero());
    wait_until("all is acknowledged", || {
        agent.metrics().get("acknowledged_total") == 50
    });
    let metrics = agent.metrics();
    assert!(metrics.is_even());
    assert_eq!(metrics.get("held"), 0);
    assert!(agent.said().contains("right again"), "{}", agent.said());
    agent.kill();
    assert_eq!(receiver.received().documents, documents(1..=50));
}

#[test]
fn an_agent_whose_clock_is_ahead_goes_on_and_says_so() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=50);
    let receiver = Receiver::start(&folder.join("received"));
    receiver.set_clock(TimeDelta::days(-400));
    let config = configure(folder, &receiver.url(), "");
    let mut agent = Agent::start(&config, &["run", "--once"]);
    assert_eq!(agent.code(), 0);
    let said = agent.said();
    assert!(said.contains("s ahead of the service's: set it"), "{said}");
    assert_eq!(receiver.received().documents, documents(1..=50));
}

#[cfg(target_os = "linux")]
#[test]
fn over_jumps_of_the_agents_clock_every_request_arrives_once() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let clock = folder.join("clock");
    let Some(environment) = environment(&clock) else {
        return;
    };
    let log = folder.join("requests.evtx");
    write(&log, 1..=20);
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    let arguments = [FOLLOW, &["--impatient"]].concat();
    std::fs::write(&clock, "+0").unwrap();
    let mut agent = Agent::begin(&config, &arguments, environment.clone());
    let mut last = 20;
    // Each jump, then one while it is killed.
    for (jump, days) in [("-40d", -40), ("+3d", 3), ("-2d", -2), ("+0", 0)] {
        wait_until("all is acknowledged", || {
            agent.metrics().get("acknowledged_total") == last
        });
        std::fs::write(&clock, jump).unwrap();
        append(&log, last + 1..=last + 20);
        last += 20;
        wait_until("all is acknowledged, and the clock is told", || {
            let metrics = agent.metrics();
            assert!(metrics.is_even());
            let ahead = metrics.signed("clock_ahead_seconds");
            metrics.get("acknowledged_total") == last && (ahead - days * 86_400).abs() < 3_600
        });
        agent.kill();
        append(&log, last + 1..=last + 20);
        last += 20;
        agent = Agent::begin(&config, &arguments, environment.clone());
    }
    wait_until("all is acknowledged", || {
        agent.metrics().get("acknowledged_total") == last
    });
    agent.kill();
    assert_eq!(receiver.received().documents, documents(1..=last));
    let told = balance(&config, "logs");
    assert_eq!((told.read, told.lost), (last, 0), "{told:?}");
}
