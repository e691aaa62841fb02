//! The plan as data.

use std::fmt;
use std::str::FromStr;

use super::delta::{BundleMark, Elsewhere};
use super::origin::Origin;
use crate::format::entry::{Document, EntryName};
use crate::format::lines::Sum;
use crate::format::profile::Profile;
use crate::format::shape::{HeadRoom, Item, Shape};
use crate::format::statement::{Class, Crossing};
use crate::oci::graph::Reason;
use crate::oci::write::{IndexEntry, index_json};
use crate::oci::{Digest, MediaType, Platform, RefName};

/// Whether optional content is in the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Carriage {
    /// The content is in the bundle.
    Carry,
    /// The content is omitted, and listed in the plan as omitted.
    Omit,
}

impl fmt::Display for Carriage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Carriage::Carry => "carry",
            Carriage::Omit => "omit",
        })
    }
}

impl FromStr for Carriage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "carry" => Ok(Carriage::Carry),
            "omit" => Ok(Carriage::Omit),
            _ => Err("carry or omit".to_owned()),
        }
    }
}

/// An artifact that was requested.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Artifact {
    /// The name of the artifact, as in the reference.
    pub name: Option<RefName>,
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// The size of the manifest or index in bytes.
    pub size: u64,
    /// The media type of the manifest or index.
    pub media_type: MediaType,
    /// The artifact type, if there is one.
    pub artifact_type: Option<MediaType>,
}

/// An artifact that is included because it refers to an included one, e.g. a signature or an SBOM.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedReferrer {
    /// The digest of the manifest that it refers to.
    pub subject: Digest,
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// The tag, if it refers to the subject by tag.
    pub name: Option<RefName>,
    /// The size of the manifest or index in bytes.
    pub size: u64,
    /// The media type of the manifest or index.
    pub media_type: MediaType,
    /// The artifact type, if there is one.
    pub artifact_type: Option<MediaType>,
}

/// A reachable blob that is not in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedOmission {
    /// The digest of the omitted blob.
    pub digest: Digest,
    /// The digest of the document that references it.
    pub parent: Digest,
    /// The reason why it is omitted.
    pub reason: Reason,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The media type of the blob.
    pub media_type: MediaType,
    /// The platform of the image, if it has one.
    pub platform: Option<Platform>,
}

/// A range of a blob in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The number of the chunk that holds it.
    pub chunk: u32,
    /// The size of the piece in bytes.
    pub bytes: u64,
}

/// A blob and its location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedBlob {
    /// The digest of the blob.
    pub digest: Digest,
    /// The size of the blob in bytes.
    pub size: u64,
    /// The class of the blob.
    pub class: Class,
    /// The media type of the blob.
    pub media_type: MediaType,
    /// One piece if the blob is not split, else its slices in order.
    pub pieces: Vec<Piece>,
}

/// The plan of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Name, stream, sequence and label.
    pub crossing: Crossing,
    /// The maximum size of a file of the bundle, in bytes.
    pub chunk_bytes: u64,
    /// The space reserved for heads within that limit.
    #[doc(hidden)]
    pub heads: HeadRoom,
    /// Whether non-distributable layers are included.
    pub nondistributable: Carriage,
    /// Whether signatures, SBOMs and other referrers are included.
    pub referrers_carriage: Carriage,
    /// The selected platforms; empty for all.
    pub platforms: Vec<Platform>,
    /// The highest chunk number.
    pub last: u32,
    /// The profile that the bundle keeps, if any.
    pub profile: Option<Profile>,
    /// The requested artifacts, sorted.
    pub artifacts: Vec<Artifact>,
    /// The included referrers, sorted.
    pub referrers: Vec<PlannedReferrer>,
    /// The reachable blobs that are omitted, sorted.
    pub omitted: Vec<PlannedOmission>,
    /// The bundles that this one was made of, by id; none if it was packed from sources.
    pub origins: Vec<Origin>,
    /// The earlier bundles that carry what this one leaves out, by id.
    pub bases: Vec<BundleMark>,
    /// The blobs that this bundle leaves out because an earlier one carries them, by digest.
    pub elsewhere: Vec<Elsewhere>,
    /// The included blobs, sorted by class, then size (largest first), then digest.
    pub blobs: Vec<PlannedBlob>,
}

/// A piece of a blob in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The index of the blob in the plan.
    pub blob: usize,
    /// The index of the piece in the blob.
    pub piece: usize,
    /// The offset of the piece in the blob, in bytes.
    pub blob_offset: u64,
    /// The size of the piece in bytes.
    pub bytes: u64,
}

impl Plan {
    /// Computes the bundle's id: the SHA-256 of the plan.
    pub fn bundle_id(&self) -> Sum {
        Sum::of(&self.render())
    }

    /// Returns the maximum size of the sealed part of a data or annex chunk, in bytes.
    #[doc(hidden)]
    pub fn data_capacity(&self) -> u64 {
        self.chunk_bytes - self.heads.data
    }

    /// Returns the maximum size of the sealed part of the control chunk, in bytes.
    #[doc(hidden)]
    pub fn control_capacity(&self) -> u64 {
        self.chunk_bytes - self.heads.control
    }

    /// Returns the highest number of a data chunk. Annex chunks follow.
    pub fn last_data(&self) -> u32 {
        let numbers = self.blobs.iter().flat_map(|blob| blob.pieces.iter().map(|piece| piece.chunk));
        numbers.max().unwrap_or(0)
    }

    /// Returns the total size of all blobs, in bytes.
    pub fn payload_bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).sum()
    }

    /// Returns the pieces in each chunk, by number from 0, in the order of the entries.
    pub fn contents(&self) -> Vec<Vec<Placed>> {
        let mut chunks = vec![Vec::new(); self.last_data() as usize + 1];
        for (blob, planned) in self.blobs.iter().enumerate() {
            let mut blob_offset = 0;
            for (piece, &Piece { chunk, bytes }) in planned.pieces.iter().enumerate() {
                chunks[chunk as usize].push(Placed { blob, piece, blob_offset, bytes });
                blob_offset += bytes;
            }
        }
        chunks
    }

    /// Returns the entry that holds a piece.
    #[doc(hidden)]
    pub fn item(&self, placed: &Placed) -> Item {
        let blob = &self.blobs[placed.blob];
        let name = if blob.pieces.len() == 1 {
            EntryName::Blob(blob.digest)
        } else {
            EntryName::Slice(blob.digest, placed.blob_offset)
        };
        Item { name, bytes: placed.bytes }
    }

    /// Returns the shape of a data chunk with these pieces.
    #[doc(hidden)]
    pub fn data_shape(&self, contents: &[Placed]) -> Shape {
        Shape::in_profile(self.profile, contents.iter().map(|placed| self.item(placed)).collect())
    }

    /// Returns the shape of the control chunk for documents of these sizes, in bytes, in the order of
    /// [`Document::ALL`].
    #[doc(hidden)]
    pub fn control_shape(&self, contents: &[Placed], documents: [u64; 3]) -> Shape {
        let [plan, chunks, index] = documents;
        let item = |name, bytes| Item { name, bytes };
        let mut items = vec![
            item(EntryName::Document(Document::Plan), plan),
            item(EntryName::Document(Document::Chunks), chunks),
            item(EntryName::OciLayout, crate::oci::write::OCI_LAYOUT.len() as u64),
            item(EntryName::Document(Document::Index), index),
            item(EntryName::Recover, crate::format::recover::RECOVER.len() as u64),
        ];
        items.extend(contents.iter().map(|placed| self.item(placed)));
        Shape::in_profile(self.profile, items)
    }

    /// Returns the entries of the bundle's `index.json`: artifacts, then referrers, without duplicates.
    pub fn index_entries(&self) -> Vec<IndexEntry> {
        let artifacts = self.artifacts.iter().map(|a| IndexEntry {
            name: a.name.clone(),
            digest: a.digest,
            size: a.size,
            media_type: a.media_type.clone(),
            artifact_type: a.artifact_type.clone(),
        });
        let referrers = self.referrers.iter().map(|r| IndexEntry {
            name: r.name.clone(),
            digest: r.digest,
            size: r.size,
            media_type: r.media_type.clone(),
            artifact_type: r.artifact_type.clone(),
        });
        let mut seen = std::collections::HashSet::new();
        let mut entries: Vec<IndexEntry> = Vec::new();
        for entry in artifacts.chain(referrers) {
            if seen.insert((entry.name.clone(), entry.digest)) {
                entries.push(entry);
            }
        }
        entries
    }

    /// Renders the bundle's `index.json`.
    pub fn index_json(&self) -> Vec<u8> {
        index_json(&self.index_entries())
    }
}
