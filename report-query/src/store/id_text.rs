//! GUIDs as texts of a dictionary: seven bits a character, so that texts stand in the order of the
//! GUIDs.

use uuid::Uuid;

/// Characters of each.
pub(crate) const LEN: usize = 19;

/// Bits of eight characters.
const EIGHT: u64 = (1 << 56) - 1;

/// The text of a GUID, as ASCII.
pub(crate) fn encode(id: Uuid) -> [u8; LEN] {
    let id = id.as_u128();
    let [.., a, b, c] = spread((id >> 112) as u64).to_be_bytes();
    let mut text = [0; LEN];
    if let Some((first, rest)) = text.split_first_chunk_mut()
        && let Some((middle, last)) = rest.split_first_chunk_mut()
        && let Some(last) = last.first_chunk_mut()
    {
        *first = [a, b, c];
        *middle = spread((id >> 56) as u64 & EIGHT).to_be_bytes();
        *last = spread(id as u64 & EIGHT).to_be_bytes();
    }
    text
}

/// The GUID of a text; `None` of other texts.
pub(crate) fn decode(text: &str) -> Option<Uuid> {
    let text: &[u8; LEN] = text.as_bytes().try_into().ok()?;
    let ([a, b, c], rest) = text.split_first_chunk()?;
    let (middle, last) = rest.split_first_chunk()?;
    let first = u64::from_be_bytes([0, 0, 0, 0, 0, *a, *b, *c]);
    let [first, middle, last] = [
        first,
        u64::from_be_bytes(*middle),
        u64::from_be_bytes(last.try_into().ok()?),
    ];
    let is_ascii = (first | middle | last) & 0x8080_8080_8080_8080 == 0;
    let bits = |eight| u128::from(gathered(eight));
    let id = bits(first) << 112 | bits(middle) << 56 | bits(last);
    is_ascii.then(|| Uuid::from_u128(id))
}

/// Seven bits of 56 in each byte.
const fn spread(bits: u64) -> u64 {
    let bits = (bits & 0x00ff_ffff_f000_0000) << 4 | bits & 0x0000_0000_0fff_ffff;
    let bits = (bits & 0x0fff_c000_0fff_c000) << 2 | bits & 0x0000_3fff_0000_3fff;
    (bits & 0x3f80_3f80_3f80_3f80) << 1 | bits & 0x007f_007f_007f_007f
}

/// The way back.
const fn gathered(bytes: u64) -> u64 {
    let bits = (bytes & 0x7f00_7f00_7f00_7f00) >> 1 | bytes & 0x007f_007f_007f_007f;
    let bits = (bits & 0x3fff_0000_3fff_0000) >> 2 | bits & 0x0000_3fff_0000_3fff;
    (bits & 0x0fff_ffff_0000_0000) >> 4 | bits & 0x0000_0000_0fff_ffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_in_the_order_of_guids(a: u128, b: u128, bits in 0_u32..128) {
            let of = |id| encode(Uuid::from_u128(id));
            for (a, b) in [(a, b), (a, a ^ 1 << bits), (a, a)] {
                prop_assert_eq!(of(a).cmp(&of(b)), a.cmp(&b));
                let text = String::from_utf8(of(a).to_vec()).unwrap();
                prop_assert_eq!(decode(&text), Some(Uuid::from_u128(a)));
            }
        }
    }

    #[test]
    fn other_texts_are_none() {
        assert_eq!(decode(""), None);
        assert_eq!(decode("äbcdefghijklmnopqr"), None);
    }
}
