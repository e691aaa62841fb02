//! Programs: ELF, PE, Mach-O, Java classes, WebAssembly, Python bytecode.

use super::{MediaType, array};

pub(super) fn sniff(head: &[u8]) -> Option<MediaType> {
    elf(head).or_else(|| pe(head)).or_else(|| mach_o_or_class(head)).or_else(|| bytecode(head))
}

/// How many program headers are looked at. Linkers write about 13.
const PROGRAM_HEADERS: u16 = 64;

fn elf(head: &[u8]) -> Option<MediaType> {
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    let is_big = head.get(5) == Some(&2);
    let short = |at| {
        let bytes = array(head, at)?;
        Some(if is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    Some(match short(16) {
        Some(1) => MediaType::both("application/x-object"),
        Some(2) => MediaType::both("application/x-executable"),
        Some(3) if has_interpreter(head, is_big) == Some(true) => {
            MediaType::new("application/x-sharedlib", "application/x-pie-executable")
        }
        Some(3) => MediaType::both("application/x-sharedlib"),
        Some(4) => MediaType::both("application/x-coredump"),
        _ => MediaType::new("application/x-elf", "application/octet-stream"),
    })
}

/// Whether the file names a program interpreter (`PT_INTERP`). libmagic reads the flag `DF_1_PIE`, which is at the end of
/// the file; programs have both.
fn has_interpreter(head: &[u8], is_big: bool) -> Option<bool> {
    let number = |at: usize, bytes: usize| -> Option<u64> {
        let field = head.get(at..at.checked_add(bytes)?)?;
        let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if is_big { field.iter().fold(0, add) } else { field.iter().rev().fold(0, add) })
    };
    // ELF-64 and ELF-32 have the fields at other places (System V gABI, "ELF Header").
    let (start, bytes, count) = match head.get(4)? {
        2 => (number(32, 8)?, number(54, 2)?, number(56, 2)?),
        _ => (number(28, 4)?, number(42, 2)?, number(44, 2)?),
    };
    for index in 0..count.min(u64::from(PROGRAM_HEADERS)) {
        let at = start.checked_add(index.checked_mul(bytes)?)?;
        if number(usize::try_from(at).ok()?, 4)? == 3 {
            return Some(true);
        }
    }
    Some(false)
}

/// A program for DOS has `MZ`; one for Windows or UEFI also has the address of a header `PE` at byte 60.
fn pe(head: &[u8]) -> Option<MediaType> {
    if !head.starts_with(b"MZ") {
        return None;
    }
    let at = usize::try_from(u32::from_le_bytes(array(head, 60)?)).ok()?;
    let is_pe = head.get(at..).is_some_and(|rest| rest.starts_with(b"PE\0\0"));
    let libmagic =
        if is_pe { "application/vnd.microsoft.portable-executable" } else { "application/x-dosexec" };
    Some(MediaType::new("application/x-msdownload", libmagic))
}

/// Java classes and Mach-O files for several processors begin alike. The second word of a class is its version, at least
/// 43; that of the other is the number of processors.
fn mach_o_or_class(head: &[u8]) -> Option<MediaType> {
    let mach_o = MediaType::new("application/x-mach-o", "application/x-mach-binary");
    match array(head, 0)? {
        [0xca, 0xfe, 0xba, 0xbe] => {
            let word = u32::from_be_bytes(array(head, 4)?);
            Some(if word < 43 {
                mach_o
            } else {
                MediaType::new("application/java-vm", "application/x-java-applet")
            })
        }
        [0xfe, 0xed, 0xfa, 0xce | 0xcf] | [0xce | 0xcf, 0xfa, 0xed, 0xfe] => Some(mach_o),
        _ => None,
    }
}

fn bytecode(head: &[u8]) -> Option<MediaType> {
    match array(head, 0)? {
        [0, b'a', b's', b'm'] => Some(MediaType::both("application/wasm")),
        // The first two bytes are the version of Python 3, from 3000 to 3999.
        [low, high, b'\r', b'\n'] if (3000..4000).contains(&u16::from_le_bytes([low, high])) => {
            Some(MediaType::new("application/octet-stream", "application/x-bytecode.python"))
        }
        _ => None,
    }
}
