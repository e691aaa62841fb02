//! Recognises a folder or archive that is not the expected source, for an error that says what it is.

use std::collections::BTreeSet;
use std::path::Path;

use super::files::Files;
use super::kind::Kind;
use super::tar_index::{Links, TarIndex};

/// The first bytes of the file `version` in a folder of skopeo's `dir:` transport.
const DIR_VERSION: &[u8] = b"Directory Transport Version";

/// Maximum size of that file, in bytes.
const DIR_VERSION_BYTES_MAX: u64 = 1024;

/// Folders at the top of a container's file system, and the file that `docker export` adds.
const FILE_SYSTEM: [&str; 12] =
    ["bin", "dev", "etc", "home", "lib", "proc", "root", "sbin", "sys", "usr", "var", ".dockerenv"];

/// How many of them an archive must have.
const FILE_SYSTEM_MIN: usize = 2;

/// What the file or folder `path` is; `None` if it is not known.
pub(super) fn kind_of(path: &Path) -> Option<Kind> {
    if path.is_dir() {
        return kind_of_files(&Files::in_directory(path).ok()?);
    }
    kind_of_files(&Files::in_archive(path, Links::OnlyRecognised, None).ok()?)
}

/// What the files are; `None` if it is not known.
fn kind_of_files(files: &Files) -> Option<Kind> {
    let has = |name: &str| matches!(files.open(name), Ok(Some(_)));
    let archive = files.archive();
    let in_dir = || {
        let version = files.read("version", DIR_VERSION_BYTES_MAX).ok().flatten();
        version.is_some_and(|version| version.starts_with(DIR_VERSION))
    };
    if has("oci-layout") && has("index.json") {
        return Some(if archive.is_some() { Kind::LayoutArchive } else { Kind::Layout });
    }
    if has("manifest.json") {
        return match archive {
            Some(_) if in_dir() => None,
            Some(_) => Some(Kind::DockerArchive),
            None if in_dir() => Some(Kind::DirTransport),
            None => Some(Kind::UnpackedDockerArchive),
        };
    }
    let archive = archive?;
    if let Some(folder) = archive.names().filter_map(|name| name.strip_suffix("/oci-layout")).min() {
        return Some(Kind::LayoutInFolder(folder.to_owned()));
    }
    is_file_system(archive).then_some(Kind::FileSystem)
}

fn is_file_system(archive: &TarIndex) -> bool {
    let tops: BTreeSet<&str> = archive.names().map(|name| name.split('/').next().unwrap_or(name)).collect();
    FILE_SYSTEM.iter().filter(|top| tops.contains(*top)).count() >= FILE_SYSTEM_MIN
}
