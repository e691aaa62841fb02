//! The syntax of destinations in the file system: `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::str::FromStr;

use super::archive_sink::ArchiveSink;
use super::escapes;
use super::layout_sink::LayoutSink;
use super::spec_error::SpecError;
use super::transport::{Transport, helms_form};
use super::{ArtifactError, ArtifactSink, ExistingName};
use crate::diagnosis::Advice;
use crate::oci::Digest;

/// A destination for artifacts in the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationSpec {
    /// The kind of destination.
    pub transport: Transport,
    /// The path of the directory or file.
    pub path: PathBuf,
}

impl FromStr for DestinationSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DestinationSpec::try_from(OsStr::new(text))
    }
}

/// The path need not be UTF-8.
impl TryFrom<&OsStr> for DestinationSpec {
    type Error = SpecError;

    fn try_from(text: &OsStr) -> Result<Self, Self::Error> {
        let refuse = |problem: &str| {
            SpecError::new(&text.to_string_lossy(), problem.to_owned(), Advice::DestinationSyntax)
        };
        if let Some(problem) = helms_form(text.as_bytes()) {
            return Err(refuse(&problem));
        }
        let (transport, path) =
            Transport::split(text.as_bytes()).ok_or_else(|| refuse("unknown kind of destination"))?;
        if path.is_empty() {
            return Err(refuse("the path is empty"));
        }
        if escapes::split_once(path, b':').is_some() {
            return Err(refuse(
                "a name after the path is not allowed in a destination; artifacts keep their names; for a colon in the \
                 path write \\:",
            ));
        }
        Ok(DestinationSpec { transport, path: OsString::from_vec(escapes::read_path(path)).into() })
    }
}

impl fmt::Display for DestinationSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.word(), escapes::written(&self.path.to_string_lossy(), ":"))
    }
}

impl DestinationSpec {
    /// Opens the destination. `blobs` lists all blobs that will be written, with their sizes in bytes.
    pub fn open(
        &self,
        blobs: &[(Digest, u64)],
        on_existing_name: ExistingName,
    ) -> Result<Box<dyn ArtifactSink>, ArtifactError> {
        let name = self.to_string();
        Ok(match self.transport {
            Transport::Oci => Box::new(LayoutSink::open(&self.path, &name, on_existing_name)?),
            Transport::OciArchive => Box::new(ArchiveSink::oci(&self.path, &name, blobs)?),
            Transport::DockerArchive => Box::new(ArchiveSink::docker(&self.path, &name, blobs)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_path_without_a_name() {
        for text in ["x", "oci:", "oci:a:b", "docker:a"] {
            assert!(text.parse::<DestinationSpec>().is_err(), "{text}");
        }
        for (text, path) in [("oci:a", "a"), (r"oci:a\:b", "a:b"), ("oci:a=b@c", "a=b@c")] {
            let spec = text.parse::<DestinationSpec>().unwrap();
            assert_eq!((spec.path.to_str(), spec.to_string().as_str()), (Some(path), text));
        }
    }
}
