//! Databases of dpkg, lists of files, sums of files, and copyright files.
#![no_main]

use carnet::packages::dpkg;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let found = dpkg::status(bytes);
    assert!(found.packages.len() <= dpkg::status_d(bytes).packages.len());
    dpkg::owned(bytes);
    dpkg::owned_by_sums(bytes);
    dpkg::licences(bytes);
});
