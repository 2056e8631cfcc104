//! [`SealerCell`]: a sealer that is made when it is needed, and no part of a sender's state.

use std::hash::{Hash, Hasher};

use bytes::Bytes;

use super::config::SenderConfig;
use crate::frame::{Header, Limits, Record, SealError, Sealer, Stamp};

/// Its buffers say nothing: any two are equal, and a clone is empty.
#[derive(Debug, Default)]
pub(super) struct SealerCell(Option<Box<Sealer>>);

impl SealerCell {
    pub(super) fn seal(
        &mut self,
        config: &SenderConfig,
        stamp: &Stamp,
        records: &[Record],
    ) -> Result<(Header, Bytes), SealError> {
        let sealer = self.0.get_or_insert_with(|| Box::new(config.sealer()));
        let frame = sealer.seal(stamp, records)?;
        let header = Header::peek(&frame, &Limits::MAX);
        // It was written this moment.
        let header = header.map_err(|_| SealError::Codec { what: "sealing" })?;
        Ok((header, frame))
    }

    /// The configuration changed.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

impl Clone for SealerCell {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl PartialEq for SealerCell {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for SealerCell {}

impl Hash for SealerCell {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
