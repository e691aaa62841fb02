//! OCI types: what a registry or an image layout holds. Pure: no I/O, no clock.
//!
//! Only this module uses `oci_spec`. Manifests are kept as bytes: they are parsed, but never serialized
//! again from the parsed form.

#[doc(hidden)]
pub mod annotations;
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod descriptor;
#[doc(hidden)]
pub mod digest;
#[doc(hidden)]
pub mod document;
#[doc(hidden)]
pub mod graph;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod image_manifest;
pub(crate) mod json;
#[doc(hidden)]
pub mod media_type;
#[doc(hidden)]
pub mod reference;
#[doc(hidden)]
pub mod referrers_list;
#[doc(hidden)]
pub mod write;

pub use descriptor::{Descriptor, InlineDataError, Platform, PlatformError};
pub use digest::{Algorithm, BlobMismatch, Digest, DigestError, VerifiedBlob};
pub use document::{Document, DocumentError};
pub use graph::{Reason, Referrer, WalkError};
pub use media_type::{MediaType, MediaTypeError};
pub use reference::{RefName, RefNameError};
pub use write::IndexEntry;
