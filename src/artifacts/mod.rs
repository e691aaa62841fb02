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
mod directory;
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
mod layout_files;
mod layout_sink;
mod pattern;
mod recognise;
mod referrer_tag;
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
pub(crate) use compression::compressed_with;
pub use destination_spec::DestinationSpec;
pub use error::ArtifactError;
pub use kind::Kind;
pub use layout_sink::LayoutSink;
pub use sink::{ArtifactSink, BlobWriter, ExistingName};
pub use spec_error::SpecError;
pub use transport::Transport;

pub use self::{
    destination::RegistryDestination,
    docker_archive::DockerArchive,
    expansion::Expansion,
    layout::Layout,
    pattern::Pattern,
    registry_source::{RegistrySource, RegistrySources},
    remembered::Remembered,
    source::{ArtifactSource, OnFailure, Root, Selection, read_document},
    source_spec::{Place, SourceSpec},
};

pub(crate) use self::catalog::similar_names;
