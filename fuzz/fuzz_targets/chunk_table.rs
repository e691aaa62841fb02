//! `chunks.txt`: a text that parses renders to the same bytes.
#![no_main]

use carnet::format::chunk_table::ChunkTable;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = ChunkTable::parse(bytes) {
        assert_eq!(read.render(), bytes);
    }
});
