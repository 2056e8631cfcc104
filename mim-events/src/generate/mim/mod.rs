//! What happens on-premises: scenarios, each with its requests and their truth.
//!
//! | Module | Rows of the activity rules that it reaches |
//! |---|---|
//! | `password` | A1 to A4: resets |
//! | `lockout` | A5 to A7, B3, B5: lockouts and their gates |
//! | `registration` | B1 to B8: registering for password reset |
//! | `groups` | C1 to C8: groups, members, owners; batches |
//! | `approval` | D1 to D7 with the requests that are decided on |
//! | `people` | E1, E4, E5 |
//! | `policy` | F1 to F8: sets, rules, workflows, schema, configuration |
//! | `pam` | G1 to G6: privileged roles |
//! | `rest` | H1 to H4: set transitions, reads, the customer's own types |
//!
//! Rules that a user turns on (A8, E2, E3) are not reached: their attributes
//! occur only in what the built-in rules call an update.

mod approval;
mod engine;
mod groups;
mod lockout;
mod pam;
mod password;
mod people;
mod policy;
mod registration;
mod rest;
mod waiting;

pub(crate) use engine::Mim;
