//! Archives whose kind is more than a signature: tar, ar and zip.

use super::{MediaType, array};

pub(super) fn sniff(head: &[u8]) -> Option<MediaType> {
    tar(head).or_else(|| ar(head)).or_else(|| zip(head))
}

/// A tar archive has `ustar` in its first header (POSIX.1-2017, pax), or is older and has a sum that holds.
fn tar(head: &[u8]) -> Option<MediaType> {
    let header: &[u8; 512] = head.first_chunk()?;
    let is_named = header.first().is_some_and(|byte| *byte != 0);
    (header.get(257..262) == Some(b"ustar") || is_named && sum_holds(header))
        .then_some(MediaType::both("application/x-tar"))
}

fn sum_holds(header: &[u8; 512]) -> bool {
    let Some(field) = array::<8>(header, 148) else { return false };
    let digits = field.trim_ascii().split(|byte| matches!(byte, 0 | b' ')).next().unwrap_or_default();
    let Ok(digits) = std::str::from_utf8(digits) else { return false };
    let Ok(stated) = u32::from_str_radix(digits, 8) else { return false };
    // The field itself counts as 8 spaces.
    let bytes: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let in_field: u32 = field.iter().map(|byte| u32::from(*byte)).sum();
    bytes.checked_sub(in_field).and_then(|rest| rest.checked_add(8 * 32)) == Some(stated)
}

/// A Debian package is an ar archive whose first member is `debian-binary` (deb(5)).
fn ar(head: &[u8]) -> Option<MediaType> {
    let members = head.strip_prefix(b"!<arch>\n")?;
    Some(if members.starts_with(b"debian") {
        MediaType::new("application/x-debian-package", "application/vnd.debian.binary-package")
    } else {
        MediaType::both("application/x-archive")
    })
}

/// How many members of a zip archive are looked at for one that tells what it is.
const MEMBERS: usize = 16;

/// What the content of the first member, `mimetype`, says it is.
const DECLARED: &[&str] = &[
    "application/epub+zip",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.graphics",
];

/// Folders of office documents (ECMA-376), and what they make of the archive.
const OFFICE: &[(&[u8], &str)] = &[
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
];

fn zip(head: &[u8]) -> Option<MediaType> {
    if head.starts_with(b"PK\x05\x06") {
        return Some(MediaType::both("application/zip"));
    }
    let first = Member::read(head)?;
    if first.name == b"mimetype" {
        let is_declared = |name: &&&str| first.rest.starts_with(name.as_bytes());
        if let Some(name) = DECLARED.iter().find(is_declared) {
            return Some(MediaType::both(name));
        }
    }
    if first.name == b"AndroidManifest.xml" {
        return Some(MediaType::both("application/vnd.android.package-archive"));
    }
    let mut is_office = false;
    let mut member = Some(Member::read(head)?);
    for _ in 0..MEMBERS {
        let Some(found) = member else { break };
        if found.name.starts_with(b"META-INF/") {
            // libmagic knows a jar by the mark that the Java tools set in the first member.
            let is_marked = first.extra.starts_with(&[0xfe, 0xca]);
            let libmagic = if is_marked { "application/java-archive" } else { "application/zip" };
            return Some(MediaType::new("application/java-archive", libmagic));
        }
        is_office |= found.name == b"[Content_Types].xml";
        let folder = OFFICE.iter().find(|(folder, _)| is_office && found.name.starts_with(folder));
        if let Some((_, name)) = folder {
            return Some(MediaType::both(name));
        }
        member = found.next();
    }
    Some(MediaType::both("application/zip"))
}

/// One member of a zip archive, by its local header (APPNOTE.TXT, section 4.3.7).
struct Member<'a> {
    name: &'a [u8],
    extra: &'a [u8],
    rest: &'a [u8],
    stored_bytes: usize,
    /// Bit 3: the length follows the data, so the next member cannot be found from here.
    has_length: bool,
}

impl<'a> Member<'a> {
    fn read(bytes: &'a [u8]) -> Option<Member<'a>> {
        if !bytes.starts_with(b"PK\x03\x04") {
            return None;
        }
        let short = |at| array(bytes, at).map(u16::from_le_bytes);
        let name_end = 30_usize.checked_add(usize::from(short(26)?))?;
        let extra_end = name_end.checked_add(usize::from(short(28)?))?;
        let stored_bytes = u32::from_le_bytes(array(bytes, 18)?);
        Some(Member {
            name: bytes.get(30..name_end).unwrap_or_default(),
            extra: bytes.get(name_end..extra_end).unwrap_or_default(),
            rest: bytes.get(extra_end..).unwrap_or_default(),
            stored_bytes: usize::try_from(stored_bytes).ok()?,
            has_length: short(6)? & 8 == 0,
        })
    }

    fn next(&self) -> Option<Member<'a>> {
        if !self.has_length {
            return None;
        }
        Member::read(self.rest.get(self.stored_bytes..)?)
    }
}
