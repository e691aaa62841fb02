//! Package URLs (the purl specification): names of packages that other tools understand.

use packageurl::PackageUrl;

use super::package::{Kind, Package};
use crate::oci::{Digest, RefName};

/// The system that a package is installed in, as `os-release` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release<'a> {
    /// `ID`, e.g. `debian`.
    pub id: &'a str,
    /// `VERSION_ID`, e.g. `12`. Rolling systems have none.
    pub version_id: Option<&'a str>,
}

/// The purl of a package. The release counts for packages of a system only; without it these have no namespace.
/// Empty if the package has no name.
pub fn purl(package: &Package, release: Option<&Release<'_>>) -> String {
    build(package, release).map_or_else(|_| String::new(), |purl| purl.to_string())
}

fn build<'a>(
    package: &'a Package,
    release: Option<&Release<'a>>,
) -> Result<PackageUrl<'a>, packageurl::Error> {
    let (namespace, name) = split(package);
    let mut purl = PackageUrl::new(purl_type(package.kind), name)?;
    let (epoch, version) = match package.kind {
        Kind::Rpm => without_epoch(&package.version),
        _ => (None, package.version.as_str()),
    };
    if !version.is_empty() {
        purl.with_version(version)?;
    }
    if let Some(epoch) = epoch {
        purl.add_qualifier("epoch", epoch)?;
    }
    if is_of_system(package.kind) {
        if let Some(architecture) = &package.architecture {
            purl.add_qualifier("arch", architecture.as_str())?;
        }
        if let Some(release) = release.filter(|release| !release.id.is_empty()) {
            purl.with_namespace(release.id)?;
            let distribution = match release.version_id {
                Some(version) => format!("{}-{version}", release.id),
                None => release.id.to_owned(),
            };
            purl.add_qualifier("distro", distribution)?;
        }
    } else if let Some(namespace) = namespace {
        purl.with_namespace(namespace)?;
    }
    Ok(purl)
}

/// The purl of an image (type `oci`): the last word of its repository, and the digest of its manifest. `None` if the name has
/// no repository.
pub fn image(name: &RefName, digest: &Digest) -> Option<String> {
    let repository = name.repository()?;
    let word = repository.rsplit('/').next()?;
    let mut purl = PackageUrl::new("oci", word).ok()?;
    purl.with_version(digest.to_string()).ok()?;
    if repository.contains('/') {
        purl.add_qualifier("repository_url", repository).ok()?;
    }
    if let Some(tag) = name.tag() {
        purl.add_qualifier("tag", tag).ok()?;
    }
    Some(purl.to_string())
}

/// A purl of a foreign document, in the form that [`purl`] writes.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse(text: &str) -> Result<PackageUrl<'static>, String> {
    text.parse().map_err(|error| format!("{} is not a purl: {error}", super::word::quoted(text)))
}

fn purl_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Deb => "deb",
        Kind::Apk => "apk",
        Kind::Rpm => "rpm",
        Kind::Python => "pypi",
        Kind::Npm => "npm",
        Kind::Java => "maven",
        Kind::Go => "golang",
        Kind::Cargo => "cargo",
        Kind::Ruby => "gem",
        Kind::Dotnet => "nuget",
    }
}

fn is_of_system(kind: Kind) -> bool {
    matches!(kind, Kind::Deb | Kind::Apk | Kind::Rpm)
}

/// The namespace in a name, and the rest: the group of Maven, the scope of npm, the path above a Go module.
fn split(package: &Package) -> (Option<&str>, &str) {
    let name = package.name.as_str();
    let parts = match package.kind {
        Kind::Java => name.split_once(':'),
        Kind::Npm if name.starts_with('@') => name.split_once('/'),
        Kind::Go => name.rsplit_once('/'),
        _ => None,
    };
    match parts {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => (Some(namespace), name),
        _ => (None, name),
    }
}

/// `1:2.3-4` is the epoch `1` and the version `2.3-4`. Epoch 0 is the same as none.
fn without_epoch(version: &str) -> (Option<&str>, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) if !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit()) => {
            (Some(epoch).filter(|epoch| *epoch != "0"), rest)
        }
        _ => (None, version),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn package(kind: Kind, name: &str, version: &str, architecture: Option<&str>) -> Package {
        Package {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.map(str::to_owned),
            source: None,
            licences: Vec::new(),
        }
    }

    #[test]
    fn each_kind_has_its_form() {
        let debian = Release { id: "debian", version_id: Some("12") };
        for (kind, name, version, architecture, expected) in [
            (
                Kind::Deb,
                "libstdc++6",
                "1:12.2.0-14+deb12u1",
                Some("amd64"),
                "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12",
            ),
            (
                Kind::Apk,
                "musl",
                "1.2.5-r0",
                Some("x86_64"),
                "pkg:apk/debian/musl@1.2.5-r0?arch=x86_64&distro=debian-12",
            ),
            (
                Kind::Rpm,
                "openssl-libs",
                "1:3.0.7-2.el9",
                Some("x86_64"),
                "pkg:rpm/debian/openssl-libs@3.0.7-2.el9?arch=x86_64&distro=debian-12&epoch=1",
            ),
            (Kind::Rpm, "a", "0:1-1", None, "pkg:rpm/debian/a@1-1?distro=debian-12"),
            (Kind::Python, "ruamel_yaml.Clib", "0.2", None, "pkg:pypi/ruamel-yaml.clib@0.2"),
            (Kind::Npm, "@npmcli/fs", "3.1.0", None, "pkg:npm/%40npmcli/fs@3.1.0"),
            (Kind::Java, "org.slf4j:slf4j-api", "2.0.9", None, "pkg:maven/org.slf4j/slf4j-api@2.0.9"),
            (Kind::Java, "plain", "1", None, "pkg:maven/plain@1"),
            (Kind::Go, "golang.org/x/net", "v0.17.0", None, "pkg:golang/golang.org/x/net@v0.17.0"),
            (Kind::Go, "stdlib", "1.22.1", None, "pkg:golang/stdlib@1.22.1"),
            (Kind::Cargo, "serde", "1.0.200", None, "pkg:cargo/serde@1.0.200"),
            (Kind::Ruby, "nokogiri", "1.16.0", None, "pkg:gem/nokogiri@1.16.0"),
            (Kind::Dotnet, "Newtonsoft.Json", "13.0.3", None, "pkg:nuget/Newtonsoft.Json@13.0.3"),
        ] {
            let purl = purl(&package(kind, name, version, architecture), Some(&debian));
            assert_eq!(purl, expected);
        }
    }

    #[test]
    fn without_a_release_there_is_no_namespace() {
        assert_eq!(purl(&package(Kind::Deb, "dash", "0.5", None), None), "pkg:deb/dash@0.5");
        let rolling = Release { id: "arch", version_id: None };
        assert_eq!(purl(&package(Kind::Rpm, "a", "1", None), Some(&rolling)), "pkg:rpm/arch/a@1?distro=arch");
        assert_eq!(purl(&package(Kind::Deb, "", "1", None), None), "");
    }

    #[test]
    fn an_image_has_one_with_its_digest_and_place() {
        let digest = Digest::sha256(b"x");
        let purl = |name: &str| image(&name.parse().unwrap(), &digest);
        assert_eq!(
            purl("low.example/team/app:1.0").unwrap(),
            format!("pkg:oci/app@{digest}?repository_url=low.example%2Fteam%2Fapp&tag=1.0")
        );
        assert_eq!(purl("app:1.0").unwrap(), format!("pkg:oci/app@{digest}?tag=1.0"));
        assert_eq!(purl("1.0"), None);
    }

    #[test]
    fn what_is_not_a_purl_is_named() {
        assert!(parse("http://x").unwrap_err().starts_with("\"http://x\" is not a purl: "));
        assert_eq!(parse("pkg:npm/%40a/b@1").unwrap().namespace(), Some("@a"));
    }

    proptest! {
        #[test]
        fn a_purl_reads_back(name in "[a-z][a-z0-9+.~%@ ]{0,12}", version in "[0-9a-z.:+~%?#@&=-]{1,12}") {
            let text = purl(&package(Kind::Cargo, &name, &version, None), None);
            let read = parse(&text).unwrap();
            prop_assert_eq!(read.name(), name.as_str());
            prop_assert_eq!(read.version(), Some(version.as_str()));
        }

        #[test]
        fn foreign_purls_never_panic(text in "\\PC{0,60}") {
            let _ = parse(&text);
            let _ = parse(&format!("pkg:{text}"));
        }
    }
}
