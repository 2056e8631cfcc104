//! The properties of a `directoryAudit`, as the table's columns render them.
//!
//! Each expression is what `mim_events::entra::to_directory_audit` writes, so that
//! a client that filters by what it was given finds the row again.

use super::error::{ODataErrorKind, shown};
use crate::activity::columns::{
    ACTIVITY, ACTOR_ACCOUNT, ACTOR_DOMAIN, ACTOR_ID, ACTOR_KIND, ACTOR_NAME, ACTOR_UPN, ACTOR_VIA,
    CATEGORY, CORRELATION, DETAILS, ID, KIND, OPERATION, RESULT, SERVICE, SOURCE, SOURCE_ID,
    STATUS, TARGETS,
};
use crate::expr::{Expr, case, concat, field, if_then_else, lit};
use crate::value::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    Time,
    Id,
    Correlation,
    Name,
    Service,
    Category,
    Operation,
    Result,
    UserId,
    UserName,
    UserPrincipalName,
    AppId,
    AppName,
    /// Of one of `targetResources`, as are the next two.
    TargetId,
    TargetName,
    TargetPrincipalName,
}

const AUDIT: &str = "microsoft.graph.directoryAudit";
const INITIATOR: &str = "microsoft.graph.auditActivityInitiator";
const USER: &str = "microsoft.graph.userIdentity";
const APP: &str = "microsoft.graph.appIdentity";
const TARGET: &str = "microsoft.graph.targetResource";

/// Names, each with its property, or with none if it can't be filtered by.
type Names = &'static [(&'static str, Option<Property>)];

/// By type.
const PROPERTIES: [(&str, Names); 5] = [
    (
        AUDIT,
        &[
            ("activityDateTime", Some(Property::Time)),
            ("activityDisplayName", Some(Property::Name)),
            ("category", Some(Property::Category)),
            ("correlationId", Some(Property::Correlation)),
            ("id", Some(Property::Id)),
            ("loggedByService", Some(Property::Service)),
            ("operationType", Some(Property::Operation)),
            ("result", Some(Property::Result)),
            ("additionalDetails", None),
            ("initiatedBy", None),
            ("resultReason", None),
            ("targetResources", None),
        ],
    ),
    (INITIATOR, &[("app", None), ("user", None)]),
    (
        USER,
        &[
            ("displayName", Some(Property::UserName)),
            ("id", Some(Property::UserId)),
            ("userPrincipalName", Some(Property::UserPrincipalName)),
            ("ipAddress", None),
        ],
    ),
    (
        APP,
        &[
            // The name in older texts.
            ("appDisplayName", Some(Property::AppName)),
            ("appId", Some(Property::AppId)),
            ("displayName", Some(Property::AppName)),
            ("servicePrincipalId", None),
            ("servicePrincipalName", None),
        ],
    ),
    (
        TARGET,
        &[
            ("displayName", Some(Property::TargetName)),
            ("id", Some(Property::TargetId)),
            ("userPrincipalName", Some(Property::TargetPrincipalName)),
            ("groupType", None),
            ("modifiedProperties", None),
            ("type", None),
        ],
    ),
];

/// The property of a path, in whichever case; what is wrong, else.
///
/// `item` is the variable that stands for one of `targetResources`.
pub(super) fn resolve(path: &str, item: Option<&str>) -> Result<Property, ODataErrorKind> {
    let mut names = path.split('/');
    let mut on = AUDIT;
    let mut name = names.next().unwrap_or_default();
    if item.is_some_and(|item| item == name) {
        on = TARGET;
        name = names.next().unwrap_or_default();
    }
    loop {
        let unknown = || ODataErrorKind::UnknownProperty {
            name: shown(name),
            on,
        };
        let known = PROPERTIES.iter().find(|(of, _)| *of == on);
        let known = known.and_then(|(_, properties)| {
            let mut properties = properties.iter();
            properties.find(|(known, _)| known.eq_ignore_ascii_case(name))
        });
        let (known, property) = *known.ok_or_else(unknown)?;
        let next = names.next();
        on = match (on, known, next) {
            (_, _, None) => {
                return property.ok_or(ODataErrorKind::Unsupported {
                    what: "filtering by this property",
                });
            }
            (AUDIT, "initiatedBy", _) => INITIATOR,
            (INITIATOR, "user", _) => USER,
            (INITIATOR, "app", _) => APP,
            (_, _, Some(below)) => {
                let unsupported = ODataErrorKind::Unsupported {
                    what: "a property of this property",
                };
                return Err(match property {
                    None => unsupported,
                    Some(_) => ODataErrorKind::UnknownProperty {
                        name: shown(below),
                        on: "Edm.String",
                    },
                });
            }
        };
        name = next.unwrap_or_default();
    }
}

impl Property {
    /// Whether it names one thing, so that only equality makes sense.
    pub(super) const fn is_id(self) -> bool {
        matches!(
            self,
            Self::Id | Self::Correlation | Self::UserId | Self::AppId | Self::TargetId
        )
    }

    /// The text of the property; null where the rendering has none.
    pub(super) fn rendered(self) -> Expr {
        match self {
            // Not asked for as a text.
            Self::Time => null(),
            Self::Id => by_source(SOURCE_ID.coalesce(ID.to_text()), ID.to_text()),
            Self::Correlation => CORRELATION,
            Self::Name => by_source(ACTIVITY, KIND.lookup_or(NAMES, other_name())),
            Self::Service => by_source(filled(SERVICE), lit("MIM Service")),
            Self::Category => by_source(CATEGORY, mim_category()),
            Self::Operation => by_source(OPERATION, mim_operation()),
            Self::Result => {
                let silent = SOURCE.eq("entra").and(STATUS.is_null());
                if_then_else(silent, null(), RESULT.lookup(RESULTS))
            }
            Self::UserId => {
                let zero = "00000000-0000-0000-0000-000000000000";
                let service = ACTOR_KIND.eq("service");
                user(
                    if_then_else(service, ACTOR_ID.coalesce(zero), ACTOR_ID),
                    ACTOR_ID,
                )
            }
            Self::UserName => user(ACTOR_NAME.coalesce(ACTOR_VIA), ACTOR_NAME),
            Self::UserPrincipalName => {
                let name = concat([ACTOR_DOMAIN, lit("\\"), ACTOR_ACCOUNT]);
                user(ACTOR_UPN, ACTOR_UPN.coalesce(name))
            }
            Self::AppId => case(
                [
                    (cloud_app().and(step()).and(key(1, APP_ID)), value(1)),
                    (cloud_app().and(key(0, APP_ID)), value(0)),
                ],
                null(),
            ),
            Self::AppName => {
                let same = |at: i64| key(at, PRINCIPAL_NAME).and(value(at).eq(ACTOR_NAME));
                let shown_once = step()
                    .and(key(1, APP_ID))
                    .and(same(2))
                    .or(step().and(same(1)))
                    .or(key(0, APP_ID).and(same(1)))
                    .or(same(0));
                let mim_app = SOURCE
                    .ne("entra")
                    .and(ACTOR_KIND.in_list(["service", "app"]));
                case(
                    [
                        (cloud_app().and(shown_once), null()),
                        (cloud_app(), ACTOR_NAME),
                        (mim_app, ACTOR_NAME.coalesce(ACTOR_ACCOUNT)),
                    ],
                    null(),
                )
            }
            Self::TargetId => field("id"),
            Self::TargetName => field("name"),
            Self::TargetPrincipalName => {
                let name = concat([field("domain"), lit("\\"), field("account")]);
                by_source(field("upn"), field("upn").coalesce(name))
            }
        }
    }
}

/// The row of an id, as the rendering writes it.
pub(super) fn id_is(id: &str) -> Expr {
    let of_record = SOURCE_ID.eq_ci(id).coalesce(false).and(SOURCE.eq("entra"));
    let uuid = uuid::Uuid::parse_str(id).ok().filter(|_| id.len() == 36);
    match uuid {
        Some(uuid) => {
            let own = SOURCE.ne("entra").or(SOURCE_ID.is_null());
            of_record.or(ID.eq(uuid).and(own))
        }
        None => of_record,
    }
}

const APP_ID: &str = "InitiatorAppId";
const PRINCIPAL_NAME: &str = "InitiatorServicePrincipalName";

fn null() -> Expr {
    lit(Value::Null)
}

fn filled(text: Expr) -> Expr {
    if_then_else(text.clone().eq(""), null(), text)
}

fn by_source(entra: Expr, mim: Expr) -> Expr {
    if_then_else(SOURCE.eq("entra"), entra, mim)
}

/// Of an initiator that is shown as a user.
fn user(entra: Expr, mim: Expr) -> Expr {
    by_source(
        if_then_else(ACTOR_KIND.eq("app"), null(), entra),
        if_then_else(ACTOR_KIND.in_list(["service", "app"]), null(), mim),
    )
}

/// Of Entra, by an application.
fn cloud_app() -> Expr {
    SOURCE.eq("entra").and(ACTOR_KIND.eq("app"))
}

/// The details begin with the step of a password reset, which is not rendered.
fn step() -> Expr {
    KIND.eq("sspr.flow").and(key(0, "Step"))
}

/// Whether the detail at a place has this key.
fn key(at: i64, key: &'static str) -> Expr {
    DETAILS.get(at).field("key").eq(key)
}

fn value(at: i64) -> Expr {
    DETAILS.get(at).field("value")
}

const RESULTS: [(&str, &str); 7] = [
    ("success", "success"),
    ("failure", "failure"),
    ("denied", "failure"),
    ("canceled", "failure"),
    ("expired", "timeout"),
    ("pending", "unknownFutureValue"),
    ("unknown", "unknownFutureValue"),
];

/// What the cloud calls activities of MIM.
const NAMES: [(&str, &str); 12] = [
    ("group.add", "Add group"),
    ("group.update", "Update group"),
    ("group.delete", "Delete group"),
    ("member.add", "Add member to group"),
    ("member.remove", "Remove member from group"),
    ("owner.add", "Add owner to group"),
    ("owner.remove", "Remove owner from group"),
    ("password.reset.self", "User Password Reset"),
    ("sspr.registered", "User Password Registration"),
    ("user.add", "Add user"),
    ("user.update", "Update user"),
    ("user.delete", "Delete user"),
];

const OPERATIONS: [(&str, &str); 12] = [
    ("group.add", "Add"),
    ("group.update", "Update"),
    ("group.delete", "Delete"),
    ("member.add", "Assign"),
    ("member.remove", "Unassign"),
    ("owner.add", "Assign"),
    ("owner.remove", "Unassign"),
    ("password.reset.self", "Update"),
    ("sspr.registered", "Update"),
    ("user.add", "Add"),
    ("user.update", "Update"),
    ("user.delete", "Delete"),
];

const CATEGORIES: [(&str, &str); 12] = [
    ("group.add", "GroupManagement"),
    ("group.update", "GroupManagement"),
    ("group.delete", "GroupManagement"),
    ("member.add", "GroupManagement"),
    ("member.remove", "GroupManagement"),
    ("owner.add", "GroupManagement"),
    ("owner.remove", "GroupManagement"),
    ("password.reset.self", "UserManagement"),
    ("sspr.registered", "UserManagement"),
    ("user.add", "UserManagement"),
    ("user.update", "UserManagement"),
    ("user.delete", "UserManagement"),
];

/// Whether the kind is of one of these families.
fn family(families: &[&'static str]) -> Expr {
    let first = KIND.split(".").get(0);
    first.in_list(families.iter().copied())
}

fn other_name() -> Expr {
    let verb = OPERATION.lower().lookup([
        ("create", "Create"),
        ("put", "Update"),
        ("delete", "Delete"),
    ]);
    let name = concat([verb, lit(" "), TARGETS.get(0).field("type")]);
    if_then_else(
        family(&["resource", "config", "sync", "other"]),
        name.coalesce(ACTIVITY),
        ACTIVITY,
    )
}

fn mim_category() -> Expr {
    let kept = CATEGORY.in_list(["GroupManagement", "UserManagement", "RoleManagement"]);
    let other = case(
        [
            (family(&["policy", "set", "workflow"]), lit("Policy")),
            (kept, CATEGORY),
        ],
        "Other",
    );
    KIND.lookup_or(CATEGORIES, other)
}

fn mim_operation() -> Expr {
    let verbs = [("create", "Add"), ("delete", "Delete")];
    KIND.lookup_or(OPERATIONS, OPERATION.lower().lookup_or(verbs, "Update"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_any_case() {
        for (path, property) in [
            ("activityDateTime", Property::Time),
            ("ACTIVITYDATETIME", Property::Time),
            (
                "initiatedBy/user/userPrincipalName",
                Property::UserPrincipalName,
            ),
            ("initiatedby/App/displayName", Property::AppName),
            ("initiatedBy/app/appDisplayName", Property::AppName),
        ] {
            assert_eq!(resolve(path, None), Ok(property), "{path}");
        }
        assert_eq!(resolve("t/id", Some("t")), Ok(Property::TargetId));
    }

    #[test]
    fn the_type_that_lacks_a_property_is_named() {
        let unknown = |path, item| match resolve(path, item) {
            Err(ODataErrorKind::UnknownProperty { name, on }) => (name, on),
            other => panic!("{other:?}"),
        };
        let found = |name: &str, on| (name.to_owned(), on);
        assert_eq!(unknown("actor", None), found("actor", AUDIT));
        assert_eq!(unknown("t/id", None), found("t", AUDIT));
        assert_eq!(unknown("initiatedBy/usr/id", None), found("usr", INITIATOR));
        assert_eq!(unknown("initiatedBy/user/upn", None), found("upn", USER));
        assert_eq!(unknown("initiatedBy/app/name", None), found("name", APP));
        assert_eq!(unknown("t/upn", Some("t")), found("upn", TARGET));
        assert_eq!(unknown("id/x", None), found("x", "Edm.String"));
        assert_eq!(unknown("", None), found("", AUDIT));
        assert_eq!(unknown("initiatedBy/", None), found("", INITIATOR));
        assert!(unknown(&"x".repeat(5000), None).0.len() < 100);
        for path in [
            "resultReason",
            "initiatedBy",
            "initiatedBy/user",
            "targetResources/id",
        ] {
            let error = resolve(path, None).unwrap_err();
            assert!(
                matches!(error, ODataErrorKind::Unsupported { .. }),
                "{path}"
            );
        }
    }
}
