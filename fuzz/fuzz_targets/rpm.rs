//! Databases of rpm and their headers. The first byte says which; a log is what follows a database of SQLite that is
//! `second byte` pages of 512 bytes long.
#![no_main]

use carnet::packages::rpm;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [form, pages, bytes @ ..] = bytes else { return };
    let found = match form % 4 {
        0 => rpm::header(bytes),
        1 => rpm::ndb(bytes),
        2 => rpm::bdb(bytes),
        _ => {
            let file_bytes = bytes.len().min(usize::from(*pages) * 512);
            let (file, log) = bytes.split_at(file_bytes);
            rpm::sqlite(file, Some(log))
        }
    };
    let owned: usize = found.owned.iter().map(Vec::len).sum();
    assert!(owned <= 256 << 20);
    for package in found.packages {
        assert!(!package.name.is_empty() && package.version.contains('-'));
    }
});
