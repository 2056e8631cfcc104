//! What an audit record is: from service and activity to a kind and its flags.
//!
//! `operationType` is not asked: services label reads `Update`.

use crate::activity::{Flags, Kind};

/// The services whose activities are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Core,
    Passwords,
    Groups,
    Methods,
    Pim,
    Mim,
    Device,
    /// Not named; its activities are looked for in every service.
    Missing,
    Other,
}

impl Service {
    pub(super) fn of(name: &str) -> Self {
        match fold(name).as_str() {
            "" => Self::Missing,
            "core directory" => Self::Core,
            "self-service password management" => Self::Passwords,
            "self-service group management" => Self::Groups,
            "authentication methods" => Self::Methods,
            "pim" | "privileged identity management" => Self::Pim,
            "mim service"
            | "microsoft identity manager"
            | "microsoft identity manager (mim)"
            | "microsoft identity manager (mim) service" => Self::Mim,
            "device registration service" => Self::Device,
            _ => Self::Other,
        }
    }
}

/// Compared without case, outer and repeated blanks, and a dot at the end.
pub(super) fn fold(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut out = words.next().unwrap_or_default().to_lowercase();
    for word in words {
        out.push(' ');
        out.push_str(&word.to_lowercase());
    }
    if out.ends_with('.') {
        out.pop();
    }
    out
}

use Service::{Core, Device, Groups, Methods, Mim, Passwords};

/// Services, activity, kind. An empty list of services is every service.
type Row = (&'static [Service], &'static str, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Passwords.
    (&[Passwords], "reset password (self-service)", "password.reset.self"),
    (&[Passwords], "reset password (by admin)", "password.reset.admin"),
    (&[Passwords], "change password (self-service)", "password.change.self"),
    (&[Passwords], "unlock user account (self-service)", "account.unlock.self"),
    (&[Passwords], "self-service password reset flow activity progress", "sspr.flow"),
    (&[Passwords], "self-serve password reset flow activity progress", "sspr.flow"),
    (&[Passwords], "blocked from self-service password reset", "sspr.blocked"),
    (&[Passwords], "user registered for self-service password reset", "sspr.registered"),
    (&[Passwords], "security info saved for self-service password reset", "sspr.registered"),
    (&[Passwords], "enable password writeback for directory", "sspr.config"),
    (&[Passwords], "disable password writeback for directory", "sspr.config"),
    // Methods.
    (&[Methods], "user registered security info", "method.registered"),
    (&[Methods], "admin registered security info", "method.registered"),
    (&[Methods], "user updated security info", "method.updated"),
    (&[Methods], "admin updated security info", "method.updated"),
    (&[Methods], "user changed default security info", "method.updated"),
    (&[Methods], "user deleted security info", "method.deleted"),
    (&[Methods], "admin deleted security info", "method.deleted"),
    (&[Methods], "user reviewed security info", "method.reviewed"),
    (&[Methods], "user registered all required security info", "sspr.registration.completed"),
    (&[Methods], "user started security info registration", "sspr.registration.started"),
    (&[Methods], "user canceled security info registration", "sspr.registration.canceled"),
    (&[Methods], "user cancelled security info registration", "sspr.registration.canceled"),
    (&[Methods], "user started password reset", "password.reset.started"),
    (&[Methods], "admin started password reset", "password.reset.started"),
    (&[Methods], "post userauthmethod.resetpasswordonpasswordmethods", "password.reset.started"),
    (&[Methods], "user started password change", "password.change.started"),
    // The directory's side of passwords.
    (&[Core], "reset user password", "password.reset.directory"),
    (&[Core], "reset password", "password.reset.directory"),
    (&[Core], "change user password", "password.change.directory"),
    (&[Core], "update passwordprofile", "password.profile.directory"),
    (&[Core], "set force change user password", "password.profile.directory"),
    (&[Core], "update stsrefreshtokenvalidfrom timestamp", "token.refresh"),
    (&[Core], "update stsrefreshtokenvalidfrom", "token.refresh"),
    // People.
    (&[Core, Mim], "add user", "user.add"),
    (&[Core, Mim], "update user", "user.update"),
    (&[Core, Mim], "delete user", "user.delete"),
    (&[Core], "hard delete user", "user.delete.hard"),
    (&[Core], "restore user", "user.restore"),
    (&[Core, Mim], "enable account", "user.enable"),
    (&[Core, Mim], "disable account", "user.disable"),
    (&[Core, Mim], "set user manager", "user.manager"),
    (&[Core], "change user license", "user.license"),
    // Groups.
    (&[Core, Mim], "add group", "group.add"),
    (&[Mim], "create group", "group.add"),
    (&[Core, Mim], "update group", "group.update"),
    (&[Core, Mim], "delete group", "group.delete"),
    (&[Core], "hard delete group", "group.delete.hard"),
    (&[Core], "restore group", "group.restore"),
    (&[Core], "set group to be managed by user", "group.update"),
    (&[Core], "set group license", "group.license"),
    (&[Core, Mim], "add member to group", "member.add"),
    (&[Core, Mim], "remove member from group", "member.remove"),
    (&[Mim], "add member", "member.add"),
    (&[Mim], "remove member", "member.remove"),
    (&[Core, Mim], "add owner to group", "owner.add"),
    (&[Core, Mim], "remove owner from group", "owner.remove"),
    (&[Mim], "add owner", "owner.add"),
    (&[Mim], "remove owner", "owner.remove"),
    (&[Groups], "request to join a group", "group.join.requested"),
    (&[Groups], "approve a pending request to join a group", "group.join.approved"),
    (&[Groups], "reject a pending request to join a group", "group.join.rejected"),
    (&[Groups], "cancel a pending request to join a group", "group.join.canceled"),
    (&[Groups], "delete a pending request to join a group", "group.join.deleted"),
    (&[Groups], "renew group", "group.renewed"),
    (&[Groups], "autorenew group", "group.renewed"),
    (&[Groups], "create lifecycle management policy", "policy.add"),
    (&[Groups], "update lifecycle management policy", "policy.update"),
    (&[Groups], "delete lifecycle management policy", "policy.delete"),
    // MIM by its own two names.
    (&[Mim], "user password registration", "sspr.registered"),
    (&[Mim], "user password reset", "password.reset.self"),
    // Roles, applications, devices.
    (&[Core], "add member to role", "role.member.add"),
    (&[Core], "remove member from role", "role.member.remove"),
    (&[Core], "add scoped member to role", "role.member.add"),
    (&[Core], "remove scoped member from role", "role.member.remove"),
    (&[Core], "add eligible member to role", "role.eligible.add"),
    (&[Core], "remove eligible member from role", "role.eligible.remove"),
    (&[Core], "update role", "role.update"),
    (&[Core], "add application", "application.add"),
    (&[Core], "update application", "application.update"),
    (&[Core], "delete application", "application.delete"),
    (&[Core], "add owner to application", "application.owner.add"),
    (&[Core], "remove owner from application", "application.owner.remove"),
    (&[Core], "add service principal", "service_principal.add"),
    (&[Core], "update service principal", "service_principal.update"),
    (&[Core], "remove service principal", "service_principal.delete"),
    (&[Core], "delete service principal", "service_principal.delete"),
    (&[Core], "add service principal credentials", "service_principal.credentials.add"),
    (&[Core], "remove service principal credentials", "service_principal.credentials.remove"),
    (&[Core], "consent to application", "application.consent"),
    (&[Core], "add delegated permission grant", "application.grant.add"),
    (&[Core], "remove delegated permission grant", "application.grant.remove"),
    (&[Core], "add app role assignment to service principal", "application.role.add"),
    (&[Core], "remove app role assignment from service principal", "application.role.remove"),
    (&[Core, Device], "add device", "device.add"),
    (&[Device], "register device", "device.add"),
    (&[Core, Device], "update device", "device.update"),
    (&[Core, Device], "delete device", "device.delete"),
    (&[Device], "unregister device", "device.delete"),
    // Of any service.
    (&[], "add policy", "policy.add"),
    (&[], "update policy", "policy.update"),
    (&[], "delete policy", "policy.delete"),
    (&[], "add conditional access policy", "policy.add"),
    (&[], "update conditional access policy", "policy.update"),
    (&[], "delete conditional access policy", "policy.delete"),
    (&[], "create workflow", "workflow.add"),
    (&[], "update workflow", "workflow.update"),
    (&[], "delete workflow", "workflow.delete"),
    (&[], "request approved", "approval.approved"),
    (&[], "request denied", "approval.rejected"),
    (&[], "request expired", "approval.expired"),
    (&[], "create request", "approval.requested"),
    (&[], "cancel request", "request.cancel"),
];

/// The kind of a record, and the flags that follow from its name alone.
pub(super) fn classify(service: Service, activity: &str) -> (Kind, Flags) {
    let folded = fold(activity);
    // The en dash and what follows says which part of an application changed.
    let name = folded.split(" – ").next().unwrap_or(&folded);
    let row = ROWS.iter().find(|(services, known, _)| {
        let served =
            services.is_empty() || service == Service::Missing || services.contains(&service);
        served && *known == name
    });
    if let Some((_, _, key)) = row {
        let mut flags = Flags::default();
        if *key == "token.refresh" {
            flags.insert(Flags::NOISE);
        }
        if key.starts_with("role.") && *key != "role.update" {
            flags.insert(Flags::SENSITIVE);
        }
        return (Kind::from_static(key), flags);
    }
    match service {
        Service::Pim => (Kind::from_static(pim(&folded)), Flags::PAM),
        Groups if is_interface_call(&folded) => {
            let key = if is_read(&folded) { "read" } else { "other" };
            (Kind::from_static(key), Flags::NOISE)
        }
        _ => (Kind::from_static("other"), Flags::default()),
    }
}

/// PIM has dozens of activities that differ in what follows; its own words decide.
fn pim(folded: &str) -> &'static str {
    let has = |word: &str| folded.contains(word);
    if has("deactivat") {
        "pam.deactivate"
    } else if has("activation expired") || (has("remove member from role") && has("expired")) {
        "pam.expired"
    } else if has("pim activation") {
        "pam.activate"
    } else {
        "pam.config"
    }
}

/// `Group_AddMember`: calls of the service's interface beside the change itself.
fn is_interface_call(folded: &str) -> bool {
    !folded.contains(' ') && folded.contains('_')
}

fn is_read(folded: &str) -> bool {
    folded.contains("_get")
        || ["features_", "settings_", "groupsodatav4_"]
            .iter()
            .any(|start| folded.starts_with(start))
}

/// Category names with a blank, or of other case, in the spelling of today.
pub(super) fn category(text: &str) -> String {
    const KNOWN: &[&str] = &[
        "UserManagement",
        "GroupManagement",
        "RoleManagement",
        "ApplicationManagement",
        "DirectoryManagement",
        "Policy",
        "PolicyManagement",
        "Device",
        "DeviceManagement",
        "DeviceConfiguration",
        "AdministrativeUnit",
        "Authentication",
        "Authorization",
        "AuthorizationPolicy",
        "EntitlementManagement",
        "ProvisioningManagement",
        "ResourceManagement",
        "KeyManagement",
        "IdentityProtection",
        "AttributeManagement",
        "Contact",
        "Agreement",
        "TaskManagement",
        "WorkflowManagement",
        "ObjectManagement",
        "Other",
    ];
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let known = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(&bare));
    known.map_or_else(|| text.trim().to_owned(), |known| (*known).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(service: &str, activity: &str) -> (String, Vec<&'static str>) {
        let (kind, flags) = classify(Service::of(service), activity);
        (kind.as_str().to_owned(), flags.names().collect())
    }

    #[test]
    fn known_in_any_spelling() {
        let passwords = "Self-service Password Management";
        assert_eq!(
            key(passwords, "Reset password (self-service)").0,
            "password.reset.self"
        );
        assert_eq!(
            key(
                passwords,
                "Self-serve Password Reset Flow  Activity Progress"
            )
            .0,
            "sspr.flow"
        );
        assert_eq!(
            key("Core Directory", "Update service principal.").0,
            "service_principal.update"
        );
        assert_eq!(
            key(
                "Core Directory",
                "Update application – Certificates and secrets management "
            )
            .0,
            "application.update"
        );
        assert_eq!(key("", "Add member to group").0, "member.add");
        assert_eq!(key("Contoso", "Add member to group").0, "other");
    }

    #[test]
    fn mim_by_both_names_of_the_service_and_of_2017() {
        for service in ["MIM Service", "Microsoft Identity Manager"] {
            assert_eq!(key(service, "Add Member").0, "member.add");
            assert_eq!(key(service, "Create Group").0, "group.add");
            assert_eq!(key(service, "User Password Reset").0, "password.reset.self");
            assert_eq!(
                key(service, "User Password Registration").0,
                "sspr.registered"
            );
        }
    }

    #[test]
    fn what_only_repeats_or_reads_is_noise() {
        let groups = "Self-service Group Management";
        assert_eq!(
            key(groups, "GroupsODataV4_GetgroupLifecyclePolicies"),
            ("read".into(), vec!["noise"])
        );
        assert_eq!(
            key(groups, "Group_AddMember"),
            ("other".into(), vec!["noise"])
        );
        assert_eq!(
            key(groups, "Request to join a group"),
            ("group.join.requested".into(), vec![])
        );
        assert_eq!(
            key(
                "Core Directory",
                "Update StsRefreshTokenValidFrom Timestamp"
            ),
            ("token.refresh".into(), vec!["noise"])
        );
    }

    #[test]
    fn pim_by_its_words() {
        for (activity, kind) in [
            (
                "Add member to role requested (PIM activation)",
                "pam.activate",
            ),
            (
                "Add member to role request denied (PIM activation)",
                "pam.activate",
            ),
            (
                "Remove member from role (PIM activation expired)",
                "pam.expired",
            ),
            (
                "Remove member from role completed (PIM deactivate)",
                "pam.deactivate",
            ),
            (
                "Add eligible member to role in PIM completed (timebound)",
                "pam.config",
            ),
        ] {
            assert_eq!(key("PIM", activity), (kind.into(), vec!["pam"]));
        }
    }

    #[test]
    fn categories_lose_their_blanks() {
        assert_eq!(category("Application management"), "ApplicationManagement");
        assert_eq!(category("Some Thing"), "Some Thing");
    }
}
