//! What descriptors say of the blobs that they name, and what of them is kept.

use crate::oci::{Descriptor, Digest, MediaType, RefName};

/// The annotation that makes a manifest in an index the attestations of another (BuildKit).
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// The annotation that names the manifest that it is about.
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// The annotations of layers that are looked at start so. Others may have any size.
const ANNOTATIONS_READ: [&str; 5] = [
    "containerd.io/snapshot/stargz/",
    "dev.cosignproject.cosign/",
    "dev.sigstore.cosign/",
    "io.containers.zstd-chunked.",
    "io.github.containers.zstd-chunked.",
];

/// The longest annotation of a layer that is looked at, in bytes: a chain of certificates.
const ANNOTATION_BYTES_MAX: usize = 64 << 10;

/// Whether a blob of this type is an archive whose entries can be listed.
pub(super) fn is_archive(media_type: &MediaType) -> bool {
    let text = media_type.as_str();
    text.contains("image.layer.") || text.contains("rootfs.") || {
        let end = text.rsplit(['.', '+', '/']).next().unwrap_or_default();
        let before = text.strip_suffix(end).unwrap_or_default().trim_end_matches(['+', '.']);
        end == "tar" || (matches!(end, "gzip" | "zstd") && before.ends_with("tar"))
    }
}

/// A descriptor without what is not looked at.
pub(super) fn lean(descriptor: Descriptor) -> Descriptor {
    let is_read = |key: &String, value: &mut String| {
        value.len() <= ANNOTATION_BYTES_MAX && ANNOTATIONS_READ.iter().any(|start| key.starts_with(start))
    };
    let mut annotations = descriptor.annotations;
    annotations.retain(is_read);
    Descriptor { annotations, data: None, ..descriptor }
}

/// Whether this is a layer of a root file system.
pub(super) fn is_layer(descriptor: &Descriptor) -> bool {
    let text = descriptor.media_type.as_str();
    text.contains(".image.layer.") || text.contains("docker.image.rootfs.")
}

/// Returns what a child of an index is an attestation of (BuildKit).
pub(super) fn attestation_of(child: &Descriptor) -> Option<Digest> {
    let annotation = |name: &str| child.annotations.get(name).map(String::as_str);
    (annotation(REFERENCE_TYPE) == Some("attestation-manifest"))
        .then(|| annotation(REFERENCE_DIGEST)?.parse().ok())
        .flatten()
}

/// Returns what a referrer is, in a word if it is a usual one.
pub(super) fn kind(artifact_type: Option<&MediaType>, name: Option<&RefName>) -> String {
    let text = artifact_type.map(MediaType::as_str).unwrap_or_default();
    let tag = name.and_then(|name| name.tag()).unwrap_or_default();
    // The tags of cosign are `sha256-HEX.KIND`.
    let is_tag = |kind: &str| tag.rsplit_once('.').is_some_and(|(_, end)| end == kind);
    let is = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if is_tag("sig")
        || is(&["cosign.simplesigning", "notary.signature", "cncf.notary", "cosign.artifact.sig"])
    {
        "signature"
    } else if is_tag("sbom") || is(&["spdx", "cyclonedx", "sbom", "syft"]) {
        "sbom"
    } else if is_tag("att") || is(&["in-toto", "attestation", "dsse", "sigstore.bundle"]) {
        "attestation"
    } else if text.is_empty() {
        "referrer"
    } else {
        text
    }
    .to_owned()
}
