//! The engine of the cloud's side: which scenario begins when, and the records
//! that wait until they are exported.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::record::{CloudFormat, Initiator, Named, Record, RecordTarget};
use super::{groups, others, password, registration};
use crate::activity::{Activity, Flags};
use crate::generate::calendar::{self, Calendar};
use crate::generate::directory::{self, Directory, Person};
use crate::generate::queue::Queue;
use crate::generate::rng::Rng;
use crate::generate::step::{CloudRecord, Item, Step};
use crate::generate::truth::Expectation;

/// Records after which a late one arrives at the latest: what waits is bounded by it.
const LONGEST_WAIT: u64 = 10_000;

struct Scenario {
    office: u64,
    quiet: u64,
    most: u64,
    run: fn(&mut Cloud, DateTime<Utc>),
}

const fn scenario(
    office: u64,
    quiet: u64,
    most: u64,
    run: fn(&mut Cloud, DateTime<Utc>),
) -> Scenario {
    Scenario {
        office,
        quiet,
        most,
        run,
    }
}

const SCENARIOS: [Scenario; 26] = [
    scenario(60, 60, 14, password::reset),
    scenario(22, 22, 8, password::gives_up),
    scenario(10, 14, 2, password::visits),
    scenario(6, 8, 6, password::blocked),
    scenario(8, 8, 6, password::unlock),
    scenario(14, 4, 2, password::by_admin),
    scenario(4, 1, 1, password::in_the_directory),
    scenario(20, 8, 1, password::change),
    scenario(36, 14, 5, registration::register),
    scenario(6, 3, 2, registration::cancelled),
    scenario(8, 2, 1, registration::by_admin),
    scenario(10, 4, 1, registration::manage),
    scenario(4, 2, 1, registration::legacy),
    scenario(60, 14, 1, groups::members),
    scenario(14, 4, 1, groups::oneself),
    scenario(10, 2, 1, groups::owners),
    scenario(14, 3, 1, groups::lifecycle),
    scenario(22, 6, 3, groups::join_request),
    scenario(60, 40, 3, groups::noise),
    scenario(80, 160, 1, others::synchronised),
    scenario(24, 12, 1, others::people),
    scenario(14, 4, 3, others::pim),
    scenario(6, 2, 1, others::roles),
    scenario(8, 3, 1, others::applications),
    scenario(4, 1, 1, others::policies),
    scenario(20, 20, 1, others::sign_in),
];

/// The stream of audit records.
pub(crate) struct Cloud {
    pub(super) rng: Rng,
    pub(super) directory: Arc<Directory>,
    calendar: Calendar,
    pub(super) format: CloudFormat,
    wanted: u64,
    made: u64,
    next_person: u64,
    next_start: Option<DateTime<Utc>>,
    queue: Queue,
    expected: Vec<Expectation>,
}

impl Cloud {
    pub(crate) fn new(
        seed: u64,
        directory: Arc<Directory>,
        calendar: Calendar,
        format: CloudFormat,
        wanted: u64,
    ) -> Self {
        let mut cloud = Self {
            rng: Rng::new(seed, 20),
            directory,
            calendar,
            format,
            wanted,
            made: 0,
            next_person: 500_000_000,
            next_start: None,
            queue: Queue::default(),
            expected: Vec::new(),
        };
        cloud.plan();
        cloud
    }

    /// When the next step is due, if there is one.
    pub(crate) fn due(&mut self) -> Option<DateTime<Utc>> {
        while let Some(start) = self.next_start
            && self.queue.due().is_none_or(|due| start <= due)
        {
            self.begin(start);
        }
        self.queue.due()
    }

    pub(crate) fn take(&mut self) -> Option<Step> {
        self.due()?;
        self.queue.take()
    }

    fn plan(&mut self) {
        let spread = 1_000;
        let jitter = self.rng.below(spread);
        self.next_start = (self.made < self.wanted).then(|| {
            self.calendar
                .at(self.made * spread + jitter, self.wanted * spread)
        });
    }

    fn begin(&mut self, start: DateTime<Utc>) {
        let left = self.wanted - self.made;
        let office = calendar::is_office(start);
        let chosen = self.rng.weighted(SCENARIOS.iter().map(|scenario| {
            let weight = if office {
                scenario.office
            } else {
                scenario.quiet
            };
            if scenario.most <= left { weight } else { 0 }
        }));
        (SCENARIOS[chosen].run)(self, start);
        self.plan();
    }

    /// A record with an id of its own, by a service, that succeeded.
    pub(super) fn record(
        &mut self,
        (service, name, category, operation): (
            &'static str,
            &'static str,
            &'static str,
            &'static str,
        ),
        initiator: Initiator,
        targets: Vec<RecordTarget>,
        correlation: &str,
        time: DateTime<Utc>,
    ) -> Record {
        let prefix = match service {
            "Core Directory" => "Directory",
            "Self-service Group Management" => "SSGM",
            "Self-service Password Management" => "SSPR",
            other => other,
        };
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let word: String = (0..5)
            .map(|_| char::from(*self.rng.pick(LETTERS)))
            .collect();
        let id = format!(
            "{prefix}_{correlation}_{word}_{}",
            self.rng.below(100_000_000)
        );
        Record {
            id,
            // Services keep ticks of 100 ns.
            time: time + TimeDelta::nanoseconds(self.rng.below(10_000) as i64 * 100),
            service,
            name,
            category,
            operation,
            result: "success",
            reason: None,
            correlation: correlation.to_owned(),
            initiator,
            targets,
            details: Vec::new(),
        }
    }

    /// A person as the initiator of what they do.
    pub(super) fn by(&mut self, person: &Person) -> Initiator {
        let named = match self.rng.below(10) {
            0..5 => Named::Nothing,
            5..8 if is_plain(person) => Named::Person(person.name().to_owned()),
            8 => Named::App(self.rng.word(&[
                "Microsoft Teams Services",
                "Graph Explorer",
                "Azure Portal",
            ])),
            _ => Named::Nothing,
        };
        let ip = match self.rng.below(10) {
            0..6 => Some(format!("198.51.100.{}", self.rng.between(1, 254))),
            6 => Some(format!("2001:db8:1f::{:x}", self.rng.between(1, 0xFFFF))),
            _ => None,
        };
        Initiator::User {
            id: person.cloud,
            upn: Some(person.upn.clone()),
            named,
            ip,
        }
    }

    pub(super) fn somebody(&mut self) -> Arc<Person> {
        self.directory.somebody(&mut self.rng)
    }

    /// Somebody who is in the cloud alone.
    pub(super) fn stranger(&mut self) -> Person {
        self.next_person += 1;
        directory::person(&mut self.rng, self.next_person)
    }

    pub(super) fn correlation(&mut self) -> String {
        self.rng.uuid().to_string()
    }

    /// Some seconds later.
    pub(super) fn after(&mut self, time: DateTime<Utc>, low: u64, high: u64) -> DateTime<Utc> {
        time + TimeDelta::milliseconds(self.rng.between(low * 1_000, high * 1_000) as i64)
    }

    /// Exports a record, with the row that must come of it.
    pub(super) fn log(&mut self, record: &Record, row: Activity) {
        self.made += 1;
        // Minutes at most, as a rule; hours now and then.
        let minutes = if self.rng.percent(2) { 360 } else { 3 };
        let wished =
            record.time + TimeDelta::milliseconds(self.rng.skewed(1_000, minutes * 60_000) as i64);
        let latest = self.calendar.at(self.made + LONGEST_WAIT, self.wanted);
        let at = wished.min(latest.max(record.time + TimeDelta::seconds(1)));
        let json = record.write(self.format);
        if self.rng.percent(2) {
            let again = at + TimeDelta::seconds(self.rng.between(1, 900) as i64);
            self.push(json.clone(), Vec::new(), Vec::new(), again, true, true);
        }
        let expected = std::mem::take(&mut self.expected);
        self.push(json, vec![row], expected, at, false, true);
    }

    /// Puts something into the stream that is no audit record.
    pub(super) fn log_other(&mut self, json: String, at: DateTime<Utc>) {
        self.made += 1;
        self.push(json, Vec::new(), Vec::new(), at, false, false);
    }

    fn push(
        &mut self,
        json: String,
        truth: Vec<Activity>,
        expected: Vec<Expectation>,
        at: DateTime<Utc>,
        copy: bool,
        audit: bool,
    ) {
        self.queue.push(Step {
            time: at,
            item: Item::Cloud(CloudRecord { json, copy, audit }),
            truth,
            expected,
            superseded: false,
        });
    }

    /// States a row of a report; it goes out with the next record that is exported.
    pub(super) fn expect(&mut self, expectation: Expectation) {
        self.expected.push(expectation);
    }

    /// The row of a record.
    pub(super) fn row(&self, record: &Record, kind: &str, flags: Flags) -> Activity {
        record.row(kind, flags, self.format)
    }
}

/// Whether the person's last name stands in the user principal name, so that nobody takes the
/// display name for an application's.
fn is_plain(person: &Person) -> bool {
    let last = person.last.to_lowercase();
    last.len() >= 3 && last.bytes().all(|b| b.is_ascii_alphabetic()) && person.upn.contains(&last)
}
