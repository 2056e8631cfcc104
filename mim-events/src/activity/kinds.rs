//! The kinds of activity that the built-in rules and the Entra reader give.
//!
//! A kind is what reports and programs filter by; it is the same for the same thing
//! from either source and never changes, while the name shown may. Kinds are open:
//! a user's rules may bring their own.

use super::Kind;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $key:literal;)*) => {
        $($(#[$doc])* pub const $name: Kind = Kind::from_static($key);)*

        /// Every kind named here.
        pub const ALL: &[Kind] = &[$($name),*];
    };
}

kinds! {
    /// A signed-in or anonymous person unlocked their directory account.
    ACCOUNT_UNLOCK_SELF = "account.unlock.self";
    /// Somebody else unlocked a directory account.
    ACCOUNT_UNLOCK_ADMIN = "account.unlock.admin";
    /// An approver approved.
    APPROVAL_APPROVED = "approval.approved";
    /// Nobody decided in time.
    APPROVAL_EXPIRED = "approval.expired";
    /// An approver rejected.
    APPROVAL_REJECTED = "approval.rejected";
    /// Approvers were asked.
    APPROVAL_REQUESTED = "approval.requested";
    /// An approval object changed otherwise.
    APPROVAL_UPDATE = "approval.update";
    /// A configuration object was added.
    CONFIG_ADD = "config.add";
    /// A configuration object was deleted.
    CONFIG_DELETE = "config.delete";
    /// A configuration object was changed.
    CONFIG_UPDATE = "config.update";
    /// MIM keeps a lockout counter; not a method.
    GATE_ADD = "gate.add";
    /// MIM counts in a lockout counter.
    GATE_UPDATE = "gate.update";
    /// A group was made.
    GROUP_ADD = "group.add";
    /// A group was deleted.
    GROUP_DELETE = "group.delete";
    /// A request to join a group was approved (cloud).
    GROUP_JOIN_APPROVED = "group.join.approved";
    /// A request to join a group was taken back (cloud).
    GROUP_JOIN_CANCELED = "group.join.canceled";
    /// A waiting request to join a group was deleted (cloud).
    GROUP_JOIN_DELETED = "group.join.deleted";
    /// A request to join a group was rejected (cloud).
    GROUP_JOIN_REJECTED = "group.join.rejected";
    /// Somebody asked to join a group (cloud).
    GROUP_JOIN_REQUESTED = "group.join.requested";
    /// A group was changed.
    GROUP_UPDATE = "group.update";
    /// Somebody or something became member of a group.
    MEMBER_ADD = "member.add";
    /// A group lost a member.
    MEMBER_REMOVE = "member.remove";
    /// An authentication method was removed.
    METHOD_DELETED = "method.deleted";
    /// An authentication method was registered.
    METHOD_REGISTERED = "method.registered";
    /// An authentication method was changed.
    METHOD_UPDATED = "method.updated";
    /// Nothing more is known of it.
    OTHER = "other";
    /// A group got an owner.
    OWNER_ADD = "owner.add";
    /// A group lost an owner.
    OWNER_REMOVE = "owner.remove";
    /// A privileged role was asked for, activated or refused; the name says which.
    PAM_ACTIVATE = "pam.activate";
    /// Privileged access management was configured.
    PAM_CONFIG = "pam.config";
    /// A privileged role was given back.
    PAM_DEACTIVATE = "pam.deactivate";
    /// A privileged role ran out.
    PAM_EXPIRED = "pam.expired";
    /// A privileged access request changed otherwise.
    PAM_UPDATE = "pam.update";
    /// A person changed their own password.
    PASSWORD_CHANGE_SELF = "password.change.self";
    /// Somebody else reset a password.
    PASSWORD_RESET_ADMIN = "password.reset.admin";
    /// A person reset their own password.
    PASSWORD_RESET_SELF = "password.reset.self";
    /// A policy (rule) was added.
    POLICY_ADD = "policy.add";
    /// A policy (rule) was deleted.
    POLICY_DELETE = "policy.delete";
    /// A policy rule was switched off.
    POLICY_DISABLE = "policy.disable";
    /// A policy rule was switched on.
    POLICY_ENABLE = "policy.enable";
    /// A policy (rule) was changed.
    POLICY_UPDATE = "policy.update";
    /// Something was read.
    READ = "read";
    /// Somebody cancelled a request.
    REQUEST_CANCEL = "request.cancel";
    /// A resource of another type was added.
    RESOURCE_ADD = "resource.add";
    /// A resource of another type was deleted.
    RESOURCE_DELETE = "resource.delete";
    /// A resource of another type was changed.
    RESOURCE_UPDATE = "resource.update";
    /// The schema got an object type, attribute or binding.
    SCHEMA_ADD = "schema.add";
    /// The schema lost an object type, attribute or binding.
    SCHEMA_DELETE = "schema.delete";
    /// An object type, attribute or binding was changed.
    SCHEMA_UPDATE = "schema.update";
    /// A set was made.
    SET_ADD = "set.add";
    /// A set was deleted.
    SET_DELETE = "set.delete";
    /// A set got a member.
    SET_MEMBER_ADD = "set.member.add";
    /// A set lost a member.
    SET_MEMBER_REMOVE = "set.member.remove";
    /// A set was changed.
    SET_UPDATE = "set.update";
    /// A person was locked out of password reset.
    SSPR_BLOCKED = "sspr.blocked";
    /// All registrations of a workflow were cleared.
    SSPR_CLEARED = "sspr.cleared";
    /// A step on the way to a password reset (cloud).
    SSPR_FLOW = "sspr.flow";
    /// A person registered for password reset.
    SSPR_REGISTERED = "sspr.registered";
    /// A person's lockout from password reset ended.
    SSPR_UNLOCKED = "sspr.unlocked";
    /// A person's registration for password reset was removed.
    SSPR_UNREGISTERED = "sspr.unregistered";
    /// A synchronization object was added.
    SYNC_ADD = "sync.add";
    /// A synchronization object was deleted.
    SYNC_DELETE = "sync.delete";
    /// A synchronization object was changed.
    SYNC_UPDATE = "sync.update";
    /// MIM moved something into or out of a set.
    SYSTEM_EVENT = "system.event";
    /// A user was added.
    USER_ADD = "user.add";
    /// A user was deleted.
    USER_DELETE = "user.delete";
    /// A user's account was disabled.
    USER_DISABLE = "user.disable";
    /// A user's account was enabled.
    USER_ENABLE = "user.enable";
    /// A user got another manager.
    USER_MANAGER = "user.manager";
    /// A user was changed.
    USER_UPDATE = "user.update";
    /// A workflow was added.
    WORKFLOW_ADD = "workflow.add";
    /// A workflow was deleted.
    WORKFLOW_DELETE = "workflow.delete";
    /// A workflow was changed.
    WORKFLOW_UPDATE = "workflow.update";
}

/// The kind of a key, borrowed where it is one of those named here.
pub(crate) fn of(key: &str) -> Kind {
    ALL.iter()
        .find(|kind| kind.as_str() == key)
        .cloned()
        .unwrap_or_else(|| Kind::new(key))
}
