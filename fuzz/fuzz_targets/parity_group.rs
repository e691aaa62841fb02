//! The text of a parity group: what parses renders to the same bytes, and every stripe lies in its file.
#![no_main]

use carnet::format::parity::ParityGroup;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(group) = ParityGroup::parse(bytes, 3) else { return };
    assert_eq!(group.render(), bytes);
    assert!(group.blocks() >= group.row_blocks());
    for row in [0, group.rows() / 2, group.rows() - 1] {
        for stripe in [0, group.losses - 1] {
            let file = group.file_of(stripe, row);
            assert_eq!(group.stripe_in(file, row), Some(stripe));
            let end = group.offset_in(file, row) + group.stripe_length(row);
            assert!(end <= group.payload_bytes(file));
        }
    }
});
