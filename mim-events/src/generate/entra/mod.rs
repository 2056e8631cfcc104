//! What happens in the cloud: scenarios, each with its audit records and their truth.
//!
//! | Module | What it tells |
//! |---|---|
//! | `password` | self-service resets with their flow steps and the directory's echo, blocks, unlocks, resets by administrators |
//! | `registration` | security info, registered by people and by administrators |
//! | `groups` | members and owners in the directory, join requests, the group service's reads |
//! | `others` | synchronised people, roles, PIM, applications, policies, sign-ins in the same stream |

mod engine;
mod flow;
mod groups;
mod others;
mod password;
mod record;
mod registration;

pub(crate) use engine::Cloud;
pub use record::CloudFormat;
