//! OCI types: what a registry or an image layout holds. Pure: no I/O, no clock.
//!
//! Only this module uses `oci_spec`. Manifests are kept as bytes: they are parsed, but never serialized
//! again from the parsed form.

pub mod annotations;
pub mod config;
pub mod descriptor;
pub mod digest;
pub mod document;
pub mod graph;
#[cfg(feature = "full")]
pub mod image_manifest;
pub(crate) mod json;
pub mod media_type;
pub mod reference;
pub mod referrers_list;
pub mod write;

pub use descriptor::{Descriptor, Platform};
pub use digest::{Algorithm, Digest, VerifiedBlob};
pub use document::Document;
pub use media_type::MediaType;
pub use reference::RefName;
