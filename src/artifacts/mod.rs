//! Sources and sinks of artifacts: layouts, archives and registries.
//!
//! `pack` reads artifacts from an [`ArtifactSource`], `unpack` writes them to an [`ArtifactSink`]. Both address
//! blobs by descriptor only, so a bundle never chooses a path.

mod announced;
mod archive_sink;
#[cfg(feature = "full")]
mod catalog;
mod compression;
#[cfg(feature = "full")]
mod destination;
mod destination_spec;
mod directory;
#[cfg(feature = "full")]
mod docker_archive;
#[cfg(feature = "full")]
mod docker_images;
#[cfg(feature = "full")]
mod docker_items;
#[cfg(feature = "full")]
mod docker_layout;
mod docker_manifest;
#[cfg(feature = "full")]
mod entries;
mod error;
mod escapes;
#[cfg(feature = "full")]
mod expansion;
mod extent;
#[cfg(feature = "full")]
mod files;
mod index_merge;
mod kind;
#[cfg(feature = "full")]
mod layout;
mod layout_files;
mod layout_sink;
#[cfg(feature = "full")]
mod pattern;
#[cfg(feature = "full")]
mod recognise;
mod referrer_tag;
#[cfg(feature = "full")]
mod referrers;
#[cfg(feature = "full")]
mod registry_source;
#[cfg(feature = "full")]
mod remembered;
mod sink;
#[cfg(feature = "full")]
mod source;
#[cfg(feature = "full")]
mod source_spec;
mod spec_error;
mod staging;
#[cfg(feature = "full")]
mod tar_index;
#[cfg(feature = "full")]
mod tar_number;
mod tar_plan;
#[cfg(test)]
mod tests;
mod transport;

pub use archive_sink::ArchiveSink;
pub(crate) use compression::compressed_with;
pub use destination_spec::DestinationSpec;
pub use error::ArtifactError;
pub use kind::Kind;
pub use layout_sink::LayoutSink;
pub use sink::{ArtifactSink, BlobWriter, ExistingName};
pub use spec_error::SpecError;
pub use transport::Transport;

#[cfg(feature = "full")]
pub use self::{
    destination::RegistryDestination,
    docker_archive::DockerArchive,
    expansion::Expansion,
    layout::Layout,
    pattern::Pattern,
    registry_source::RegistrySources,
    source::{ArtifactSource, OnFailure, Root, Selection},
    source_spec::{Place, SourceSpec},
};

#[cfg(feature = "full")]
pub(crate) use catalog::similar_names;

// For the program and the tests (docs/decisions/0073-the-library-is-what-it-shows.md).
#[cfg(feature = "full")]
#[doc(hidden)]
pub use self::{registry_source::RegistrySource, remembered::Remembered, source::read_document};
