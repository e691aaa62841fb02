//! Forms of archives and of compression.

use serde::Deserialize;

use crate::content::sniff::{self, MediaType};

/// A form of archive or compression. The names are those in the profiles of guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Archives of `ar`, such as static libraries.
    Ar,
    /// Bzip2.
    Bzip2,
    /// Cabinets of Windows.
    Cab,
    /// Cpio archives.
    Cpio,
    /// Debian packages.
    Deb,
    /// Gzip.
    Gzip,
    /// ISO 9660 images.
    Iso9660,
    /// LZ4.
    Lz4,
    /// Lzip.
    Lzip,
    /// RAR archives.
    Rar,
    /// RPM packages.
    Rpm,
    /// 7-Zip archives.
    #[serde(rename = "7z")]
    SevenZip,
    /// Tar archives.
    Tar,
    /// Xz.
    Xz,
    /// Zip archives, and what is made of them: jars, wheels, office documents.
    Zip,
    /// Zstandard.
    Zstd,
}

impl Form {
    /// The form of a file that begins with `head`, as far as [`sniff::HEAD_BYTES`] tell. Forms that two bytes stand for count only
    /// if more speaks for them: such bytes begin many a file by chance.
    pub fn of_head(head: &[u8]) -> Option<Form> {
        let form = Form::of(sniff::by_mark(head)?)?;
        let is_sure = match form {
            Form::Cpio => head.starts_with(b"0707"),
            // The method and the flags (RFC 1952, section 2.3.1).
            Form::Gzip => matches!(head, [_, _, 8, flags, ..] if *flags < 0x20),
            Form::Bzip2 => matches!(head, [_, _, _, b'1'..=b'9', 0x31 | 0x17, ..]),
            _ => true,
        };
        is_sure.then_some(form)
    }

    /// Whether there is one file in it, without a name. What that is, only its content tells.
    pub fn is_compression(self) -> bool {
        matches!(self, Form::Bzip2 | Form::Gzip | Form::Lz4 | Form::Lzip | Form::Xz | Form::Zstd)
    }

    /// The forms that the archive rules of Azure Data Transfer open (FlowProfile, `ArchiveRuleset`). Zstandard and xz
    /// are not among them.
    pub const OF_FLOW_PROFILE: [Form; 8] =
        [Form::Bzip2, Form::Cpio, Form::Deb, Form::Gzip, Form::Iso9660, Form::Rpm, Form::Tar, Form::Zip];

    /// The name in profiles.
    pub fn name(self) -> &'static str {
        match self {
            Form::Ar => "ar",
            Form::Cab => "cab",
            Form::Lz4 => "lz4",
            Form::Lzip => "lzip",
            Form::Rar => "rar",
            Form::SevenZip => "7z",
            Form::Bzip2 => "bzip2",
            Form::Cpio => "cpio",
            Form::Deb => "deb",
            Form::Gzip => "gzip",
            Form::Iso9660 => "iso9660",
            Form::Rpm => "rpm",
            Form::Tar => "tar",
            Form::Xz => "xz",
            Form::Zip => "zip",
            Form::Zstd => "zstd",
        }
    }

    /// The form of files with this media type; `None` if nothing is in them.
    pub fn of(media_type: MediaType) -> Option<Form> {
        Some(match media_type.tika {
            "application/x-archive" => Form::Ar,
            "application/vnd.ms-cab-compressed" => Form::Cab,
            "application/x-lz4" => Form::Lz4,
            "application/x-lzip" => Form::Lzip,
            "application/x-rar-compressed" => Form::Rar,
            "application/x-7z-compressed" => Form::SevenZip,
            "application/x-bzip2" => Form::Bzip2,
            "application/x-cpio" => Form::Cpio,
            "application/x-debian-package" => Form::Deb,
            "application/gzip" => Form::Gzip,
            "application/x-iso9660-image" => Form::Iso9660,
            "application/x-rpm" => Form::Rpm,
            "application/x-tar" => Form::Tar,
            "application/x-xz" => Form::Xz,
            "application/zstd" => Form::Zstd,
            "application/zip"
            | "application/java-archive"
            | "application/epub+zip"
            | "application/vnd.android.package-archive" => Form::Zip,
            name if name.starts_with("application/vnd.oasis.opendocument.") => Form::Zip,
            name if name.starts_with("application/vnd.openxmlformats-officedocument.") => Form::Zip,
            _ => return None,
        })
    }
}
