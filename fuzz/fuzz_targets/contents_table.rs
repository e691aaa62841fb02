//! Tables of contents of layers: whatever a table says, it is compared with the layer. A name is in the answer only if it is in
//! the table or in the layer.
#![no_main]

use carnet::content::tar::TarReader;
use carnet::oci::Digest;
use carnet::rootfs::{Members, TocProblem, compare_toc};

/// A layer with the file `a` and the folder `d`.
fn members() -> Members {
    let entry = |name: u8, letter: u8| {
        let mut block = [0; 512];
        block[0] = name;
        block[156] = letter;
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    };
    let archive = [entry(b'a', b'0'), entry(b'd', b'5')].concat();
    let mut reader = TarReader::new(archive.as_slice());
    let mut members = Members::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        assert!(members.push(&entry));
    }
    members
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let members = members();
    let problems = compare_toc(bytes, &members, &|number| (number == 0).then(|| Digest::sha256(b"")));
    for problem in problems.kept() {
        match problem {
            TocProblem::OnlyInArchive { path } | TocProblem::Differs { path, .. } => {
                assert!(path == b"a" || path == b"d");
            }
            TocProblem::OnlyInTable { path } => assert!(path != b"a" && path != b"d"),
            TocProblem::Unreadable { .. } | TocProblem::TooLong { .. } => {}
        }
    }
});
