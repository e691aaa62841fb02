//! Images: configurations, layers and files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::format::Sum;
use crate::oci::{Digest, RefName};

/// An image: a manifest with layers and a configuration.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditedImage {
    /// The digest of the manifest.
    pub digest: Digest,
    /// The names of the artifacts that it belongs to.
    pub names: Vec<RefName>,
    /// The platform that the configuration states, e.g. `linux/amd64`.
    pub platform: String,
    /// The operating system as the root file system names it, e.g. `Debian GNU/Linux 12 (bookworm)`.
    pub system: Option<String>,
    /// What the configuration says.
    pub config: ImageConfig,
    /// The layers, base layer first.
    pub layers: Vec<ImageLayer>,
    /// The number of entries of its root file system.
    pub entries: u64,
    /// The sizes of the files of its root file system, together.
    pub bytes: u64,
    /// The number of its packages.
    pub packages: u64,
    /// How many files no package owns, if it has a package database; absent otherwise.
    pub unowned: Option<u64>,
    /// The files that are in its layers, but that upper layers hide.
    pub hidden: HiddenFiles,
}

/// Files that travel, and that a container does not see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HiddenFiles {
    /// How many.
    pub files: u64,
    /// Their sizes in bytes, together.
    pub bytes: u64,
}

/// What the configuration of an image says (image-spec, "config").
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct ImageConfig {
    /// When it was created, as it says.
    pub created: Option<String>,
    /// The user that it runs as; empty for root.
    pub user: String,
    /// The entry point.
    pub entrypoint: Vec<String>,
    /// The arguments.
    pub cmd: Vec<String>,
    /// The environment variables. Values that look like secrets are replaced.
    pub env: Vec<String>,
    /// The working directory.
    pub working_dir: String,
    /// The ports.
    pub exposed_ports: Vec<String>,
    /// The volumes.
    pub volumes: Vec<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}

/// A layer, as an image uses it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ImageLayer {
    /// The digest of the layer.
    pub digest: Digest,
    /// The command that made it, as the history says.
    pub created_by: Option<String>,
    /// Whether its content has the digest that the configuration states; absent if it was not read.
    pub diff_id_holds: Option<bool>,
}

/// An entry of the root file system of an image. These are not in the report, which would be many times as large.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileLine {
    /// The manifest of the image.
    pub image: Digest,
    /// The path without a leading slash. Bytes that are not UTF-8 are written `\xNN`.
    pub path: String,
    /// `file`, `folder`, `symlink`, `device`, `fifo`, or `hardlink` for another name of a file.
    pub kind: String,
    /// The permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The size in bytes.
    pub size: u64,
    /// When it was last changed, in seconds since 1970; absent for a folder that no layer has an entry for.
    pub mtime: Option<i64>,
    /// Where a link leads.
    pub target: Option<String>,
    /// The layer that it comes from.
    pub layer: Option<Digest>,
    /// The SHA-256 of the content of a file, if file sums were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sum>,
}
