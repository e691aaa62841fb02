//! The orders of versions: which of two versions is later, by the rules of each package system. One order a file.
//!
//! Advisories name the versions that a flaw concerns by their ends. Each system orders its versions in its own way, and
//! a wrong order hides a flaw or invents one. So the orders are those of the tools themselves, odd as they are: `dpkg`,
//! `rpm`, `apk`, `pip`, Maven, RubyGems, NuGet. Pure: text in, an ordering out.

mod apk;
mod deb;
mod go;
mod maven;
mod not_a_version;
mod nuget;
mod numerals;
mod pep440;
mod rpm;
mod rubygems;
mod scheme;
mod semver;
#[cfg(test)]
mod tests;

pub use not_a_version::NotAVersion;
pub use scheme::{Scheme, compare};
