//! Identifiers that every MIM service has, and what is known of its object types
//! and attributes.
//!
//! The GUIDs are those of the service's built-in accounts, policy rule and gates.
//! Sets and workflows have no published GUIDs; customers rename and copy them, so
//! a name is never more than a hint.

use uuid::{Uuid, uuid};

/// The account that installed the service: the default administrator.
pub const ADMINISTRATOR: Uuid = uuid!("7fb2b853-24f0-4498-9534-4e10589723c4");
/// Built-in Synchronization Account: what the MIM management agent writes.
pub const SYNCHRONIZATION: Uuid = uuid!("fb89aefa-5ea1-47f1-8890-abe7797d6497");
/// Forefront Identity Manager Service Account: workflow activities run as it.
pub const SERVICE: Uuid = uuid!("e05d1f1b-3d5e-4014-baa6-94dee7d68c89");
/// Anonymous: self-service password resets come from it.
pub const ANONYMOUS: Uuid = uuid!("b0b36673-d43b-4cfa-a7a2-aff14fd90522");
/// The policy rule *Anonymous users can reset their password*.
pub const ANONYMOUS_RESET_RULE: Uuid = uuid!("505e53d9-0f5e-4156-a722-a71621e02281");
/// `GateTypeId` of the question-and-answer gate.
pub const QA_GATE: Uuid = uuid!("45c4d8bb-d34c-453d-8346-c9061a2a1e4c");
/// `GateTypeId` of the lockout gate.
pub const LOCKOUT_GATE: Uuid = uuid!("d1230ef0-c5fa-4473-be2a-30918b42ea2b");

/// Internal key that is very probably the Built-in Synchronization Account
/// everywhere. Guessed: a hint for display, never a condition.
pub const GUESSED_SYNCHRONIZATION_KEY: &str = "2731";
/// Internal key that is very probably the installing administrator. Guessed.
pub const GUESSED_ADMINISTRATOR_KEY: &str = "2340";
/// Internal key that is very probably the set Administrators. Guessed.
pub const GUESSED_ADMINISTRATORS_SET_KEY: &str = "2732";

/// Who asked, as far as built-in accounts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Initiator {
    /// [`ADMINISTRATOR`]
    Administrator,
    /// [`SYNCHRONIZATION`]
    Synchronization,
    /// [`SERVICE`]
    Service,
    /// [`ANONYMOUS`]
    Anonymous,
    /// Any other GUID.
    User,
    /// No GUID was logged.
    Unknown,
}

impl Initiator {
    /// By the creator's GUID.
    #[must_use]
    pub fn of(creator: Option<Uuid>) -> Self {
        match creator {
            None => Self::Unknown,
            Some(ADMINISTRATOR) => Self::Administrator,
            Some(SYNCHRONIZATION) => Self::Synchronization,
            Some(SERVICE) => Self::Service,
            Some(ANONYMOUS) => Self::Anonymous,
            Some(_) => Self::User,
        }
    }

    /// The word that rules use: `administrator`, `synchronization`, `service`,
    /// `anonymous`, `user`, `unknown`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Synchronization => "synchronization",
            Self::Service => "service",
            Self::Anonymous => "anonymous",
            Self::User => "user",
            Self::Unknown => "unknown",
        }
    }
}

/// The display name of a built-in account.
#[must_use]
pub fn account_name(id: Uuid) -> Option<&'static str> {
    match id {
        ADMINISTRATOR => Some("Administrator"),
        SYNCHRONIZATION => Some("Built-in Synchronization Account"),
        SERVICE => Some("Forefront Identity Manager Service Account"),
        ANONYMOUS => Some("Anonymous"),
        _ => None,
    }
}

/// A coarse class of an object type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// `Approval`, `ApprovalResponse`.
    Approval,
    /// MIM's own types: configuration, schema, workflows, ...
    System,
    /// Everything else: people, groups, and the customer's own types.
    Audit,
}

/// The class of an object type, compared without regard to ASCII case.
#[must_use]
pub fn class(object_type: &str) -> Class {
    let is = |known: &&str| known.eq_ignore_ascii_case(object_type);
    if ["Approval", "ApprovalResponse"].iter().any(is) {
        Class::Approval
    } else if SYSTEM_TYPES.iter().any(is) {
        Class::System
    } else {
        Class::Audit
    }
}

/// The object types of MIM itself, approvals left out.
pub const SYSTEM_TYPES: &[&str] = &[
    "ActivityInformationConfiguration",
    "AttributeTypeDescription",
    "BindingDescription",
    "Configuration",
    "ConstantSpecifier",
    "DetectedRuleEntry",
    "DomainConfiguration",
    "EmailTemplate",
    "ExpectedRuleEntry",
    "FilterScope",
    "ForestConfiguration",
    "Function",
    "GateRegistration",
    "HomepageConfiguration",
    "ma-data",
    "ManagementPolicyRule",
    "msidmCompositeType",
    "msidmDataWarehouseBinding",
    "msidmPamConfiguration",
    "msidmPamRequest",
    "msidmPamRole",
    "msidmReportingJob",
    "msidmRequestContext",
    "msidmRequestTargetDetail",
    "msidmSystemConfiguration",
    "mv-data",
    "NavigationBarConfiguration",
    "ObjectTypeDescription",
    "ObjectVisualizationConfiguration",
    "PortalUIConfiguration",
    "Request",
    "Resource",
    "SearchScopeConfiguration",
    "Set",
    "SupportedLocaleConfiguration",
    "SynchronizationFilter",
    "SynchronizationRule",
    "SystemResourceRetentionConfiguration",
    "TimeZoneConfiguration",
    "WorkflowDefinition",
    "WorkflowInstance",
];

const PHONES: [&str; 2] = [
    "msidmOneTimePasswordMobilePhone",
    "msidmPhoneGatePhoneNumber",
];
const MAIL_ADDRESSES: [&str; 1] = ["msidmOneTimePasswordEmailAddress"];

/// How much of an attribute's value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Privacy {
    /// All of it.
    Open,
    /// A phone number of a gate: its last digits.
    MaskedPhone,
    /// A mail address of a gate: its first character and its domain.
    MaskedMail,
    /// Nothing: passwords, gate data, PIN codes.
    Secret,
}

/// How much of an attribute's value may be shown, by the attribute's name
/// (compared without regard to ASCII case).
#[must_use]
pub fn privacy(attribute: &str) -> Privacy {
    let is = |known: &&str| known.eq_ignore_ascii_case(attribute);
    if PHONES.iter().any(is) {
        return Privacy::MaskedPhone;
    }
    if MAIL_ADDRESSES.iter().any(is) {
        return Privacy::MaskedMail;
    }
    let lower = attribute.to_ascii_lowercase();
    let secret = ["gatedata", "msidmmfapincode"].contains(&lower.as_str())
        || lower.contains("password")
        || lower.contains("pwd");
    if secret {
        Privacy::Secret
    } else {
        Privacy::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_masked_though_named_like_passwords() {
        assert_eq!(
            privacy("MSIDMOneTimePasswordMobilePhone"),
            Privacy::MaskedPhone
        );
        assert_eq!(
            privacy("msidmOneTimePasswordEmailAddress"),
            Privacy::MaskedMail
        );
        for secret in [
            "ResetPassword",
            "GateData",
            "msidmMFAPINCode",
            "mcsUserPwdHash",
        ] {
            assert_eq!(privacy(secret), Privacy::Secret, "{secret}");
        }
        assert_eq!(privacy("DisplayName"), Privacy::Open);
    }

    #[test]
    fn classes_and_initiators() {
        assert_eq!(class("approvalresponse"), Class::Approval);
        assert_eq!(class("MA-DATA"), Class::System);
        assert_eq!(class("Person"), Class::Audit);
        assert_eq!(Initiator::of(Some(ANONYMOUS)).as_str(), "anonymous");
        assert_eq!(Initiator::of(None), Initiator::Unknown);
    }
}
