//! How sources and destinations are written: `oci:DIR:REF`, as skopeo has it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::archive_sink::ArchiveSink;
use super::layout_sink::LayoutSink;
use super::{ArtifactError, ArtifactSink, ArtifactSource, DockerArchive, ExistingName, Layout, Selection};
use crate::diagnosis::{Diagnose, Failure};
use crate::oci::{Digest, RefName};

/// What kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// An image layout in a directory.
    Oci,
    /// An image layout in a tar archive.
    OciArchive,
    /// What `docker save` writes and `docker load` reads.
    DockerArchive,
}

impl Transport {
    const ALL: [Transport; 3] = [Transport::Oci, Transport::OciArchive, Transport::DockerArchive];

    /// The word before the first colon.
    pub const fn word(self) -> &'static str {
        match self {
            Transport::Oci => "oci",
            Transport::OciArchive => "oci-archive",
            Transport::DockerArchive => "docker-archive",
        }
    }

    fn split(text: &str) -> Option<(Transport, &str)> {
        let (word, rest) = text.split_once(':')?;
        let transport = Transport::ALL.into_iter().find(|transport| transport.word() == word)?;
        Some((transport, rest))
    }
}

/// Why a text names no source or destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {problem}")]
pub struct SpecError {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
    forms: &'static str,
}

const SOURCE_FORMS: &str = "write oci:DIR, oci-archive:FILE or docker-archive:FILE, then :REF or @sha256:DIGEST \
                            to select one artifact, then =NAME to rename it";
const DESTINATION_FORMS: &str = "write oci:DIR, oci-archive:FILE or docker-archive:FILE";

impl Diagnose for SpecError {
    fn code(&self) -> &'static str {
        "bad-place"
    }

    fn failure(&self) -> Failure {
        Failure::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(self.forms.to_owned())
    }
}

/// A source, which of its artifacts are meant, and a new name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSpec {
    /// What kind of place.
    pub transport: Transport,
    /// The directory or file.
    pub path: PathBuf,
    /// Which artifacts.
    pub selection: Selection,
    /// The name that the artifact gets on its way. Makes sense for one artifact only; whoever resolves
    /// the selection checks that.
    pub rename: Option<RefName>,
}

impl FromStr for SourceSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |problem: String| SpecError { text: text.to_owned(), problem, forms: SOURCE_FORMS };
        let (transport, rest) =
            Transport::split(text).ok_or_else(|| refuse("no known kind of source".to_owned()))?;
        let (rest, rename) = match rest.rsplit_once('=') {
            Some((rest, name)) => {
                let name = name.parse().map_err(|error| refuse(format!("after the last '=': {error}")))?;
                (rest, Some(name))
            }
            None => (rest, None),
        };
        let (path, selection) = match (rest.split_once(':'), rest.split_once('@')) {
            // The colon after an `@` belongs to a digest.
            (Some((before, _)), Some((path, digest))) if before.len() > path.len() => {
                let digest: Digest = digest.parse().map_err(|error| refuse(format!("after '@': {error}")))?;
                (path, Selection::Digest(digest))
            }
            (Some((path, name)), _) => {
                let name: RefName =
                    name.parse().map_err(|error| refuse(format!("after the path: {error}")))?;
                (path, Selection::Name(name))
            }
            (None, _) => (rest, Selection::Every),
        };
        if path.is_empty() {
            return Err(refuse("the path is empty".to_owned()));
        }
        Ok(SourceSpec { transport, path: path.into(), selection, rename })
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.word(), self.path.display())?;
        match &self.selection {
            Selection::Every => {}
            Selection::Name(name) => write!(f, ":{name}")?,
            Selection::Digest(digest) => write!(f, "@{digest}")?,
        }
        match &self.rename {
            Some(name) => write!(f, "={name}"),
            None => Ok(()),
        }
    }
}

impl SourceSpec {
    /// Opens the source; the selection is for [`ArtifactSource::roots`].
    pub fn open(&self) -> Result<Box<dyn ArtifactSource>, ArtifactError> {
        let name = format!("{}:{}", self.transport.word(), self.path.display());
        Ok(match self.transport {
            Transport::Oci => Box::new(Layout::in_directory(&self.path, &name)?),
            Transport::OciArchive => Box::new(Layout::in_archive(&self.path, &name)?),
            Transport::DockerArchive => Box::new(DockerArchive::open(&self.path, &name)?),
        })
    }
}

/// Where artifacts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationSpec {
    /// What kind of place.
    pub transport: Transport,
    /// The directory or file.
    pub path: PathBuf,
}

impl FromStr for DestinationSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |problem: &str| SpecError {
            text: text.to_owned(),
            problem: problem.to_owned(),
            forms: DESTINATION_FORMS,
        };
        let (transport, path) =
            Transport::split(text).ok_or_else(|| refuse("no known kind of destination"))?;
        if path.is_empty() {
            return Err(refuse("the path is empty"));
        }
        if path.contains(':') {
            return Err(refuse("a destination has no name after the path; artifacts keep their names"));
        }
        Ok(DestinationSpec { transport, path: path.into() })
    }
}

impl fmt::Display for DestinationSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.word(), self.path.display())
    }
}

impl DestinationSpec {
    /// Opens the destination for `blobs`, all that will be written, with their sizes in bytes.
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

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn takes_a_source_apart() {
        let name = |text: &str| Selection::Name(text.parse().unwrap());
        let digest = || Selection::Digest(DIGEST.parse().unwrap());
        for (text, transport, path, selection, rename) in [
            ("oci:images", Transport::Oci, "images", Selection::Every, None),
            ("oci:/a/b:app:1.0", Transport::Oci, "/a/b", name("app:1.0"), None),
            ("oci:images:1.0=team/app:2", Transport::Oci, "images", name("1.0"), Some("team/app:2")),
            (&format!("oci:images@{DIGEST}"), Transport::Oci, "images", digest(), None),
            (&format!("oci-archive:a.tar@{DIGEST}=x"), Transport::OciArchive, "a.tar", digest(), Some("x")),
            ("oci-archive:a.tar=x", Transport::OciArchive, "a.tar", Selection::Every, Some("x")),
            ("oci:user@host", Transport::Oci, "user@host", Selection::Every, None),
            (
                "docker-archive:a.tar:registry.example:5000/app:1",
                Transport::DockerArchive,
                "a.tar",
                name("registry.example:5000/app:1"),
                None,
            ),
        ] {
            let spec: SourceSpec = text.parse().unwrap();
            let rename = rename.map(|name| name.parse().unwrap());
            assert_eq!(spec, SourceSpec { transport, path: path.into(), selection, rename }, "{text}");
            assert_eq!(spec.to_string(), text);
        }
    }

    #[test]
    fn explains_what_it_refuses() {
        for text in
            ["images", "docker://x", "oci:", "oci::1.0", "oci:a:", "oci:a@sha256:00", "oci:a=", "oci:a:b c"]
        {
            let error = text.parse::<SourceSpec>().unwrap_err();
            assert!(error.hint().unwrap().contains("oci-archive:FILE"), "{text}");
            assert_eq!(error.failure(), Failure::Usage);
        }
        for text in ["x", "oci:", "oci:a:b", "docker:a"] {
            assert!(text.parse::<DestinationSpec>().is_err(), "{text}");
        }
        assert_eq!("oci:a".parse::<DestinationSpec>().unwrap().to_string(), "oci:a");
        let error = "oci:a\u{1b}[2J:b c".parse::<SourceSpec>().unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}
