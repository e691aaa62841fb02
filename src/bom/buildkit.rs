//! Attestation manifests of BuildKit: they lie in the index of an image, beside the manifests of its platforms, and have
//! the platform `unknown/unknown`. Annotations of their descriptor say so.

use std::collections::BTreeMap;

use crate::oci::Digest;

/// The annotation that says what a manifest in an index is for.
pub const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// The annotation with the digest of the manifest that it is for.
pub const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// The value of [`REFERENCE_TYPE`] of attestations.
pub const ATTESTATION_MANIFEST: &str = "attestation-manifest";

/// The annotation of a layer with the type of the predicate of the statement in it.
pub const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

/// Returns which manifest the attestations are about whose manifest has a descriptor with these annotations; `None` if it
/// is no attestation manifest.
///
/// # Errors
/// A sentence, if it is one but does not say what it is about.
pub fn attests(annotations: &BTreeMap<String, String>) -> Option<Result<Digest, String>> {
    if annotations.get(REFERENCE_TYPE)? != ATTESTATION_MANIFEST {
        return None;
    }
    let named = annotations
        .get(REFERENCE_DIGEST)
        .ok_or_else(|| format!("it is an attestation manifest without the annotation {REFERENCE_DIGEST}"));
    Some(named.and_then(|text| {
        text.parse().map_err(|error| format!("the annotation {REFERENCE_DIGEST} is wrong: {error}"))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_say_what_is_attested() {
        let digest = Digest::sha256(b"");
        let annotations = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let text = digest.to_string();
        let of = |pairs: &[(&str, &str)]| attests(&annotations(pairs));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(REFERENCE_TYPE, "other"), (REFERENCE_DIGEST, &text)]), None);
        let whole = [(REFERENCE_TYPE, ATTESTATION_MANIFEST), (REFERENCE_DIGEST, text.as_str())];
        assert_eq!(of(&whole), Some(Ok(digest)));
        assert!(of(&whole[..1]).unwrap().unwrap_err().contains("without the annotation"));
        let wrong = [(REFERENCE_TYPE, ATTESTATION_MANIFEST), (REFERENCE_DIGEST, "md5:1")];
        assert!(of(&wrong).unwrap().unwrap_err().contains("is wrong"));
    }
}
