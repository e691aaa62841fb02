//! Mach-O, the format of macOS. Little-endian files of 64 bits; older machines are not in use with containers.

use super::model::{Executable, ExecutableError, Format, SECTIONS_MAX, Section};

/// A file of 64 bits, with the lowest byte first.
const MAGIC_64: &[u8] = b"\xcf\xfa\xed\xfe";

/// Several files for different machines in one.
const FAT: &[u8] = b"\xca\xfe\xba\xbe";

/// Java class files begin as fat files do; their version stands where these have the number of machines.
const FAT_MACHINES_MAX: u32 = 30;

const HEADER_BYTES: usize = 32;
const LC_SEGMENT_64: u32 = 0x19;
const SEGMENT_BYTES: usize = 72;
const SECTION_BYTES: usize = 80;
const PROTECTION_WRITE: u32 = 2;

pub(super) fn is_macho(head: &[u8]) -> bool {
    let machines = || head.get(4..8).and_then(|bytes| Some(u32::from_be_bytes(*bytes.first_chunk()?)));
    head.starts_with(MAGIC_64)
        || (head.starts_with(FAT) && machines().is_some_and(|count| (1..FAT_MACHINES_MAX).contains(&count)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

fn part(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(offset).ok()?..)?.get(..usize::try_from(length).ok()?)
}

pub(super) fn open(bytes: &[u8]) -> Result<Executable<'_>, ExecutableError> {
    let mut bytes = bytes;
    if bytes.starts_with(FAT) {
        let field = |at| bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map(u32::from_be_bytes);
        let first =
            field(16).zip(field(20)).and_then(|(offset, size)| part(bytes, offset.into(), size.into()));
        bytes = first.ok_or(ExecutableError::Malformed("first Mach-O machine"))?;
    }
    if !bytes.starts_with(MAGIC_64) {
        return Err(ExecutableError::Malformed("Mach-O header"));
    }
    let header = || Some((u32_at(bytes, 4)?, u32_at(bytes, 16)?, bytes.get(HEADER_BYTES..)?));
    let (cpu, count, mut commands) = header().ok_or(ExecutableError::Malformed("Mach-O header"))?;
    let mut sections = Vec::new();
    // A command has 8 bytes or more, so the file bounds this loop whatever the count says.
    for _ in 0..count {
        let command = || {
            let length = usize::try_from(u32_at(commands, 4)?).ok().filter(|length| *length >= 8)?;
            Some((u32_at(commands, 0)?, commands.split_at_checked(length)?))
        };
        let (kind, (command, rest)) = command().ok_or(ExecutableError::Malformed("Mach-O load command"))?;
        if kind == LC_SEGMENT_64 {
            segment(bytes, command, &mut sections);
        }
        commands = rest;
    }
    let architecture = match cpu {
        0x0100_0007 => Some("amd64"),
        0x0100_000c => Some("arm64"),
        _ => None,
    };
    let segments = sections.clone();
    let (is_big_endian, pointer_bytes) = (false, 8);
    Ok(Executable { format: Format::MachO, architecture, is_big_endian, pointer_bytes, sections, segments })
}

/// The sections of a segment.
fn segment<'a>(bytes: &'a [u8], command: &'a [u8], sections: &mut Vec<Section<'a>>) {
    let is_writable = u32_at(command, 60).is_some_and(|protection| protection & PROTECTION_WRITE != 0);
    for section in command.get(SEGMENT_BYTES..).unwrap_or_default().chunks_exact(SECTION_BYTES) {
        if sections.len() == SECTIONS_MAX {
            return;
        }
        let name = section.get(..16).unwrap_or_default();
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let (size, offset) = (u64_at(section, 40).unwrap_or(0), u32_at(section, 48).unwrap_or(0));
        sections.push(Section {
            name: name.get(..end).unwrap_or_default(),
            address: u64_at(section, 32).unwrap_or(0),
            bytes: part(bytes, offset.into(), size).unwrap_or_default(),
            is_writable,
        });
    }
}
