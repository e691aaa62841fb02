//! Packages: which are installed, as package databases and the files of packages say. Bytes in, packages out: nothing here
//! reads a file or runs a program.

pub mod apk;
pub mod cargo;
pub mod dotnet;
pub mod dpkg;
pub mod golang;
pub mod java;
pub mod npm;
mod os_release;
mod package;
pub mod purl;
pub mod python;
pub mod rpm;
pub mod ruby;
mod stanza;
mod wanted;
mod word;

pub use os_release::{OS_RELEASE_BYTES_MAX, OsRelease};
pub use package::{Found, Kind, Package, Source};
pub use wanted::{Wanted, wanted};
