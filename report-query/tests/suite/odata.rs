//! Tests of `odata` through the public API: what a filter finds among random
//! activities is what an evaluator finds that reads nothing but the rendered
//! `directoryAudit`s.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use mim_events::activity::{Activity, Actor, ActorKind, Detail, Kind, Outcome, Source, Target};
use mim_events::entra::{DirectoryAudit, TargetResource, to_directory_audit};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use report_query::activity::{ActivityStore, columns};
use report_query::{Query, Retention, Value, odata};
use uuid::Uuid;

fn start() -> DateTime<Utc> {
    "2026-03-02T08:15:09Z".parse().unwrap()
}

const KINDS: [&str; 20] = [
    "group.add",
    "group.update",
    "group.delete",
    "member.add",
    "member.remove",
    "owner.add",
    "owner.remove",
    "password.reset.self",
    "sspr.registered",
    "user.add",
    "user.update",
    "user.delete",
    "resource.add",
    "resource",
    "resources.add",
    "config.update",
    "policy.update",
    "set.add",
    "sspr.flow",
    "password.reset.admin",
];

fn word() -> impl Strategy<Value = String> {
    select(vec![
        "Dana",
        "dana@x.test",
        "O'Hara",
        "Müller",
        "Night Shift",
        "a_b",
    ])
    .prop_map(str::to_owned)
}

fn guid() -> impl Strategy<Value = String> {
    (0..6_u128).prop_map(|n| Uuid::from_u128(0xab00_0000 + n).to_string())
}

fn maybe<T: fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(of)
}

fn actor() -> impl Strategy<Value = Actor> {
    let kinds = [
        ActorKind::User,
        ActorKind::App,
        ActorKind::Service,
        ActorKind::Unknown,
    ];
    let names = (
        maybe(word()),
        maybe(word()),
        maybe(word()),
        maybe(word()),
        maybe(word()),
    );
    (select(kinds.to_vec()), maybe(guid()), names).prop_map(|(kind, id, names)| {
        let mut actor = Actor::default();
        actor.kind = kind;
        actor.id = id;
        (
            actor.name,
            actor.account,
            actor.domain,
            actor.upn,
            actor.via,
        ) = names;
        actor
    })
}

fn target() -> impl Strategy<Value = Target> {
    let types = select(vec!["User", "Group", "", "Set", "Person"]);
    let names = (maybe(word()), maybe(word()), maybe(word()), maybe(word()));
    (types, maybe(guid()), names).prop_map(|(object_type, id, names)| {
        let mut target = Target::default();
        target.object_type = object_type.to_owned();
        target.id = id;
        (target.name, target.account, target.domain, target.upn) = names;
        target
    })
}

fn details() -> impl Strategy<Value = Vec<Detail>> {
    let keys = vec![
        "Step",
        "InitiatorAppId",
        "InitiatorServicePrincipalName",
        "Other",
    ];
    let detail = (select(keys), prop_oneof![word(), guid()]);
    prop::collection::vec(
        detail.prop_map(|(key, value)| Detail::new(key, value)),
        0..4,
    )
}

fn activity() -> impl Strategy<Value = Activity> {
    let source = select(vec![Source::Entra, Source::IdentityManager]);
    let outcomes = [
        Outcome::Success,
        Outcome::Failure,
        Outcome::Denied,
        Outcome::Pending,
        Outcome::Canceled,
        Outcome::Expired,
        Outcome::Unknown,
    ];
    let texts = (
        select(vec!["Add member to group", "Something else", "Update user"]),
        select(vec!["", "Core Directory", "MIM Service"]),
        select(vec!["GroupManagement", "RoleManagement", "Policy", ""]),
        select(vec!["", "Create", "PUT", "Delete", "Assign"]),
    );
    let ends = (
        maybe(select(vec!["success", "Completed"])),
        select(outcomes.to_vec()),
        maybe(guid()),
        maybe(prop_oneof![guid(), word()]),
    );
    let people = (actor(), prop::collection::vec(target(), 0..3), details());
    (
        source,
        0..400_i64,
        select(KINDS.to_vec()),
        texts,
        ends,
        people,
    )
        .prop_map(|(source, nanos, kind, texts, ends, people)| {
            let time = start() + TimeDelta::nanoseconds(nanos * 50);
            let kind = Kind::from_static(kind);
            let mut activity = Activity::new(Uuid::nil(), time, source, kind, texts.0);
            activity.service = texts.1.to_owned();
            activity.category = texts.2.to_owned();
            activity.operation = texts.3.to_owned();
            activity.status = ends.0.map(str::to_owned);
            activity.result = ends.1;
            activity.correlation = ends.2;
            activity.source_id = ends.3;
            (activity.actor, activity.targets, activity.details) = people;
            activity
        })
}

fn activities() -> impl Strategy<Value = Vec<Activity>> {
    prop::collection::vec(activity(), 1..40).prop_map(|mut all| {
        for (n, activity) in (0..).zip(&mut all) {
            activity.id = Uuid::from_u128(0xac00_0000 + n);
        }
        all
    })
}

const PROPERTIES: [&str; 13] = [
    "id",
    "correlationId",
    "initiatedBy/user/id",
    "initiatedBy/app/appId",
    "activityDisplayName",
    "category",
    "loggedByService",
    "operationType",
    "result",
    "initiatedBy/user/displayName",
    "initiatedBy/user/userPrincipalName",
    "initiatedBy/app/displayName",
    "initiatedBy/app/appDisplayName",
];
/// Those before it name one thing.
const TEXTS_FROM: usize = 4;
const TARGET_PROPERTIES: [&str; 3] = ["id", "displayName", "userPrincipalName"];

/// What a client sees under a property.
fn shown<'a>(audit: &'a DirectoryAudit, property: &str) -> Option<&'a str> {
    let (user, app) = (&audit.initiated_by.user, &audit.initiated_by.app);
    match property {
        "id" => Some(&audit.id),
        "correlationId" => audit.correlation_id.as_deref(),
        "activityDisplayName" => Some(&audit.activity_display_name),
        "category" => Some(&audit.category),
        "loggedByService" => audit.logged_by_service.as_deref(),
        "operationType" => audit.operation_type.as_deref(),
        "result" => audit.result.as_deref(),
        "initiatedBy/user/id" => user.as_ref()?.id.as_deref(),
        "initiatedBy/user/displayName" => user.as_ref()?.display_name.as_deref(),
        "initiatedBy/user/userPrincipalName" => user.as_ref()?.user_principal_name.as_deref(),
        "initiatedBy/app/appId" => app.as_ref()?.app_id.as_deref(),
        "initiatedBy/app/displayName" | "initiatedBy/app/appDisplayName" => {
            app.as_ref()?.display_name.as_deref()
        }
        other => panic!("{other}"),
    }
}

fn shown_of_target<'a>(target: &'a TargetResource, property: &str) -> Option<&'a str> {
    match property {
        "id" => target.id.as_deref(),
        "displayName" => target.display_name.as_deref(),
        "userPrincipalName" => target.user_principal_name.as_deref(),
        other => panic!("{other}"),
    }
}

/// A condition of one text; the property is of the audit, or of a target.
#[derive(Clone, Debug)]
enum Test {
    Is(bool, Option<String>),
    In(Vec<String>),
    Function(&'static str, String, Option<bool>),
}

#[derive(Clone, Debug)]
enum Filter {
    Time(&'static str, DateTime<Utc>),
    Of(&'static str, Test),
    Targets(bool, Box<TargetFilter>),
    AnyTarget,
    Join(&'static str, Vec<Filter>),
    Not(Box<Filter>),
}

#[derive(Clone, Debug)]
enum TargetFilter {
    Of(&'static str, Test),
    Outer(&'static str, Test),
    Join(&'static str, Vec<TargetFilter>),
    Not(Box<TargetFilter>),
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Test {
    fn write(&self, f: &mut fmt::Formatter<'_>, property: &str) -> fmt::Result {
        match self {
            Self::Is(equal, value) => {
                let operator = if *equal { "eq" } else { "ne" };
                let value = value.as_deref().map_or_else(|| "null".to_owned(), quoted);
                write!(f, "{property} {operator} {value}")
            }
            Self::In(values) => {
                let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
                write!(f, "{property} in ({})", values.join(","))
            }
            Self::Function(name, text, truth) => {
                write!(f, "{name}({property},{})", quoted(text))?;
                truth.map_or(Ok(()), |truth| write!(f, " eq {truth}"))
            }
        }
    }

    /// OData's logic of three values.
    fn holds(&self, value: Option<&str>) -> Option<bool> {
        let value = value.map(str::to_lowercase);
        match self {
            Self::Is(equal, wanted) => {
                Some((value == wanted.as_deref().map(str::to_lowercase)) == *equal)
            }
            Self::In(wanted) => {
                let mut wanted = wanted.iter().map(|text| text.to_lowercase());
                Some(wanted.any(|text| value.as_ref() == Some(&text)))
            }
            Self::Function(name, text, truth) => {
                let text = text.to_lowercase();
                let found = value.map(|value| match *name {
                    "startswith" => value.starts_with(&text),
                    "endswith" => value.ends_with(&text),
                    _ => value.contains(&text),
                });
                match truth {
                    Some(truth) => Some(found == Some(*truth)),
                    None => found,
                }
            }
        }
    }
}

fn join<T: fmt::Display>(f: &mut fmt::Formatter<'_>, word: &str, parts: &[T]) -> fmt::Result {
    let parts: Vec<_> = parts.iter().map(|part| format!("({part})")).collect();
    f.write_str(&parts.join(&format!(" {word} ")))
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(operator, time) => {
                write!(f, "activityDateTime {operator} {}", time.to_rfc3339())
            }
            Self::Of(property, test) => test.write(f, property),
            Self::Targets(all, of) => {
                let each = if *all { "all" } else { "any" };
                write!(f, "targetResources/{each}(t:{of})")
            }
            Self::AnyTarget => f.write_str("targetResources/any()"),
            Self::Join(word, parts) => join(f, word, parts),
            Self::Not(of) => write!(f, "not ({of})"),
        }
    }
}

impl fmt::Display for TargetFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(property, test) => test.write(f, &format!("t/{property}")),
            Self::Outer(property, test) => test.write(f, property),
            Self::Join(word, parts) => join(f, word, parts),
            Self::Not(of) => write!(f, "not ({of})"),
        }
    }
}

fn joined(word: &str, parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let decides = word == "or";
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(decides)) {
        Some(decides)
    } else if parts.contains(&None) {
        None
    } else {
        Some(!decides)
    }
}

impl Filter {
    fn holds(&self, audit: &DirectoryAudit) -> Option<bool> {
        match self {
            Self::Time(operator, time) => {
                let order = audit
                    .activity_date_time
                    .parse::<DateTime<Utc>>()
                    .unwrap()
                    .cmp(time);
                Some(match *operator {
                    "eq" => order.is_eq(),
                    "ne" => order.is_ne(),
                    "gt" => order.is_gt(),
                    "ge" => order.is_ge(),
                    "lt" => order.is_lt(),
                    _ => order.is_le(),
                })
            }
            Self::Of(property, test) => test.holds(shown(audit, property)),
            Self::Targets(all, of) => {
                let mut targets = audit.target_resources.iter();
                let is_true = |target| of.holds(audit, target) == Some(true);
                Some(if *all {
                    targets.all(is_true)
                } else {
                    targets.any(is_true)
                })
            }
            Self::AnyTarget => Some(!audit.target_resources.is_empty()),
            Self::Join(word, parts) => joined(word, parts.iter().map(|part| part.holds(audit))),
            Self::Not(of) => of.holds(audit).map(|value| !value),
        }
    }
}

impl TargetFilter {
    fn holds(&self, audit: &DirectoryAudit, target: &TargetResource) -> Option<bool> {
        match self {
            Self::Of(property, test) => test.holds(shown_of_target(target, property)),
            Self::Outer(property, test) => test.holds(shown(audit, property)),
            Self::Join(word, parts) => {
                joined(word, parts.iter().map(|part| part.holds(audit, target)))
            }
            Self::Not(of) => of.holds(audit, target).map(|value| !value),
        }
    }
}

/// Words of Graph and of the activities, some in another case, some never there.
fn value() -> impl Strategy<Value = String> {
    let words = vec![
        "success",
        "FAILURE",
        "timeout",
        "unknownFutureValue",
        "mim service",
        "Core Directory",
        "groupmanagement",
        "UserManagement",
        "Policy",
        "Other",
        "Add",
        "assign",
        "Unassign",
        "Update",
        "Add member to group",
        "Create Group",
        "update user",
        "dana\\Müller",
        "00000000-0000-0000-0000-000000000000",
        "nobody",
        "",
    ];
    prop_oneof![
        word(),
        word().prop_map(|word| word.to_uppercase()),
        guid(),
        (0..40_u128).prop_map(|n| Uuid::from_u128(0xac00_0000 + n).to_string()),
        select(words).prop_map(str::to_owned),
    ]
}

fn test(is_id: bool) -> impl Strategy<Value = Test> {
    let part = prop_oneof![
        value(),
        select(vec!["d", "s", "MIM", "'"]).prop_map(str::to_owned)
    ];
    let functions = select(vec!["startswith", "endswith", "contains"]);
    let function = (functions, part, maybe(any::<bool>()))
        .prop_map(|(name, text, truth)| Test::Function(name, text, truth));
    let is = (any::<bool>(), prop::option::weighted(0.85, value()))
        .prop_map(|(equal, value)| Test::Is(equal, value));
    let within = prop::collection::vec(value(), 1..4).prop_map(Test::In);
    if is_id {
        prop_oneof![3 => is, 1 => within].boxed()
    } else {
        prop_oneof![3 => is, 1 => within, 2 => function].boxed()
    }
}

fn of_property() -> impl Strategy<Value = (&'static str, Test)> {
    (0..PROPERTIES.len()).prop_flat_map(|at| (Just(PROPERTIES[at]), test(at < TEXTS_FROM)))
}

fn target_filter() -> impl Strategy<Value = TargetFilter> {
    let own = (0..TARGET_PROPERTIES.len())
        .prop_flat_map(|at| (Just(TARGET_PROPERTIES[at]), test(at == 0)))
        .prop_map(|(property, test)| TargetFilter::Of(property, test));
    let outer = of_property().prop_map(|(property, test)| TargetFilter::Outer(property, test));
    prop_oneof![4 => own, 1 => outer].prop_recursive(2, 6, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..3);
        prop_oneof![
            (select(vec!["and", "or"]), parts)
                .prop_map(|(word, parts)| TargetFilter::Join(word, parts)),
            inner.prop_map(|of| TargetFilter::Not(Box::new(of))),
        ]
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let operators = select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let time = (operators, 0..800_i64).prop_map(|(operator, nanos)| {
        Filter::Time(operator, start() + TimeDelta::nanoseconds(nanos * 25))
    });
    let targets =
        (any::<bool>(), target_filter()).prop_map(|(all, of)| Filter::Targets(all, Box::new(of)));
    prop_oneof![
        6 => of_property().prop_map(|(property, test)| Filter::Of(property, test)),
        2 => time,
        3 => targets,
        1 => Just(Filter::AnyTarget),
    ]
    .prop_recursive(3, 12, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            (select(vec!["and", "or"]), parts).prop_map(|(word, parts)| Filter::Join(word, parts)),
            inner.prop_map(|of| Filter::Not(Box::new(of))),
        ]
    })
}

fn store(activities: &[Activity]) -> ActivityStore {
    let store = ActivityStore::new(Retention::MONTH);
    let report = store.append(activities.iter().cloned(), start());
    assert_eq!(report.appended, activities.len() as u64);
    store
}

/// The ids that a filter finds, ascending.
fn found(store: &ActivityStore, filter: report_query::Expr) -> Vec<Uuid> {
    let result = Query::new()
        .filter(filter)
        .select([columns::ID])
        .run(&store.snapshot())
        .unwrap();
    let mut ids: Vec<Uuid> = result.rows().map(|row| row[0].as_id().unwrap()).collect();
    ids.sort_unstable();
    ids
}

proptest! {
    #[test]
    fn a_filter_finds_what_is_shown(
        activities in activities(),
        filters in prop::collection::vec(filter(), 1..8),
    ) {
        let store = store(&activities);
        for filter in filters {
            let text = filter.to_string();
            let expected: Vec<Uuid> = activities
                .iter()
                .filter(|activity| filter.holds(&to_directory_audit(activity)) == Some(true))
                .map(|activity| activity.id)
                .collect();
            prop_assert_eq!(found(&store, odata::filter(&text).unwrap()), expected, "{}", text);
        }
    }

    #[test]
    fn each_value_that_is_shown_finds_its_row(activities in activities(), which: Index) {
        let store = store(&activities);
        let activity = which.get(&activities);
        let audit = to_directory_audit(activity);
        let mut filters = vec![format!("activityDateTime eq {}", audit.activity_date_time)];
        for property in PROPERTIES {
            filters.push(match shown(&audit, property) {
                Some(value) => format!("{property} eq {}", quoted(value)),
                None => format!("{property} eq null"),
            });
        }
        for target in &audit.target_resources {
            for property in TARGET_PROPERTIES {
                let value = shown_of_target(target, property);
                let value = value.map_or_else(|| "null".to_owned(), quoted);
                filters.push(format!("targetResources/any(x: x/{property} eq {value})"));
            }
        }
        for text in &filters {
            let found = found(&store, odata::filter(text).unwrap());
            prop_assert!(found.contains(&activity.id), "{}", text);
        }
        let all = odata::filter(&filters[..6].join(" and ")).unwrap();
        prop_assert!(found(&store, all).contains(&activity.id));
        let by_id: Vec<Uuid> = activities
            .iter()
            .filter(|other| to_directory_audit(other).id.eq_ignore_ascii_case(&audit.id))
            .map(|other| other.id)
            .collect();
        prop_assert_eq!(found(&store, odata::id(&audit.id)), by_id);
    }
}

#[test]
fn a_range_of_times_skips_segments() {
    let filter = odata::filter(
        "activityDateTime ge 2026-03-01 and activityDateTime lt 2026-03-02T00:00:00.12345678Z",
    );
    let plan = Query::new()
        .filter(filter.unwrap())
        .bind(&columns::schema())
        .unwrap();
    let plan = plan.explain().to_string();
    assert!(
        plan.starts_with(
            "scan from 2026-03-01T00:00:00+00:00 to 2026-03-02T00:00:00.123456800+00:00\n"
        ),
        "{plan}"
    );
}

#[test]
fn an_order_lists_ties_by_row() {
    let mut activities = Vec::new();
    for n in [3, 1, 2] {
        let kind = Kind::from_static("user.add");
        let id = Uuid::from_u128(n);
        activities.push(Activity::new(id, start(), Source::Entra, kind, "Add user"));
    }
    let store = store(&activities);
    let listed = |text| {
        let keys = odata::order_by(text).unwrap().keys();
        let query = Query::new().sort(keys).select([columns::ID]);
        let result = query.run(&store.snapshot()).unwrap();
        let ids = result.rows().map(|row| row[0].clone());
        ids.collect::<Vec<Value>>()
    };
    let ids = |order: [u128; 3]| order.map(|n| Value::from(Uuid::from_u128(n)));
    assert_eq!(listed("activityDateTime asc"), ids([1, 2, 3]));
    assert_eq!(listed("activityDateTime desc"), ids([3, 2, 1]));
}
