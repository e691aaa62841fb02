//! ELF (the System V ABI).

use std::ops::Range;

use object::elf;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endian, Endianness, ReadRef};

use super::model::{Executable, ExecutableError, Format, SECTIONS_MAX, Section};

/// The bytes before the table of sections in which their names are, if the table is at the end of the file. Most linkers put the
/// names directly before it, LLD puts the names of all symbols between.
const NAMES_BYTES: u64 = 16 << 20;

pub(super) fn open<'a, R: ReadRef<'a>>(bytes: R) -> Result<Executable<'a>, ExecutableError> {
    match bytes.read_bytes_at(4, 1) {
        Ok([1]) => read::<elf::FileHeader32<Endianness>, R>(bytes, 4),
        Ok([2]) => read::<elf::FileHeader64<Endianness>, R>(bytes, 8),
        _ => Err(ExecutableError::Malformed("ELF class")),
    }
}

/// Where the head of an executable says that its writable parts, its sections and their names are.
pub(super) fn places(head: &[u8]) -> Option<Vec<Range<u64>>> {
    match head.get(4) {
        Some(1) => places_of::<elf::FileHeader32<Endianness>>(head),
        Some(2) => places_of::<elf::FileHeader64<Endianness>>(head),
        _ => None,
    }
}

fn places_of<H: FileHeader<Endian = Endianness>>(head: &[u8]) -> Option<Vec<Range<u64>>> {
    let header = H::parse(head).ok()?;
    let endian = header.endian().ok()?;
    let place = |at: u64, bytes: u64| at..at.saturating_add(bytes);
    let mut places = Vec::new();
    // Linkers of Go put the list of modules into the first of them.
    for program in header.program_headers(endian, head).ok()? {
        if program.p_type(endian) == elf::PT_LOAD && program.p_flags(endian).0 & elf::PF_W.0 != 0 {
            places.push(place(program.p_offset(endian).into(), program.p_filesz(endian).into()));
        }
    }
    let (at, count) = (header.e_shoff(endian).into(), u64::from(header.e_shnum(endian)));
    if at == 0 {
        return Some(places);
    }
    if let Ok(sections) = header.section_headers(endian, head) {
        let names = header.shstrndx(endian, head).ok().and_then(|number| sections.get(number as usize));
        places.extend(names.map(|names| place(names.sh_offset(endian).into(), names.sh_size(endian).into())));
    } else if count == 0 {
        // The first line of the table tells how many there are, which is seen too late.
        return None;
    } else {
        let bytes = count * u64::from(header.e_shentsize(endian));
        places.push(at.saturating_sub(NAMES_BYTES)..at.saturating_add(bytes));
    }
    Some(places)
}

fn read<'a, H, R>(bytes: R, pointer_bytes: usize) -> Result<Executable<'a>, ExecutableError>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let header = H::parse(bytes).map_err(|_| ExecutableError::Malformed("ELF header"))?;
    let endian = header.endian().map_err(|_| ExecutableError::Malformed("ELF header"))?;
    // Sections may be stripped, and some packers leave nonsense there. The machine is known all the same.
    let table = header.sections(endian, bytes).unwrap_or_default();
    let sections = table.iter().take(SECTIONS_MAX).map(|section| Section {
        name: table.section_name(endian, section).unwrap_or_default(),
        address: section.sh_addr(endian).into(),
        bytes: section.data(endian, bytes).unwrap_or_default(),
        is_writable: section.sh_flags(endian).0 & elf::SHF_WRITE.0 != 0,
    });
    let sections = sections.collect();
    let headers = header.program_headers(endian, bytes).unwrap_or_default();
    let loaded = headers.iter().filter(|header| header.p_type(endian) == elf::PT_LOAD);
    let segments = loaded.take(SECTIONS_MAX).map(|header| Section {
        name: &[],
        address: header.p_vaddr(endian).into(),
        bytes: header.data(endian, bytes).unwrap_or_default(),
        is_writable: header.p_flags(endian).0 & elf::PF_W.0 != 0,
    });
    let segments = segments.collect();
    let is_big_endian = endian.is_big_endian();
    let architecture =
        architecture(header.e_machine(endian).0, header.e_flags(endian).0, is_big_endian, pointer_bytes);
    Ok(Executable { format: Format::Elf, architecture, is_big_endian, pointer_bytes, sections, segments })
}

/// The machine in the words of GOARCH, by `e_machine`.
fn architecture(machine: u16, flags: u32, is_big: bool, pointer_bytes: usize) -> Option<&'static str> {
    Some(match (machine, is_big, pointer_bytes) {
        (62, false, _) => "amd64",
        (3 | 6, false, 4) => "386",
        (183, false, 8) => "arm64",
        // Only the attributes section tells v5, v6 and v7 apart. With the flag for hardware floats it is v7 on Debian and
        // v6 on Raspberry Pi OS; without it v5 on Debian.
        (40, false, 4) if flags & 0x400 != 0 => "arm/v7",
        (40, false, 4) => "arm",
        (21, false, 8) => "ppc64le",
        (21, true, 8) => "ppc64",
        (22, true, 8) => "s390x",
        (243, false, 8) => "riscv64",
        (258, false, 8) => "loong64",
        (8, false, 8) => "mips64le",
        (8, true, 8) => "mips64",
        (8, false, 4) => "mipsle",
        (8, true, 4) => "mips",
        _ => return None,
    })
}
