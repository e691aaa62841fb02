//! Opening an executable, whatever its form.

use super::model::{Executable, ExecutableError};
use super::parts::Parts;
use super::{elf, macho, pe};

/// Whether the head of a file is that of an executable. 64 bytes are enough.
pub fn is_executable(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF") || head.starts_with(b"MZ") || macho::is_macho(head)
}

impl<'a> Executable<'a> {
    /// Reads the headers. A Mach-O file for several machines is read as its first one.
    pub fn open(bytes: &'a [u8]) -> Result<Executable<'a>, ExecutableError> {
        if bytes.starts_with(b"\x7fELF") {
            elf::open(bytes)
        } else if bytes.starts_with(b"MZ") {
            pe::open(bytes)
        } else if macho::is_macho(bytes) {
            macho::open(bytes)
        } else {
            Err(ExecutableError::NotExecutable)
        }
    }

    /// Reads the headers of a large executable in ELF or PE. What is not among its parts is empty: names and bytes of sections.
    pub fn of_parts(parts: &'a Parts) -> Result<Executable<'a>, ExecutableError> {
        elf::open(parts).or_else(|_| pe::open(parts))
    }
}
