//! The syntax of sources, as in skopeo: `oci:DIR:REF`, `docker://HOST/REPO:TAG`. Unlike there, a path may contain every
//! character: `\:`, `\=` and `\@` do not separate.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::docker_layout::check_beside;
use super::escapes;
use super::kind::Kind;
use super::recognise::kind_of;
use super::spec_error::SpecError;
use super::transport::{REGISTRY, Transport, helms_form};
use super::{
    ArtifactError, ArtifactSource, DockerArchive, Expansion, Layout, Pattern, RegistrySources, Selection,
};
use crate::diagnosis::Advice;
use crate::oci::reference::RefNameError;
use crate::oci::{Digest, RefName};
use crate::registry::{
    Host, HostError, NameError, RepositoryName, Tag, canonical_host, canonical_repository,
};

/// The location of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory or file.
    Path(Transport, PathBuf),
    /// A repository of a registry.
    Repository(Host, RepositoryName),
    /// All repositories of a registry whose names match a pattern.
    Repositories(Host, Pattern),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Path(transport, path) => f.write_str(&transport.place(path)),
            Place::Repository(host, name) => write!(f, "{REGISTRY}{host}/{name}"),
            Place::Repositories(host, pattern) => write!(f, "{REGISTRY}{host}/{pattern}"),
        }
    }
}

/// The default tag.
const LATEST: &str = "latest";

/// A source, the selected artifacts, and an optional new name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSpec {
    /// The location of the source.
    pub place: Place,
    /// The artifacts to take from the source.
    pub selection: Selection,
    /// The new name of the artifact in the bundle. It requires that one artifact is selected; the code that resolves
    /// the selection checks that.
    pub rename: Option<RefName>,
}

impl FromStr for SourceSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        SourceSpec::try_from(OsStr::new(text))
    }
}

/// A path need not be UTF-8; everything else must be.
impl TryFrom<&OsStr> for SourceSpec {
    type Error = SpecError;

    fn try_from(text: &OsStr) -> Result<Self, Self::Error> {
        let refuse = |problem: String| SpecError::new(&text.to_string_lossy(), problem, Advice::SourceSyntax);
        let (rest, rename) = match escapes::rsplit_once(text.as_bytes(), b'=') {
            Some((rest, name)) => {
                let name =
                    utf8(name).and_then(|name| name.parse().map_err(|error: RefNameError| error.to_string()));
                (rest, Some(name.map_err(|problem| refuse(format!("after the last '=': {problem}")))?))
            }
            None => (text.as_bytes(), None),
        };
        if let Some(problem) = helms_form(rest) {
            return Err(refuse(problem));
        }
        let in_path = |(place, selection)| (place, selection, None);
        let read = match rest.strip_prefix(REGISTRY.as_bytes()) {
            Some(rest) => utf8(rest).and_then(in_registry),
            None => in_folder_or_file(rest).map(in_path),
        };
        let (place, selection, own_name) = read.map_err(refuse)?;
        Ok(SourceSpec { place, selection, rename: rename.or(own_name) })
    }
}

fn utf8(text: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(text).map_err(|_| format!("{:?} is not UTF-8", String::from_utf8_lossy(text)))
}

/// Parses `oci:DIR` with an optional `:REF` or `@DIGEST`.
fn in_folder_or_file(text: &[u8]) -> Result<(Place, Selection), String> {
    let (transport, rest) = Transport::split(text).ok_or("unknown kind of source")?;
    let (path, selection) = match (escapes::split_once(rest, b':'), escapes::split_once(rest, b'@')) {
        // A colon after the `@` is part of the digest.
        (Some((before, _)), Some((path, digest))) if before.len() > path.len() => {
            let digest: Digest = utf8(digest)?.parse().map_err(|error| format!("after '@': {error}"))?;
            (path, Selection::Digest(digest))
        }
        (Some((path, name)), _) => (path, selection(utf8(name)?)?),
        (None, _) => (rest, Selection::Every),
    };
    if path.is_empty() {
        return Err("the path is empty".to_owned());
    }
    Ok((Place::Path(transport, OsString::from_vec(escapes::read_path(path)).into()), selection))
}

fn selection(name: &str) -> Result<Selection, String> {
    if Pattern::is_pattern(name) {
        return Ok(Selection::Matching(name.parse().map_err(|error| format!("after the path: {error}"))?));
    }
    let name: RefName = name.parse().map_err(|error| format!("after the path: {error}"))?;
    Ok(Selection::Name(name))
}

/// Parses `HOST/REPO` with `:TAG`, `@DIGEST` or both. With both, the digest selects the artifact and the tag names it.
fn in_registry(text: &str) -> Result<(Place, Selection, Option<RefName>), String> {
    let (host, rest) =
        text.split_once('/').ok_or("the host of the registry and a repository are required")?;
    if !Host::is_meant_by(host) {
        return Err(format!(
            "{host:?} is not a host: write the full name of the registry before the repository"
        ));
    }
    let host = canonical_host(host.parse().map_err(|error: HostError| error.to_string())?);
    let (rest, digest) = match rest.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.parse().map_err(|error| format!("after '@': {error}"))?)),
        None => (rest, None),
    };
    let (repository, tag) = match rest.rsplit_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (rest, None),
    };
    let place = if Pattern::is_pattern(repository) {
        Place::Repositories(host.clone(), repository.parse()?)
    } else {
        let name = repository.parse().and_then(|name| canonical_repository(&host, name));
        Place::Repository(host.clone(), name.map_err(|error: NameError| error.to_string())?)
    };
    let exact =
        |tag: &str| tag.parse::<Tag>().map_err(|error| error.to_string()).map(|_| tag.parse::<RefName>());
    Ok(match (digest, tag) {
        (Some(digest), Some(tag)) => {
            exact(tag)?.map_err(|error| error.to_string())?;
            let name = match &place {
                // A name cannot contain an IPv6 address in brackets.
                Place::Repository(host, repository) => format!("{host}/{repository}:{tag}")
                    .parse()
                    .or_else(|_| format!("{repository}:{tag}").parse())
                    .ok(),
                _ => None,
            };
            (place, Selection::Digest(digest), name)
        }
        (Some(digest), None) => (place, Selection::Digest(digest), None),
        (None, Some(tag)) if Pattern::is_pattern(tag) => (place, Selection::Matching(tag.parse()?), None),
        (None, tag) => {
            let tag = exact(tag.unwrap_or(LATEST))?.map_err(|error| error.to_string())?;
            (place, Selection::Name(tag), None)
        }
    })
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        match &self.selection {
            Selection::Every => {}
            Selection::Name(name) => write!(f, ":{name}")?,
            Selection::Matching(pattern) => write!(f, ":{pattern}")?,
            Selection::Digest(digest) => write!(f, "@{digest}")?,
        }
        match &self.rename {
            Some(name) => write!(f, "={name}"),
            None => Ok(()),
        }
    }
}

impl SourceSpec {
    /// Opens the source, or every matching source if the repository is a pattern. Pass the selection to
    /// [`ArtifactSource::roots`].
    pub fn open(&self, registries: &RegistrySources) -> Result<Vec<Arc<dyn ArtifactSource>>, ArtifactError> {
        self.open_expanding(registries, None)
    }

    /// As [`SourceSpec::open`]. A compressed archive is expanded first if `expansion` says where.
    ///
    /// # Errors
    /// As [`SourceSpec::open`].
    pub fn open_expanding(
        &self,
        registries: &RegistrySources,
        expansion: Option<&Expansion>,
    ) -> Result<Vec<Arc<dyn ArtifactSource>>, ArtifactError> {
        Ok(match &self.place {
            Place::Path(transport, path) => {
                vec![
                    self.in_path(*transport, path, expansion)
                        .map_err(|error| self.explained(*transport, path, error))?,
                ]
            }
            Place::Repository(host, repository) => vec![registries.repository(host, repository)?],
            Place::Repositories(host, pattern) => self.matching(registries, host, pattern)?,
        })
    }

    fn in_path(
        &self,
        transport: Transport,
        path: &Path,
        expansion: Option<&Expansion>,
    ) -> Result<Arc<dyn ArtifactSource>, ArtifactError> {
        let name = self.place.to_string();
        Ok(match transport {
            Transport::Oci => {
                let layout = Layout::in_directory(path, &name)?;
                check_beside(&layout)?;
                Arc::new(layout)
            }
            Transport::OciArchive => {
                let layout = Layout::in_archive(path, &name, expansion)?;
                check_beside(&layout)?;
                Arc::new(layout)
            }
            Transport::DockerArchive => Arc::new(DockerArchive::open(path, &name, expansion)?),
        })
    }

    /// The reason why a path is not such a source, if it is known better than `error` says.
    fn explained(&self, transport: Transport, path: &Path, error: ArtifactError) -> ArtifactError {
        match error {
            ArtifactError::Io { ref source, .. } if source.kind() == io::ErrorKind::NotFound => {
                let whole = self.path_with_names(path);
                if whole == path || !whole.exists() {
                    return error;
                }
                let written = transport.place(&whole);
                ArtifactError::SeparatorInPath { path: path.to_owned(), whole, written }
            }
            // The file system of a container may have devices and pipes, which no archive of images has.
            ArtifactError::Archive { .. } => match kind_of(path) {
                Some(kind @ Kind::FileSystem) => {
                    ArtifactError::OtherKind { path: path.to_owned(), wanted: transport, kind }
                }
                _ => error,
            },
            ArtifactError::NotALayout { .. }
            | ArtifactError::NotADockerImage { .. }
            | ArtifactError::UnsafePath { .. } => match kind_of(path) {
                Some(kind) if !kind.is(transport) => {
                    ArtifactError::OtherKind { path: path.to_owned(), wanted: transport, kind }
                }
                _ => error,
            },
            _ => error,
        }
    }

    /// The path with the names behind it, as if they belonged to it.
    fn path_with_names(&self, path: &Path) -> PathBuf {
        let mut whole = path.as_os_str().to_owned();
        match &self.selection {
            Selection::Every => {}
            Selection::Name(name) => whole.push(format!(":{name}")),
            Selection::Matching(pattern) => whole.push(format!(":{pattern}")),
            Selection::Digest(digest) => whole.push(format!("@{digest}")),
        }
        if let Some(name) = &self.rename {
            whole.push(format!("={name}"));
        }
        whole.into()
    }

    /// Returns the host of the registry, if the source is in one.
    pub fn host(&self) -> Option<&Host> {
        match &self.place {
            Place::Path(..) => None,
            Place::Repository(host, _) | Place::Repositories(host, _) => Some(host),
        }
    }

    /// Returns the repository, if the source is exactly one.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match &self.place {
            Place::Repository(_, repository) => Some(repository),
            Place::Path(..) | Place::Repositories(..) => None,
        }
    }

    /// Whether the source is in a registry, so that it is read over the network.
    pub fn is_remote(&self) -> bool {
        !matches!(self.place, Place::Path(..))
    }

    /// The matching repositories that have at least one selected artifact: not every repository has every tag.
    fn matching(
        &self,
        registries: &RegistrySources,
        host: &Host,
        pattern: &Pattern,
    ) -> Result<Vec<Arc<dyn ArtifactSource>>, ArtifactError> {
        let mut sources: Vec<Arc<dyn ArtifactSource>> = Vec::new();
        for repository in registries.matching(host, &|name| pattern.matches(name))? {
            let source = registries.repository(host, &repository)?;
            match source.roots(&self.selection) {
                Err(ArtifactError::NoSuchArtifact { .. }) => {}
                Err(error) => return Err(error),
                Ok(_) => sources.push(source),
            }
        }
        if sources.is_empty() {
            let (place, wanted) = (format!("{REGISTRY}{host}"), self.to_string());
            return Err(ArtifactError::NoSuchArtifact { place, wanted, similar: Vec::new() });
        }
        Ok(sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Code, Diagnose as _};

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn parses_sources() {
        let name = |text: &str| Selection::Name(text.parse().unwrap());
        let digest = || Selection::Digest(DIGEST.parse().unwrap());
        for (text, transport, path, selection, rename) in [
            ("oci:images", Transport::Oci, "images", Selection::Every, None),
            ("oci:/a/b:app:1.0", Transport::Oci, "/a/b", name("app:1.0"), None),
            ("oci:images:1.0=team/app:2", Transport::Oci, "images", name("1.0"), Some("team/app:2")),
            (&format!("oci:images@{DIGEST}"), Transport::Oci, "images", digest(), None),
            (&format!("oci-archive:a.tar@{DIGEST}=x"), Transport::OciArchive, "a.tar", digest(), Some("x")),
            ("oci-archive:a.tar=x", Transport::OciArchive, "a.tar", Selection::Every, Some("x")),
            (r"oci:user\@host", Transport::Oci, "user@host", Selection::Every, None),
            (r"oci:a\:b\=c:1.0=x", Transport::Oci, "a:b=c", name("1.0"), Some("x")),
            (&format!(r"oci:user\@host@{DIGEST}"), Transport::Oci, "user@host", digest(), None),
            (r"oci:a\b\\:1.0", Transport::Oci, r"a\b\", name("1.0"), None),
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
            let place = Place::Path(transport, path.into());
            assert_eq!(spec, SourceSpec { place, selection, rename }, "{text}");
            assert_eq!(spec.to_string(), text);
        }
        let spec: SourceSpec = "oci:user@host".parse().unwrap();
        assert_eq!(spec.place, Place::Path(Transport::Oci, "user@host".into()));
        let spec = SourceSpec::try_from(OsStr::from_bytes(b"oci:\xff:1.0")).unwrap();
        assert_eq!(spec.place, Place::Path(Transport::Oci, OsStr::from_bytes(b"\xff").into()));
        assert_eq!(spec.selection, name("1.0"));
        for text in [&b"oci:a:\xff"[..], b"oci:a=\xff", b"docker://low.example/\xff", b"\xff:a"] {
            assert!(SourceSpec::try_from(OsStr::from_bytes(text)).is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_source_can_be_read_from_its_text() {
        let letters = ['a', ':', '=', '@', '\\', '*'];
        let mut texts = vec!["oci:".to_owned()];
        for _ in 0..5 {
            texts = texts.iter().flat_map(|text| letters.map(|letter| format!("{text}{letter}"))).collect();
            for text in &texts {
                if let Ok(spec) = text.parse::<SourceSpec>() {
                    assert_eq!(spec.to_string().parse(), Ok(spec), "{text}");
                }
            }
        }
    }

    #[test]
    fn parses_registry_sources() {
        let host = || "low.example:5000".parse::<Host>().unwrap();
        let repository = |name: &str| Place::Repository(host(), name.parse().unwrap());
        let tag = |text: &str| Selection::Name(text.parse().unwrap());
        let digest = || Selection::Digest(DIGEST.parse().unwrap());
        let full = |text: &str| Some(text.parse::<RefName>().unwrap());
        for (rest, place, selection, rename) in [
            ("app", repository("app"), tag("latest"), None),
            ("team/app:1.0", repository("team/app"), tag("1.0"), None),
            ("team/app:1.0=other/app:2", repository("team/app"), tag("1.0"), full("other/app:2")),
            (&format!("app@{DIGEST}"), repository("app"), digest(), None),
            (&format!("app:1@{DIGEST}"), repository("app"), digest(), full("low.example:5000/app:1")),
            ("app:*", repository("app"), Selection::Matching("*".parse().unwrap()), None),
            ("team/*:1.0", Place::Repositories(host(), "team/*".parse().unwrap()), tag("1.0"), None),
        ] {
            let text = format!("docker://low.example:5000/{rest}");
            let spec: SourceSpec = text.parse().unwrap();
            assert_eq!(spec, SourceSpec { place, selection, rename }, "{text}");
        }
        for text in [
            "docker://app",
            "docker://team/app:1",
            "docker://low.example",
            "docker://low.example/App",
            "docker://low.example/app:",
            "docker://low.example/app@sha256:00",
            "docker://u:p@low.example/app",
            "docker://low.example/a/../b",
            "docker://low.example/[a:1",
        ] {
            assert!(text.parse::<SourceSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn malformed_specs_are_refused_with_advice() {
        for text in
            ["images", "docker://x", "oci:", "oci::1.0", "oci:a:", "oci:a@sha256:00", "oci:a=", "oci:a:b c"]
        {
            let error = text.parse::<SourceSpec>().unwrap_err();
            assert_eq!(error.diagnosis(), Code::BadPlace.with(Advice::SourceSyntax), "{text}");
        }
        let error = "oci:a\u{1b}[2J:b c".parse::<SourceSpec>().unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}
