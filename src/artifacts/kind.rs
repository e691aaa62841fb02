//! What a source may be.

use std::fmt;

use super::transport::Transport;

/// What a source is instead of what its prefix says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder with an image layout.
    Layout,
    /// A tar archive with an image layout.
    LayoutArchive,
    /// A tar archive with an image layout in one of its folders.
    LayoutInFolder(String),
    /// A tar archive that `docker load` reads.
    DockerArchive,
    /// A folder with the files of such an archive.
    UnpackedDockerArchive,
    /// A folder of the `dir:` transport of skopeo, which podman calls `docker-dir`.
    DirTransport,
    /// A tar archive with the file system of a container.
    FileSystem,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Layout => "a folder with an OCI image layout",
            Kind::LayoutArchive => "a tar archive with an OCI image layout",
            Kind::LayoutInFolder(folder) => {
                return write!(f, "a tar archive with an OCI image layout in its folder {folder:?}");
            }
            Kind::DockerArchive => "an archive from `docker save`",
            Kind::UnpackedDockerArchive => "a folder with the files of an archive from `docker save`",
            Kind::DirTransport => "a folder of the dir: transport of skopeo (docker-dir of podman)",
            Kind::FileSystem => "the file system of a container, as `docker export` writes it, not an image",
        })
    }
}

impl Kind {
    /// Whether it is what the prefix says.
    pub(super) fn is(&self, transport: Transport) -> bool {
        match transport {
            Transport::Oci => *self == Kind::Layout,
            Transport::OciArchive => *self == Kind::LayoutArchive,
            // Docker writes layouts, too.
            Transport::DockerArchive => matches!(self, Kind::DockerArchive | Kind::LayoutArchive),
        }
    }
}
