//! Zip and Java archives: whatever the bytes are, reading ends, within the limits.
#![no_main]

use carnet::content::zip::{Archive, contradictions};
use carnet::packages::java;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(archive) = Archive::open(bytes) {
        let members: Vec<_> = archive.members().filter_map(Result::ok).collect();
        for member in members.iter().take(100) {
            if let Ok(content) = archive.read(member, 1 << 20) {
                assert_eq!(content.len() as u64, member.size);
            }
        }
        contradictions(&archive, &members);
    }
    java::archive(bytes, b"a-1.jar", 3);
});
