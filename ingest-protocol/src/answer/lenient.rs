//! Members of a problem that are read for what they are worth: one of the wrong type
//! is as one that is missing ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457#section-3.1)
//! section 3.1), and takes none of the others with it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::frame::Limits;

/// The member, or its default where it is none of `T`: for `deserialize_with`.
pub(super) fn member<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    Ok(known(deserializer)?.unwrap_or_default())
}

/// The member, or `None` where it is none of `T`.
pub(super) fn known<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    // The text alone: a number that is out of every range, or values that are nested
    // too deeply, end here, and not with the whole problem.
    let text = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(text.get()).ok())
}

/// The limits, each member for itself. One that has more than 32 bits is as much as
/// 32 bits can say: no frame is larger.
pub(super) fn limits<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Limits>, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Told {
        #[serde(deserialize_with = "member")]
        frame_bytes: Option<u64>,
        #[serde(deserialize_with = "member")]
        raw_bytes: Option<u64>,
        #[serde(deserialize_with = "member")]
        records: Option<u64>,
        #[serde(deserialize_with = "member")]
        record_bytes: Option<u64>,
    }

    let text = Box::<RawValue>::deserialize(deserializer)?;
    // A derived structure would read an array, too.
    if !text.get().starts_with('{') {
        return Ok(None);
    }
    let Ok(told) = serde_json::from_str::<Told>(text.get()) else {
        return Ok(None);
    };
    let mut limits = Limits::default();
    for (limit, told) in [
        (&mut limits.frame_bytes, told.frame_bytes),
        (&mut limits.raw_bytes, told.raw_bytes),
        (&mut limits.records, told.records),
        (&mut limits.record_bytes, told.record_bytes),
    ] {
        if let Some(told) = told {
            *limit = u32::try_from(told).unwrap_or(u32::MAX);
        }
    }
    Ok(Some(limits))
}
