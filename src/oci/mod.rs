//! The vocabulary of the cargo: what a registry or an image layout holds. Pure: no I/O, no clock.
//!
//! This is the only place that names `oci_spec`. Manifests are bytes: they are parsed to be
//! understood and never written back from a parsed form.

pub mod descriptor;
pub mod digest;
pub mod document;
pub mod graph;
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
