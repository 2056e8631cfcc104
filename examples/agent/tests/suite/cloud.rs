//! Audit entries from files and from a small Graph.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use hybrid_examples::envelope::Kind;
use ingest_protocol::journal::{FsStorage, Options as JournalOptions};
use ingest_protocol::sender::{SenderConfig, SpooledSender};
use mim_events::activity::Activity;
use mim_events::entra::EntraReader;
use mim_events::generate::{CloudFormat, Files, Options};

#[cfg(target_os = "linux")]
use crate::common::clock::environment;
use crate::common::http::{Request, Response, serve};
use crate::common::log::sorted;
use crate::common::process::{Agent, balance, configure};
use crate::common::receiver::{Receiver, TENANT};
#[cfg(target_os = "linux")]
use crate::common::strace::FailingDisk;
use crate::common::wait_until;

const PAGES: usize = 6;
const EACH: usize = 10;

fn entry(n: usize) -> String {
    let minute = n % 60;
    entry_of(n, &format!("2026-03-02T08:{minute:02}:09Z"))
}

fn entry_of(n: usize, time: &str) -> String {
    format!(
        r#"{{"id":"Directory_{n}","category":"GroupManagement","activityDateTime":"{time}","activityDisplayName":"Add group","loggedByService":"Core Directory"}}"#
    )
}

/// What the small Graph does wrong, each once unless it says otherwise.
#[derive(Default)]
struct Faults {
    busy: Vec<u16>,
    broken: bool,
    glued: bool,
    expired: bool,
    elsewhere: bool,
    /// Each page is said to be at another address.
    moved: Option<String>,
}

/// Entries of the last hour, one a minute, and of times that no window has.
struct Graph {
    started: DateTime<Utc>,
    faults: Mutex<Faults>,
    asked: Mutex<Vec<String>>,
    /// Entries that arrive late.
    more: Mutex<usize>,
}

impl Graph {
    fn start(faults: Faults) -> (Arc<Self>, SocketAddr) {
        let graph = Arc::new(Self {
            started: SystemTime::now().into(),
            faults: Mutex::new(faults),
            asked: Mutex::default(),
            more: Mutex::default(),
        });
        let answering = Arc::clone(&graph);
        let host = Arc::new(Mutex::new(None));
        let known = Arc::clone(&host);
        let address = serve(Arc::new(move |request| {
            let host: SocketAddr = known.lock().unwrap().unwrap();
            Some(answering.answer(&request, host))
        }));
        *host.lock().unwrap() = Some(address);
        (graph, address)
    }

    /// The entry that was logged so many minutes before the start.
    fn entry(&self, n: usize, minutes: i64) -> (DateTime<Utc>, String) {
        let time = self.started - TimeDelta::minutes(minutes);
        let text = time.to_rfc3339_opts(SecondsFormat::Micros, true);
        (time, entry_of(n, &text))
    }

    /// What is to arrive.
    fn all(&self) -> Vec<String> {
        let minutes = (1..=PAGES * EACH).rev();
        let entries = minutes.map(|n| self.entry(n, i64::try_from(n).unwrap()).1);
        sorted(entries.collect())
    }

    /// What was logged late, half an hour ago.
    fn late(&self) -> impl Iterator<Item = (DateTime<Utc>, String)> {
        (0..*self.more.lock().unwrap()).map(|n| self.entry(1_000 + n, 30))
    }

    /// What the filter of a query asks for.
    fn within(&self, query: &str) -> Vec<String> {
        let query = query.replace("%20", " ");
        let filter = query.strip_prefix("$filter=activityDateTime ge ").unwrap();
        let (filter, _) = filter.split_once('&').unwrap();
        let (from, to) = filter.split_once(" and activityDateTime le ").unwrap();
        let window: (DateTime<Utc>, DateTime<Utc>) = (from.parse().unwrap(), to.parse().unwrap());
        let minutes = (1..=PAGES * EACH).rev();
        let entries = minutes.map(|n| self.entry(n, i64::try_from(n).unwrap()));
        // Before the first window, and after all.
        let outside = [self.entry(2_000, 3 * 1440), self.entry(2_001, -1440)];
        entries
            .chain(outside)
            .chain(self.late())
            .filter(|(time, _)| (window.0..=window.1).contains(time))
            .map(|(_, entry)| entry)
            .collect()
    }

    fn answer(&self, request: &Request, host: SocketAddr) -> Response {
        let query = request.uri().query().unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push(query.clone());
        let mut faults = self.faults.lock().unwrap();
        let status = |status: u16, body: &str| {
            let response = http::Response::builder().status(status);
            response.body(Bytes::from(body.to_owned())).unwrap()
        };
        if request
            .headers()
            .get("authorization")
            .is_none_or(|token| token != "Bearer graph-token")
        {
            return status(401, "{}");
        }
        if let Some(code) = faults.busy.pop() {
            let mut response = status(code, "{}");
            response
                .headers_mut()
                .insert("retry-after", "1".parse().unwrap());
            return response;
        }
        if let Some(address) = &faults.moved {
            let mut response = status(302, "");
            let address = address.parse().unwrap();
            response.headers_mut().insert("location", address);
            return response;
        }
        let token = query.split("skiptoken=").nth(1);
        let page: usize = token.map_or(0, |token| token.parse().unwrap());
        if page == 2 && std::mem::take(&mut faults.expired) {
            return status(400, r#"{"error":{"code":"ExpiredToken"}}"#);
        }
        // Each page begins with the last entry of the one before.
        let all = self.within(&query);
        let (first, end) = (page * EACH, all.len().min((page + 1) * EACH));
        let entries = &all[first.saturating_sub(1).min(end)..end];
        if page == 3 && std::mem::take(&mut faults.broken) {
            return status(
                200,
                &format!(r#"{{"value":[{},{},{{"id":"Dir"#, entries[0], entries[1]),
            );
        }
        if page == 4 && std::mem::take(&mut faults.glued) {
            let error = r#"{"error":{"code":"UnknownError"}}"#;
            return status(
                200,
                &format!(r#"{{"value":[{},{}{error}"#, entries[0], entries[1]),
            );
        }
        let next = match end < all.len() {
            _ if faults.elsewhere => {
                r#","@odata.nextLink":"http://localhost:9/steal?$skiptoken=1""#.to_owned()
            }
            true => {
                let filter = query.split("&$skiptoken=").next().unwrap();
                let next = page + 1;
                format!(r#","@odata.nextLink":"http://{host}/audits?{filter}&$skiptoken={next}""#)
            }
            false => String::new(),
        };
        status(
            200,
            &format!(r#"{{"value":[{}]{next}}}"#, entries.join(",")),
        )
    }

    fn pages(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

const SPANS: &str = "first = \"1d\"\ndelay = \"1s\"\noverlap = \"2h\"";

fn graph_config(folder: &Path, receiver: &Receiver, spans: &str) -> PathBuf {
    std::fs::write(folder.join("graph"), "graph-token").unwrap();
    let more = format!("[cloud]\ntoken_file = \"graph\"\n{spans}\n");
    configure(folder, &receiver.url(), &more)
}

#[test]
fn pages_are_walked_over_all_that_goes_wrong_and_entries_arrive_once() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let faults = Faults {
        busy: vec![429, 503],
        broken: true,
        glued: true,
        expired: true,
        ..Faults::default()
    };
    let (graph, address) = Graph::start(faults);
    let config = graph_config(folder, &receiver, SPANS);
    let url = format!("http://{address}/audits");
    let run = || Agent::start(&config, &["cloud", "--url", &url, "--once"]).code();
    assert_eq!(run(), 0);
    let received = receiver.received();
    assert!(
        received
            .kinds
            .iter()
            .all(|kind| *kind == Some(Kind::EntraAudit))
    );
    assert!(received.ids.iter().all(Option::is_some));
    assert_eq!(sorted(received.documents), graph.all());
    assert!(graph.pages() > PAGES + 4);
    let asked = graph.asked.lock().unwrap().clone();
    assert!(
        asked[0].starts_with("$filter=activityDateTime%20ge%20"),
        "{}",
        asked[0]
    );

    // Later, a window that overlaps holds what is known, and what arrived late.
    *graph.more.lock().unwrap() = 3;
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(run(), 0);
    let late = graph.late().map(|(_, entry)| entry);
    let wanted: Vec<String> = graph.all().into_iter().chain(late).collect();
    assert_eq!(sorted(receiver.received().documents), sorted(wanted));
    let told = balance(&config, "cloud");
    assert_eq!((told.read, told.acknowledged), (63, 63));
    assert!(told.duplicates > 60, "{told:?}");
}

#[test]
fn another_host_is_not_asked_and_no_token_goes_there() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let (_, address) = Graph::start(Faults {
        elsewhere: true,
        ..Faults::default()
    });
    // All of it is one window.
    let spans = SPANS.replace("1d", "2h");
    let config = graph_config(folder, &receiver, &spans);
    let url = format!("http://{address}/audits");
    let mut agent = Agent::start(&config, &["cloud", "--url", &url, "--once"]);
    assert_eq!(agent.code(), 1);
    let said = agent.said();
    assert!(said.contains("another host"), "{said}");
    assert!(
        !said.contains("steal") && !said.contains("graph-token"),
        "{said}"
    );
    // What the first page held is good.
    assert_eq!(receiver.received().documents.len(), EACH);
}

#[test]
fn a_walk_that_is_killed_goes_on_and_sends_nothing_twice() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let (graph, address) = Graph::start(Faults::default());
    // All of it is one window.
    let spans = SPANS.replace("1d", "2h");
    let config = graph_config(folder, &receiver, &spans);
    let url = format!("http://{address}/audits");
    for pages in [1, 3, 4] {
        let before = graph.pages();
        let mut agent = Agent::start(&config, &["cloud", "--url", &url]);
        wait_until("some pages are read", || graph.pages() >= before + pages);
        agent.kill();
    }
    assert_eq!(
        Agent::start(&config, &["cloud", "--url", &url, "--once"]).code(),
        0
    );
    assert_eq!(sorted(receiver.received().documents), graph.all());
}

#[cfg(target_os = "linux")]
#[test]
fn a_walk_goes_on_over_syncs_that_fail_and_sends_nothing_twice() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let (graph, address) = Graph::start(Faults::default());
    let config = graph_config(folder, &receiver, &SPANS.replace("1d", "2h"));
    let url = format!("http://{address}/audits");
    let Some(disk) = FailingDisk::new(&folder.join("strace"), "EIO", "12+17") else {
        return;
    };
    let mut agent = Agent::start_on(&disk, &config, &["cloud", "--url", &url, "--once"]);
    assert_eq!(agent.code(), 0, "{}", agent.said());
    assert!(disk.failed() > 1, "{}", agent.said());
    assert_eq!(sorted(receiver.received().documents), graph.all());
    let told = balance(&config, "cloud");
    assert_eq!((told.read, told.acknowledged), (60, 60), "{told:?}");
}

/// A log that is read to its end in windows of these spans; and that nothing is left out. Its folder,
/// and its address.
fn read_in_windows(spans: &str) -> (tempfile::TempDir, Arc<Graph>, String) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let (graph, address) = Graph::start(Faults::default());
    let config = graph_config(folder, &receiver, spans);
    let url = format!("http://{address}/audits");
    let arguments = ["cloud", "--url", &url, "--once"];
    assert_eq!(Agent::start(&config, &arguments).code(), 0);
    assert_eq!(sorted(receiver.received().documents), graph.all());
    (temporary, graph, url)
}

#[test]
fn windows_that_follow_each_other_leave_nothing_out() {
    let spans = "first = \"2h\"\ndelay = \"1s\"\noverlap = \"1m\"\nwindow = \"7m\"";
    let (_temporary, graph, _url) = read_in_windows(spans);
    // 18 windows of 7 minutes are 2 hours and a little.
    assert_eq!(graph.pages(), 18);
}

#[test]
fn of_a_long_time_no_more_ids_are_remembered_than_of_the_overlap() {
    let spans = "first = \"3h\"\ndelay = \"1s\"\noverlap = \"10m\"\nwindow = \"30d\"";
    let (temporary, graph, url) = read_in_windows(spans);
    let spool = SpooledSender::open(
        FsStorage::new(temporary.path().join("state/cloud/spool")),
        JournalOptions::new([1; 16]).read_only(),
        SenderConfig::new(TENANT.parse().unwrap()),
        uuid::Uuid::now_v7().into(),
    );
    let (spool, _) = spool.unwrap();
    let cursor: serde_json::Value = serde_json::from_slice(spool.cursor().unwrap()).unwrap();
    let seen = cursor["walks"][&url]["seen"].as_array().unwrap();
    // One a minute.
    assert!((9..=11).contains(&seen.len()), "{}", seen.len());
    // An hour each.
    assert!(graph.pages() >= 3);
}

#[test]
fn a_clock_that_was_ahead_is_told_and_what_comes_after_is_read() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let (graph, address) = Graph::start(Faults::default());
    let url = format!("http://{address}/audits");
    let run = |config: &Path| {
        let mut agent = Agent::start(config, &["cloud", "--url", &url, "--once"]);
        (agent.code(), agent.said())
    };
    let config = graph_config(folder, &receiver, SPANS);
    assert_eq!(run(&config).0, 0);
    let asked = graph.pages();
    // As if the clock were set back by an hour.
    let back = SPANS.replace("1s", "3601s");
    let (code, said) = run(&graph_config(folder, &receiver, &back));
    assert_eq!((code, graph.pages()), (1, asked), "{said}");
    assert!(said.contains("was the clock ahead?"), "{said}");
    *graph.more.lock().unwrap() = 3;
    let config = graph_config(folder, &receiver, SPANS);
    assert_eq!(run(&config).0, 0);
    let received = receiver.received().documents;
    let late: Vec<String> = graph.late().map(|(_, entry)| entry).collect();
    assert_eq!(sorted(received), sorted([graph.all(), late].concat()));
}

#[cfg(target_os = "linux")]
#[test]
fn while_the_clock_is_ahead_nothing_is_taken_for_read_that_has_not_come() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let clock = folder.join("clock");
    let Some(environment) = environment(&clock) else {
        return;
    };
    let receiver = Receiver::start(&folder.join("received"));
    let (graph, address) = Graph::start(Faults::default());
    let url = format!("http://{address}/audits");
    let arguments = ["cloud", "--url", &url, "--once", "--impatient"];
    let run = |jump: &str, delay: &str| {
        let spans = format!("first = \"1d\"\noverlap = \"1m\"\ndelay = \"{delay}\"");
        let config = graph_config(folder, &receiver, &spans);
        std::fs::write(&clock, jump).unwrap();
        let mut agent = Agent::begin(&config, &arguments, environment.clone());
        assert_eq!(agent.code(), 0, "{}", agent.said());
    };
    run("+0", "40m");
    run("+1d", "40m");
    // What was logged meanwhile.
    *graph.more.lock().unwrap() = 3;
    run("+0", "1s");
    let late: Vec<String> = graph.late().map(|(_, entry)| entry).collect();
    let wanted = sorted([graph.all(), late].concat());
    assert_eq!(sorted(receiver.received().documents), wanted);
}

#[cfg(target_os = "linux")]
#[test]
fn of_a_clock_that_was_years_behind_no_years_are_walked() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let clock = folder.join("clock");
    let Some(environment) = environment(&clock) else {
        return;
    };
    let receiver = Receiver::start(&folder.join("received"));
    let (graph, address) = Graph::start(Faults::default());
    let config = graph_config(folder, &receiver, SPANS);
    let url = format!("http://{address}/audits");
    let arguments = ["cloud", "--url", &url, "--once", "--impatient"];
    let run = |jump: &str| {
        std::fs::write(&clock, jump).unwrap();
        let mut agent = Agent::begin(&config, &arguments, environment.clone());
        (agent.code(), agent.said())
    };
    assert_eq!(run("+0").0, 0);
    let (code, said) = run("-7300d");
    assert!(
        code == 1 && said.contains("was the clock ahead?"),
        "{code} {said}"
    );
    let before = graph.pages();
    let (code, said) = run("+0");
    assert!(
        code == 0 && said.contains("was the clock behind?"),
        "{code} {said}"
    );
    // A month in windows of two hours. It has one more than the day that the first walk began with.
    assert!(graph.pages() - before < 400, "{}", graph.pages() - before);
    let wanted = [graph.all(), vec![graph.entry(2_000, 3 * 1440).1]].concat();
    assert_eq!(sorted(receiver.received().documents), sorted(wanted));
}

#[test]
fn a_redirect_is_not_followed_and_no_token_goes_there() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let asked = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&asked);
    let other = serve(Arc::new(move |_| {
        *counter.lock().unwrap() += 1;
        None
    }));
    let (graph, address) = Graph::start(Faults {
        moved: Some(format!("http://{other}/audits")),
        ..Faults::default()
    });
    let config = graph_config(folder, &receiver, SPANS);
    let url = format!("http://{address}/audits");
    let mut agent = Agent::start(&config, &["cloud", "--url", &url, "--once"]);
    assert_eq!(agent.code(), 1, "{}", agent.said());
    assert!(agent.said().contains("status 302"), "{}", agent.said());
    assert_eq!((graph.pages(), *asked.lock().unwrap()), (1, 0));
    assert!(receiver.received().documents.is_empty());
}

#[test]
fn files_of_all_shapes_arrive_once_and_what_is_damaged_is_set_aside() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "[spool]\nbatch = 7\n");
    let lines = folder.join("lines.ndjson");
    let numbered: Vec<String> = (0..25).map(entry).collect();
    std::fs::write(&lines, numbered.join("\n") + "\n{\"id\":\"secret\",\n").unwrap();
    let pages = folder.join("pages.json");
    let page = |from: usize| {
        let entries: Vec<String> = (from..from + 10).map(entry).collect();
        format!(
            r#"{{"@odata.context":"x","value":[{}]}}"#,
            entries.join(",")
        )
    };
    // Five of them were in the first file.
    std::fs::write(&pages, page(20) + "\n" + &page(30)).unwrap();
    let table = folder.join("table.csv");
    let header = "TimeGenerated,Id,OperationName,LoggedByService,Category,Result,CorrelationId";
    let row =
        "2026-03-02T09:00:00Z,Directory_900,Add group,Core Directory,GroupManagement,success,c";
    std::fs::write(&table, format!("{header}\n{row}\n")).unwrap();
    let files: Vec<&str> = [&lines, &pages, &table]
        .map(|path| path.to_str().unwrap())
        .into();
    let arguments = [&["cloud", "--file"][..], &files].concat();
    for _ in 0..2 {
        let mut agent = Agent::start(&config, &arguments);
        assert_eq!(agent.code(), 0);
        assert!(!agent.said().contains("secret"));
    }
    let received = receiver.received();
    assert_eq!(received.documents.len(), 41);
    assert_eq!(
        received.documents[..40],
        (0..40).map(entry).collect::<Vec<_>>()
    );
    assert!(
        received.documents[40].contains("Directory_900"),
        "{}",
        received.documents[40]
    );
    let told = balance(&config, "cloud");
    assert_eq!(
        (told.read, told.acknowledged, told.by_agent, told.duplicates),
        (42, 41, 1, 5)
    );
}

#[test]
fn an_export_that_replaces_another_is_read_from_its_beginning() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    let file = folder.join("export.ndjson");
    let lines = |numbers: std::ops::Range<usize>| numbers.map(entry).collect::<Vec<_>>();
    // As long as the one before, longer, and the same with more in it.
    for numbers in [100..110, 200..210, 300..320, 300..330] {
        std::fs::write(&file, lines(numbers).join("\n") + "\n").unwrap();
        let arguments = ["cloud", "--file", file.to_str().unwrap()];
        assert_eq!(Agent::start(&config, &arguments).code(), 0);
    }
    let wanted = [lines(100..110), lines(200..210), lines(300..330)].concat();
    assert_eq!(receiver.received().documents, wanted);
    assert_eq!(balance(&config, "cloud").read, 50);
}

#[test]
fn exports_of_every_shape_arrive_as_what_they_are_also_after_a_kill() {
    let formats = [
        CloudFormat::GraphLines,
        CloudFormat::GraphPages,
        CloudFormat::EventHub,
        CloudFormat::Blob,
        CloudFormat::LogAnalytics,
        CloudFormat::PortalJson,
    ];
    for format in formats {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let receiver = Receiver::start(&folder.join("received"));
        let config = configure(folder, &receiver.url(), "[spool]\nbatch = 50\n");
        let file = folder.join("export.json");
        let options = Options::new(5).requests(60).cloud_records(900);
        let options = options.people(40).cloud_format(format);
        Files::new().cloud(&file).write(&options, |_| {}).unwrap();
        let ids = |reader: &mut dyn Iterator<Item = mim_events::Result<Activity>>| {
            let ids: BTreeSet<_> = reader.flatten().map(|activity| activity.id).collect();
            ids
        };
        let wanted = ids(&mut EntraReader::open(&file).unwrap());
        assert!(wanted.len() > 500, "{format:?}");

        let arguments = ["cloud", "--file", file.to_str().unwrap()];
        let mut agent = Agent::start(&config, &arguments);
        wait_until("some arrived", || receiver.received().documents.len() > 100);
        agent.kill();
        assert_eq!(Agent::start(&config, &arguments).code(), 0);
        let documents = receiver.received().documents;
        assert_eq!(documents.len(), wanted.len(), "{format:?}");
        let all = documents.join("\n");
        assert!(
            ids(&mut EntraReader::new(all.as_bytes())) == wanted,
            "{format:?}"
        );
        let told = balance(&config, "cloud");
        assert_eq!(told.acknowledged, wanted.len() as u64, "{told:?}");
    }
}
