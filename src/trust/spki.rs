//! The algorithm that the DER of a public key names (RFC 5280, section 4.1), for messages. What a key is accepted by is its
//! first bytes, which this does not decide.

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// Maximum number of parts of an object identifier that is shown. Those of algorithms have about ten.
const PARTS_MAX: usize = 20;

/// The object identifier of the key's algorithm, as numbers with dots; `None` if the bytes are not those of a public key.
pub(super) fn algorithm_of(der: &[u8]) -> Option<String> {
    let (key, rest) = element(der, SEQUENCE)?;
    let (algorithm, _) = element(key, SEQUENCE)?;
    let (oid, _) = element(algorithm, OBJECT_IDENTIFIER)?;
    dotted(oid).filter(|_| rest.is_empty())
}

/// The curve that a key of ECDSA names beside its algorithm, as numbers with dots, and the bytes of its point; `None` if it names
/// none.
pub(super) fn curve_of(der: &[u8]) -> Option<(String, &[u8])> {
    let (key, _) = element(der, SEQUENCE)?;
    let (algorithm, point) = element(key, SEQUENCE)?;
    let (_, parameter) = element(algorithm, OBJECT_IDENTIFIER)?;
    let (curve, rest) = element(parameter, OBJECT_IDENTIFIER)?;
    let (point, _) = element(point, BIT_STRING)?;
    // The first byte says how many bits of the last one do not count.
    let point = point.strip_prefix(&[0])?;
    Some((dotted(curve).filter(|_| rest.is_empty())?, point))
}

/// The content of the element at the start of `der`, which must have this tag, and what follows it. A length has at most two
/// bytes, which is more than any key needs.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [0x82, high, low, rest @ ..] if *high > 0 => (usize::from(*high) << 8 | usize::from(*low), rest),
        [0x81, length, rest @ ..] if *length >= 0x80 => (usize::from(*length), rest),
        [length, rest @ ..] if *length < 0x80 => (usize::from(*length), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// An object identifier in words (ITU-T X.690, section 8.19).
fn dotted(oid: &[u8]) -> Option<String> {
    let mut parts: Vec<u32> = Vec::new();
    let mut part = 0_u32;
    for &byte in oid {
        part = part.checked_mul(1 << 7)? | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            parts.push(std::mem::take(&mut part));
        }
    }
    let (&first, others) = parts.split_first().filter(|_| parts.len() < PARTS_MAX)?;
    // The first part holds two numbers, of which the first is 0, 1 or 2.
    let root = (first / 40).min(2);
    let mut text = format!("{root}.{}", first - 40 * root);
    for part in others {
        text += &format!(".{part}");
    }
    // The last byte must end a part.
    oid.last().is_some_and(|last| last & 0x80 == 0).then_some(text)
}

#[cfg(test)]
mod tests {
    use pkcs8::der::Decode as _;
    use pkcs8::{ObjectIdentifier, SubjectPublicKeyInfoRef};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_the_algorithm_of_a_key() {
        let rsa = [0x30, 0x11, 0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0, 3, 0];
        assert_eq!(algorithm_of(&rsa).as_deref(), Some("1.2.840.113549.1.1.1"));
        for cut in 0..rsa.len() {
            assert_eq!(algorithm_of(&rsa[..cut]), None, "{cut}");
        }
        assert_eq!(algorithm_of(&[&rsa[..], &[0]].concat()), None);
    }

    #[test]
    fn names_the_curve_and_the_point() {
        let p256 = [
            0x30, 0x17, 0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x23,
            3, 3, 0, 7, 8,
        ];
        assert_eq!(curve_of(&p256), Some(("1.3.132.0.35".to_owned(), &[7, 8][..])));
        for cut in 0..p256.len() {
            assert_eq!(curve_of(&p256[..cut]), None, "{cut}");
        }
        // Parameters that are written out instead of named.
        let explicit = [0x30, 0x0f, 0x30, 0x0b, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x30, 0, 3, 0];
        assert_eq!(curve_of(&explicit), None);
    }

    proptest! {
        #[test]
        fn agrees_with_another_reader(bytes in proptest::collection::vec(any::<u8>(), 1..12)) {
            // The other reader cuts numbers that are too large, silently.
            if let (Some(ours), Ok(theirs)) = (dotted(&bytes), ObjectIdentifier::from_bytes(&bytes)) {
                prop_assert_eq!(ours, theirs.to_string());
            }
        }

        #[test]
        fn names_small_numbers(second in 0..40_u32, rest in proptest::collection::vec(0..1_u32 << 28, 1..8)) {
            let text = format!("1.{second}.{}", rest.iter().map(ToString::to_string).collect::<Vec<_>>().join("."));
            prop_assert_eq!(dotted(ObjectIdentifier::new(&text).unwrap().as_bytes()), Some(text));
        }

        #[test]
        fn names_what_another_reader_names(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let (Some(ours), Ok(theirs)) = (algorithm_of(&bytes), SubjectPublicKeyInfoRef::from_der(&bytes)) {
                prop_assert_eq!(ours, theirs.algorithm.oid.to_string());
            }
        }
    }
}
