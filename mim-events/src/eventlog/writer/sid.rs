//! Security identifiers: text to bytes ([MS-DTYP] 2.4.2).

/// Appends the bytes of a SID such as `S-1-5-21-1-2-3-500`. `None`, with
/// nothing appended, if the text is none.
pub(super) fn parse_into(text: &str, out: &mut Vec<u8>) -> Option<()> {
    /// No SID has more numbers after the authority.
    const MAX_SUB_AUTHORITIES: usize = 15;

    let mut fields = text.split('-');
    if !fields.next()?.eq_ignore_ascii_case("S") {
        return None;
    }
    let revision: u8 = decimal(fields.next()?)?;
    let authority = fields.next()?;
    // Windows writes authorities of 2^32 and above in hexadecimal.
    let authority: u64 = match authority
        .strip_prefix("0x")
        .or(authority.strip_prefix("0X"))
    {
        Some(hex) if hex.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u64::from_str_radix(hex, 16).ok()?
        }
        Some(_) => return None,
        None => decimal(authority)?,
    };
    if authority >> 48 != 0 {
        return None;
    }
    let numbers: Vec<u32> = fields.map(decimal).collect::<Option<_>>()?;
    if numbers.len() > MAX_SUB_AUTHORITIES {
        return None;
    }
    out.extend([revision, numbers.len() as u8]);
    out.extend_from_slice(&authority.to_be_bytes()[2..]);
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    Some(())
}

/// Digits only: `parse` alone would take a sign.
fn decimal<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes()
        .all(|digit| digit.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        parse_into(text, &mut out).map(|()| out)
    }

    #[test]
    fn text_becomes_bytes() {
        assert_eq!(
            bytes("S-1-5-18").unwrap(),
            [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]
        );
        assert_eq!(bytes("s-1-0").unwrap(), [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes("S-1-0x100000000").unwrap()[2..8], [0, 1, 0, 0, 0, 0]);
        let long = bytes("S-1-5-21-1004336348-1177238915-682003330-512").unwrap();
        assert_eq!(long.len(), 28);
        assert_eq!(long[12..16], 1_004_336_348_u32.to_le_bytes());
    }

    #[test]
    fn what_is_no_sid_is_refused() {
        for text in [
            "",
            "S",
            "S-1",
            "S-1-",
            "S-1-5-",
            "S-1-5--1",
            "S-1-+5-18",
            "S-1-5-4294967296",
            "S-1-0xg",
            "S-1-281474976710656",
            "S-256-5",
            "T-1-5",
            "CONTOSO\\dana",
            "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
