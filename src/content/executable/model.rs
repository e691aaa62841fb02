//! One executable in memory.

use thiserror::Error;

/// The most sections that are listed. ELF files of large programs have some 60.
pub(super) const SECTIONS_MAX: usize = 4096;

/// The form of an executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Linux and most Unix systems.
    Elf,
    /// Windows.
    Pe,
    /// macOS.
    MachO,
}

/// A section: where a part of the file is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'a> {
    /// Its name, e.g. `.go.buildinfo`. Segments of ELF have none.
    pub name: &'a [u8],
    /// Its address in memory.
    pub address: u64,
    /// Its bytes in the file. Empty if it has none.
    pub bytes: &'a [u8],
    /// Whether the program may write to it.
    pub is_writable: bool,
}

/// An executable or a library in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable<'a> {
    /// Its form.
    pub format: Format,
    /// The machine in OCI's words (GOARCH and GOVARIANT), e.g. `amd64` or `arm/v7`. `None`: unknown to OCI.
    pub architecture: Option<&'static str>,
    /// Whether integers are stored with the highest byte first.
    pub is_big_endian: bool,
    /// The bytes of a pointer: 4 or 8.
    pub pointer_bytes: usize,
    /// Its sections. Empty if they were stripped.
    pub sections: Vec<Section<'a>>,
    /// The parts that are loaded, which no tool strips. Same as the sections for PE and Mach-O.
    pub segments: Vec<Section<'a>>,
}

/// Why an executable cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExecutableError {
    /// Another kind of file.
    #[error("this is no ELF, PE or Mach-O file")]
    NotExecutable,
    /// A header that is malformed, or cut off.
    #[error("the {0} of the executable is malformed or cut off")]
    Malformed(&'static str),
}

impl<'a> Executable<'a> {
    /// The first section of this name.
    pub fn section(&self, name: &[u8]) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Whether it has a section of this name whose bytes are not there, or sections without names, of which one may be it.
    pub fn hides_section(&self, name: &[u8]) -> bool {
        let named = self.sections.iter().any(|section| !section.name.is_empty());
        match self.section(name) {
            Some(section) => section.bytes.is_empty(),
            None => !named && !self.sections.is_empty(),
        }
    }

    /// The bytes from this address in memory to the end of the part that has it.
    pub fn at(&self, address: u64) -> Option<&'a [u8]> {
        self.segments.iter().find_map(|segment| {
            let offset = usize::try_from(address.checked_sub(segment.address)?).ok()?;
            segment.bytes.get(offset..).filter(|rest| !rest.is_empty())
        })
    }
}
