//! One schema for what happened, on-premises and in the cloud.
//!
//! An [`Activity`] is one row of the hybrid report, whichever system recorded it. This module has the
//! schema, and the way from a MIM [`Request`](crate::request::Request) to its activities;
//! [`entra`](crate::entra) has the way from an audit record of the cloud.
//!
//! - [`Request::activities`](crate::request::Request::activities) for one request,
//!   [`Classifier`] for a stream of them: it learns what bare internal keys mean.
//! - [`Rules`]: the table, and a user's own before it. [`kinds`] are what it gives.
//! - [`id`]: ids that are the same wherever and whenever a row is read.
//!
//! # The rules
//!
#![doc = include_str!("../../docs/ACTIVITY.md")]

mod classify;
mod file;
pub mod id;
mod item;
pub mod kinds;
mod links;
mod methods;
mod model;
mod normalize;
mod result;
mod row;
mod rule;
mod rules;
#[cfg(test)]
mod tests;
mod values;
mod walk;
mod who;

pub use classify::Classifier;
pub use links::{LinkCounts, LinkLimits};
pub use model::{
    Activity, Actor, ActorKind, Change, ChangeMode, Detail, Flags, Kind, Outcome, Source, Target,
};
pub use rule::Rule;
pub use rules::Rules;
