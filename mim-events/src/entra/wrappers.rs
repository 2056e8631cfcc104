//! Takes a record out of its dress. What stands inside wins; what stands outside fills.

use std::borrow::Cow;

use super::json::Json;
use super::record::{RawProperty, RawTarget, Record, User, address, nested, time};
use super::shape::{Shape, is_audit_log};

/// The record in an element of a shape that holds one.
///
/// # Errors
/// What is wrong, without values.
pub(super) fn unwrap(element: &Json, shape: Shape) -> Result<Record, &'static str> {
    match shape {
        Shape::Diagnostic => diagnostic(element),
        Shape::Legacy => legacy(element),
        Shape::LogAnalytics => log_analytics(element),
        Shape::Graph => Record::read(element),
        Shape::OtherLog | Shape::ServiceError | Shape::Unknown => Err("no audit record"),
    }
}

fn diagnostic(outer: &Json) -> Result<Record, &'static str> {
    let inner = nested(outer, "properties")?.unwrap_or(Cow::Borrowed(&Json::Null));
    let mut record = Record::read(&inner)?;
    fill(&mut record, outer);
    Ok(record)
}

/// Fills what the record itself does not say.
fn fill(record: &mut Record, outer: &Json) {
    let or = |slot: &mut Option<String>, name: &str| {
        if slot.is_none() {
            *slot = outer.text(name);
        }
    };
    or(&mut record.id, "id");
    or(&mut record.name, "operationName");
    or(&mut record.service, "loggedByService");
    or(&mut record.operation, "operationType");
    or(&mut record.result, "result");
    or(&mut record.result, "resultType");
    or(&mut record.description, "resultDescription");
    or(&mut record.correlation, "correlationId");
    or(&mut record.tenant, "tenantId");
    or(&mut record.identity, "identity");
    or(&mut record.caller_ip, "callerIpAddress");
    if record.time.is_none() {
        record.time = time(outer, "time");
    }
    if record.tenant.is_none() {
        record.tenant = resource_tenant(outer);
    }
    if record.category.is_none() {
        record.category = outer
            .text("category")
            .filter(|category| !is_audit_log(category));
    }
}

/// The tenant in `/tenants/<guid>/providers/Microsoft.aadiam`, in any case.
fn resource_tenant(outer: &Json) -> Option<String> {
    let resource = outer.text("resourceId")?;
    let mut parts = resource.split('/').filter(|part| !part.is_empty());
    parts.find(|part| part.eq_ignore_ascii_case("tenants"))?;
    parts.next().map(str::to_owned)
}

fn log_analytics(row: &Json) -> Result<Record, &'static str> {
    let row = without_zone_marks(row);
    let mut record = Record::read(&row)?;
    // `TenantId` is the workspace there.
    record.tenant = row.text("AADTenantId").or_else(|| resource_tenant(&row));
    if record.result.is_none() {
        record.result = row.text("ResultType");
    }
    if record.time.is_none() {
        record.time = time(&row, "TimeGenerated");
    }
    Ok(record)
}

/// The portal writes `TimeGenerated [UTC]` over its columns of times.
fn without_zone_marks(row: &Json) -> Cow<'_, Json> {
    let marked = |key: &str| key.ends_with(']') && key.contains(" [");
    match row {
        Json::Object(members) if members.iter().any(|(key, _)| marked(key)) => {
            let members = members.iter().map(|(key, value)| {
                let name = if marked(key) {
                    key.split(" [").next().unwrap_or(key)
                } else {
                    key
                };
                (name.to_owned(), value.clone())
            });
            Cow::Owned(Json::Object(members.collect()))
        }
        other => Cow::Borrowed(other),
    }
}

/// The schema of 2018: lists joined by two underscores, no ids, no `initiatedBy`.
fn legacy(outer: &Json) -> Result<Record, &'static str> {
    let inner = nested(outer, "properties")?.unwrap_or(Cow::Borrowed(&Json::Null));
    let mut record = Record {
        id: inner.text("id"),
        operation: inner.text("operationType"),
        category: inner.text("auditEventCategory"),
        service: inner.text("loggedByService"),
        ..Record::default()
    };
    fill(&mut record, outer);
    record.name = record.name.map(|name| match name.strip_suffix('.') {
        Some(name) => name.to_owned(),
        None => name,
    });
    if let Some(identity) = record.identity.take_if(|identity| identity.contains('@')) {
        record.user = Some(User {
            upn: Some(identity),
            ip: address(record.caller_ip.clone()),
            ..User::default()
        });
    }
    for (key, member) in [
        ("InitiatorUserType", "identityType"),
        ("AdditionalTargets", "additionalTargets"),
    ] {
        if let Some(text) = inner.text(member) {
            record.details.push((key.to_owned(), text));
        }
    }
    record.details.extend(Record::read(&inner)?.details);

    let kinds = inner.text("targetResourceType").unwrap_or_default();
    let values = inner.text("targetResourceName").unwrap_or_default();
    let mut target = RawTarget::default();
    for (kind, value) in kinds.split("__").zip(values.split("__")) {
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        match kind.to_ascii_lowercase().as_str() {
            "objectid" => target.id = value,
            "objectclass" => target.object_type = value,
            "upn" | "userprincipalname" => target.upn = value,
            "name" | "displayname" => target.name = value,
            _ => {}
        }
    }
    if let Some(changed) = nested(&inner, "targetUpdatedProperties")? {
        for item in changed.items() {
            let value = |name: &str| item.get(name).filter(|value| !value.is_blank());
            let text = |value: &Json| match value {
                Json::Text(text) => text.clone(),
                other => other.to_compact(),
            };
            target.properties.push(RawProperty {
                name: item.text("Name").unwrap_or_default(),
                old: value("OldValue").map(text),
                new: value("NewValue").map(text),
            });
        }
    }
    if target != RawTarget::default() {
        record.targets.push(target);
    }
    Ok(record)
}
