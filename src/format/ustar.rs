//! Where the fields of a tar header are, and what is in all headers that carnet writes (POSIX.1-1988 ustar).

use std::ops::Range;

pub(crate) const NAME: Range<usize> = 0..100;
pub(crate) const MODE: Range<usize> = 100..108;
pub(crate) const UID: Range<usize> = 108..116;
pub(crate) const GID: Range<usize> = 116..124;
pub(crate) const SIZE: Range<usize> = 124..136;
pub(crate) const MTIME: Range<usize> = 136..148;
pub(crate) const CHECKSUM: Range<usize> = 148..156;
pub(crate) const TYPEFLAG: usize = 156;
pub(crate) const LINKNAME: Range<usize> = 157..257;
pub(crate) const MAGIC: Range<usize> = 257..265;
pub(crate) const UNAME: Range<usize> = 265..297;
pub(crate) const GNAME: Range<usize> = 297..329;
pub(crate) const DEVICES: Range<usize> = 329..345;
pub(crate) const PREFIX: Range<usize> = 345..500;
pub(crate) const TAIL: Range<usize> = 500..512;

/// A header of an entry of root from 1970 with this mode and type. Its name, size and checksum are to be filled in.
pub(crate) fn unnamed(mode: [u8; 8], kind: u8) -> [u8; 512] {
    let mut out = [0; 512];
    out[MODE].copy_from_slice(&mode);
    out[UID].copy_from_slice(b"0000000\0");
    out[GID].copy_from_slice(b"0000000\0");
    out[MTIME].copy_from_slice(b"00000000000\0");
    out[TYPEFLAG] = kind;
    out[MAGIC].copy_from_slice(b"ustar\x0000");
    out
}

/// The checksum of a header: the sum of its bytes, with spaces in the field of the checksum.
pub(crate) fn checksum(header: &[u8; 512]) -> u32 {
    let byte = |(at, byte): (usize, &u8)| u32::from(if CHECKSUM.contains(&at) { b' ' } else { *byte });
    header.iter().enumerate().map(byte).sum()
}
