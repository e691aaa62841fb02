//! The kinds of sources and destinations in the file system, and their prefixes.

use std::path::Path;

use super::escapes;

/// The prefix of a source in a registry.
pub(super) const REGISTRY: &str = "docker://";

/// The kind of a source or destination in the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// An image layout in a directory.
    Oci,
    /// An image layout in a tar archive.
    OciArchive,
    /// A tar archive as `docker save` writes and `docker load` reads it.
    DockerArchive,
}

impl Transport {
    const ALL: [Transport; 3] = [Transport::Oci, Transport::OciArchive, Transport::DockerArchive];

    /// The prefix before the first colon, e.g. `oci`.
    pub const fn word(self) -> &'static str {
        match self {
            Transport::Oci => "oci",
            Transport::OciArchive => "oci-archive",
            Transport::DockerArchive => "docker-archive",
        }
    }

    pub(super) fn split(text: &[u8]) -> Option<(Transport, &[u8])> {
        let (word, rest) = escapes::split_once(text, b':')?;
        let transport = Transport::ALL.into_iter().find(|transport| transport.word().as_bytes() == word)?;
        Some((transport, rest))
    }

    /// How a source of this kind at `path` is written.
    pub(super) fn place(self, path: &Path) -> String {
        // A digest may follow, so an `@` separates, too.
        format!("{}:{}", self.word(), escapes::written(&path.to_string_lossy(), ":=@"))
    }
}

/// The problem with `oci://HOST/REPO`, as helm writes registries. Here `oci:` begins a path.
pub(super) fn helms_form(text: &[u8]) -> Option<String> {
    let place = text.strip_prefix(b"oci://")?;
    let place = String::from_utf8_lossy(place);
    Some(format!("oci: begins a path; for the registry write {REGISTRY}{place}"))
}
