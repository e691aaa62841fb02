//! Public Ed25519 keys as tokens give them. Standards and modules differ on the encoding, so each form that occurs is taken.

/// What `CKA_EC_PARAMS` says of an Ed25519 key: the object identifier of RFC 8410, the name of the curve as a PrintableString
/// (PKCS#11 3.0, section 2.3.5), and the object identifier that cards of OpenPGP have.
const PARAMETERS: [&[u8]; 3] = [
    &[0x06, 0x03, 0x2b, 0x65, 0x70],
    b"\x13\x0cedwards25519",
    &[0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01],
];

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
    fn knows_the_parameters_of_ed25519_alone() {
        assert!(is_ed25519(&[0x06, 0x03, 0x2b, 0x65, 0x70]));
        assert!(is_ed25519(b"\x13\x0cedwards25519"));
        for wrong in [&b"\x13\x0aedwards448"[..], &[0x06, 0x03, 0x2b, 0x65, 0x71], b"edwards25519", b""] {
            assert!(!is_ed25519(wrong), "{wrong:?}");
        }
    }
}
