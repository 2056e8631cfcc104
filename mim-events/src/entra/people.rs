//! Who did it: the initiator of a record as an actor.

use crate::activity::{Actor, ActorKind, Detail};

use super::record::{App, Record, User, address};

/// What an actor can't hold, as details that the way back takes out again.
pub(super) const APP_ID: &str = "InitiatorAppId";
pub(super) const PRINCIPAL_NAME: &str = "InitiatorServicePrincipalName";
/// The address of an application, for which Graph has no place.
pub(super) const CALLER_IP: &str = "CallerIpAddress";

/// Services that records show as users without a user principal name.
const SERVICES: [&str; 3] = ["Azure AD PIM", "Microsoft Entra PIM", "MS-PIM"];

pub(super) const ZERO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// The initiator. `first` takes the details that the way back removes, `more` the rest.
pub(super) fn actor(record: &Record, first: &mut Vec<Detail>, more: &mut Vec<Detail>) -> Actor {
    let caller = address(record.caller_ip.clone());
    let named = |user: &&User| user.id.is_some() || user.name.is_some() || user.upn.is_some();
    let user = record.user.as_ref();
    let mut actor = match (user.filter(named), record.app.as_ref()) {
        (Some(user), app) => {
            if let Some(text) = app.and_then(app_text) {
                more.push(Detail::new("InitiatorApp", text));
            }
            person(user)
        }
        (None, Some(app)) => application(app, first),
        (None, None) => unknown(record),
    };
    actor.ip = user.and_then(|user| user.ip.clone()).or(caller);
    if let Some(user) = user {
        let details = user.more.iter();
        more.extend(details.map(|(key, value)| Detail::new(*key, value.as_str())));
    }
    let performed_by = record.performed_by.as_deref();
    if let Some(id) = performed_by.filter(|id| actor.name.as_deref() != Some(id)) {
        more.push(Detail::new("PerformedByAppId", id));
    }
    actor
}

fn person(user: &User) -> Actor {
    let zero = user.id.as_deref() == Some(ZERO_ID);
    let service = user.upn.is_none()
        && (zero
            || user.name.as_deref().is_some_and(|name| {
                SERVICES
                    .iter()
                    .any(|service| service.eq_ignore_ascii_case(name))
            }));
    let mut actor = Actor {
        kind: if service {
            ActorKind::Service
        } else if user.upn.is_some() || user.id.is_some() {
            ActorKind::User
        } else {
            ActorKind::Unknown
        },
        id: user.id.as_deref().filter(|_| !zero).map(guid),
        upn: user.upn.clone(),
        ..Actor::default()
    };
    match (&user.name, &user.upn) {
        (Some(name), Some(upn)) if differ(name, upn) => actor.via = Some(name.clone()),
        (name, _) => actor.name.clone_from(name),
    }
    actor
}

fn application(app: &App, first: &mut Vec<Detail>) -> Actor {
    for (key, value) in [(APP_ID, &app.app_id), (PRINCIPAL_NAME, &app.principal_name)] {
        if let Some(value) = value {
            first.push(Detail::new(key, value.as_str()));
        }
    }
    let id = app.principal_id.as_ref().or(app.app_id.as_ref());
    Actor {
        kind: ActorKind::App,
        id: id.map(|id| guid(id)),
        name: app.name.clone().or_else(|| app.principal_name.clone()),
        ..Actor::default()
    }
}

/// No initiator: the name that stands elsewhere.
fn unknown(record: &Record) -> Actor {
    let identity = record
        .identity
        .clone()
        .filter(|name| !name.eq_ignore_ascii_case("NA") && !name.eq_ignore_ascii_case("N/A"));
    Actor {
        name: identity.or_else(|| record.performed_by.clone()),
        ..Actor::default()
    }
}

fn app_text(app: &App) -> Option<&str> {
    [
        &app.name,
        &app.principal_name,
        &app.principal_id,
        &app.app_id,
    ]
    .into_iter()
    .flatten()
    .map(String::as_str)
    .next()
}

/// Whether a display name beside a user principal name names something else: for many
/// records it is the application that the person used (`Graph Explorer`). It names the
/// person if one of its words of three or more letters, or all words together, stand in
/// the part before the `@`.
fn differ(name: &str, upn: &str) -> bool {
    let local = upn.split('@').next().unwrap_or(upn).to_lowercase();
    let name = name.to_lowercase();
    let words = || {
        name.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
    };
    let whole: String = words().collect();
    let squeezed: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
    !(squeezed.contains(&whole)
        || words().any(|word| word.chars().count() >= 3 && local.contains(word)))
}

/// A GUID in lower case; any other text as it is.
pub(super) fn guid(text: &str) -> String {
    let shaped = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if shaped {
        text.to_ascii_lowercase()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_may_be_the_applications() {
        assert!(differ("Graph Explorer", "kim@x.test"));
        assert!(differ("Microsoft Teams Services", "imarlow@x.test"));
        assert!(!differ("Ines Marlow", "imarlow@x.test"));
        assert!(!differ("Li Wu", "li.wu@x.test"));
        assert!(!differ("Tom Reed", "HQ\\treed"));
    }

    #[test]
    fn guids_only_are_folded() {
        assert_eq!(
            guid("9D00AAAA-0000-0000-0000-00000000000F"),
            "9d00aaaa-0000-0000-0000-00000000000f"
        );
        assert_eq!(guid("Directory_X"), "Directory_X");
    }
}
