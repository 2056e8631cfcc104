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

    /// Computed by another program (Python's `hashlib`). What one version stored under these ids,
    /// all later ones must find.
    #[test]
    fn vectors_of_the_rules_page() {
        let page = include_str!("../../docs/ACTIVITY.md");
        let (_, vectors) = page.split_once("<!-- vectors -->").unwrap();
        let (vectors, _) = vectors.split_once("<!-- /vectors -->").unwrap();
        let mut count = 0;
        for row in vectors.trim().lines().skip(2) {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let [source, fields, id] = cells[..] else {
                panic!("{row}")
            };
            // Fields hold single blanks, but between two fields there is a backquote or a bracket.
            let fields: Vec<&str> = fields
                .replace("(empty)", "``")
                .leak()
                .split("` `")
                .map(|field| field.trim_matches('`'))
                .collect();
            let made = match source {
                "Entra" => entra(fields[0]),
                _ => mim(fields),
            };
            assert_eq!(format!("`{made}`"), id, "{row}");
            count += 1;
        }
        assert_eq!(count, 10);
    }

    #[test]
    fn the_form_is_pinned() {
        let made = mim([
            "request",
            "9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01",
            "group.update",
            "",
            "3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77",
            "",
            "success",
            "0",
        ]);
        assert_eq!(made, uuid::uuid!("6e0125c8-48d4-557b-bbd6-cdc6e91f540d"));
        let made = entra("Directory_0d6e26a0-2d4d-4a39-8d4b-3b1c5a0f0a55_AB12C_7031");
        assert_eq!(made, uuid::uuid!("481a1412-c619-5383-9267-84128ef50f9d"));
    }
}
