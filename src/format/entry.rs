//! The only allowed names of entries in a chunk (docs/format.md, "Entries").

use std::{fmt, str::FromStr};

use super::signature::SignatureAlgorithm;
use crate::oci::digest::decode_hex;
use crate::oci::{Algorithm, Digest};

/// Digits of the offset in the name of a slice: enough for every blob, and names sort by offset.
const OFFSET_DIGITS: usize = 13;

/// Largest offset in the name of a slice, in bytes.
pub const SLICE_OFFSET_MAX: u64 = 9_999_999_999_999;

/// A document of the control chunk. If the documents are too large for it, they are stored in an annex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Document {
    /// `plan.txt`: the location of every byte.
    Plan,
    /// `chunks.txt`: the table of the data chunks.
    Chunks,
    /// `index.json`: the entry point of the image layout.
    Index,
}

impl Document {
    /// All documents, in the order in which they are stored.
    pub const ALL: [Document; 3] = [Document::Plan, Document::Chunks, Document::Index];

    /// Returns the name of the entry.
    pub const fn name(self) -> &'static str {
        match self {
            Document::Plan => "plan.txt",
            Document::Chunks => "chunks.txt",
            Document::Index => "index.json",
        }
    }

    /// Returns the maximum size of the document, in bytes.
    pub const fn bytes_max(self) -> u64 {
        match self {
            Document::Plan => super::limits::PLAN_BYTES_MAX,
            Document::Chunks => super::limits::CHUNKS_BYTES_MAX,
            Document::Index => super::limits::INDEX_BYTES_MAX,
        }
    }
}

/// The name of an entry in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryName {
    /// `00_statement.txt`
    Statement,
    /// `01_<16 hex>.<algorithm>.sig`: a signature by the key whose id starts with these bytes.
    Signature([u8; 8], SignatureAlgorithm),
    /// `02_sums.txt`
    Sums,
    /// `03_sums384.txt`
    Sums384,
    /// `annex.txt`
    Annex,
    /// `plan.txt`, `chunks.txt` or `index.json`
    Document(Document),
    /// `oci-layout`
    OciLayout,
    /// `recover.txt`
    Recover,
    /// `annex/<document>.<offset>`: a part of a document of the control chunk.
    AnnexPart(Document, u64),
    /// `blobs/…`: a whole blob.
    Blob(Digest),
    /// `slices/….<offset>`: a part of a blob, from this byte on.
    Slice(Digest, u64),
    /// `parity.txt`
    Parity,
    /// `parity/blocks`: the sums of the blocks of all chunks of a parity group.
    ParityBlocks,
    /// `parity/check`: the sums of the blocks of a parity file.
    ParityCheck,
    /// `parity/<group>.<file>`: the stripes of a parity file.
    ParityStripes(u32, u32),
}

fn path_of(digest: &Digest) -> String {
    let hex = digest.hex();
    match digest.algorithm() {
        Algorithm::Sha256 => format!("sha256/{hex}"),
        // 128 digits do not fit into the name field of ustar: the first half becomes a folder.
        Algorithm::Sha512 => format!("sha512/{}/{}", &hex[..64], &hex[64..]),
    }
}

fn digest_of(path: &str) -> Option<Digest> {
    if let Some(hex) = path.strip_prefix("sha256/") {
        return decode_hex(hex).map(Digest::Sha256);
    }
    let (first, last) = path.strip_prefix("sha512/")?.split_once('/')?;
    if first.len() != 64 {
        return None;
    }
    decode_hex(&format!("{first}{last}")).map(Digest::Sha512)
}

fn cut_offset(name: &str) -> Option<(&str, u64)> {
    let (path, digits) = name.rsplit_once('.')?;
    let digits_only = digits.len() == OFFSET_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    if digits_only { Some((path, digits.parse().ok()?)) } else { None }
}

fn five_digits(text: &str) -> Option<u32> {
    let digits_only = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    if digits_only { text.parse().ok() } else { None }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryName::Statement => f.write_str("00_statement.txt"),
            EntryName::Signature(key, algorithm) => write!(f, "01_{}.{algorithm}.sig", hex::encode(key)),
            EntryName::Sums => f.write_str("02_sums.txt"),
            EntryName::Sums384 => f.write_str("03_sums384.txt"),
            EntryName::Annex => f.write_str("annex.txt"),
            EntryName::Document(document) => f.write_str(document.name()),
            EntryName::OciLayout => f.write_str("oci-layout"),
            EntryName::Recover => f.write_str("recover.txt"),
            EntryName::AnnexPart(document, offset) => write!(f, "annex/{}.{offset:013}", document.name()),
            EntryName::Blob(digest) => write!(f, "blobs/{}", path_of(digest)),
            EntryName::Slice(digest, offset) => write!(f, "slices/{}.{offset:013}", path_of(digest)),
            EntryName::Parity => f.write_str("parity.txt"),
            EntryName::ParityBlocks => f.write_str("parity/blocks"),
            EntryName::ParityCheck => f.write_str("parity/check"),
            EntryName::ParityStripes(group, file) => write!(f, "parity/{group:05}.{file:05}"),
        }
    }
}

impl FromStr for EntryName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let document = |name: &str| Document::ALL.into_iter().find(|d| d.name() == name);
            Some(match text {
                "00_statement.txt" => EntryName::Statement,
                "02_sums.txt" => EntryName::Sums,
                "03_sums384.txt" => EntryName::Sums384,
                "annex.txt" => EntryName::Annex,
                "oci-layout" => EntryName::OciLayout,
                "recover.txt" => EntryName::Recover,
                "parity.txt" => EntryName::Parity,
                "parity/blocks" => EntryName::ParityBlocks,
                "parity/check" => EntryName::ParityCheck,
                _ => {
                    if let Some(document) = document(text) {
                        EntryName::Document(document)
                    } else if let Some(rest) = text.strip_prefix("01_") {
                        let (key, algorithm) = rest.strip_suffix(".sig")?.split_once('.')?;
                        EntryName::Signature(decode_hex(key)?, algorithm.parse().ok()?)
                    } else if let Some(rest) = text.strip_prefix("annex/") {
                        let (name, offset) = cut_offset(rest)?;
                        EntryName::AnnexPart(document(name)?, offset)
                    } else if let Some(rest) = text.strip_prefix("parity/") {
                        let (group, file) = rest.split_once('.')?;
                        EntryName::ParityStripes(five_digits(group)?, five_digits(file)?)
                    } else if let Some(rest) = text.strip_prefix("blobs/") {
                        EntryName::Blob(digest_of(rest)?)
                    } else {
                        let (path, offset) = cut_offset(text.strip_prefix("slices/")?)?;
                        EntryName::Slice(digest_of(path)?, offset)
                    }
                }
            })
        };
        parse().ok_or_else(|| "an entry name of this format".to_owned())
    }
}

/// Returns the length of a name in bytes.
pub(crate) fn name_bytes(name: &EntryName) -> u64 {
    name.to_string().len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_a_round_trip() {
        let (short, long) = (Digest::sha256(b"x"), Digest::Sha512([0xab; 64]));
        for name in [
            EntryName::Statement,
            EntryName::Signature([1, 2, 3, 4, 5, 6, 7, 8], SignatureAlgorithm::ED25519),
            EntryName::Signature([0xff; 8], "mldsa87".parse().unwrap()),
            EntryName::Sums,
            EntryName::Sums384,
            EntryName::Annex,
            EntryName::Document(Document::Plan),
            EntryName::AnnexPart(Document::Chunks, 12),
            EntryName::OciLayout,
            EntryName::Recover,
            EntryName::Blob(short),
            EntryName::Blob(long),
            EntryName::Slice(short, SLICE_OFFSET_MAX),
            EntryName::Slice(long, 0),
            EntryName::Parity,
            EntryName::ParityBlocks,
            EntryName::ParityCheck,
            EntryName::ParityStripes(12, 99_999),
        ] {
            assert_eq!(name.to_string().parse::<EntryName>().unwrap(), name);
        }
    }

    #[test]
    fn rejects_other_names() {
        for text in [
            "",
            "x",
            "../plan.txt",
            "/plan.txt",
            "./plan.txt",
            "plan.txt/",
            "Plan.txt",
            "blobs/sha256/../x",
            "blobs/sha256/",
            "01_.ed25519.sig",
            "01_0102030405060708.sig",
            "01_0102030405060708..sig",
            "01_0102030405060708.RSA.sig",
            "01_0102030405060708.a.b.sig",
            "slices/sha256/x.1",
            "annex/oci-layout.0000000000000",
            "parity/",
            "parity/00000",
            "parity/0.0",
            "parity/000000.00000",
            "parity/+0000.00000",
            "a\u{202e}",
            "CON",
            "blobs//sha256/x",
        ] {
            assert!(text.parse::<EntryName>().is_err(), "{text:?}");
        }
    }
}
