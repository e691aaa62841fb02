//! `META-INF/MANIFEST.MF` (the JAR file specification), and what it and the file name say of an archive.

use super::super::word::{licence, word};

/// What a manifest says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    vendor_id: Option<String>,
    implementation_version: Option<String>,
    bundle_name: Option<String>,
    bundle_version: Option<String>,
    specification_version: Option<String>,
    licence: Option<String>,
}

/// Group, artifact, version and declared licence of an archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) group: Option<String>,
    pub(super) artifact: String,
    pub(super) version: String,
    pub(super) licence: Option<String>,
}

impl Manifest {
    /// Reads the main section, which ends with a blank line. A line that begins with a space continues the one before.
    pub(super) fn parse(text: &str) -> Manifest {
        let mut manifest = Manifest::default();
        let mut line = String::new();
        for next in text.lines() {
            if let Some(more) = next.strip_prefix(' ') {
                line.push_str(more);
                continue;
            }
            manifest.take(&line);
            line.clear();
            if next.is_empty() {
                break;
            }
            line.push_str(next);
        }
        manifest.take(&line);
        manifest
    }

    fn take(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else {
            return;
        };
        match name.to_ascii_lowercase().as_str() {
            "implementation-vendor-id" => self.vendor_id = word(value),
            "implementation-version" => self.implementation_version = word(value),
            // `name;singleton:=true`
            "bundle-symbolicname" => self.bundle_name = value.split(';').next().and_then(word),
            "bundle-version" => self.bundle_version = word(value),
            "specification-version" => self.specification_version = word(value),
            "bundle-license" => self.licence = value.split([';', ',']).next().and_then(licence),
            _ => {}
        }
    }

    /// The declared licence.
    pub(super) fn licence(&self) -> Option<String> {
        self.licence.clone()
    }

    /// Who the archive is, by its file name without folders and extension, and by this manifest. `None` if the two give
    /// no name or no version.
    pub(super) fn identity(&self, stem: &str) -> Option<Identity> {
        let (stem, file_version) = split_stem(stem);
        let is_name = |text: &&str| !text.is_empty() && !text.contains(char::is_whitespace);
        let bundle = self.bundle_name.as_deref().filter(is_name);
        // The file name is nearer to the artifact of Maven than the names for bundles and people.
        let artifact = Some(stem).filter(is_name)?;
        let version = self
            .implementation_version
            .as_deref()
            .filter(is_name)
            .or(file_version)
            .or(self.bundle_version.as_deref())
            .or(self.specification_version.as_deref())?;
        let of_bundle = bundle.and_then(|name| name.strip_suffix(artifact)?.strip_suffix('.'));
        let group = self.vendor_id.as_deref().filter(is_name).or(of_bundle);
        Some(Identity {
            group: group.map(str::to_owned),
            artifact: word(artifact)?,
            version: word(version)?,
            licence: self.licence.clone(),
        })
    }
}

/// `commons-lang3-3.12.0` is the artifact `commons-lang3` in the version `3.12.0`: the version begins at the first hyphen
/// before a digit.
pub(super) fn split_stem(stem: &str) -> (&str, Option<&str>) {
    let hyphen = stem.match_indices('-').find(|(at, _)| {
        *at > 0 && stem.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    match hyphen {
        Some((at, _)) => (stem.get(..at).unwrap_or(stem), stem.get(at + 1..)),
        None => (stem, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(text: &str, stem: &str) -> Option<(String, String, String)> {
        let found = Manifest::parse(text).identity(stem)?;
        Some((found.group.unwrap_or_default(), found.artifact, found.version))
    }

    fn triple(group: &str, artifact: &str, version: &str) -> Option<(String, String, String)> {
        [(group.to_owned(), artifact.to_owned(), version.to_owned())].into_iter().next()
    }

    #[test]
    fn reads_the_main_section_only() {
        let text = "Manifest-Version: 1.0\r\nImplementation-Version: 1.2\r\n .3\r\n\r\nImplementation-Version: 9\r\n";
        assert_eq!(identity(text, "a"), triple("", "a", "1.2.3"));
    }

    #[test]
    fn the_file_name_names_and_the_manifest_gives_version_and_group() {
        let text = "Bundle-SymbolicName: org.example.tool;singleton:=true\nBundle-Version: 2.0.0.v1\n\
                    Bundle-License: Apache-2.0;link=x\n";
        assert_eq!(identity(text, "tool-2.0"), triple("org.example", "tool", "2.0"));
        assert_eq!(identity(text, "tool"), triple("org.example", "tool", "2.0.0.v1"));
        let found = Manifest::parse(text).identity("tool").unwrap();
        assert_eq!(found.licence.as_deref(), Some("Apache-2.0"));
        let vendor =
            "Implementation-Title: Great Tool\nImplementation-Vendor-Id: org.v\nImplementation-Version: 3\n";
        assert_eq!(identity(vendor, "great"), triple("org.v", "great", "3"));
    }

    #[test]
    fn without_a_version_nothing_is_said() {
        assert_eq!(identity("Manifest-Version: 1.0\n", "app"), None);
        assert_eq!(identity("", "app-1.0-SNAPSHOT"), triple("", "app", "1.0-SNAPSHOT"));
    }

    #[test]
    fn stems_are_split_before_the_version() {
        assert_eq!(split_stem("commons-lang3-3.12.0"), ("commons-lang3", Some("3.12.0")));
        assert_eq!(split_stem("log4j-1.2-api-2.17.1"), ("log4j", Some("1.2-api-2.17.1")));
        assert_eq!(split_stem("-1"), ("-1", None));
        assert_eq!(split_stem(""), ("", None));
    }
}
