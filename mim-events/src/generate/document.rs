//! A request as MIM writes it: either of the two shapes, keys in MIM's order.
//!
//! What is written here is what was seen in real payloads (key order, double
//! blanks, `"0"` and `"1"`, one as an object and many as an array, two forms of
//! time); nothing of it is read back to make the truth.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::Uuid;

use super::directory::{Person, Resource};
use super::json::{self, Object};
use crate::activity::Actor;

/// A request before it is written, with what the truth needs to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) id: Uuid,
    pub(crate) key: u64,
    /// The short shape: times to the second, no workflow instances.
    pub(crate) short: bool,
    /// Characters beyond ASCII as escapes.
    pub(crate) ascii: bool,
    pub(crate) created: DateTime<Utc>,
    pub(crate) committed: Option<DateTime<Utc>>,
    pub(crate) completed: Option<DateTime<Utc>>,
    pub(crate) creator: Creator,
    pub(crate) operation: Cow<'static, str>,
    pub(crate) status: Cow<'static, str>,
    pub(crate) object_type: String,
    /// `TargetObjectType` is left blank; the type stands in the name alone.
    pub(crate) blank_type: bool,
    /// What the request's own name quotes.
    pub(crate) name: String,
    pub(crate) target: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) policies: Vec<Arc<Policy>>,
    pub(crate) authentication: Vec<Workflow>,
    pub(crate) authorization: Vec<Workflow>,
    pub(crate) action: Vec<Workflow>,
    pub(crate) parent: Option<Parent>,
    pub(crate) asked: Vec<Arc<Person>>,
    pub(crate) justification: Option<String>,
    pub(crate) reason: Option<String>,
    /// Texts of `RequestStatusDetail`.
    pub(crate) messages: Vec<String>,
    pub(crate) control: Option<&'static str>,
    pub(crate) partition: &'static str,
}

/// Who made a request: as it is written, and as an actor.
#[derive(Clone, Debug)]
pub(crate) struct Creator {
    pub(crate) json: String,
    pub(crate) actor: Actor,
    /// Which built-in account it is, if one.
    pub(crate) initiator: Option<&'static str>,
}

/// The request whose workflow made this one.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    pub(crate) json: String,
    /// As activities name it.
    pub(crate) id: String,
}

/// One item of `RequestParameter`.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) calculated: bool,
    pub(crate) property: Option<Cow<'static, str>>,
    pub(crate) value: Value,
    pub(crate) mode: Option<&'static str>,
    /// Of a `SystemEvent`: the item's target and the workflow definition.
    pub(crate) event: Option<(Uuid, String)>,
}

/// What a parameter's value is written as.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Missing,
    Null,
    Text(String),
    Json(String),
}

/// A management policy rule that granted a request, or attached workflows to it.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) name: &'static str,
    pub(crate) grants: bool,
    pub(crate) json: String,
}

/// A workflow instance of a request.
#[derive(Clone, Debug)]
pub(crate) struct Workflow {
    pub(crate) id: Uuid,
    pub(crate) key: u64,
    pub(crate) name: &'static str,
    pub(crate) definition: u64,
    pub(crate) status: &'static str,
    pub(crate) detail: Option<&'static str>,
}

impl Draft {
    /// Sets the times to what the short shape can say, and leaves out what it lacks.
    pub(crate) fn shorten(&mut self) {
        self.short = true;
        self.created = self.created.trunc_subsecs(0);
        self.committed = self.committed.map(|time| time.trunc_subsecs(0));
        self.completed = None;
        self.authentication.clear();
        self.authorization.clear();
        self.action.clear();
    }

    fn add(
        &mut self,
        property: impl Into<Cow<'static, str>>,
        value: Value,
        mode: Option<&'static str>,
    ) {
        self.parameters.push(Parameter {
            calculated: false,
            property: Some(property.into()),
            value,
            mode,
            event: None,
        });
    }

    /// A value of a new resource.
    pub(crate) fn initial(
        &mut self,
        property: impl Into<Cow<'static, str>>,
        value: Value,
    ) -> &mut Self {
        self.add(property, value, None);
        self
    }

    /// A new value of a single-valued attribute.
    pub(crate) fn modify(
        &mut self,
        property: impl Into<Cow<'static, str>>,
        value: Value,
    ) -> &mut Self {
        self.add(property, value, Some("Modify"));
        self
    }

    /// One more value. The SDK's name of the mode is `Insert`; both were seen in code that reads it.
    pub(crate) fn insert(
        &mut self,
        property: impl Into<Cow<'static, str>>,
        value: Value,
    ) -> &mut Self {
        self.add(property, value, Some("Add"));
        self
    }

    pub(crate) fn remove(
        &mut self,
        property: impl Into<Cow<'static, str>>,
        value: Value,
    ) -> &mut Self {
        self.add(property, value, Some("Remove"));
        self
    }

    /// A value that the service filled in.
    pub(crate) fn calculated(&mut self, property: &'static str, value: Value) {
        self.parameters.push(Parameter {
            calculated: true,
            property: Some(property.into()),
            value,
            mode: None,
            event: None,
        });
    }

    /// The request's own name, with MIM's two blanks.
    pub(crate) fn display_name(&self) -> String {
        let Self {
            object_type, name, ..
        } = self;
        match &*self.operation {
            "Create" => format!("Create {object_type}:  '{name}' Request"),
            "Put" => format!("Update to {object_type}:  '{name}' Request"),
            "Delete" => format!("Delete {object_type}:  '{name}' Request"),
            _ => format!("{}:  '{name}' Request", self.operation),
        }
    }

    /// The document.
    pub(crate) fn write(&self) -> String {
        let mut out = String::with_capacity(4_096);
        let mut object = Object::new(&mut out);
        if self.short {
            self.write_short(&mut object);
        } else {
            self.write_long(&mut object);
        }
        object.end();
        if self.ascii { json::ascii(&out) } else { out }
    }

    fn write_long(&self, o: &mut Object<'_>) {
        o.plain("HybridObjectID", self.id);
        if let Some(time) = self.committed {
            o.plain("CommittedTime", long_time(time));
        }
        o.plain("CreatedTime", long_time(self.created));
        if let Some(time) = self.completed {
            o.plain("ExpirationTime", long_time(time + TimeDelta::days(30)));
            o.plain("msidmCompletedTime", long_time(time));
        }
        o.raw("Creator", &self.creator.json);
        o.many("ManagementPolicy", &self.policies, |out, policy| {
            out.push_str(&policy.json);
        });
        self.write_target(o);
        o.many(
            "AuthenticationWorkflowInstance",
            &self.authentication,
            |out, w| self.write_workflow(out, w),
        );
        o.many(
            "AuthorizationWorkflowInstance",
            &self.authorization,
            |out, w| self.write_workflow(out, w),
        );
        o.many("ActionWorkflowInstance", &self.action, |out, w| {
            self.write_workflow(out, w);
        });
        o.text("DisplayName", &self.display_name())
            .text("ObjectType", "Request")
            .text("Operation", &self.operation)
            .text("RequestStatus", &self.status)
            .text("TargetObjectType", self.shown_type());
        self.write_rare(o);
        o.text("ServicePartitionName", self.partition);
        self.write_parameters(o);
    }

    fn write_short(&self, o: &mut Object<'_>) {
        o.plain("HybridObjectID", self.id)
            .text("ObjectType", "Request")
            .raw("Creator", &self.creator.json)
            .text("Operation", &self.operation);
        self.write_target(o);
        o.text("RequestStatus", &self.status);
        o.many("ManagementPolicy", &self.policies, |out, policy| {
            out.push_str(&policy.json);
        });
        o.text("DisplayName", &self.display_name())
            .plain("CreatedTime", short_time(self.created))
            .text("TargetObjectType", self.shown_type());
        if let Some(time) = self.committed {
            o.plain("CommittedTime", short_time(time));
        }
        self.write_rare(o);
        self.write_parameters(o);
    }

    fn shown_type(&self) -> &str {
        if self.blank_type {
            ""
        } else {
            &self.object_type
        }
    }

    fn write_target(&self, o: &mut Object<'_>) {
        if let Some(target) = &self.target {
            o.raw("Target", target);
        }
    }

    /// What no payload that was seen had: its place among the keys is a guess.
    fn write_rare(&self, o: &mut Object<'_>) {
        if let Some(parent) = &self.parent {
            o.raw("ParentRequest", &parent.json);
        }
        o.many("ComputedActor", &self.asked, |out, person| {
            out.push_str(&person.mim.brief);
        })
        .optional("Justification", self.justification.as_deref())
        .optional("Reason", self.reason.as_deref())
        .many("RequestStatusDetail", &self.messages, |out, message| {
            json::text(out, message);
        })
        .optional("RequestControl", self.control);
    }

    fn write_workflow(&self, out: &mut String, workflow: &Workflow) {
        let mut o = Object::new(out);
        o.plain("HybridObjectID", workflow.id)
            .plain("ObjectID", workflow.key)
            .text("ObjectType", "WorkflowInstance")
            .plain("CreatedTime", long_time(self.created))
            .text("Creator", "2731")
            .text("DisplayName", workflow.name)
            .plain("Request", self.key)
            .plain("WorkflowDefinition", workflow.definition)
            .text("WorkflowStatus", workflow.status)
            .optional("WorkflowStatusDetail", workflow.detail);
        o.end();
    }

    fn write_parameters(&self, o: &mut Object<'_>) {
        o.many("RequestParameter", &self.parameters, |out, parameter| {
            let mut item = Object::new(out);
            item.text(
                "Calculated",
                if parameter.calculated {
                    "true"
                } else {
                    "false"
                },
            )
            .optional("PropertyName", parameter.property.as_deref());
            match &parameter.value {
                Value::Missing => {}
                Value::Null => {
                    item.raw("Value", "null");
                }
                Value::Text(text) => {
                    item.text("Value", text);
                }
                Value::Json(json) => {
                    item.raw("Value", json);
                }
            }
            if let Some((target, definition)) = &parameter.event {
                item.plain("Target", target)
                    .raw("WorkflowDefinition", definition);
            } else {
                let operation = if self.operation == "Delete" {
                    "Delete"
                } else {
                    "Create"
                };
                item.text("Operation", operation)
                    .optional("Mode", parameter.mode);
            }
            item.end();
        });
    }
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A reference, as the object's few attributes.
    pub(crate) fn of(resource: &Resource) -> Self {
        Self::Json(resource.brief.clone())
    }
}

fn long_time(time: DateTime<Utc>) -> impl std::fmt::Display {
    time.format("%Y-%m-%d %H:%M:%S%.3f")
}

fn short_time(time: DateTime<Utc>) -> impl std::fmt::Display {
    time.format("%-m/%-d/%Y %-I:%M:%S %p")
}
