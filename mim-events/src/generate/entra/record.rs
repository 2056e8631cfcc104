//! An audit record, in the dresses that exports give it, and its row.

use std::fmt::Write;

use chrono::{DateTime, Timelike, Utc};
use uuid::Uuid;

use crate::activity::{
    Activity, Actor, ActorKind, Change, Detail, Flags, Kind, Outcome, Source, Target,
};
use crate::generate::directory::{Group, Person};
use crate::generate::json::{self, Object};
use crate::generate::truth;

/// The organisation's tenant.
pub(super) const TENANT: Uuid = Uuid::from_u128(0x6b1f_3c52_9d0e_4c7a_8f21_5e0d_4ab3_7719);

/// The form of the export that a generator writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloudFormat {
    /// Pages as Graph answers them, one a line: `{"@odata.context": …, "value": [ … ]}`.
    #[default]
    GraphPages,
    /// Graph's objects, one a line.
    GraphLines,
    /// The portal's JSON download: a byte order mark and one array.
    PortalJson,
    /// Batches as an Event Hub gives them, one a line: `{"records": [ … ]}`.
    EventHub,
    /// Diagnostic records as in a storage account: one a line, lines end in CR LF.
    Blob,
    /// Rows of the `AuditLogs` table, one a line, nested columns as JSON in a text.
    LogAnalytics,
}

impl CloudFormat {
    /// Whether its records name the tenant.
    fn has_tenant(self) -> bool {
        matches!(self, Self::EventHub | Self::Blob | Self::LogAnalytics)
    }
}

/// An audit record before it is written.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) time: DateTime<Utc>,
    pub(super) service: &'static str,
    pub(super) name: &'static str,
    pub(super) category: &'static str,
    pub(super) operation: &'static str,
    pub(super) result: &'static str,
    pub(super) reason: Option<&'static str>,
    pub(super) correlation: String,
    pub(super) initiator: Initiator,
    pub(super) targets: Vec<RecordTarget>,
    pub(super) details: Vec<(&'static str, Option<String>)>,
}

/// Who a record says did it.
#[derive(Clone, Debug)]
pub(super) enum Initiator {
    User {
        id: Uuid,
        upn: Option<String>,
        /// What stands where the display name would.
        named: Named,
        ip: Option<String>,
    },
    App {
        principal: Uuid,
        name: &'static str,
    },
    Nobody,
}

/// The display name of a user in `initiatedBy`, which may be the application's.
#[derive(Clone, Debug)]
pub(super) enum Named {
    Nothing,
    Person(String),
    App(&'static str),
    /// A service dressed as a user.
    Service(&'static str),
}

#[derive(Clone, Debug)]
pub(super) struct RecordTarget {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) object_type: &'static str,
    pub(super) upn: Option<String>,
    pub(super) group_type: Option<&'static str>,
    pub(super) properties: Vec<Property>,
}

/// A modified property; values as they are meant, and as their text is written.
#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) name: &'static str,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
    /// It refers to something or says how, and is no change.
    pub(super) refers: bool,
    pub(super) written: Written,
}

/// How old and new values are written into their texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// `"\"Sales\""`
    Text,
    /// `"[\"Sales\"]"`, and `"[]"` for nothing.
    List,
    /// `"DirectorySync"`: no JSON.
    Plain,
}

pub(super) fn change(
    name: &'static str,
    old: Option<&str>,
    new: Option<&str>,
    written: Written,
) -> Property {
    Property {
        name,
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
        refers: false,
        written,
    }
}

/// A reference of a membership: the new value when something is added, the old one when it goes.
pub(super) fn refers(name: &'static str, value: Option<&str>, added: bool) -> Property {
    let (old, new) = if added { (None, value) } else { (value, None) };
    Property {
        refers: true,
        ..change(name, old, new, Written::Text)
    }
}

pub(super) fn user(person: &Person) -> RecordTarget {
    RecordTarget {
        id: Some(person.cloud.to_string()),
        name: None,
        object_type: "User",
        upn: Some(person.upn.clone()),
        group_type: None,
        properties: Vec::new(),
    }
}

pub(super) fn group(group: &Group, named: bool) -> RecordTarget {
    RecordTarget {
        id: Some(group.cloud.to_string()),
        name: named.then(|| group.name().to_owned()),
        object_type: "Group",
        upn: None,
        group_type: Some("unknownFutureValue"),
        properties: Vec::new(),
    }
}

pub(super) fn thing(id: Uuid, name: Option<&str>, object_type: &'static str) -> RecordTarget {
    RecordTarget {
        id: Some(id.to_string()),
        name: name.map(str::to_owned),
        object_type,
        upn: None,
        group_type: None,
        properties: Vec::new(),
    }
}

impl Record {
    /// The element of an export that holds this record.
    pub(super) fn write(&self, format: CloudFormat) -> String {
        match format {
            CloudFormat::GraphPages | CloudFormat::GraphLines => {
                json::object(|o| self.write_graph(o))
            }
            CloudFormat::PortalJson => json::object(|o| self.write_portal(o)),
            CloudFormat::EventHub | CloudFormat::Blob => self.write_diagnostic(),
            CloudFormat::LogAnalytics => self.write_row(),
        }
    }

    fn write_graph(&self, o: &mut Object<'_>) {
        o.text("id", &self.id)
            .text("category", self.category)
            .text("correlationId", &self.correlation)
            .text("result", self.result)
            .text_or_null("resultReason", self.reason)
            .text("activityDisplayName", self.name)
            .plain("activityDateTime", trimmed(self.time))
            .text("loggedByService", self.service)
            .text("operationType", self.operation)
            .object("initiatedBy", |o| self.write_initiator(o, true))
            .with("targetResources", |out| self.write_targets(out, false))
            .with("additionalDetails", |out| self.write_details(out));
    }

    fn write_portal(&self, o: &mut Object<'_>) {
        o.text("id", &self.id)
            .text("category", self.category)
            .text("correlationId", &self.correlation)
            .text("result", self.result)
            .text("resultReason", self.reason.unwrap_or_default())
            .text("activityDisplayName", self.name)
            .plain(
                "activityDateTime",
                format_args!("{}+00:00", ticks(self.time)),
            )
            .text("loggedByService", self.service)
            .object("initiatedBy", |o| self.write_initiator(o, true))
            .raw("userAgent", "null")
            .with("targetResources", |out| self.write_targets(out, false))
            .with("additionalDetails", |out| self.write_details(out));
    }

    fn write_diagnostic(&self) -> String {
        json::object(|o| {
            o.plain("time", format_args!("{}Z", ticks(self.time)))
                .plain(
                    "resourceId",
                    format_args!("/tenants/{TENANT}/providers/Microsoft.aadiam"),
                )
                .text("operationName", self.name)
                .text("operationVersion", "1.0")
                .text("category", "AuditLogs")
                .plain("tenantId", TENANT)
                .text("resultSignature", "None")
                .raw("durationMs", "0")
                .text("correlationId", &self.correlation)
                .raw("Level", "4")
                .object("properties", |o| {
                    o.plain("tenantId", TENANT)
                        .text("resultType", "")
                        .text("resultDescription", "")
                        .text("operationName", self.name)
                        .text("tenantGeo", "EU")
                        .text("id", &self.id)
                        .text("category", self.category)
                        .text("correlationId", &self.correlation)
                        .text("result", self.result)
                        .text("resultReason", self.reason.unwrap_or_default())
                        .text("activityDisplayName", self.name)
                        .plain(
                            "activityDateTime",
                            format_args!("{}+00:00", ticks(self.time)),
                        )
                        .text("loggedByService", self.service)
                        .text("operationType", self.operation)
                        .raw("userAgent", "null")
                        .object("initiatedBy", |o| self.write_initiator(o, false))
                        .with("targetResources", |out| self.write_targets(out, true))
                        .with("additionalDetails", |out| self.write_details(out));
                });
        })
    }

    fn write_row(&self) -> String {
        let nested = |write: &dyn Fn(&mut String)| {
            let mut text = String::new();
            write(&mut text);
            text
        };
        json::object(|o| {
            o.text("TenantId", "d2f0a1c8-3b5e-4f7d-9a6c-0e1b2d3c4f5a")
                .text("SourceSystem", "Azure AD")
                .plain("TimeGenerated", format_args!("{}Z", ticks(self.time)))
                .plain(
                    "ResourceId",
                    format_args!("/tenants/{TENANT}/providers/Microsoft.aadiam"),
                )
                .text("OperationName", self.name)
                .text("OperationVersion", "1.0")
                .text("Category", self.category)
                .text("ResultSignature", "None")
                .raw("DurationMs", "0")
                .text("CorrelationId", &self.correlation)
                .text("Resource", "Microsoft.aadiam")
                .text("ResourceGroup", "Microsoft.aadiam")
                .text("Level", "4")
                .text("AdditionalDetails", &nested(&|out| self.write_details(out)))
                .text("Id", &self.id)
                .text(
                    "InitiatedBy",
                    &nested(&|out| {
                        let mut o = Object::new(out);
                        self.write_initiator(&mut o, false);
                        o.end();
                    }),
                )
                .text("LoggedByService", self.service)
                .text("Result", self.result)
                .optional("ResultReason", self.reason)
                .text(
                    "TargetResources",
                    &nested(&|out| self.write_targets(out, true)),
                )
                .plain("AADTenantId", TENANT)
                .text("ActivityDisplayName", self.name)
                .plain("ActivityDateTime", format_args!("{}Z", ticks(self.time)))
                .text("AADOperationType", self.operation)
                .text("Type", "AuditLogs");
        })
    }

    /// Graph writes both halves, one of them null; the others leave it out.
    fn write_initiator(&self, o: &mut Object<'_>, both: bool) {
        match &self.initiator {
            Initiator::User { id, upn, named, ip } => {
                if both {
                    o.raw("app", "null");
                }
                let name = match named {
                    Named::Nothing => None,
                    Named::Person(name) => Some(name.as_str()),
                    Named::App(name) | Named::Service(name) => Some(*name),
                };
                o.object("user", |o| {
                    o.plain("id", id)
                        .text_or_null("displayName", name)
                        .text_or_null("userPrincipalName", upn.as_deref())
                        .text_or_null("ipAddress", ip.as_deref())
                        .raw("roles", "[]");
                });
            }
            Initiator::App { principal, name } => {
                if both {
                    o.raw("user", "null");
                }
                o.object("app", |o| {
                    o.raw("appId", "null")
                        .text("displayName", name)
                        .plain("servicePrincipalId", principal)
                        .raw("servicePrincipalName", "null");
                });
            }
            Initiator::Nobody => {}
        }
    }

    fn write_targets(&self, out: &mut String, units: bool) {
        json::array(out, &self.targets, |out, target| {
            let mut o = Object::new(out);
            o.text_or_null("id", target.id.as_deref())
                .text_or_null("displayName", target.name.as_deref())
                .text("type", target.object_type)
                .text_or_null("userPrincipalName", target.upn.as_deref())
                .text_or_null("groupType", target.group_type)
                .with("modifiedProperties", |out| {
                    json::array(out, &target.properties, |out, property| property.write(out));
                });
            if units {
                o.raw("administrativeUnits", "[]");
            }
            o.end();
        });
    }

    fn write_details(&self, out: &mut String) {
        json::array(out, &self.details, |out, (key, value)| {
            let mut o = Object::new(out);
            o.text("key", key).text_or_null("value", value.as_deref());
            o.end();
        });
    }

    /// The row of this record in an export of a format: what all rows have in common.
    pub(super) fn row(&self, kind: &str, flags: Flags, format: CloudFormat) -> Activity {
        let mut row = Activity::new(
            truth::entra_id(&self.id),
            self.time,
            Source::Entra,
            Kind::new(kind),
            self.name.trim(),
        );
        row.tenant = format.has_tenant().then(|| TENANT.to_string());
        row.service = self.service.to_owned();
        row.category = self.category.to_owned();
        if format != CloudFormat::PortalJson {
            row.operation = self.operation.to_owned();
        }
        row.status = Some(self.result.to_owned());
        row.result = match self.result {
            "success" => Outcome::Success,
            "failure" => Outcome::Failure,
            "timeout" => Outcome::Expired,
            _ => Outcome::Unknown,
        };
        row.reason = self
            .reason
            .filter(|reason| !matches!(*reason, "" | "None" | "OK"))
            .map(str::to_owned);
        row.flags = flags;
        row.actor = self.initiator.actor();
        row.correlation = Some(self.correlation.clone());
        row.source_id = Some(self.id.clone());
        for (at, target) in self.targets.iter().enumerate() {
            let mut shown = Target {
                object_type: target.object_type.to_owned(),
                id: target.id.clone(),
                name: target.name.clone(),
                upn: target.upn.clone(),
                group_type: target.group_type.map(str::to_owned),
                ..Target::default()
            };
            for (place, property) in target.properties.iter().enumerate() {
                let change = Change {
                    property: property.name.to_owned(),
                    mode: None,
                    old: property.old.clone(),
                    new: property.new.clone(),
                    target: if property.refers { place } else { at } as u32,
                };
                if property.refers {
                    shown.attributes.push(change);
                } else {
                    row.changes.push(change);
                }
            }
            row.targets.push(shown);
        }
        row.details = self
            .details
            .iter()
            .map(|(key, value)| Detail::new(*key, value.clone().unwrap_or_default()))
            .collect();
        row
    }
}

impl Initiator {
    fn actor(&self) -> Actor {
        match self {
            Self::User { id, upn, named, ip } => {
                let mut actor = Actor {
                    kind: ActorKind::User,
                    id: Some(id.to_string()),
                    upn: upn.clone(),
                    ip: ip.clone(),
                    ..Actor::default()
                };
                match named {
                    Named::Nothing => {}
                    Named::Person(name) => actor.name = Some(name.clone()),
                    Named::App(name) => actor.via = Some((*name).to_owned()),
                    Named::Service(name) => {
                        actor.kind = ActorKind::Service;
                        actor.name = Some((*name).to_owned());
                    }
                }
                actor
            }
            Self::App { principal, name } => Actor {
                kind: ActorKind::App,
                id: Some(principal.to_string()),
                name: Some((*name).to_owned()),
                ..Actor::default()
            },
            Self::Nobody => Actor::default(),
        }
    }
}

impl Property {
    fn write(&self, out: &mut String) {
        let mut o = Object::new(out);
        o.text("displayName", self.name);
        for (key, value) in [("oldValue", &self.old), ("newValue", &self.new)] {
            let text = match (value, self.written) {
                (None, Written::List) => Some("[]".to_owned()),
                (None, _) => None,
                (Some(value), Written::Plain) => Some(value.clone()),
                (Some(value), written) => {
                    let mut text = String::new();
                    json::text(&mut text, value);
                    if written == Written::List {
                        text = format!("[{text}]");
                    }
                    Some(text)
                }
            };
            o.text_or_null(key, text.as_deref());
        }
        o.end();
    }
}

/// All seven decimals that the services keep, without a zone.
fn ticks(time: DateTime<Utc>) -> String {
    let mut text = time.format("%Y-%m-%dT%H:%M:%S").to_string();
    let _ = write!(text, ".{:07}", time.nanosecond() / 100);
    text
}

/// Graph's own form, without trailing zeros.
fn trimmed(time: DateTime<Utc>) -> String {
    let text = ticks(time);
    format!("{}Z", text.trim_end_matches('0').trim_end_matches('.'))
}
