//! What manifests say and the plan does not, as data.

use std::fmt;

use serde::Serialize;

use crate::oci::{Digest, MediaType};

/// A contradiction between a manifest or index of the bundle and its plan (docs/format.md, "plan.txt").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "contradiction", rename_all = "kebab-case")]
pub enum Contradiction {
    /// The plan lists something as an artifact that is neither a manifest nor an index.
    NotADocument {
        /// The digest of the artifact.
        digest: Digest,
        /// Its media type in the plan.
        media_type: MediaType,
    },
    /// A document that the plan lists is not one that all readers read alike.
    Malformed {
        /// The digest of the document.
        digest: Digest,
        /// What is wrong with it.
        problem: String,
    },
    /// A document announces another size for a blob than the plan has.
    SizesDiffer {
        /// The digest of the document.
        parent: Digest,
        /// The digest of the blob.
        digest: Digest,
        /// The size in the document, in bytes.
        announced: u64,
        /// The size in the plan, in bytes.
        planned: u64,
    },
    /// The plan leaves out a document that another one refers to, as content of an earlier bundle.
    DocumentElsewhere {
        /// The digest of the document that refers to it.
        parent: Digest,
        /// The digest of the document that is left out.
        digest: Digest,
    },
    /// A document references a blob that the plan neither carries nor lists as omitted.
    Unlisted {
        /// The digest of the document.
        parent: Digest,
        /// The digest of the blob.
        digest: Digest,
        /// The media type of the blob.
        media_type: MediaType,
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contradiction::NotADocument { digest, media_type } => {
                write!(f, "{digest} has media type {media_type}, which is neither a manifest nor an index")
            }
            Contradiction::Malformed { problem, .. } => f.write_str(problem),
            Contradiction::SizesDiffer { parent, digest, announced, planned } => write!(
                f,
                "{parent} references {digest} with {announced} bytes, but the plan has {planned} bytes"
            ),
            Contradiction::DocumentElsewhere { parent, digest } => write!(
                f,
                "{parent} references the document {digest}, which a delta must carry and the plan leaves out"
            ),
            Contradiction::Unlisted { parent, digest, media_type } => write!(
                f,
                "{parent} references {media_type} {digest}, which is neither in the bundle nor listed as omitted"
            ),
        }
    }
}
