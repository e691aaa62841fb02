//! The packages of an SBOM while it is read, within bounds.

use super::model::BomPackage;

/// Most packages that are kept of an SBOM.
pub const PACKAGES_MAX: usize = 60_000;

/// Most bytes that the packages of an SBOM take in memory: names, versions, package URLs and licences.
const KEPT_BYTES_MAX: usize = 48 << 20;

/// What a package takes beside its texts, in bytes: its fields, and what the memory of each text takes.
const PACKAGE_BYTES: usize = 200;

/// What a licence takes beside its text, in bytes.
const LICENCE_BYTES: usize = 48;

/// The packages that are kept, and how many were not.
#[derive(Default)]
pub(super) struct PackageList {
    packages: Vec<BomPackage>,
    /// The id of each package inside the document; empty with CycloneDX.
    ids: Vec<Box<str>>,
    kept_bytes: usize,
    left_out: u64,
    nameless: u64,
    /// Components that are no packages.
    pub(super) others: u64,
}

impl PackageList {
    /// Adds a package.
    pub(super) fn push(&mut self, package: BomPackage, id: &str) {
        if package.name.is_empty() {
            self.nameless += 1;
            return;
        }
        let texts = [package.name.len(), package.version.len(), package.purl.as_ref().map_or(0, String::len)];
        let licences = package.licences.iter().map(|licence| licence.len() + LICENCE_BYTES);
        let bytes: usize = texts.into_iter().chain(licences).chain([id.len(), PACKAGE_BYTES]).sum();
        if self.packages.len() >= PACKAGES_MAX || self.kept_bytes + bytes > KEPT_BYTES_MAX {
            self.left_out += 1;
            return;
        }
        self.kept_bytes += bytes;
        self.packages.push(package);
        self.ids.push(id.into());
    }

    /// Takes the packages out whose ids are `described`: they are what the document is about.
    pub(super) fn take(&mut self, described: impl Fn(&str) -> bool) -> Vec<BomPackage> {
        let mut taken = Vec::new();
        let (packages, ids) = (std::mem::take(&mut self.packages), std::mem::take(&mut self.ids));
        for (package, id) in packages.into_iter().zip(ids) {
            if described(&id) {
                taken.push(package);
            } else {
                self.packages.push(package);
                self.ids.push(id);
            }
        }
        taken
    }

    /// Returns the packages, and adds what was not kept to the problems.
    pub(super) fn finish(self, problems: &mut Vec<String>) -> Vec<BomPackage> {
        let count =
            |count: u64| if count == 1 { "1 package".to_owned() } else { format!("{count} packages") };
        if self.left_out > 0 {
            problems.push(format!(
                "{} more than {PACKAGES_MAX} packages or {KEPT_BYTES_MAX} bytes were left out",
                count(self.left_out)
            ));
        }
        if self.nameless > 0 {
            problems.push(format!("{} without a name, or with too long a one", count(self.nameless)));
        }
        self.packages
    }
}
