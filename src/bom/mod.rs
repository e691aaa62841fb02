//! Software bills of materials (SBOM) and attestations that travel with an image: reading them, comparing them with what
//! is in the image, and writing SBOMs.
//!
//! Everything here is a claim of somebody else, in documents of any size. They are read as a stream, within bounds, and as
//! far as they can be read.

mod base64_text;
mod buildkit;
mod compare;
mod cyclonedx;
mod document;
mod draft;
mod envelope;
mod format;
mod guarded;
mod identity;
mod inventory;
mod lenient;
mod model;
mod package_list;
mod signed;
mod spdx;
mod statement;
mod write;

pub use buildkit::{ATTESTATION_MANIFEST, PREDICATE_TYPE, REFERENCE_DIGEST, REFERENCE_TYPE, attests};
pub use compare::{COMPARED_MAX, Comparison, LINES_MAX, LeftOut, OtherVersion, compare};
pub use document::{DOCUMENT_BYTES_MAX, Document, Unreadable, open, read};
pub use envelope::{
    BundleContent, BundleSigner, ENVELOPE_BYTES_MAX, Envelope, EnvelopeSignature, SIGNATURES_MAX, Signed,
    SigstoreBundle,
};
pub use format::Format;
pub use inventory::{ImageItem, Inventory, LayerItem, PackageItem};
pub use model::{Bom, BomPackage, BomSubject};
pub use package_list::PACKAGES_MAX;
pub use signed::read_signed;
pub use statement::{SUBJECTS_MAX, Statement, StatementSubject, SubjectAnswer};
pub use write::{write_cyclonedx, write_spdx};
