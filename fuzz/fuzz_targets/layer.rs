//! A layer: any bytes are read within their limits, and all that passes is hashed. Blocks that claim to be headers get
//! the right checksum, so that more of them are looked into.
#![no_main]

use std::io::Read;

use carnet::content::inflate::{InflateLimits, StreamKind};
use carnet::content::tar::TarEntry;
use carnet::content::{Interest, LayerLimits, LayerVisitor, read_layer};
use carnet::oci::Digest;

struct Bodies(u64);

impl LayerVisitor for Bodies {
    fn entry(&mut self, entry: &TarEntry) -> Interest {
        match entry.number % 4 {
            0 => Interest::Skip,
            1 => Interest::Head(100),
            2 => Interest::Stream,
            _ => Interest::Whole(4096),
        }
    }

    fn body(&mut self, entry: &TarEntry, bytes: &[u8]) {
        let wanted = if entry.number % 4 == 1 { entry.size.min(100) } else { entry.size };
        assert_eq!(bytes.len() as u64, wanted);
        self.0 += 1;
    }

    fn content(&mut self, entry: &TarEntry, content: &mut dyn Read) {
        let mut bytes = Vec::new();
        let _ = content.take(100).read_to_end(&mut bytes);
        assert!(bytes.len() as u64 <= entry.size);
        self.0 += 1;
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(512).filter(|block| block[257..].starts_with(b"ustar")) {
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    let limits = LayerLimits {
        inflate: InflateLimits {
            expanded_bytes_max: 4 << 20,
            ratio_from_bytes: 1 << 20,
            window_bytes_max: 1 << 20,
            ..InflateLimits::default()
        },
        entries_max: 100,
    };
    let mut bodies = Bodies(0);
    let read = read_layer(&mut bytes.as_slice(), &limits, &mut bodies);
    assert!(bodies.0 <= read.entries.total());
    assert!(read.bytes_in <= bytes.len() as u64);
    assert!(read.expanded <= limits.inflate.expanded_bytes_max + (1 << 20));
    if read.encoding.kind == StreamKind::Tar && bytes.len() < 4 << 20 {
        assert_eq!(read.diff_id, Some(Digest::sha256(&bytes)));
    }
    if read.diff_id.is_none() {
        assert!(!read.problems.is_empty());
    }
});
