//! Packages: which are installed, as package databases and the files of packages say. Bytes in, packages out: nothing here
//! reads a file or runs a program.

mod package;

pub use package::{Found, Kind, Package, Source};
