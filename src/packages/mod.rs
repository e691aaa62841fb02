//! Packages: which are installed, as package databases and the files of packages say. Bytes in, packages out: nothing here
//! reads a file or runs a program.

pub mod apk;
pub mod dpkg;
mod os_release;
mod package;
mod stanza;

pub use os_release::{OS_RELEASE_BYTES_MAX, OsRelease};
pub use package::{Found, Kind, Package, Source};
