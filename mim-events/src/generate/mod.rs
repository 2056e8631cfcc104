//! Seeded, realistic logs and audit files, with their ground truth.

mod calendar;
mod directory;
mod document;
mod entra;
mod json;
mod library;
mod mim;
mod queue;
mod rng;
mod step;
mod truth;

pub use entra::CloudFormat;
pub use step::{CloudRecord, Item, RequestDocument, Step};
pub use truth::{ExpectedGroupActivity, ExpectedRegistration, ExpectedReset, Expectation};

#[cfg(test)]
mod tests;
