//! Zip archives for tests, right ones and others.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// A member to be written.
pub(crate) struct Written {
    pub(crate) name: Vec<u8>,
    /// The name in the local header, if it is another one.
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) content: Vec<u8>,
    pub(crate) deflate: bool,
    /// Whether the directory names it.
    pub(crate) listed: bool,
}

pub(crate) fn member(name: &str, content: &[u8]) -> Written {
    Written {
        name: name.as_bytes().to_vec(),
        local_name: None,
        content: content.to_vec(),
        deflate: true,
        listed: true,
    }
}

/// A zip archive with these members, as usual tools write it.
pub(crate) fn zip(members: &[Written]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    let mut count = 0_u16;
    for member in members {
        let offset = u32::try_from(out.len()).unwrap();
        let mut sum = Crc::new();
        sum.update(&member.content);
        let mut raw = member.content.clone();
        if member.deflate {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&member.content).unwrap();
            raw = encoder.finish().unwrap();
        }
        let method = if member.deflate { 8_u16 } else { 0 };
        let mut fixed = Vec::new();
        for field in [20, 0, method, 0, 0x21] {
            fixed.extend(field.to_le_bytes());
        }
        for field in
            [sum.sum(), u32::try_from(raw.len()).unwrap(), u32::try_from(member.content.len()).unwrap()]
        {
            fixed.extend(field.to_le_bytes());
        }
        let local_name = member.local_name.as_ref().unwrap_or(&member.name);
        out.extend(b"PK\x03\x04");
        out.extend(&fixed);
        out.extend(u16::try_from(local_name.len()).unwrap().to_le_bytes());
        out.extend([0; 2]);
        out.extend(local_name);
        out.extend(&raw);
        if member.listed {
            count += 1;
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&fixed);
            directory.extend(u16::try_from(member.name.len()).unwrap().to_le_bytes());
            directory.extend([0; 12]);
            directory.extend(offset.to_le_bytes());
            directory.extend(&member.name);
        }
    }
    let start = u32::try_from(out.len()).unwrap();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}
