//! Help, exit codes, `status` and `check`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ingest_protocol::journal::{FsStorage, Options};
use ingest_protocol::sender::{SenderConfig, SpooledSender};
use mim_events::eventlog::LogWriter;
use uuid::Uuid;

use crate::common::http::{Request, serve};
use crate::common::log::{event, write};
use crate::common::process::{Agent, configure, output, program};
use crate::common::receiver::{Play, Receiver, TENANT, TOKEN};
use crate::common::wait_until;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_states_the_exit_codes_and_wrong_arguments_are_2() {
    let help = program().arg("--help").output().unwrap();
    assert!(help.status.success());
    assert!(text(&help.stdout).contains("Exit codes: 0 done"));
    for arguments in [
        &["run", "--token", "x"][..],
        &["run", "--interval", "soon"],
        &["run", "--metrics", "0.0.0.0:1"],
        &["cloud"],
        &["cloud", "--url", "graph.example.com/audits"],
        &["cloud", "--url", "https://user:pa55@graph.example.com/"],
        &["run", "--config", "no-such-file.toml"],
    ] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn an_unknown_key_of_the_configuration_is_refused_with_its_place() {
    let temporary = tempfile::tempdir().unwrap();
    let config = configure(
        temporary.path(),
        "http://127.0.0.1:1",
        "intervall = \"10m\"",
    );
    let output = output(&config, &["run", "--once"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = text(&output.stderr);
    assert!(
        errors.contains("line 4, column 1: unknown field `intervall`"),
        "{errors}"
    );
    // Nor does a command run without what it needs.
    let config = configure(temporary.path(), "http://127.0.0.1:1", "");
    let url = "https://graph.example.com/audits";
    let output = self::output(&config, &["cloud", "--once", "--url", url]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no [cloud]"));
}

#[test]
fn check_tells_each_thing_that_is_wrong_and_shows_no_secret() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    let check = || {
        let output = output(&config, &["check"]);
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(!all.contains(TOKEN) && !all.contains("wr0ng"), "{all}");
        (output.status.code().unwrap(), text(&output.stdout))
    };
    let (code, told) = check();
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("FAIL  log requests.evtx"), "{told}");
    write(&folder.join("requests.evtx"), 1..=3);
    let (code, told) = check();
    assert_eq!(code, 0, "{told}");
    for line in [
        "ok    log requests.evtx: readable, 3 events",
        "ok    key at the service: accepted",
        "ok    clock",
    ] {
        assert!(told.contains(line), "{told}");
    }
    std::fs::write(folder.join("token"), "wr0ng-token").unwrap();
    let (code, told) = check();
    assert_eq!(code, 1);
    assert!(told.contains("FAIL  key at the service: refused"), "{told}");
    receiver.play(Play::Down);
    assert!(check().1.contains("FAIL  service http://"));
    // It tried, and stored nothing.
    assert!(receiver.received().documents.is_empty() && receiver.received().refused > 0);
    std::fs::remove_file(folder.join("token")).unwrap();
    assert!(check().1.contains("FAIL  key: secret file"));
}

#[test]
fn a_token_that_is_exchanged_is_used_without_a_restart() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=3);
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    std::fs::write(folder.join("token"), "wr0ng-token").unwrap();
    let mut agent = Agent::start(&config, &["run", "--once"]);
    wait_until("it is refused", || receiver.received().refused > 2);
    std::fs::write(folder.join("token"), TOKEN).unwrap();
    assert_eq!(agent.code(), 0);
    assert_eq!(receiver.received().documents.len(), 3);
    let said = agent.said();
    assert!(!said.contains(TOKEN) && !said.contains("wr0ng"), "{said}");
}

#[test]
fn status_is_for_people_before_during_and_after() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=12);
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    let status = || text(&output(&config, &["status"]).stdout);
    assert!(status().contains("never ran"), "{}", status());
    let mut agent = Agent::start(&config, &["run", "--interval", "1h"]);
    wait_until("all is acknowledged and told", || {
        status().contains("Acknowledged                      12")
    });
    let running = status();
    for line in [
        "Event logs: running (process",
        "Next reading",
        "read through record 12",
    ] {
        assert!(running.contains(line), "{running}");
    }
    agent.kill();
    let after = status();
    for line in [
        "Event logs: not running",
        "Acknowledged                      12",
        "Waiting                            0",
    ] {
        assert!(after.contains(line), "{after}");
    }
}

#[test]
fn health_status_and_a_log_in_json_hold_no_text_of_a_document() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let mut log = LogWriter::create(folder.join("requests.evtx")).unwrap();
    for text in [
        "{\"HybridObjectID\":\"dana-okafor\"}",
        "dana-okafor is no document",
    ] {
        log.write(&event(1, text).as_event()).unwrap();
    }
    log.finish().unwrap();
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(
        folder,
        &receiver.url(),
        "log = { format = \"json\", level = \"debug\" }",
    );
    let mut agent = Agent::start(&config, &["--interval", "1h", "--metrics", "127.0.0.1:0"]);
    wait_until("one arrived, one did not", || {
        let metrics = agent.metrics();
        metrics.get("acknowledged_total") == 1
            && metrics.get("quarantined_total{by=\"agent\"}") == 1
    });
    assert_eq!(agent.get("healthz"), (200, "ok\n".to_owned()));
    let (code, status) = agent.get("status");
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (code, &status["balance"]["read"]),
        (200, &serde_json::json!(2))
    );
    assert_eq!(agent.get("else").0, 404);
    receiver.play(Play::RefusesKeys);
    crate::common::log::append(&folder.join("requests.evtx"), [3]);
    agent.kill();
    let said = agent.said();
    for line in said.lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(
            line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
    assert!(!said.contains("dana"), "{said}");

    let mut agent = Agent::start(&config, &["--interval", "1h", "--metrics", "127.0.0.1:0"]);
    wait_until("an agent whose key is refused is not healthy", || {
        agent.get("healthz").0 == 503
    });
    assert!(agent.get("healthz").1.contains("the key is not accepted"));
    agent.kill();
}

#[test]
fn a_second_agent_with_the_same_state_is_refused_and_changes_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=5);
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    let agent = Agent::start(&config, &["--interval", "1h", "--metrics", "127.0.0.1:0"]);
    wait_until("all is acknowledged", || {
        agent.metrics().get("acknowledged_total") == 5
    });
    let mut second = Agent::start(&config, &["run", "--once"]);
    assert_eq!(second.code(), 1);
    assert!(
        second.said().contains("open elsewhere"),
        "{}",
        second.said()
    );
    assert_eq!(agent.metrics().get("acknowledged_total"), 5);
}

#[test]
fn an_agent_that_starts_while_the_spool_is_looked_at_waits_for_it() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=5);
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    assert_eq!(Agent::start(&config, &["run", "--once"]).code(), 0);
    // As `agent status` opens it.
    let looking = SpooledSender::open(
        FsStorage::new(folder.join("state/logs/spool")),
        Options::new([1; 16]).read_only(),
        SenderConfig::new(TENANT.parse().unwrap()),
        Uuid::now_v7().into(),
    );
    let looking = looking.unwrap();
    let mut agent = Agent::start(&config, &["run", "--once"]);
    wait_until("the agent finds the spool locked", || {
        agent.has_ended() || agent.said().contains("open elsewhere")
    });
    drop(looking);
    assert_eq!(agent.code(), 0, "{}", agent.said());
}

/// A server that hears some requests, which are counted, and says nothing for as long as the test
/// runs.
#[cfg(unix)]
fn silent(hears: fn(&Request) -> bool) -> (String, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let address = serve(Arc::new(move |request| {
        if hears(&request) {
            counter.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_secs(3_600));
        }
        None
    }));
    (format!("http://{address}"), asked)
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_well_also_while_the_service_does_not_answer() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=5);
    let receiver = Receiver::start(&folder.join("received"));
    let (service, asked) = silent(|request| request.method() == "POST");
    for signal in ["-TERM", "-INT"] {
        let before = asked.load(Ordering::Relaxed);
        let config = configure(folder, &service, "[http]\ntimeout = \"1h\"\n");
        let mut agent = Agent::start(&config, &["--interval", "1h"]);
        wait_until("a batch is sent", || asked.load(Ordering::Relaxed) > before);
        agent.signal(signal);
        assert_eq!(agent.code(), 0);
        assert!(agent.said().contains("asked to stop"), "{}", agent.said());
    }
    let config = configure(folder, &receiver.url(), "");
    assert_eq!(Agent::start(&config, &["run", "--once"]).code(), 0);
    assert_eq!(receiver.received().documents.len(), 5);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_well_also_while_it_waits_for_a_page_or_for_limits() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&folder.join("requests.evtx"), 1..=5);
    let receiver = Receiver::start(&folder.join("received"));
    let (hung, asked) = silent(|_| true);
    std::fs::write(folder.join("graph"), "graph-token").unwrap();
    let more = "[http]\ntimeout = \"1h\"\n[cloud]\ntoken_file = \"graph\"\n";
    let pages = format!("{hung}/audits");
    for (service, arguments) in [
        (receiver.url(), &["cloud", "--url", &pages][..]),
        (hung, &["run"]),
    ] {
        let before = asked.load(Ordering::Relaxed);
        let config = configure(folder, &service, more);
        let mut agent = Agent::start(&config, arguments);
        wait_until("it waits for an answer", || {
            asked.load(Ordering::Relaxed) > before
        });
        agent.signal("-TERM");
        assert_eq!(agent.code(), 0);
        let said = agent.said();
        assert!(said.contains("asked to stop"), "{said}");
        assert!(!said.contains("can't be reached"), "{said}");
    }
}
