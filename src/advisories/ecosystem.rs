//! The ecosystems of advisories (OSV schema, "Defined ecosystems"), and which of them concern a package.

use crate::packages::Kind;
use crate::versions::Scheme;

/// An ecosystem without its release: `Debian`, not `Debian:12`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ecosystem {
    /// Its name in OSV records.
    pub name: &'static str,
    /// The kind of its packages.
    pub kind: Kind,
    /// The `ID` in os-release of the systems that belong to it. Empty for languages, which do not depend on the system.
    systems: &'static [&'static str],
}

const fn system(name: &'static str, kind: Kind, systems: &'static [&'static str]) -> Ecosystem {
    Ecosystem { name, kind, systems }
}

const fn language(name: &'static str, kind: Kind) -> Ecosystem {
    Ecosystem { name, kind, systems: &[] }
}

/// All ecosystems whose packages can be found in an image.
static ECOSYSTEMS: [Ecosystem; 25] = [
    system("Debian", Kind::Deb, &["debian"]),
    system("Ubuntu", Kind::Deb, &["ubuntu"]),
    system("Echo", Kind::Deb, &["echo"]),
    system("Alpine", Kind::Apk, &["alpine"]),
    system("Wolfi", Kind::Apk, &["wolfi"]),
    system("Chainguard", Kind::Apk, &["chainguard"]),
    system("Alpaquita", Kind::Apk, &["alpaquita"]),
    system("MinimOS", Kind::Apk, &["minimos"]),
    system("Red Hat", Kind::Rpm, &["rhel"]),
    system("AlmaLinux", Kind::Rpm, &["almalinux"]),
    system("Rocky Linux", Kind::Rpm, &["rocky"]),
    system("SUSE", Kind::Rpm, &["sles", "sled", "sles_sap"]),
    system("openSUSE", Kind::Rpm, &["opensuse-leap", "opensuse-tumbleweed"]),
    system("openEuler", Kind::Rpm, &["openEuler", "openeuler"]),
    system("Photon OS", Kind::Rpm, &["photon"]),
    system("Azure Linux", Kind::Rpm, &["azurelinux", "mariner"]),
    system("Mageia", Kind::Rpm, &["mageia"]),
    language("PyPI", Kind::Python),
    language("npm", Kind::Npm),
    language("Maven", Kind::Java),
    language("Go", Kind::Go),
    language("crates.io", Kind::Cargo),
    language("RubyGems", Kind::Ruby),
    language("NuGet", Kind::Dotnet),
    // Older records of Go's own database.
    language("golang", Kind::Go),
];

impl Ecosystem {
    /// The ecosystem with this name; `None` if its packages are not found in images.
    pub(super) fn named(name: &str) -> Option<&'static Ecosystem> {
        ECOSYSTEMS.iter().find(|ecosystem| ecosystem.name == name)
    }

    /// Splits the text of an OSV record: the ecosystem and its release, which may be empty.
    pub(super) fn of_text(text: &str) -> Option<(&'static Ecosystem, &str)> {
        let (name, release) = text.split_once(':').unwrap_or((text, ""));
        Some((Ecosystem::named(name)?, release))
    }

    /// Whether an entry for a release of this ecosystem concerns packages on a system: its `ID` and `VERSION_ID`.
    pub(super) fn concerns(&self, release: &str, system: Option<(&str, &str)>) -> bool {
        if self.systems.is_empty() {
            return true;
        }
        let Some((id, version)) = system else { return false };
        self.systems.contains(&id) && (release.is_empty() || self.is_release(release, id, version))
    }

    fn is_release(&self, release: &str, id: &str, version: &str) -> bool {
        let (major, after) = version.split_once('.').unwrap_or((version, ""));
        let minor = after.split(['.', '_', '-']).next().unwrap_or_default();
        let is_version = |part: &str| {
            !part.is_empty() && (part == version || part == major || part == format!("{major}.{minor}"))
        };
        match self.name {
            "Alpine" => {
                release.strip_prefix('v').is_some_and(|release| release == format!("{major}.{minor}"))
            }
            // `22.04:LTS`. Those of `Pro` name fixes that only subscribers get.
            "Ubuntu" => release.split(':').next().is_some_and(|release| release == version),
            // `enterprise_linux:9::baseos`
            "Red Hat" => release.split(':').any(is_version),
            // `Linux Enterprise Server 15 SP5` is 15.5.
            "SUSE" => {
                let wanted = if minor.is_empty() || minor == "0" {
                    format!(" {major}")
                } else {
                    format!(" {major} SP{minor}")
                };
                release.ends_with(&wanted) || release.contains(&format!("{wanted}-"))
            }
            "openSUSE" if id == "opensuse-tumbleweed" => release == "Tumbleweed",
            "openSUSE" => release.strip_prefix("Leap ") == Some(version),
            // `22.03-LTS-SP1`
            "openEuler" => release.split('-').next().is_some_and(is_version),
            _ => is_version(release),
        }
    }
}

/// The order of the versions of a kind of packages.
pub fn scheme(kind: Kind) -> Scheme {
    match kind {
        Kind::Deb => Scheme::Deb,
        Kind::Apk => Scheme::Apk,
        Kind::Rpm => Scheme::Rpm,
        Kind::Python => Scheme::Pep440,
        Kind::Npm | Kind::Cargo => Scheme::Semver,
        Kind::Java => Scheme::Maven,
        Kind::Go => Scheme::Go,
        Kind::Ruby => Scheme::Rubygems,
        Kind::Dotnet => Scheme::Nuget,
    }
}

/// A name in the one form that its system takes for the same: PyPI by PEP 503, NuGet without regard to case.
pub(super) fn normal_name(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Dotnet => name.to_lowercase(),
        Kind::Python => {
            let mut normal = String::with_capacity(name.len());
            for letter in name.chars() {
                if !matches!(letter, '-' | '_' | '.') {
                    normal.extend(letter.to_lowercase());
                } else if !normal.ends_with('-') {
                    normal.push('-');
                }
            }
            normal
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_concerns_the_systems_of_its_release() {
        for (text, system, expected) in [
            ("Debian:12", Some(("debian", "12")), true),
            ("Debian:12", Some(("debian", "12.5")), true),
            ("Debian:1", Some(("debian", "12")), false),
            ("Debian:11", Some(("debian", "12")), false),
            ("Debian", Some(("debian", "12")), true),
            ("Debian", Some(("debian", "")), true),
            ("Debian:12", Some(("debian", "")), false),
            ("Debian:12", Some(("ubuntu", "12")), false),
            ("Debian:12", None, false),
            ("Ubuntu:22.04:LTS", Some(("ubuntu", "22.04")), true),
            ("Ubuntu:22.10", Some(("ubuntu", "22.04")), false),
            ("Ubuntu:Pro:22.04:LTS", Some(("ubuntu", "22.04")), false),
            ("Alpine:v3.19", Some(("alpine", "3.19.1")), true),
            ("Alpine:v3.1", Some(("alpine", "3.19.1")), false),
            ("Alpine", Some(("alpine", "3.19.1")), true),
            ("Wolfi", Some(("wolfi", "20230201")), true),
            ("Rocky Linux:9", Some(("rocky", "9.3")), true),
            ("Red Hat:enterprise_linux:9::baseos", Some(("rhel", "9.4")), true),
            ("Red Hat:rhel_eus:9.2::appstream", Some(("rhel", "9.4")), false),
            ("SUSE:Linux Enterprise Server 15 SP5", Some(("sles", "15.5")), true),
            ("SUSE:Linux Enterprise Server 15 SP5-LTSS", Some(("sles", "15.5")), true),
            ("SUSE:Linux Enterprise Server 15 SP4", Some(("sles", "15.5")), false),
            ("openSUSE:Leap 15.5", Some(("opensuse-leap", "15.5")), true),
            ("openSUSE:Tumbleweed", Some(("opensuse-tumbleweed", "20240101")), true),
            ("openEuler:22.03-LTS-SP1", Some(("openEuler", "22.03")), true),
            ("npm", None, true),
            ("PyPI", Some(("debian", "12")), true),
        ] {
            let (ecosystem, release) = Ecosystem::of_text(text).unwrap();
            assert_eq!(ecosystem.concerns(release, system), expected, "{text} {system:?}");
        }
        assert!(Ecosystem::of_text("GIT").is_none());
    }

    #[test]
    fn names_that_a_system_takes_for_the_same_are_the_same() {
        assert_eq!(normal_name(Kind::Python, "Flask__SQL.alchemy"), "flask-sql-alchemy");
        assert_eq!(normal_name(Kind::Dotnet, "Newtonsoft.Json"), "newtonsoft.json");
        assert_eq!(normal_name(Kind::Java, "Org:A_b"), "Org:A_b");
    }
}
