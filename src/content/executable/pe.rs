//! PE, the format of Windows.

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, optional_header_magic};

use super::model::{Executable, ExecutableError, Format, SECTIONS_MAX, Section};

const WRITE: u32 = 0x8000_0000;

pub(super) fn open(bytes: &[u8]) -> Result<Executable<'_>, ExecutableError> {
    match optional_header_magic(bytes) {
        Ok(0x10b) => read::<pe::ImageNtHeaders32>(bytes, 4),
        Ok(0x20b) => read::<pe::ImageNtHeaders64>(bytes, 8),
        // Programs of DOS begin like this, too.
        _ => Err(ExecutableError::Malformed("PE header")),
    }
}

fn read<H: ImageNtHeaders>(bytes: &[u8], pointer_bytes: usize) -> Result<Executable<'_>, ExecutableError> {
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
