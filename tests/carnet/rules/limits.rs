//! The table of limits in docs/format.md must match the code.

use std::collections::BTreeMap;

use carnet::format::limits;

/// Every limit that the document must list.
fn in_code() -> BTreeMap<&'static str, u64> {
    BTreeMap::from([
        ("STATEMENT_BYTES_MAX", limits::STATEMENT_BYTES_MAX),
        ("SIGNATURES_MAX", limits::SIGNATURES_MAX as u64),
        ("DATA_SIGNATURES_MAX", limits::DATA_SIGNATURES_MAX as u64),
        ("SIGNATURE_BYTES_MAX", limits::SIGNATURE_BYTES_MAX),
        ("ALGORITHM_NAME_BYTES_MAX", carnet::format::signature::ALGORITHM_NAME_BYTES_MAX as u64),
        ("ENTRIES_MAX", limits::ENTRIES_MAX as u64),
        ("SUMS_BYTES_MAX", limits::SUMS_BYTES_MAX),
        ("SUMS384_BYTES_MAX", limits::SUMS384_BYTES_MAX),
        ("VOLUME_LABEL_BYTES_MAX", carnet::format::volume::VOLUME_LABEL_BYTES_MAX),
        ("PLAN_BYTES_MAX", limits::PLAN_BYTES_MAX),
        ("CHUNKS_BYTES_MAX", limits::CHUNKS_BYTES_MAX),
        ("INDEX_BYTES_MAX", limits::INDEX_BYTES_MAX),
        ("ANNEX_BYTES_MAX", limits::ANNEX_BYTES_MAX),
        ("RECOVER_BYTES_MAX", limits::RECOVER_BYTES_MAX),
        ("METADATA_BYTES_MAX", limits::METADATA_BYTES_MAX),
        ("CHUNK_BYTES_MIN", limits::CHUNK_BYTES_MIN),
        ("CHUNK_BYTES_MAX", limits::CHUNK_BYTES_MAX),
        ("REFERENCES_MAX", limits::REFERENCES_MAX as u64),
        ("PIECES_MAX", limits::PIECES_MAX as u64),
        ("CHUNK_NUMBER_MAX", limits::CHUNK_NUMBER_MAX.into()),
        ("COPIES_MAX", limits::COPIES_MAX as u64),
        ("UNVERIFIED_ENTRIES_MAX", limits::UNVERIFIED_ENTRIES_MAX),
        ("UNVERIFIED_HEADS_BYTES_MAX", limits::UNVERIFIED_HEADS_BYTES_MAX),
        ("PARITY_BYTES_MAX", limits::PARITY_BYTES_MAX),
        ("PARITY_CHUNKS_MAX", limits::PARITY_CHUNKS_MAX as u64),
        ("PARITY_FILES_MAX", limits::PARITY_FILES_MAX.into()),
        ("PARITY_STRIPE_BYTES_MAX", limits::PARITY_STRIPE_BYTES_MAX.into()),
        ("PARITY_BLOCKS_MAX", limits::PARITY_BLOCKS_MAX),
        ("PARITY_WORK_BYTES_MAX", limits::PARITY_WORK_BYTES_MAX),
        ("SEQUENCE_MAX", limits::SEQUENCE_MAX),
        ("INDEX_DEPTH_MAX", carnet::oci::graph::INDEX_DEPTH_MAX.into()),
        ("BLOBS_MAX", carnet::oci::graph::BLOBS_MAX as u64),
        ("DOCUMENT_BYTES_MAX", carnet::oci::document::DOCUMENT_BYTES_MAX),
        ("MEDIA_TYPE_BYTES_MAX", carnet::oci::media_type::MEDIA_TYPE_BYTES_MAX as u64),
        ("REF_NAME_BYTES_MAX", carnet::oci::reference::REF_NAME_BYTES_MAX as u64),
        ("TAG_BYTES_MAX", carnet::oci::reference::TAG_BYTES_MAX as u64),
        ("SLICE_OFFSET_MAX", carnet::format::entry::SLICE_OFFSET_MAX),
        ("BLOB_BYTES_MAX", carnet::oci::descriptor::BLOB_BYTES_MAX),
    ])
}

#[test]
fn documented_limits_match_the_code() {
    let text = std::fs::read_to_string(super::root().join("docs/format.md")).unwrap();
    let mut in_document = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", name, value, ..] = cells.as_slice()
            && let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'))
            && let Ok(value) = value.replace([',', '`'], "").parse::<u64>()
        {
            in_document.insert(name.to_owned(), value);
        }
    }
    for (name, value) in in_code() {
        assert_eq!(in_document.get(name), Some(&value), "{name} in docs/format.md, \"Limits\"");
    }
}
