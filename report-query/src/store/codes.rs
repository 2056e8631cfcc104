//! Codes of the smallest width that they fit.

/// A number for each row, of 1, 2 or 4 bytes.
#[derive(Clone, Debug)]
pub(crate) enum Codes {
    /// At most 256 different ones.
    U8(Box<[u8]>),
    /// At most 65,536.
    U16(Box<[u16]>),
    U32(Box<[u32]>),
}

/// Runs a block with the codes as a slice, once for each width.
macro_rules! with_codes {
    ($codes:expr, $slice:ident => $block:expr) => {
        match $codes {
            $crate::store::Codes::U8($slice) => $block,
            $crate::store::Codes::U16($slice) => $block,
            $crate::store::Codes::U32($slice) => $block,
        }
    };
}
pub(crate) use with_codes;

impl Codes {
    /// Narrows codes that are less than `count`.
    pub(super) fn new(codes: &[u32], count: usize) -> Self {
        // What does not fit its width is not less than `count`.
        if count <= 1 << 8 {
            Self::U8(codes.iter().map(|code| *code as u8).collect())
        } else if count <= 1 << 16 {
            Self::U16(codes.iter().map(|code| *code as u16).collect())
        } else {
            Self::U32(codes.into())
        }
    }

    /// The code of a row.
    pub(crate) fn get(&self, row: usize) -> Option<usize> {
        match self {
            Self::U8(codes) => codes.get(row).map(|code| usize::from(*code)),
            Self::U16(codes) => codes.get(row).map(|code| usize::from(*code)),
            Self::U32(codes) => codes.get(row).map(|code| *code as usize),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        with_codes!(self, codes => codes.len())
    }

    /// Bytes of the codes.
    pub(super) fn size(&self) -> usize {
        with_codes!(self, codes => size_of_val(&**codes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_is_the_smallest_that_fits() {
        for (count, width) in [
            (1, 1),
            (256, 1),
            (257, 2),
            (65_536, 2),
            (65_537, 4),
            (1 << 20, 4),
        ] {
            let all = [0, count as u32 - 1];
            let codes = Codes::new(&all, count);
            assert_eq!(codes.size(), 2 * width, "{count}");
            assert_eq!(codes.get(1), Some(count - 1));
            assert_eq!(codes.get(2), None);
        }
    }
}
