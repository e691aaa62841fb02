//! The count of a guard: whatever the bytes are, it ends within its limits, and no count is above them.
#![no_main]

use carnet::content::archive::{Contents, Form};
use carnet::guard::{Guard, Limit, Profile};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    const BYTES_MAX: u64 = 8 << 20;
    let expands = vec![
        Form::Ar,
        Form::Bzip2,
        Form::Cpio,
        Form::Deb,
        Form::Gzip,
        Form::Iso9660,
        Form::Rpm,
        Form::Tar,
        Form::Xz,
        Form::Zip,
        Form::Zstd,
    ];
    let profile = Profile {
        expands,
        depth_max: Some(8),
        entries_max: Some(10_000),
        expanded_bytes_max: Some(BYTES_MAX),
        ..Profile::unlimited()
    };
    let Ok(guard) = Guard::new(profile) else { return };
    let count = |mut source: &[u8]| {
        guard.count(b"chunk.tar", bytes.len() as u64, &mut source, &Contents::default()).expect("memory can be read")
    };
    let counted = count(bytes);
    assert_eq!(counted.bytes, bytes.len() as u64);
    // What one read may bring beyond the limit.
    assert!(counted.expanded_bytes <= BYTES_MAX + (1 << 20));
    assert!(counted.depth <= 8 && counted.entries <= 10_001);
    assert_eq!(counted.passes(), counted.over_places.is_empty());
    assert!(!counted.over_places.contains_key(&Limit::Counted));
    assert_eq!(count(bytes), counted);
});
