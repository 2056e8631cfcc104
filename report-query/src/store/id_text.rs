//! GUIDs as texts of a dictionary: seven bits a character, so that texts stand in the order of the
//! GUIDs.

use uuid::Uuid;

/// Characters of each.
pub(crate) const LEN: usize = 19;

/// The text of a GUID, as ASCII.
pub(crate) fn encode(id: Uuid) -> [u8; LEN] {
    let id = id.as_u128();
    // The first has the two bits that are left over.
    std::array::from_fn(|at| (id >> (7 * (LEN - 1 - at))) as u8 & 0x7f)
}

/// The GUID of a text; `None` of other texts.
pub(crate) fn decode(text: &str) -> Option<Uuid> {
    let is_one = text.len() == LEN && text.is_ascii();
    let bits = text
        .bytes()
        .fold(0, |bits, byte| bits << 7 | u128::from(byte));
    is_one.then(|| Uuid::from_u128(bits))
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
