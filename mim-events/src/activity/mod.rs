//! One schema for what happened, on-premises and in the cloud.

mod model;

pub use model::{
    Activity, Actor, ActorKind, Change, ChangeMode, Detail, Flags, Kind, Outcome, Source, Target,
};
