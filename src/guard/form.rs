//! Forms of archives and compression that a guard may open.

use serde::Deserialize;

use crate::content::sniff::MediaType;

/// A form that a guard may expand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Bzip2.
    Bzip2,
    /// Cpio archives.
    Cpio,
    /// Debian packages.
    Deb,
    /// Gzip.
    Gzip,
    /// ISO 9660 images.
    Iso9660,
    /// RPM packages.
    Rpm,
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
    /// The forms that the archive rules of Azure Data Transfer open (FlowProfile, `ArchiveRuleset`). Zstandard and xz
    /// are not among them.
    pub const OF_FLOW_PROFILE: [Form; 8] =
        [Form::Bzip2, Form::Cpio, Form::Deb, Form::Gzip, Form::Iso9660, Form::Rpm, Form::Tar, Form::Zip];

    /// The name in profiles.
    pub fn name(self) -> &'static str {
        match self {
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
