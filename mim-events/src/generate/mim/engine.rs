//! The engine of the on-premises side: which scenario begins when, and the
//! requests that wait until it is their time to be logged.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::Uuid;

use super::{approval, groups, lockout, pam, password, people, policy, registration, rest};
use crate::activity::{Activity, Outcome, Source};
use crate::generate::calendar::{self, Calendar};
use crate::generate::directory::{self, Directory, Person, Resource};
use crate::generate::document::{Creator, Draft, Parameter, Value, Workflow};
use crate::generate::library::{self, Account, Library, Rule};
use crate::generate::queue::Queue;
use crate::generate::rng::Rng;
use crate::generate::step::{Item, RequestDocument, Step};
use crate::generate::truth::{Expectation, ExpectedGroupActivity};

/// Internal keys that the service gives out from here on, as it works.
const FIRST_NEW_KEY: u64 = 100_000;
/// Requests after which something that began is over at the latest: what waits is bounded by it.
const LONGEST_WAIT: u64 = 10_000;
/// Requests within which an internal key is surely still known to a reader.
const SOON: u64 = 200;
/// Two registrations of one person are further apart than any report folds.
const BETWEEN_REGISTRATIONS: TimeDelta = TimeDelta::hours(2);

/// One scenario: how probable it is at work and at night, how many requests it makes at most.
struct Scenario {
    office: u64,
    quiet: u64,
    most: u64,
    run: fn(&mut Mim, DateTime<Utc>),
}

const fn scenario(
    office: u64,
    quiet: u64,
    most: u64,
    run: fn(&mut Mim, DateTime<Utc>),
) -> Scenario {
    Scenario {
        office,
        quiet,
        most,
        run,
    }
}

/// How often what happens, in thousandths.
const SCENARIOS: [Scenario; 38] = [
    scenario(95, 70, 1, password::reset),
    scenario(14, 18, 5, lockout::lockout),
    scenario(10, 4, 1, lockout::unlock),
    scenario(24, 8, 1, password::by_admin),
    scenario(3, 1, 1, lockout::gate_counter),
    scenario(3, 2, 3, password::learned),
    scenario(45, 20, 5, registration::register),
    scenario(8, 3, 3, registration::older_client),
    scenario(6, 2, 1, registration::change_method),
    scenario(5, 2, 1, registration::withdraw),
    scenario(1, 1, 1, registration::clear),
    scenario(70, 25, 1, groups::join),
    scenario(28, 10, 1, groups::leave),
    scenario(45, 10, 1, groups::members),
    scenario(6, 6, 1, groups::batch),
    scenario(16, 3, 1, groups::create),
    scenario(22, 4, 1, groups::update),
    scenario(6, 2, 1, groups::delete),
    scenario(8, 2, 1, groups::owners),
    scenario(48, 12, 4, approval::join),
    scenario(4, 2, 3, approval::expires),
    scenario(4, 1, 2, approval::cancelled),
    scenario(2, 1, 1, approval::odd),
    scenario(40, 150, 2, people::hire),
    scenario(120, 230, 1, people::change_of),
    scenario(60, 12, 1, people::edit_oneself),
    scenario(12, 20, 1, people::leave),
    scenario(5, 3, 1, policy::set_scenario),
    scenario(4, 2, 1, policy::rule),
    scenario(2, 1, 1, policy::workflow),
    scenario(4, 2, 1, policy::schema),
    scenario(3, 2, 1, policy::configuration),
    scenario(14, 60, 1, policy::synchronization),
    scenario(20, 8, 4, pam::activate),
    scenario(6, 2, 1, pam::configure),
    scenario(75, 240, 1, rest::set_transition),
    scenario(10, 25, 1, rest::own_type),
    scenario(6, 6, 1, rest::odd),
];

/// The stream of requests.
pub(crate) struct Mim {
    pub(super) rng: Rng,
    pub(super) directory: Arc<Directory>,
    pub(super) library: Library,
    calendar: Calendar,
    computers: Vec<String>,
    /// The service that the running scenario goes on.
    computer: usize,
    wanted: u64,
    made: u64,
    next_key: u64,
    next_person: u64,
    next_start: Option<DateTime<Utc>>,
    queue: Queue,
    /// How often each thing that has variants was done.
    turns: BTreeMap<&'static str, u64>,
    /// When whom registered last, of the last two hours.
    registrations: HashMap<Uuid, DateTime<Utc>>,
    expected: Vec<Expectation>,
}

impl Mim {
    pub(crate) fn new(
        seed: u64,
        directory: Arc<Directory>,
        calendar: Calendar,
        computers: Vec<String>,
        wanted: u64,
    ) -> Self {
        let next_person = directory.people.len() as u64;
        let mut mim = Self {
            rng: Rng::new(seed, 10),
            library: Library::new(seed),
            directory,
            calendar,
            computers,
            computer: 0,
            wanted,
            made: 0,
            next_key: FIRST_NEW_KEY,
            next_person,
            next_start: None,
            queue: Queue::default(),
            turns: BTreeMap::new(),
            registrations: HashMap::new(),
            expected: Vec::new(),
        };
        mim.plan();
        mim
    }

    /// When the next step is due, if there is one.
    pub(crate) fn due(&mut self) -> Option<DateTime<Utc>> {
        // A scenario's requests are logged after it began: until the queue's
        // first is due, every scenario before it must have begun.
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
        self.computer = self.rng.index(self.computers.len());
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

    /// A new request that ends well: committed and completed a little later.
    pub(super) fn draft(
        &mut self,
        creator: Creator,
        operation: &'static str,
        object_type: &str,
        name: &str,
        created: DateTime<Utc>,
    ) -> Draft {
        let committed = created + TimeDelta::milliseconds(self.rng.skewed(30, 1_500) as i64);
        let completed = committed + TimeDelta::milliseconds(self.rng.skewed(3, 2_500) as i64);
        Draft {
            id: self.rng.uuid(),
            key: self.key(),
            short: false,
            ascii: self.rng.percent(4),
            created,
            committed: Some(committed),
            completed: Some(completed),
            creator,
            operation: operation.into(),
            status: "Completed".into(),
            object_type: object_type.to_owned(),
            blank_type: false,
            name: name.to_owned(),
            target: None,
            parameters: Vec::new(),
            policies: Vec::new(),
            authentication: Vec::new(),
            authorization: Vec::new(),
            action: Vec::new(),
            parent: None,
            asked: Vec::new(),
            justification: None,
            reason: None,
            messages: Vec::new(),
            control: None,
            partition: "mimservice.harbor.example",
        }
    }

    /// A change of a resource.
    pub(super) fn put(&mut self, creator: Creator, of: &Resource, created: DateTime<Utc>) -> Draft {
        let mut draft = self.draft(creator, "Put", &of.object_type, of.shown(), created);
        draft.target = Some(of.full.clone());
        draft
    }

    /// The creation of a resource, with what the service fills in by itself.
    pub(super) fn create(
        &mut self,
        creator: Creator,
        of: &Resource,
        created: DateTime<Utc>,
    ) -> Draft {
        let mut draft = self.draft(creator, "Create", &of.object_type, of.shown(), created);
        draft.target = Some(of.full.clone());
        draft
    }

    /// A deletion: mostly in the short shape, its target nothing but a GUID.
    pub(super) fn delete(
        &mut self,
        creator: Creator,
        of: &Resource,
        created: DateTime<Utc>,
    ) -> Draft {
        let mut draft = self.draft(creator, "Delete", &of.object_type, of.shown(), created);
        draft.target = Some(format!("\"{}\"", of.id));
        draft.parameters.push(Parameter {
            calculated: false,
            property: None,
            value: Value::Missing,
            mode: None,
            event: None,
        });
        draft.blank_type = self.rng.percent(20);
        if self.rng.percent(85) {
            draft.shorten();
        }
        draft
    }

    /// Ends the request before its commit.
    pub(super) fn end(&mut self, draft: &mut Draft, status: &'static str) {
        draft.status = status.into();
        draft.committed = None;
        let after = TimeDelta::milliseconds(self.rng.skewed(20, 4_000) as i64);
        draft.completed = draft.completed.map(|_| draft.created + after);
    }

    /// The same request, as it was logged earlier at a state that is not the last.
    pub(super) fn earlier(&self, draft: &Draft, status: &'static str) -> Draft {
        let mut earlier = draft.clone();
        earlier.status = status.into();
        earlier.committed = None;
        earlier.completed = None;
        earlier.reason = None;
        earlier.messages.clear();
        earlier.action.clear();
        earlier
    }

    pub(super) fn workflow(&mut self, (name, definition): (&'static str, u64)) -> Workflow {
        Workflow {
            id: self.rng.uuid(),
            key: self.key(),
            name,
            definition,
            status: "Completed",
            detail: None,
        }
    }

    /// Which of so many variants of a rare thing it is this time: each has its turn, so that even a
    /// small log has all of them.
    pub(super) fn turn(&mut self, what: &'static str, variants: u64) -> u64 {
        let turn = self.turns.entry(what).or_default();
        *turn += 1;
        (*turn - 1) % variants.max(1)
    }

    /// The next internal key.
    pub(super) fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    pub(super) fn grant(&self, draft: &mut Draft, rules: &[Rule]) {
        let policies = rules.iter().map(|&rule| self.library.policy(rule));
        draft.policies.extend(policies);
    }

    /// A built-in account, now and then shown without any name.
    pub(super) fn account(&mut self, account: Account) -> Creator {
        let bare = self.rng.percent(5);
        self.library.account(account, bare)
    }

    /// The synchronization account, now and then as nothing but its internal key.
    pub(super) fn synchronization(&mut self) -> Creator {
        if self.rng.percent(6) {
            Library::unresolved_synchronization()
        } else {
            self.account(Account::Synchronization)
        }
    }

    pub(super) fn somebody(&mut self) -> Arc<Person> {
        self.directory.somebody(&mut self.rng)
    }

    /// Somebody who is not in the directory: new, or soon to be gone.
    pub(super) fn stranger(&mut self) -> Person {
        self.next_person += 1;
        directory::person(&mut self.rng, self.next_person)
    }

    /// Somebody who did not register within the last hours, from now on one who did.
    pub(super) fn registrant(&mut self, at: DateTime<Utc>) -> Arc<Person> {
        if self.registrations.len() > 1_024 {
            self.registrations
                .retain(|_, &mut last| at - last < BETWEEN_REGISTRATIONS);
        }
        for _ in 0..4 {
            let person = self.somebody();
            let last = self.registrations.get(&person.mim.id);
            if last.is_none_or(|&last| at - last >= BETWEEN_REGISTRATIONS) {
                self.registrations.insert(person.mim.id, at);
                return person;
            }
        }
        Arc::new(self.stranger())
    }

    /// A time from `low` to `high` seconds later, but before ten thousand more requests are made.
    pub(super) fn later(&mut self, from: DateTime<Utc>, low: u64, high: u64) -> DateTime<Utc> {
        self.after(from, low, high, LONGEST_WAIT)
    }

    /// Likewise, while what was logged last is surely still known.
    pub(super) fn soon(&mut self, from: DateTime<Utc>, low: u64, high: u64) -> DateTime<Utc> {
        self.after(from, low, high, SOON)
    }

    fn after(&mut self, from: DateTime<Utc>, low: u64, high: u64, requests: u64) -> DateTime<Utc> {
        let wished = self.rng.skewed(low * 1_000, high * 1_000) as i64;
        let latest = self.calendar.at(self.made + requests, self.wanted);
        let latest = (latest - from).num_milliseconds().max(50);
        let wished = if wished > latest {
            // Spread over what there is, in order.
            latest / 2 + self.rng.below(latest as u64 / 2) as i64
        } else {
            wished
        };
        from + TimeDelta::milliseconds(wished)
    }

    /// Logs a request for the first time.
    pub(super) fn log(&mut self, draft: &Draft, rows: Vec<Activity>) -> DateTime<Utc> {
        self.made += 1;
        let at = draft.completed.or(draft.committed).unwrap_or(draft.created);
        let at = at + self.delay();
        self.log_at(draft, rows, at, false);
        // What follows is written to the millisecond, and not before.
        at.trunc_subsecs(3) + TimeDelta::milliseconds(1)
    }

    /// Logs a request for the first time, while it waits.
    pub(super) fn log_waiting(&mut self, draft: &Draft, rows: Vec<Activity>, at: DateTime<Utc>) {
        self.made += 1;
        self.log_at(draft, rows, at, true);
    }

    /// Logs a request once more, at a later state.
    pub(super) fn log_again(&mut self, draft: &Draft, rows: Vec<Activity>) {
        let at = draft.completed.or(draft.committed).unwrap_or(draft.created);
        let at = at + self.delay();
        self.log_at(draft, rows, at, false);
    }

    fn delay(&mut self) -> TimeDelta {
        // Whole ticks of 100 ns, as an event log keeps them.
        TimeDelta::nanoseconds(self.rng.skewed(20_000, 900_000) as i64 * 100)
    }

    /// Logs a request at a given time.
    fn log_at(&mut self, draft: &Draft, rows: Vec<Activity>, at: DateTime<Utc>, superseded: bool) {
        let json = draft.write();
        let expected = std::mem::take(&mut self.expected);
        // Now and then an event is found twice in a log.
        // What a reader could not tell the first time it may tell the second: no copies of that.
        let keeps_its_rows = rows.iter().all(|row| {
            let unresolved = |name: &String| name.ends_with("(not resolved)");
            let targets = &row.targets;
            !targets
                .iter()
                .filter_map(|target| target.name.as_ref())
                .any(unresolved)
        });
        if keeps_its_rows
            && draft.parent.is_none()
            && json.len() < 20_000
            && self.rng.below(400) == 0
        {
            let again = at + TimeDelta::milliseconds(self.rng.between(1, 90_000) as i64);
            let copy = self.step(draft.id, json.clone(), again, true);
            self.queue.push(copy);
        }
        let mut step = self.step(draft.id, json, at, false);
        step.truth = rows;
        step.expected = expected;
        step.superseded = superseded;
        self.queue.push(step);
    }

    fn step(&self, id: Uuid, json: String, at: DateTime<Utc>, copy: bool) -> Step {
        Step {
            time: at,
            item: Item::Request(RequestDocument {
                id,
                computer: self.computers[self.computer].clone(),
                json,
                copy,
            }),
            truth: Vec::new(),
            expected: Vec::new(),
            superseded: false,
        }
    }

    /// States a row of a report; it goes out with the next request that is logged.
    pub(super) fn expect(&mut self, expectation: Expectation) {
        self.expected.push(expectation);
    }

    /// States a row of the self-service groups report.
    pub(super) fn expect_group(&mut self, last: &Activity, group: &str) {
        self.expect(Expectation::SelfServiceGroups(ExpectedGroupActivity {
            time: last.time,
            source: Source::IdentityManager,
            user: last.actor.text().to_owned(),
            activity: last.name.clone(),
            group: group.to_owned(),
            result: last.result,
            correlation: last.correlation.clone().unwrap_or_default(),
        }));
    }

    /// A status that a request of the everyday ends at, with its outcome and the reason that is given.
    pub(super) fn everyday_end(&mut self, draft: &mut Draft) -> (Outcome, Option<String>) {
        match self.rng.below(100) {
            0..=2 => {
                self.end(draft, "Denied");
                draft.policies.clear();
                draft.action.clear();
                (Outcome::Denied, None)
            }
            3..=4 => {
                self.end(draft, "Failed");
                draft.action.clear();
                let message = "The value of an attribute is not unique.";
                draft.messages.push(message.to_owned());
                (Outcome::Failure, Some(message.to_owned()))
            }
            5 => {
                draft.status = "PostProcessing".into();
                draft.completed = None;
                (Outcome::Success, None)
            }
            6 => {
                draft.status = "PostProcessingError".into();
                let message = "The remote host did not answer in time.";
                let failed = draft.action.first_mut().map(|workflow| {
                    workflow.status = "Terminated";
                    workflow.detail = Some(message);
                    message.to_owned()
                });
                (Outcome::Success, failed)
            }
            _ => (Outcome::Success, None),
        }
    }
}

/// The creator that a person is.
pub(super) fn by(person: &Person) -> Creator {
    library::person(&person.mim)
}
