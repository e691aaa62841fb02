//! Sources and sinks of artifacts: layouts, archives and registries.
//!
//! `pack` reads artifacts from an [`ArtifactSource`], `unpack` writes them to an [`ArtifactSink`]. Both address
//! blobs by descriptor only, so a bundle never chooses a path.

mod announced;
mod archive_sink;
mod catalog;
mod compression;
mod destination;
mod destination_spec;
mod docker_archive;
mod docker_images;
mod docker_items;
mod docker_layout;
mod docker_manifest;
mod entries;
mod error;
mod escapes;
mod expansion;
mod extent;
mod files;
mod index_merge;
mod kind;
mod layout;
mod layout_sink;
mod pattern;
mod recognise;
mod referrers;
mod registry_source;
mod remembered;
mod sink;
mod source;
mod source_spec;
mod spec_error;
mod staging;
mod tar_index;
mod tar_number;
mod tar_plan;
#[cfg(test)]
mod tests;
mod transport;

pub use archive_sink::ArchiveSink;
pub(crate) use catalog::similar_names;
pub(crate) use compression::compressed_with;
pub use destination::RegistryDestination;
pub use destination_spec::DestinationSpec;
pub use docker_archive::DockerArchive;
pub use error::ArtifactError;
pub use expansion::Expansion;
pub use kind::Kind;
pub use layout::Layout;
pub use layout_sink::LayoutSink;
pub use pattern::Pattern;
pub use registry_source::{RegistrySource, RegistrySources};
pub use remembered::Remembered;
pub use sink::{ArtifactSink, BlobWriter, ExistingName};
pub use source::{ArtifactSource, OnFailure, Root, Selection, read_document};
pub use source_spec::{Place, SourceSpec};
pub use spec_error::SpecError;
pub use transport::Transport;
