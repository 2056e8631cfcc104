//! Hashes of values that are the same on every machine, in every process and version: what
//! services put into partial results must meet.

use crate::value::Value;

/// What keeps values of different types apart. Never to be changed.
const BOOL: u64 = 1;
const INT: u64 = 2;
const FLOAT: u64 = 3;
const TIME: u64 = 4;
const TEXT: u64 = 5;
const ID: u64 = 6;
const LIST: u64 = 7;
const RECORD: u64 = 8;

/// The hash of a value; equal values have equal ones.
pub(crate) fn hash_value(value: &Value) -> u64 {
    let all = |items: &[Value], seed| {
        let hashes = items.iter().map(|item| hash_value(item).to_le_bytes());
        xxh64(hashes.collect::<Vec<_>>().as_flattened(), seed)
    };
    match value {
        Value::Null => xxh64(&[], 0),
        Value::Bool(value) => xxh64(&[u8::from(*value)], BOOL),
        Value::Int(value) => xxh64(&value.to_le_bytes(), INT),
        Value::Float(value) => match whole(*value) {
            Some(value) => xxh64(&value.to_le_bytes(), INT),
            None if value.is_nan() => xxh64(&[], FLOAT),
            None => xxh64(&value.to_bits().to_le_bytes(), FLOAT),
        },
        Value::Time(time) => {
            let mut bytes = [0; 12];
            let (seconds, nanos) = bytes.split_at_mut(8);
            seconds.copy_from_slice(&time.timestamp().to_le_bytes());
            nanos.copy_from_slice(&time.timestamp_subsec_nanos().to_le_bytes());
            xxh64(&bytes, TIME)
        }
        Value::Text(text) => hash_text(text),
        Value::Id(id) => xxh64(id.as_bytes(), ID),
        Value::List(items) => all(items, LIST),
        Value::Record(fields) => all(fields, RECORD),
    }
}

/// The hash of a text's value.
pub(crate) fn hash_text(text: &str) -> u64 {
    xxh64(text.as_bytes(), TEXT)
}

/// The integer that a float equals.
fn whole(value: f64) -> Option<i64> {
    const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
    let fits = (-TWO_POW_63..TWO_POW_63).contains(&value) && value.trunc() == value;
    fits.then_some(value as i64)
}

const PRIMES: [u64; 5] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
];

/// XXH64, as its specification has it.
fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    let [p1, p2, p3, p4, p5] = PRIMES;
    let (stripes, rest) = bytes.as_chunks::<32>();
    let mut hash = if stripes.is_empty() {
        seed.wrapping_add(p5)
    } else {
        let mut lanes = [
            seed.wrapping_add(p1).wrapping_add(p2),
            seed.wrapping_add(p2),
            seed,
            seed.wrapping_sub(p1),
        ];
        for stripe in stripes {
            for (lane, word) in lanes.iter_mut().zip(stripe.as_chunks::<8>().0) {
                *lane = round(*lane, u64::from_le_bytes(*word));
            }
        }
        let [a, b, c, d] = lanes;
        let mut hash = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        for lane in lanes {
            hash = (hash ^ round(0, lane)).wrapping_mul(p1).wrapping_add(p4);
        }
        hash
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        hash ^= round(0, u64::from_le_bytes(*word));
        hash = hash.rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        hash ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(p1);
        hash = hash.rotate_left(23).wrapping_mul(p2).wrapping_add(p3);
    }
    for byte in rest {
        hash ^= u64::from(*byte).wrapping_mul(p5);
        hash = hash.rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(p2);
    hash = (hash ^ hash >> 29).wrapping_mul(p3);
    hash ^ hash >> 32
}

fn round(lane: u64, word: u64) -> u64 {
    let [p1, p2, ..] = PRIMES;
    lane.wrapping_add(word.wrapping_mul(p2))
        .rotate_left(31)
        .wrapping_mul(p1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of the reference implementation.
    #[test]
    fn is_the_hash_that_others_compute() {
        for (text, seed, expected) in [
            ("", 0, 0xef46_db37_51d8_e999),
            ("a", 0, 0xd24e_c4f1_a98c_6e5b),
            ("abc", 0, 0x44bc_2cf5_ad77_0999),
            (
                "Nobody inspects the spammish repetition",
                0,
                0xfbce_a83c_8a37_8bf1,
            ),
        ] {
            assert_eq!(xxh64(text.as_bytes(), seed), expected, "{text}");
        }
    }

    /// Partial results of earlier versions are merged with those of later ones. The numbers are those
    /// of the reference implementation over these bytes and seeds.
    #[test]
    fn hashes_of_values_stay() {
        for (value, expected) in [
            (Value::from("alice"), 0xafcd_6974_dfc1_eb26),
            (Value::from(7), 0xeff8_1508_d70d_8ca5),
            (Value::from(0.5), 0x9eab_9b1e_4e75_204b),
            (Value::from(true), 0x6ec2_195f_fcaa_3025),
            (Value::from(uuid::Uuid::from_u128(7)), 0x4844_d5d8_a486_7ee7),
            (
                Value::from(chrono::DateTime::UNIX_EPOCH),
                0xcfae_4b7a_7a11_ea60,
            ),
            (Value::list(["a", "b"]), 0x6d44_e5d8_e709_6daf),
            (Value::record(["a", "b"]), 0xfcc3_3040_de26_da5e),
        ] {
            assert_eq!(hash_value(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn equal_values_have_equal_hashes() {
        for (a, b) in [
            (Value::from(3), Value::from(3.0)),
            (Value::from(0.0), Value::from(-0.0)),
            (Value::from(0), Value::from(-0.0)),
            (Value::from(f64::NAN), Value::from(-f64::NAN)),
            (Value::list([1, 2]), Value::list([1.0, 2.0])),
            (Value::from(i64::MIN), Value::from(i64::MIN as f64)),
        ] {
            assert_eq!(hash_value(&a), hash_value(&b), "{a:?} {b:?}");
        }
        for (a, b) in [
            (Value::from(i64::MAX), Value::from(i64::MAX as f64)),
            (Value::from("1"), Value::from(1)),
            (Value::list([1, 2]), Value::record([1, 2])),
            (Value::list([1, 2]), Value::list([2, 1])),
            (Value::list([Value::Null]), Value::list([""; 0])),
        ] {
            assert_ne!(hash_value(&a), hash_value(&b), "{a:?} {b:?}");
        }
    }
}
