//! Tags that name what refers to an artifact (distribution-spec, "Referrers Tag Schema"), and those of cosign.

use crate::oci::referrers_list::list_tag;
use crate::oci::{Digest, RefName};

/// Number of hex digits of the digest in a referrers tag (distribution-spec, "Referrers Tag Schema").
const TAG_HEX_DIGITS: usize = 64;

/// The suffixes of cosign's tags, after the digest.
pub(super) const COSIGN_SUFFIXES: [&str; 3] = [".sig", ".att", ".sbom"];

/// The referrers tag of a digest: its algorithm and its first 64 digits.
pub(super) fn tag_stem(digest: &Digest) -> String {
    list_tag(digest)
}

/// The digest part of a referrers tag or of a tag by cosign; `None` for any other tag.
pub(super) fn stem_of(name: &RefName) -> Option<&str> {
    let tag = name.tag()?;
    let stem = COSIGN_SUFFIXES.iter().find_map(|suffix| tag.strip_suffix(suffix)).unwrap_or(tag);
    let digits = stem.strip_prefix("sha256-").or_else(|| stem.strip_prefix("sha512-"))?;
    let hex =
        digits.len() == TAG_HEX_DIGITS && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    hex.then_some(stem)
}
