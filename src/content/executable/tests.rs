use proptest::prelude::*;

use super::{Executable, ExecutableError, Format, Outline, is_executable};

/// An ELF header without sections: class, data encoding, `e_machine`, `e_flags`.
fn elf(class: u8, data: u8, machine: u16, flags: u32) -> Vec<u8> {
    let mut out = b"\x7fELF".to_vec();
    out.extend([class, data, 1, 0]);
    out.resize(64, 0);
    let (wide, big) = (class == 2, data == 2);
    let mut put = |at: usize, value: u32, bytes: usize| {
        let all = if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let part = if big { &all[4 - bytes..] } else { &all[..bytes] };
        out[at..at + bytes].copy_from_slice(part);
    };
    put(18, machine.into(), 2);
    put(20, 1, 4);
    put(if wide { 48 } else { 36 }, flags, 4);
    out
}

/// A Mach-O file with one section of this name and content.
fn macho(name: &str, content: &[u8]) -> Vec<u8> {
    let offset = 32 + 72 + 80;
    let mut out = b"\xcf\xfa\xed\xfe".to_vec();
    out.extend(0x0100_000c_u32.to_le_bytes());
    out.extend([0; 8]);
    out.extend(1_u32.to_le_bytes());
    out.resize(32, 0);
    out.extend(0x19_u32.to_le_bytes());
    out.extend(152_u32.to_le_bytes());
    out.resize(32 + 60, 0);
    out.extend(3_u32.to_le_bytes());
    out.resize(32 + 72, 0);
    out.extend(name.as_bytes());
    out.resize(32 + 72 + 32, 0);
    out.extend(0x1000_u64.to_le_bytes());
    out.extend((content.len() as u64).to_le_bytes());
    out.extend(u32::try_from(offset).unwrap().to_le_bytes());
    out.resize(offset, 0);
    out.extend(content);
    out
}

#[test]
fn machines_have_the_names_of_oci() {
    for (class, data, machine, flags, expected) in [
        (2, 1, 62, 0, Some("amd64")),
        (1, 1, 3, 0, Some("386")),
        (2, 1, 183, 0, Some("arm64")),
        (1, 1, 40, 0x0500_0400, Some("arm/v7")),
        (1, 1, 40, 0x0500_0200, Some("arm")),
        (2, 1, 21, 2, Some("ppc64le")),
        (2, 2, 21, 2, Some("ppc64")),
        (2, 2, 22, 0, Some("s390x")),
        (2, 1, 243, 5, Some("riscv64")),
        (2, 1, 258, 0, Some("loong64")),
        (2, 1, 8, 0, Some("mips64le")),
        (2, 1, 9999, 0, None),
    ] {
        let bytes = elf(class, data, machine, flags);
        let found = Executable::open(&bytes).unwrap();
        assert_eq!((found.format, found.architecture), (Format::Elf, expected), "machine {machine}");
        assert!(is_executable(&bytes));
    }
}

#[test]
fn sections_of_this_test_are_read() {
    let bytes = std::fs::read("/proc/self/exe").unwrap();
    let found = Executable::open(&bytes).unwrap();
    let text = found.section(b".text").unwrap();
    assert!(!text.is_writable && found.section(b".data").unwrap().is_writable);
    assert_eq!(found.at(text.address).unwrap()[..64], text.bytes[..64]);
    assert!(found.architecture.is_some());
}

/// A program for amd64 as linkers write it: code, data, the names of sections, this many bytes of symbols, the table of sections.
fn linked(symbol_bytes: usize) -> Vec<u8> {
    let mut out = elf(2, 1, 62, 0);
    let names = b"\0.text\0.data\0.shstrtab\0.strtab\0";
    // Of each section: where its name is, its type, its flags, its content.
    let sections: [(u32, u32, u64, Vec<u8>); 5] = [
        (0, 0, 0, Vec::new()),
        (1, 1, 6, vec![0x90; 1 << 20]),
        (7, 1, 3, b"modules".to_vec()),
        (13, 3, 0, names.to_vec()),
        (23, 3, 0, vec![b'_'; symbol_bytes]),
    ];
    out.resize(64 + 56, 0);
    let mut table = Vec::new();
    for (name, kind, flags, content) in sections {
        let (at, bytes) = (out.len() as u64, content.len() as u64);
        table.extend([name.to_le_bytes(), kind.to_le_bytes()].concat());
        table.extend([flags, 0x1000 + at, at, bytes, 0, 1, 0].map(u64::to_le_bytes).concat());
        if flags & 1 != 0 {
            // The segment that is loaded and writable.
            out[64..72].copy_from_slice(&[1_u32, 6].map(u32::to_le_bytes).concat());
            out[72..112].copy_from_slice(&[at, 0x1000 + at, 0, bytes, bytes].map(u64::to_le_bytes).concat());
        }
        out.extend(content);
    }
    let table_at = out.len() as u64;
    out.extend(table);
    out[32..48].copy_from_slice(&[64, table_at].map(u64::to_le_bytes).concat());
    out[54..64].copy_from_slice(&[56_u16, 1, 64, 5, 3].map(u16::to_le_bytes).concat());
    out
}

#[test]
fn parts_have_the_names_of_sections_and_what_is_writable() {
    for symbol_bytes in [0, 1000, 15 << 20] {
        let bytes = linked(symbol_bytes);
        let whole = Executable::open(&bytes).unwrap();
        let (head, mut rest) = bytes.split_at(40 << 10);
        let outline = Outline::of_head(head, bytes.len() as u64).unwrap();
        let parts = outline.read(head, &mut rest).unwrap();
        let found = Executable::of_parts(&parts).unwrap();
        let names = |executable: &Executable<'_>| -> Vec<Vec<u8>> {
            executable.sections.iter().map(|section| section.name.to_vec()).collect()
        };
        assert_eq!(names(&found), names(&whole));
        assert_eq!(
            names(&whole)[1..],
            [".text", ".data", ".shstrtab", ".strtab"].map(|name| name.as_bytes().to_vec())
        );
        assert_eq!(found.section(b".data").unwrap().bytes, b"modules");
        assert_eq!(found.at(whole.section(b".data").unwrap().address), Some(b"modules".as_slice()));
        assert_eq!(found.architecture, Some("amd64"));
        assert!(!found.hides_section(b".data") && !found.hides_section(b".no-such-section"));
    }
}

#[test]
fn parts_leave_out_what_is_not_writable() {
    let bytes = linked(32 << 20);
    let (head, mut rest) = bytes.split_at(40 << 10);
    let outline = Outline::of_head(head, bytes.len() as u64).unwrap();
    assert!(outline.kept_bytes() < 17 << 20, "{}", outline.kept_bytes());
    let parts = outline.read(head, &mut rest).unwrap();
    let found = Executable::of_parts(&parts).unwrap();
    // The names are too far from the table. Each section may be the one that is asked for.
    assert_eq!(found.at(Executable::open(&bytes).unwrap().segments[0].address), Some(b"modules".as_slice()));
    assert!(found.hides_section(b".text") && found.hides_section(b".no-such-section"));
}

#[test]
fn parts_of_this_test_are_those_of_the_whole() {
    let bytes = std::fs::read("/proc/self/exe").unwrap();
    let whole = Executable::open(&bytes).unwrap();
    let (head, mut rest) = bytes.split_at(40 << 10);
    let outline = Outline::of_head(head, bytes.len() as u64).unwrap();
    let parts = outline.read(head, &mut rest).unwrap();
    let found = Executable::of_parts(&parts).unwrap();
    assert_eq!(found.architecture, whole.architecture);
    assert_eq!(found.sections.len(), whole.sections.len());
    // How far its names are from the table depends on the linker and on the amount of symbols.
    assert!(found.section(b".data").is_none_or(|data| Some(data) == whole.section(b".data")));
    assert!(found.section(b".text").is_none_or(|text| text.bytes.is_empty()));
    let of_data = whole.section(b".data").unwrap();
    assert_eq!(found.at(of_data.address).unwrap()[..of_data.bytes.len()], *of_data.bytes);
}

#[test]
fn parts_are_known_if_the_head_tells_how_many_sections_there_are() {
    let mut bytes = elf(2, 1, 62, 0);
    bytes[40..48].copy_from_slice(&(1_u64 << 20).to_le_bytes());
    bytes[58..60].copy_from_slice(&64_u16.to_le_bytes());
    assert_eq!(Outline::of_head(&bytes, 2 << 20), None);
    bytes[60..62].copy_from_slice(&3_u16.to_le_bytes());
    let outline = Outline::of_head(&bytes, 2 << 20).unwrap();
    assert_eq!(outline.kept_bytes(), (1 << 20) + 3 * 64);
    // A file that is shorter than its head says.
    assert_eq!(Outline::of_head(&bytes, 64).unwrap().kept_bytes(), 64);
    assert_eq!(Outline::of_head(b"\xcf\xfa\xed\xfe", 64), None);
}

#[test]
fn parts_that_break_off_are_shorter() {
    let bytes = std::fs::read("/proc/self/exe").unwrap();
    let (head, rest) = bytes.split_at(40 << 10);
    let outline = Outline::of_head(head, bytes.len() as u64).unwrap();
    let parts = outline.read(head, &mut &rest[..rest.len() / 2]).unwrap();
    let found = Executable::of_parts(&parts).unwrap();
    assert!(found.architecture.is_some() && found.section(b".text").is_none());
}

#[test]
fn mach_o_sections_are_read() {
    let bytes = macho("__go_buildinfo", b"content");
    let found = Executable::open(&bytes).unwrap();
    assert_eq!((found.format, found.architecture), (Format::MachO, Some("arm64")));
    let section = found.section(b"__go_buildinfo").unwrap();
    assert_eq!((section.bytes, section.address, section.is_writable), (b"content".as_slice(), 0x1000, true));
    assert_eq!(found.at(0x1003), Some(b"tent".as_slice()));
    assert_eq!(found.at(0x1007), None);
}

#[test]
fn other_files_are_told_apart() {
    assert_eq!(Executable::open(b"#!/bin/sh"), Err(ExecutableError::NotExecutable));
    assert_eq!(Executable::open(b"\x7fELF"), Err(ExecutableError::Malformed("ELF class")));
    assert_eq!(Executable::open(b"MZ"), Err(ExecutableError::Malformed("PE header")));
    // A Java class of version 52.
    assert!(!is_executable(b"\xca\xfe\xba\xbe\0\0\0\x34"));
}

proptest! {
    #[test]
    fn damaged_headers_never_panic(
        changes in prop::collection::vec((0_usize..184, any::<u8>()), 1..8),
        kind in 0..4,
        cut in 0_usize..200,
    ) {
        let mut bytes = match kind {
            0 => elf(2, 1, 62, 0),
            1 => elf(1, 2, 8, 0),
            2 => macho("__x", b"content"),
            _ => b"MZ".to_vec(),
        };
        bytes.resize(200, 0);
        for (at, byte) in changes {
            if at > 4 {
                bytes[at] = byte;
            }
        }
        bytes.truncate(cut.max(8));
        let _ = Executable::open(&bytes);
        let (head, mut rest) = bytes.split_at(bytes.len() / 2);
        if let Some(outline) = Outline::of_head(head, bytes.len() as u64) {
            let parts = outline.read(head, &mut rest).unwrap();
            assert!(outline.kept_bytes() <= bytes.len() as u64);
            let _ = Executable::of_parts(&parts);
        }
    }
}
