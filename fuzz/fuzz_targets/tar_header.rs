//! A tar header: a block that decodes encodes to the same bytes.
#![no_main]

use carnet::format::tar::Header;

libfuzzer_sys::fuzz_target!(|block: [u8; 512]| {
    if let Ok(header) = Header::decode(&block) {
        assert_eq!(header.encode(), block);
    }
});
