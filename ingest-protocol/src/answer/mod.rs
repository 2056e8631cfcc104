//! What a receiver answers: [`Ack`] or [`Problem`], with an open [`Code`] and a
//! closed [`Action`] ([SPEC](crate::spec) sections 6 and 7).

mod ack;
mod action;
mod code;
mod crc;
mod lenient;
mod problem;
mod read;

pub use ack::{Ack, Outcome, Rejected};
pub use action::Action;
pub use code::Code;
pub use crc::Crc64;
pub use problem::Problem;
pub use read::Answer;
