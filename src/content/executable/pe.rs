//! PE, the format of Windows.

use std::ops::Range;

use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, optional_header_magic};
use object::{LittleEndian as LE, ReadRef};

use super::model::{Executable, ExecutableError, Format, SECTIONS_MAX, Section};

const WRITE: u32 = 0x8000_0000;

/// The most bytes of a section that is read of a large executable, if it is not writable.
const SMALL_BYTES: u32 = 1 << 20;

pub(super) fn open<'a, R: ReadRef<'a>>(bytes: R) -> Result<Executable<'a>, ExecutableError> {
    match optional_header_magic(bytes) {
        Ok(0x10b) => read::<pe::ImageNtHeaders32, R>(bytes, 4),
        Ok(0x20b) => read::<pe::ImageNtHeaders64, R>(bytes, 8),
        // Programs of DOS begin like this, too.
        _ => Err(ExecutableError::Malformed("PE header")),
    }
}

/// Where the head of an executable says that its writable sections are, and those that are only read and small: what a program
/// was built from is in one of them. The headers themselves are in the head.
pub(super) fn places(head: &[u8]) -> Option<Vec<Range<u64>>> {
    match optional_header_magic(head) {
        Ok(0x10b) => places_of::<pe::ImageNtHeaders32>(head),
        Ok(0x20b) => places_of::<pe::ImageNtHeaders64>(head),
        _ => None,
    }
}

fn places_of<H: ImageNtHeaders>(head: &[u8]) -> Option<Vec<Range<u64>>> {
    let mut offset = pe::ImageDosHeader::parse(head).ok()?.nt_headers_offset().into();
    let (headers, _) = H::parse(head, &mut offset).ok()?;
    let table = headers.sections(head, offset).ok()?;
    let wanted = table.iter().filter_map(|section| {
        let (at, bytes) = section.pe_file_range();
        let is_kept = section.characteristics.get(LE).0 & WRITE != 0 || bytes <= SMALL_BYTES;
        is_kept.then(|| u64::from(at)..u64::from(at) + u64::from(bytes))
    });
    Some(wanted.collect())
}

fn read<'a, H, R>(bytes: R, pointer_bytes: usize) -> Result<Executable<'a>, ExecutableError>
where
    H: ImageNtHeaders,
    R: ReadRef<'a>,
{
    let malformed = ExecutableError::Malformed("PE header");
    let dos = pe::ImageDosHeader::parse(bytes).map_err(|_| malformed)?;
    let mut offset = dos.nt_headers_offset().into();
    let (headers, _) = H::parse(bytes, &mut offset).map_err(|_| malformed)?;
    let base = headers.optional_header().image_base();
    let table =
        headers.sections(bytes, offset).map_err(|_| ExecutableError::Malformed("PE section table"))?;
    let sections: Vec<Section<'_>> = table
        .iter()
        .take(SECTIONS_MAX)
        .map(|section| Section {
            name: section.raw_name(),
            address: base.wrapping_add(section.virtual_address.get(LE).into()),
            bytes: section.pe_data(bytes).unwrap_or_default(),
            is_writable: section.characteristics.get(LE).0 & WRITE != 0,
        })
        .collect();
    let architecture = match headers.file_header().machine.get(LE).0 {
        0x8664 => Some("amd64"),
        0x14c => Some("386"),
        0xaa64 => Some("arm64"),
        0x1c0 | 0x1c2 | 0x1c4 => Some("arm/v7"),
        _ => None,
    };
    let segments = sections.clone();
    Ok(Executable {
        format: Format::Pe,
        architecture,
        is_big_endian: false,
        pointer_bytes,
        sections,
        segments,
    })
}
