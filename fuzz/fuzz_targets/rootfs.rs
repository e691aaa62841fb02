//! Merging layers: whatever their entries are called, the result is a tree. Each line is an entry: a letter for the type,
//! and a path and a target with a tab between them. An empty line begins a layer.
#![no_main]

use std::sync::Arc;

use carnet::content::tar::{EntryKind, TarReader};
use carnet::rootfs::{Members, Rootfs, RootfsLimits};

fn header(line: &[u8]) -> [u8; 512] {
    let (&letter, rest) = line.split_first().unwrap();
    let mut parts = rest.splitn(2, |&byte| byte == b'\t');
    let mut block = [0; 512];
    for (at, part) in [(0, parts.next()), (157, parts.next())] {
        let part = part.unwrap_or_default();
        let part = &part[..part.len().min(100)];
        block[at..at + part.len()].copy_from_slice(part);
    }
    block[156] = match letter {
        b'd' => b'5',
        b'l' => b'2',
        b'h' => b'1',
        _ => b'0',
    };
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn layer(lines: &[&[u8]]) -> Arc<Members> {
    let archive: Vec<u8> = lines.iter().flat_map(|line| header(line)).collect();
    let mut reader = TarReader::new(archive.as_slice());
    let mut members = Members::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        assert!(members.push(&entry));
    }
    assert_eq!(members.len(), lines.len());
    Arc::new(members)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    let layers: Vec<_> = lines.split(|line| line.is_empty()).map(layer).collect();
    let limits = RootfsLimits { layers_max: 20, entries_max: 500, steps_max: 200_000 };
    let rootfs = Rootfs::merge(&layers, &limits);
    let mut last: Vec<Vec<u8>> = Vec::new();
    for entry in rootfs.iter() {
        let path = entry.path();
        let parts: Vec<Vec<u8>> = path.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect();
        assert!(parts > last, "out of order");
        last = parts;
        assert_eq!(rootfs.resolve_link(&path).unwrap().path(), path);
        assert!(entry.kind() == EntryKind::Folder || entry.children().next().is_none());
        if let Some(body) = entry.body() {
            assert!(rootfs.hidden().iter().all(|hidden| hidden.member != body));
        }
        let _ = rootfs.resolve(&path);
    }
});
