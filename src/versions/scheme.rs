//! The package systems whose versions can be compared.

use std::cmp::Ordering;

use super::not_a_version::NotAVersion;
use super::{apk, deb, go, maven, nuget, pep440, rpm, rubygems, semver};

/// The longest version that is compared, in bytes. Real ones have up to some 100.
const VERSION_BYTES_MAX: usize = 1024;

/// The number of characters of a version that a message shows.
const SHOWN_CHARS: usize = 64;

/// A way to order versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// Debian and its children: deb-version(7).
    Deb,
    /// RPM: rpm-version(7), with epoch and release.
    Rpm,
    /// Alpine and its children: apk.
    Apk,
    /// Semantic versions 2.0.0, as npm and Cargo use them.
    Semver,
    /// Python: PEP 440, and older versions before them.
    Pep440,
    /// Maven: the POM reference, "Version Order Specification".
    Maven,
    /// RubyGems: `Gem::Version`.
    Rubygems,
    /// NuGet: semantic versions with a fourth number, without regard to case.
    Nuget,
    /// Go modules, and releases of Go itself, e.g. `go1.22.1`.
    Go,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Scheme; 9] = [
        Scheme::Deb,
        Scheme::Rpm,
        Scheme::Apk,
        Scheme::Semver,
        Scheme::Pep440,
        Scheme::Maven,
        Scheme::Rubygems,
        Scheme::Nuget,
        Scheme::Go,
    ];

    /// The name of the system, as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Scheme::Deb => "Debian",
            Scheme::Rpm => "RPM",
            Scheme::Apk => "Alpine",
            Scheme::Semver => "semver",
            Scheme::Pep440 => "Python",
            Scheme::Maven => "Maven",
            Scheme::Rubygems => "RubyGems",
            Scheme::Nuget => "NuGet",
            Scheme::Go => "Go",
        }
    }
}

/// Compares two versions by the rules of `scheme`. `Less` means that `a` is the earlier one.
///
/// White space around a version does not count. The time is linear in the length of the texts.
///
/// # Errors
/// [`NotAVersion`] if one of them is no version of this system, or longer than 1,024 bytes.
pub fn compare(scheme: Scheme, a: &str, b: &str) -> Result<Ordering, NotAVersion> {
    match scheme {
        Scheme::Deb => by(scheme, a, b, deb::read, deb::order),
        Scheme::Rpm => by(scheme, a, b, rpm::read, rpm::order),
        Scheme::Apk => by(scheme, a, b, apk::read, apk::order),
        Scheme::Semver => by(scheme, a, b, semver::read, semver::order),
        Scheme::Pep440 => by(scheme, a, b, pep440::read, pep440::order),
        Scheme::Maven => by(scheme, a, b, maven::read, maven::order),
        Scheme::Rubygems => by(scheme, a, b, rubygems::read, rubygems::order),
        Scheme::Nuget => by(scheme, a, b, nuget::read, nuget::order),
        Scheme::Go => by(scheme, a, b, go::read, go::order),
    }
}

/// Reads both versions and compares them.
fn by<'a, V>(
    scheme: Scheme,
    a: &'a str,
    b: &'a str,
    read: fn(&'a str) -> Result<V, &'static str>,
    order: fn(&V, &V) -> Ordering,
) -> Result<Ordering, NotAVersion> {
    let version = |text: &'a str| {
        let trimmed = text.trim_ascii();
        let read = match trimmed.len() {
            0 => Err("it is empty"),
            1..=VERSION_BYTES_MAX => read(trimmed),
            _ => Err("it is longer than 1,024 bytes"),
        };
        let shown = || text.chars().take(SHOWN_CHARS).collect();
        read.map_err(|why| NotAVersion { scheme: scheme.name(), text: shown(), why })
    };
    Ok(order(&version(a)?, &version(b)?))
}
