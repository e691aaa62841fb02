//! What a package database, or a file of a package, says of a package.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The system that a package belongs to. It fixes how names and versions are read, and which advisories concern it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// A Debian package (dpkg).
    Deb,
    /// An Alpine package (apk).
    Apk,
    /// An RPM package.
    Rpm,
    /// A Python distribution.
    Python,
    /// A package of npm.
    Npm,
    /// A Java archive, known by its Maven coordinates. Its name is `GROUP:ARTIFACT`.
    Java,
    /// A Go module that an executable was built from.
    Go,
    /// A Rust crate that an executable was built from.
    Cargo,
    /// A Ruby gem.
    Ruby,
    /// A NuGet package.
    Dotnet,
}

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// The system that it belongs to.
    pub kind: Kind,
    /// Its name, as that system writes it.
    pub name: String,
    /// Its version in full, with epoch and revision, as that system writes it.
    pub version: String,
    /// The architecture that the database states, e.g. `amd64` or `noarch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// What it was built from, if that has another name or version. Advisories often name the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The licences as they are declared, word for word. What a package really contains may have others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<String>,
}

/// The source package of a binary package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The most problems that are kept of one file. Beyond, one says that there are more.
const PROBLEMS_MAX: usize = 1000;

/// What was read from one database or file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Found {
    /// The packages, in the order of the file.
    pub packages: Vec<Package>,
    /// The paths that these packages own, without a leading slash.
    pub owned: Vec<Vec<u8>>,
    /// What could not be read, as sentences for people. What follows it was read all the same, if that was possible.
    pub problems: Vec<String>,
    /// Archives in archives that were not read because they lie too deep, as sentences for people.
    pub too_deep: Vec<String>,
}

impl Found {
    /// Notes something that could not be read. A file of megabytes may have millions of these.
    pub(super) fn problem(&mut self, problem: impl FnOnce() -> String) {
        match self.problems.len() {
            0..PROBLEMS_MAX => self.problems.push(problem()),
            PROBLEMS_MAX => self.problems.push("there are more problems, which are not named".to_owned()),
            _ => {}
        }
    }
}
