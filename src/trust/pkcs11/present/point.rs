//! Public keys of Ed25519 and P-384 as tokens give them. Standards and modules differ on the encoding, so each form that occurs is taken.

/// What `CKA_EC_PARAMS` says of an Ed25519 key: the object identifier of RFC 8410, the name of the curve as a PrintableString
/// (PKCS#11 3.0, section 2.3.5), and the object identifier that cards of OpenPGP have.
const PARAMETERS: [&[u8]; 3] = [
    &[0x06, 0x03, 0x2b, 0x65, 0x70],
    b"\x13\x0cedwards25519",
    &[0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01],
];

/// What it says of a key of P-384: the object identifier, and the name of the curve, which some modules give.
const P384_PARAMETERS: [&[u8]; 2] = [&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22], b"\x13\x09secp384r1"];

/// Size of a point of P-384 that is not compressed, in bytes.
const P384_POINT_BYTES: usize = 97;

/// Whether a value of `CKA_EC_PARAMS` stands for P-384.
pub(super) fn is_p384(parameters: &[u8]) -> bool {
    P384_PARAMETERS.contains(&parameters)
}

/// The point in a value of `CKA_EC_POINT` for P-384, in an OCTET STRING or, as older modules give it, bare. It is not checked.
pub(super) fn p384_of_point(point: &[u8]) -> Option<&[u8]> {
    match point {
        [0x04, 0x61, rest @ ..] if rest.len() == P384_POINT_BYTES => Some(rest),
        bare if bare.len() == P384_POINT_BYTES => Some(bare),
        _ => None,
    }
}

/// Whether a value of `CKA_EC_PARAMS` stands for Ed25519.
pub(super) fn is_ed25519(parameters: &[u8]) -> bool {
    PARAMETERS.contains(&parameters)
}

/// The key in a value of `CKA_EC_POINT`: its 32 bytes, bare (PKCS#11 3.0) or in an OCTET STRING (PKCS#11 2.40 for other curves).
/// It is not checked to be a good point.
pub(super) fn ed25519_of_point(point: &[u8]) -> Option<[u8; 32]> {
    let bare = match point {
        [0x04, 0x20, rest @ ..] if rest.len() == 32 => rest,
        bare => bare,
    };
    bare.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_both_forms_of_a_point() {
        let key: [u8; 32] = std::array::from_fn(|at| at.to_le_bytes()[0]);
        let wrapped = [&[0x04, 0x20], key.as_slice()].concat();
        assert_eq!(ed25519_of_point(&key), Some(key));
        assert_eq!(ed25519_of_point(&wrapped), Some(key));
        // A bare key that begins as an OCTET STRING does.
        let mut odd = key;
        odd[..2].copy_from_slice(&[0x04, 0x20]);
        assert_eq!(ed25519_of_point(&odd), Some(odd));
        for wrong in [&[][..], &key[..31], &wrapped[..33], &[&wrapped[..], &[0]].concat(), &[0x03; 34]] {
            assert_eq!(ed25519_of_point(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn knows_p384_in_both_forms() {
        let key: Vec<u8> = std::iter::once(4).chain(0..96).collect();
        assert_eq!(p384_of_point(&key), Some(&key[..]));
        assert_eq!(p384_of_point(&[&[0x04, 0x61], &key[..]].concat()), Some(&key[..]));
        for wrong in [&[][..], &key[..96], &[&[0x04, 0x61], &key[..96]].concat(), &[3; 99]] {
            assert_eq!(p384_of_point(wrong), None, "{wrong:?}");
        }
        assert!(
            is_p384(&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22])
                && !is_p384(&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23])
        );
    }

    #[test]
    fn knows_the_parameters_of_ed25519_alone() {
        assert!(is_ed25519(&[0x06, 0x03, 0x2b, 0x65, 0x70]));
        assert!(is_ed25519(b"\x13\x0cedwards25519"));
        for wrong in [&b"\x13\x0aedwards448"[..], &[0x06, 0x03, 0x2b, 0x65, 0x71], b"edwards25519", b""] {
            assert!(!is_ed25519(wrong), "{wrong:?}");
        }
    }
}
