//! The invented organisation: its people and groups, on-premises and in the cloud.

use std::sync::Arc;

use uuid::Uuid;

use super::json;
use super::names::{DEPARTMENTS, FIRST, JOBS, LAST, OTHER_SCRIPTS, TEAMS};
use super::rng::Rng;

/// The organisation's Windows domain.
pub(crate) const DOMAIN: &str = "HARBOR";
/// The internal key of the domain's configuration object.
pub(crate) const DOMAIN_KEY: u64 = 5021;
/// The organisation's mail domain, which is also the suffix of its user principal names.
pub(crate) const MAIL_DOMAIN: &str = "harbor.example";
/// What the organisation's SIDs begin with.
const SID: &str = "S-1-5-21-1004336348-1177238915-682003330";

/// A resource: how the log shows it, and what a report names it by.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) id: Uuid,
    /// The internal key, MIM's `ObjectID`.
    pub(crate) key: u64,
    pub(crate) object_type: String,
    pub(crate) name: Option<String>,
    pub(crate) account: Option<String>,
    /// The object with all its attributes, as Creator and Target show it.
    pub(crate) full: String,
    /// The object with the few attributes that a parameter's value shows.
    pub(crate) brief: String,
}

impl Resource {
    /// A resource with the attributes that all have, and others after them.
    pub(crate) fn new(
        id: Uuid,
        key: u64,
        object_type: &str,
        name: Option<&str>,
        account: Option<&str>,
        more: impl FnOnce(&mut json::Object<'_>),
    ) -> Self {
        let full = json::object(|o| {
            o.plain("HybridObjectID", id)
                .plain("ObjectID", key)
                .text("ObjectType", object_type)
                .optional("DisplayName", name)
                .optional("AccountName", account)
                .optional("Domain", account.map(|_| DOMAIN));
            more(o);
        });
        Self {
            id,
            key,
            object_type: object_type.to_owned(),
            name: name.map(str::to_owned),
            account: account.map(str::to_owned),
            full,
            brief: brief(id, object_type, name, account),
        }
    }

    /// The name that a request's own name quotes.
    pub(crate) fn shown(&self) -> &str {
        self.name
            .as_deref()
            .or(self.account.as_deref())
            .unwrap_or_default()
    }

    pub(crate) fn domain(&self) -> Option<&'static str> {
        self.account.as_ref().map(|_| DOMAIN)
    }
}

fn brief(id: Uuid, object_type: &str, name: Option<&str>, account: Option<&str>) -> String {
    json::object(|o| {
        o.plain("HybridObjectID", id)
            .optional("AccountName", account)
            .optional("DisplayName", name)
            .optional("Domain", account.map(|_| DOMAIN))
            .text("ObjectType", object_type);
    })
}

/// A person with an account on both sides.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) mim: Resource,
    pub(crate) first: String,
    pub(crate) last: String,
    /// The mail address, and the user principal name in the cloud.
    pub(crate) upn: String,
    /// The object id in the cloud.
    pub(crate) cloud: Uuid,
    pub(crate) phone: String,
    pub(crate) department: &'static str,
    pub(crate) job: &'static str,
    pub(crate) employee: u64,
}

impl Person {
    pub(crate) fn name(&self) -> &str {
        self.mim.shown()
    }
}

/// How one becomes a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    Open,
    OwnerApproval,
    Closed,
}

/// A group with an object on both sides.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) mim: Resource,
    pub(crate) cloud: Uuid,
    pub(crate) joining: Joining,
    /// Index of the owner among the people.
    pub(crate) owner: usize,
}

impl Group {
    pub(crate) fn name(&self) -> &str {
        self.mim.shown()
    }
}

/// Everybody and every group; what happens often happens to the first of them.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) people: Vec<Arc<Person>>,
    pub(crate) groups: Vec<Arc<Group>>,
    /// Weights of the people up to and with this one.
    until: Vec<u64>,
}

impl Directory {
    /// Invents `people` people (at least 20) and `groups` groups (at least 12).
    pub(crate) fn new(seed: u64, people: usize, groups: usize) -> Self {
        let mut rng = Rng::new(seed, 1);
        let people: Vec<_> = (0..people.max(20))
            .map(|index| Arc::new(person(&mut rng, index as u64)))
            .collect();
        let groups = (0..groups.max(12))
            .map(|index| {
                let owner = rng.index(people.len());
                Arc::new(group(&mut rng, index as u64, owner, &people))
            })
            .collect();
        let mut total = 0;
        let until = (0..people.len() as u64)
            .map(|rank| {
                // Zipf's law, softened at its head.
                total += 1_000_000 / (rank + 12);
                total
            })
            .collect();
        Self {
            people,
            groups,
            until,
        }
    }

    /// Somebody; few do much, many do little.
    pub(crate) fn somebody(&self, rng: &mut Rng) -> Arc<Person> {
        let at = rng.below(self.until.last().copied().unwrap_or_default());
        let index = self.until.partition_point(|&until| until <= at);
        Arc::clone(&self.people[index])
    }

    /// Anybody, all as probable.
    pub(crate) fn anybody(&self, rng: &mut Rng) -> Arc<Person> {
        Arc::clone(rng.pick(&self.people))
    }

    /// Somebody other than this one.
    pub(crate) fn other(&self, rng: &mut Rng, than: &Person) -> Arc<Person> {
        loop {
            let person = self.anybody(rng);
            if person.mim.id != than.mim.id {
                return person;
            }
        }
    }

    /// `count` different people (at most half of all).
    pub(crate) fn several(&self, rng: &mut Rng, count: usize) -> Vec<Arc<Person>> {
        let len = self.people.len();
        let start = rng.index(len);
        // A step that shares no factor with the number of people meets nobody twice.
        let step = (len / 7 + 1..len).find(|&step| coprime(step, len));
        let step = step.unwrap_or(1);
        (0..count.min(len / 2))
            .map(|n| Arc::clone(&self.people[(start + n * step) % len]))
            .collect()
    }

    /// A group that is joined in this way, or any if none is.
    pub(crate) fn group(&self, rng: &mut Rng, joining: Option<Joining>) -> Arc<Group> {
        // Skewed towards the first groups; a few steps on from there finds the kind.
        let start = rng.skewed(0, self.groups.len() as u64 - 1) as usize;
        let turned = self.groups[start..].iter().chain(&self.groups[..start]);
        let found = turned
            .into_iter()
            .find(|group| joining.is_none_or(|joining| group.joining == joining));
        Arc::clone(found.unwrap_or(&self.groups[start]))
    }

    pub(crate) fn owner(&self, group: &Group) -> Arc<Person> {
        Arc::clone(&self.people[group.owner])
    }
}

fn coprime(a: usize, b: usize) -> bool {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

/// Invents person number `index`, whose account names no other number has.
pub(crate) fn person(rng: &mut Rng, index: u64) -> Person {
    let other_script = rng.percent(6);
    let (first, last, name) = if other_script {
        let (first, last, name) = *rng.pick(&OTHER_SCRIPTS);
        (first.to_owned(), last.to_owned(), name.to_owned())
    } else {
        let first = *rng.pick(&FIRST);
        let last = *rng.pick(&LAST);
        let name = if rng.percent(15) {
            format!("{last}, {first}")
        } else {
            format!("{first} {last}")
        };
        (first.to_owned(), last.to_owned(), name)
    };
    let stem: String = if other_script {
        "user".to_owned()
    } else {
        let letters = last.chars().filter(|c| c.is_ascii_alphabetic()).take(8);
        letters.collect::<String>().to_ascii_lowercase()
    };
    let initial = first.chars().next().filter(char::is_ascii_alphabetic);
    let initial = initial.unwrap_or('x').to_ascii_lowercase();
    let account = format!("{initial}{stem}{index:03}");
    let upn = format!("{initial}.{stem}.{index:03}@{MAIL_DOMAIN}");
    let phone = format!("+1 425555{:04}", rng.below(10_000));
    let department = *rng.pick(&DEPARTMENTS);
    let job = *rng.pick(&JOBS);
    let employee = 100_000 + index;
    let id = rng.uuid();
    let cloud = rng.uuid();
    let mim = Resource::new(
        id,
        20_000 + index,
        "Person",
        Some(&name),
        Some(&account),
        |o| {
            o.plain("DomainConfiguration", DOMAIN_KEY)
                .text("Email", &upn)
                .text("MailNickname", &account)
                .text("CreatedTime", "2019-08-26 07:30:11.417")
                .text("Creator", "2731")
                .text("FirstName", &first)
                .text("LastName", &last)
                .text("Department", department)
                .text("JobTitle", job)
                .plain("EmployeeID", employee)
                .text(
                    "EmployeeType",
                    if rng.percent(12) {
                        "Contractor"
                    } else {
                        "Full Time"
                    },
                )
                .plain("Manager", 20_000 + rng.below(index.max(1)))
                .text("OfficePhone", &phone)
                .plain("ObjectSID", format_args!("{SID}-{}", 1_100 + index))
                .text("IsRASEnabled", if rng.percent(50) { "1" } else { "0" })
                .text("hqCostCenter", department)
                .plain("hqDepartmentNumber", 1_000 + rng.below(80));
        },
    );
    Person {
        mim,
        first,
        last,
        upn,
        cloud,
        phone,
        department,
        job,
        employee,
    }
}

fn group(rng: &mut Rng, index: u64, owner: usize, people: &[Arc<Person>]) -> Group {
    let team = TEAMS[index as usize % TEAMS.len()];
    let round = index as usize / TEAMS.len();
    let name = if round == 0 {
        team.to_owned()
    } else {
        let department = DEPARTMENTS[round % DEPARTMENTS.len()];
        format!("{team} {department} {round}")
    };
    let joining = match index % 4 {
        0 | 1 => Joining::Open,
        2 => Joining::OwnerApproval,
        _ => Joining::Closed,
    };
    let account = format!("grp-{index:04}");
    let id = rng.uuid();
    let cloud = rng.uuid();
    let owner_key = people[owner].mim.key;
    let members: Vec<u64> = (0..rng.skewed(1, 60))
        .map(|_| 20_000 + rng.below(people.len() as u64))
        .collect();
    let mim = Resource::new(
        id,
        60_000 + index,
        "Group",
        Some(&name),
        Some(&account),
        |o| {
            o.plain("DomainConfiguration", DOMAIN_KEY)
                .plain("Email", format_args!("{account}@{MAIL_DOMAIN}"))
                .text("MailNickname", &account)
                .text("CreatedTime", "2019-09-02 11:04:52.080")
                .plain("Creator", owner_key)
                .text("Scope", "Universal")
                .text(
                    "Type",
                    if index.is_multiple_of(3) {
                        "Distribution"
                    } else {
                        "Security"
                    },
                )
                .plain("Owner", owner_key)
                .plain("DisplayedOwner", owner_key)
                .text("MembershipLocked", "0")
                .text(
                    "MembershipAddWorkflow",
                    match joining {
                        Joining::Open => "None",
                        Joining::OwnerApproval => "Owner Approval",
                        Joining::Closed => "Custom",
                    },
                )
                .many("ComputedMember", &members, |out, key| {
                    json::text(out, &key.to_string());
                })
                .text("msidmDeferredEvaluation", "0");
        },
    );
    Group {
        mim,
        cloud,
        joining,
        owner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn few_people_do_much() {
        let directory = Directory::new(1, 500, 50);
        let mut rng = Rng::new(1, 2);
        let busy = (0..1_000)
            .filter(|_| {
                let person = directory.somebody(&mut rng);
                person.mim.key < 20_050
            })
            .count();
        assert!(busy > 400, "{busy}");
    }

    #[test]
    fn several_people_are_different_people() {
        let directory = Directory::new(1, 120, 12);
        let mut rng = Rng::new(1, 2);
        for count in [1, 7, 60, 400] {
            let people = directory.several(&mut rng, count);
            let ids: HashSet<_> = people.iter().map(|person| person.mim.id).collect();
            assert_eq!(ids.len(), people.len());
            assert_eq!(people.len(), count.min(60));
        }
    }

    #[test]
    fn accounts_and_addresses_are_unique_and_ascii() {
        let directory = Directory::new(5, 2_000, 12);
        let mut seen = HashSet::new();
        for person in &directory.people {
            assert!(
                person.upn.is_ascii() && seen.insert(person.upn.clone()),
                "{}",
                person.upn
            );
            let full: serde_json::Value = serde_json::from_str(&person.mim.full).unwrap();
            assert_eq!(full["DisplayName"], person.name());
        }
    }

    #[test]
    fn groups_of_every_kind_are_found() {
        let directory = Directory::new(1, 20, 12);
        let mut rng = Rng::new(3, 2);
        for joining in [Joining::Open, Joining::OwnerApproval, Joining::Closed] {
            assert_eq!(directory.group(&mut rng, Some(joining)).joining, joining);
        }
    }
}
