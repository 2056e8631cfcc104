//! What the invented installation is configured with: built-in accounts,
//! management policy rules, workflow definitions, sets, roles.

use std::sync::Arc;

use uuid::Uuid;

use super::directory::{DOMAIN, Resource};
use super::document::{Creator, Policy};
use super::json;
use super::rng::Rng;
use super::truth;
use crate::activity::{Actor, ActorKind};

const ADMINISTRATOR: Uuid = Uuid::from_u128(0x7fb2_b853_24f0_4498_9534_4e10_5897_23c4);
const SYNCHRONIZATION: Uuid = Uuid::from_u128(0xfb89_aefa_5ea1_47f1_8890_abe7_797d_6497);
const SERVICE: Uuid = Uuid::from_u128(0xe05d_1f1b_3d5e_4014_baa6_94de_e7d6_8c89);
const ANONYMOUS: Uuid = Uuid::from_u128(0xb0b3_6673_d43b_4cfa_a7a2_aff1_4fd9_0522);
/// The built-in rule "Anonymous users can reset their password".
const ANONYMOUS_RESET: Uuid = Uuid::from_u128(0x505e_53d9_0f5e_4156_a722_a716_21e0_2281);

/// The rules that requests are granted by, or that attach workflows to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    JoinOpen,
    JoinWithApproval,
    CreateGroups,
    OwnGroups,
    AdministerGroups,
    AnonymousReset,
    CopyOfReset,
    HelpdeskReset,
    Lockout,
    Unlock,
    Register,
    RegisterGates,
    Synchronize,
    Administer,
    EditPeople,
    EditOneself,
    RequestRole,
    Respond,
    Notify,
    Provision,
    Cancel,
}

struct RuleText {
    rule: Rule,
    name: &'static str,
    grants: bool,
    actions: &'static [&'static str],
    attributes: &'static [&'static str],
}

const fn grants(
    rule: Rule,
    name: &'static str,
    actions: &'static [&'static str],
    attributes: &'static [&'static str],
) -> RuleText {
    RuleText {
        rule,
        name,
        grants: true,
        actions,
        attributes,
    }
}

/// In the order of [`Rule`].
const RULES: [RuleText; 21] = [
    grants(
        Rule::JoinOpen,
        "Staff: join and leave open groups",
        &["Add", "Remove"],
        &["ExplicitMember"],
    ),
    grants(
        Rule::JoinWithApproval,
        "Staff: ask to join groups with owner approval",
        &["Add"],
        &["ExplicitMember"],
    ),
    grants(
        Rule::CreateGroups,
        "Staff: create groups",
        &["Create"],
        &["*"],
    ),
    grants(
        Rule::OwnGroups,
        "Owners: manage their groups",
        &["Add", "Delete", "Modify", "Remove"],
        &[
            "ExplicitMember",
            "Owner",
            "DisplayedOwner",
            "Description",
            "MembershipAddWorkflow",
        ],
    ),
    grants(
        Rule::AdministerGroups,
        "Group Administrators: full control of groups",
        &["Add", "Create", "Delete", "Modify", "Remove"],
        &["*"],
    ),
    grants(
        Rule::AnonymousReset,
        "Anonymous users can reset their password",
        &["Modify"],
        &["ResetPassword"],
    ),
    grants(
        Rule::CopyOfReset,
        "Reset with gates (copy of 2021)",
        &["Modify"],
        &["ResetPassword"],
    ),
    grants(
        Rule::HelpdeskReset,
        "Helpdesk: set a new password",
        &["Modify"],
        &["ResetPassword"],
    ),
    grants(
        Rule::Lockout,
        "Reset users: lockout attributes of themselves",
        &["Add", "Remove"],
        &["AuthNWFLockedOut", "AuthNLockoutRegistrationID"],
    ),
    grants(
        Rule::Unlock,
        "Helpdesk: end a lockout",
        &["Add", "Remove"],
        &["AuthNWFLockedOut", "AuthNLockoutRegistrationID"],
    ),
    grants(
        Rule::Register,
        "Staff: register for password reset",
        &["Add", "Modify"],
        &["AuthNWFRegistered"],
    ),
    grants(
        Rule::RegisterGates,
        "Staff: registration objects of themselves",
        &["Create", "Delete", "Modify"],
        &["*"],
    ),
    grants(
        Rule::Synchronize,
        "Synchronization: people and groups",
        &["Create", "Delete", "Modify"],
        &["*"],
    ),
    grants(
        Rule::Administer,
        "Administrators: configuration",
        &["Add", "Create", "Delete", "Modify", "Remove"],
        &["*"],
    ),
    grants(
        Rule::EditPeople,
        "HR: people's attributes",
        &["Create", "Delete", "Modify"],
        &["*"],
    ),
    grants(
        Rule::EditOneself,
        "Staff: own contact data",
        &["Modify"],
        &["OfficePhone", "MobilePhone", "DisplayName"],
    ),
    grants(
        Rule::RequestRole,
        "Staff: create PAM requests",
        &["Create"],
        &["*"],
    ),
    grants(
        Rule::Respond,
        "Approvers: respond to what they are asked",
        &["Create"],
        &["*"],
    ),
    RuleText {
        rule: Rule::Notify,
        name: "Groups: tell the owner of new members",
        grants: false,
        actions: &["Add"],
        attributes: &["ExplicitMember"],
    },
    RuleText {
        rule: Rule::Provision,
        name: "People: provision their accounts",
        grants: false,
        actions: &["Create", "Modify"],
        attributes: &["*"],
    },
    grants(
        Rule::Cancel,
        "Staff: cancel own requests",
        &["Modify"],
        &["RequestControl"],
    ),
];

/// A workflow of gates, and the methods that its name tells of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gates {
    pub(crate) workflow: &'static str,
    pub(crate) definition: u64,
    pub(crate) methods: &'static [&'static str],
}

/// Names as installations give them; each tells of its methods.
pub(crate) const GATES: [Gates; 7] = [
    Gates {
        workflow: "Password Reset AuthN Workflow (QA gate)",
        definition: 9_101,
        methods: &["Security Questions"],
    },
    Gates {
        workflow: "Password reset with SMS",
        definition: 9_102,
        methods: &["OTP over SMS"],
    },
    Gates {
        workflow: "Password reset with e-mail code",
        definition: 9_103,
        methods: &["OTP over e-mail"],
    },
    Gates {
        workflow: "Password reset: security questions, then SMS",
        definition: 9_104,
        methods: &["Security Questions", "OTP over SMS"],
    },
    Gates {
        workflow: "Password reset with Azure MFA",
        definition: 9_105,
        methods: &["Azure MFA"],
    },
    Gates {
        workflow: "Contractors' reset: email and MFA",
        definition: 9_106,
        methods: &["OTP over e-mail", "Azure MFA"],
    },
    Gates {
        workflow: "Field staff reset: phone gate",
        definition: 9_107,
        methods: &["Mobile Phone"],
    },
];
/// A workflow of gates whose name says nothing of them.
pub(crate) const SILENT_GATES: (&str, u64) = ("Reset verification", 9_120);

pub(crate) const OWNER_APPROVAL: (&str, u64) = ("Owner Approval Workflow", 9_201);
pub(crate) const ROLE_AUTHORIZATION: (&str, u64) = ("PAM: Request Authorization", 9_203);
pub(crate) const RESET_ACTION: (&str, u64) = ("Password Reset Action Workflow", 9_301);
pub(crate) const NOTIFICATION: (&str, u64) = ("Notify group owner", 9_302);
pub(crate) const PROVISIONING: (&str, u64) = ("Provision account", 9_303);
pub(crate) const ROLE_HANDLER: (&str, u64) = ("PAM: Handle PAM Request", 9_304);

/// A role of privileged access management.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) mim: Resource,
    /// The privileged group whose member one becomes.
    pub(crate) group: Resource,
}

#[derive(Debug)]
pub(crate) struct Library {
    policies: Vec<Arc<Policy>>,
    accounts: [(Creator, Creator); 4],
    pub(crate) administrators: Resource,
    pub(crate) sets: Vec<Resource>,
    pub(crate) roles: Vec<Role>,
    /// The definition that a registration names.
    pub(crate) registration: Resource,
}

/// A built-in account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    Administrator,
    Synchronization,
    Service,
    Anonymous,
}

impl Library {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 3);
        let policies = RULES
            .iter()
            .enumerate()
            .map(|(index, rule)| Arc::new(policy(&mut rng, index as u64, rule)))
            .collect();
        let accounts = [
            (
                ADMINISTRATOR,
                "administrator",
                "MIM Administrator",
                "mimadmin",
                "Administrator",
            ),
            (
                SYNCHRONIZATION,
                "synchronization",
                "Built-in Synchronization Account",
                "",
                "Built-in Synchronization Account",
            ),
            (
                SERVICE,
                "service",
                "Forefront Identity Manager Service Account",
                "",
                "Forefront Identity Manager Service Account",
            ),
            (ANONYMOUS, "anonymous", "Anonymous", "", "Anonymous"),
        ]
        .map(account);
        let administrators = Resource::new(
            rng.uuid(),
            2_732,
            "Set",
            Some("Administrators"),
            None,
            |_| {},
        );
        let sets = ["All Active People", "Password Reset Users Set", "VPN: remote workers", "Contractors"]
            .into_iter()
            .zip(70_000..)
            .map(|(name, key)| Resource::new(rng.uuid(), key, "Set", Some(name), None, |o| {
                o.text("Filter", "<Filter xmlns=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\">/Person[EmployeeType = 'Contractor']</Filter>");
            }))
            .collect();
        let roles = [
            "Domain Administrators",
            "SQL Operators",
            "Exchange: Recipients",
            "Büro-Server",
        ]
        .into_iter()
        .zip(71_000_u64..)
        .map(|(name, key)| Role {
            mim: Resource::new(rng.uuid(), key, "msidmPamRole", Some(name), None, |o| {
                o.text("msidmPamRoleTTL", "3600")
                    .text("msidmPamRoleMfaEnabled", "0");
            }),
            group: Resource::new(
                rng.uuid(),
                key + 500,
                "Group",
                Some(&format!("PRIV.{name}")),
                Some(&format!("priv-{key}")),
                |o| {
                    o.text("msidmPamEnabled", "1");
                },
            ),
        })
        .collect();
        let registration = Resource::new(
            rng.uuid(),
            9_401,
            "WorkflowDefinition",
            Some("Password Reset AuthN Workflow"),
            None,
            |o| {
                o.text("RequestPhase", "Authentication");
            },
        );
        Self {
            policies,
            accounts,
            administrators,
            sets,
            roles,
            registration,
        }
    }

    pub(crate) fn policy(&self, rule: Rule) -> Arc<Policy> {
        Arc::clone(&self.policies[rule as usize])
    }

    /// A built-in account as its object; `bare`: the object without any name.
    pub(crate) fn account(&self, account: Account, bare: bool) -> Creator {
        let (named, nameless) = &self.accounts[account as usize];
        if bare {
            nameless.clone()
        } else {
            named.clone()
        }
    }

    /// The synchronization account as nothing but its internal key.
    pub(crate) fn unresolved_synchronization() -> Creator {
        Creator {
            json: "\"2731\"".to_owned(),
            actor: Actor {
                id: Some("2731".to_owned()),
                hint: Some("probably the Built-in Synchronization Account".to_owned()),
                ..Actor::default()
            },
            initiator: None,
        }
    }
}

/// The creator that a person is.
pub(crate) fn person(person: &Resource) -> Creator {
    Creator {
        json: person.full.clone(),
        actor: truth::user(person),
        initiator: None,
    }
}

fn account(
    (id, initiator, name, account, known): (Uuid, &'static str, &str, &str, &str),
) -> (Creator, Creator) {
    let kind = if initiator == "administrator" {
        ActorKind::User
    } else {
        ActorKind::Service
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    // Without `ObjectID`: an internal key that was never seen beside its GUID stays one.
    let named = Creator {
        json: json::object(|o| {
            o.plain("HybridObjectID", id)
                .text("ObjectType", "Person")
                .text("DisplayName", name)
                .optional("AccountName", some(account).as_deref())
                .optional("Domain", some(account).map(|_| DOMAIN))
                .text("CreatedTime", "2019-08-20 14:02:37.107")
                .text("Creator", "2340");
        }),
        actor: Actor {
            kind,
            id: Some(id.to_string()),
            name: some(name),
            account: some(account),
            domain: some(account).map(|_| DOMAIN.to_owned()),
            ..Actor::default()
        },
        initiator: Some(initiator),
    };
    let bare = Creator {
        json: format!("{{\"HybridObjectID\":\"{id}\",\"ObjectType\":\"Person\"}}"),
        actor: Actor {
            kind,
            id: Some(id.to_string()),
            name: some(known),
            ..Actor::default()
        },
        initiator: Some(initiator),
    };
    (named, bare)
}

fn policy(rng: &mut Rng, index: u64, text: &RuleText) -> Policy {
    let id = if text.rule == Rule::AnonymousReset {
        ANONYMOUS_RESET
    } else {
        rng.uuid()
    };
    let json = json::object(|o| {
        o.plain("HybridObjectID", id)
            .plain("ObjectID", 8_000 + index)
            .text("ObjectType", "ManagementPolicyRule")
            .text("DisplayName", text.name)
            .text("CreatedTime", "2019-08-26 07:12:40.913")
            .text("Creator", "2340")
            .text("Disabled", "0")
            .text("GrantRight", if text.grants { "1" } else { "0" })
            .text("ManagementPolicyRuleType", "Request")
            .many("ActionType", text.actions, |out, word| {
                json::text(out, word);
            })
            .many("ActionParameter", text.attributes, |out, word| {
                json::text(out, word);
            })
            .plain("PrincipalSet", 70_000 + index % 4)
            .plain("ResourceCurrentSet", 70_100 + index)
            .plain("ResourceFinalSet", 70_100 + index);
    });
    Policy {
        name: text.name,
        grants: text.grants,
        json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_stand_in_the_order_of_their_names() {
        for (index, text) in RULES.iter().enumerate() {
            assert_eq!(text.rule as usize, index, "{}", text.name);
        }
    }
}
