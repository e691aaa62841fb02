//! `plan.txt`: what the bundle carries and where every byte of it is (docs/format.md, "plan.txt").
//!
//! The plan is a function of descriptors and options only. Its SHA-256 is the bundle's id, known
//! before any payload is read; and whoever holds it can build any chunk alone.

mod check;
mod text;

use std::fmt;
use std::str::FromStr;

use super::entry::{Document, EntryName};
use super::lines::Sum;
use super::shape::{HeadRoom, Item, Shape};
use super::statement::{Class, Crossing};
use crate::oci::graph::Reason;
use crate::oci::write::{IndexEntry, index_json};
use crate::oci::{Digest, MediaType, Platform, RefName};

/// Whether something optional travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Carriage {
    /// It is carried.
    Carry,
    /// It is left out, and the plan says so.
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

/// An artifact that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Artifact {
    /// Its name.
    pub name: Option<RefName>,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The size of that, in bytes.
    pub size: u64,
    /// The type of that.
    pub media_type: MediaType,
    /// What it is for.
    pub artifact_type: Option<MediaType>,
}

/// An artifact that travels because it refers to one that does: a signature, an SBOM.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedReferrer {
    /// What it refers to.
    pub subject: Digest,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The tag that makes it a referrer, if one does.
    pub name: Option<RefName>,
    /// The size of its manifest, in bytes.
    pub size: u64,
    /// The type of that.
    pub media_type: MediaType,
    /// What it is for.
    pub artifact_type: Option<MediaType>,
}

/// Something reachable that is not carried.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedOmission {
    /// What is not carried.
    pub digest: Digest,
    /// The document that points at it.
    pub parent: Digest,
    /// Why not.
    pub reason: Reason,
    /// Its size in bytes.
    pub size: u64,
    /// Its type.
    pub media_type: MediaType,
    /// Its platform, where it has one.
    pub platform: Option<Platform>,
}

/// A stretch of a blob in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The chunk it is in.
    pub chunk: u32,
    /// Its length in bytes.
    pub bytes: u64,
}

/// A blob and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub class: Class,
    /// Its type.
    pub media_type: MediaType,
    /// One piece if it is whole, else its slices in order.
    pub pieces: Vec<Piece>,
}

/// The plan of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Name, stream, sequence and label.
    pub crossing: Crossing,
    /// No file of the bundle is larger, in bytes.
    pub chunk_bytes: u64,
    /// The room that is kept for heads under that limit.
    pub heads: HeadRoom,
    /// Whether non-distributable layers travel.
    pub nondistributable: Carriage,
    /// Whether signatures, SBOMs and other referrers travel.
    pub referrers_carriage: Carriage,
    /// The platforms that indexes were narrowed to; empty for all.
    pub platforms: Vec<Platform>,
    /// The highest chunk number.
    pub last: u32,
    /// What was asked for, sorted.
    pub artifacts: Vec<Artifact>,
    /// What travels because it refers to something carried, sorted.
    pub referrers: Vec<PlannedReferrer>,
    /// What is reachable and not carried, sorted.
    pub omitted: Vec<PlannedOmission>,
    /// What is carried: by class, the largest first, then by digest.
    pub blobs: Vec<PlannedBlob>,
}

/// A piece of a blob as one chunk has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The place of the blob in the plan.
    pub blob: usize,
    /// Which of its pieces.
    pub piece: usize,
    /// Where in the blob the piece begins, in bytes.
    pub blob_offset: u64,
    /// How long it is, in bytes.
    pub bytes: u64,
}

impl Plan {
    /// The bundle's id.
    pub fn bundle_id(&self) -> Sum {
        Sum::of(&self.render())
    }

    /// How large the sealed part of a data or annex chunk may be, in bytes.
    pub fn data_capacity(&self) -> u64 {
        self.chunk_bytes - self.heads.data
    }

    /// How large the sealed part of the control chunk may be, in bytes.
    pub fn control_capacity(&self) -> u64 {
        self.chunk_bytes - self.heads.control
    }

    /// The highest number of a data chunk; annex chunks follow.
    pub fn last_data(&self) -> u32 {
        let numbers = self.blobs.iter().flat_map(|blob| blob.pieces.iter().map(|piece| piece.chunk));
        numbers.max().unwrap_or(0)
    }

    /// Bytes of all blobs together.
    pub fn payload_bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).sum()
    }

    /// What each chunk holds, by number from 0, in the order of its entries.
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

    /// The entry that holds a placed piece.
    pub fn item(&self, placed: &Placed) -> Item {
        let blob = &self.blobs[placed.blob];
        let name = if blob.pieces.len() == 1 {
            EntryName::Blob(blob.digest)
        } else {
            EntryName::Slice(blob.digest, placed.blob_offset)
        };
        Item { name, bytes: placed.bytes }
    }

    /// The shape of a data chunk with these contents.
    pub fn data_shape(&self, contents: &[Placed]) -> Shape {
        Shape::new(contents.iter().map(|placed| self.item(placed)).collect())
    }

    /// The shape of the control chunk when its documents have these sizes, in bytes, in the order of
    /// [`Document::ALL`].
    pub fn control_shape(&self, contents: &[Placed], documents: [u64; 3]) -> Shape {
        let [plan, chunks, index] = documents;
        let item = |name, bytes| Item { name, bytes };
        let mut items = vec![
            item(EntryName::Document(Document::Plan), plan),
            item(EntryName::Document(Document::Chunks), chunks),
            item(EntryName::OciLayout, crate::oci::write::OCI_LAYOUT.len() as u64),
            item(EntryName::Document(Document::Index), index),
            item(EntryName::Recover, super::recover::RECOVER.len() as u64),
        ];
        items.extend(contents.iter().map(|placed| self.item(placed)));
        Shape::new(items)
    }

    /// The lines of the bundle's `index.json`: artifacts, then referrers, each name and digest once.
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

    /// The bytes of the bundle's `index.json`.
    pub fn index_json(&self) -> Vec<u8> {
        index_json(&self.index_entries())
    }
}
