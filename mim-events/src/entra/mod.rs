//! entra

mod convert;
mod csv;
mod id;
mod json;
mod kinds;
mod merge;
mod methods;
mod ours;
mod people;
mod reader;
mod record;
mod render;
mod render_mim;
mod row;
mod scan;
mod shape;
mod summary;
mod values;
mod window;
mod wrappers;

pub use merge::{Merge, Merged};
pub use reader::EntraReader;
pub use render::{
    AppIdentity, DirectoryAudit, InitiatedBy, KeyValue, ModifiedProperty, TargetResource,
    UserIdentity, to_directory_audit,
};
pub use row::{AuditLogsRow, RowInitiator, RowTarget, to_audit_logs_row};
pub use summary::EntraSummary;
