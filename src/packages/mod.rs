//! Packages: which are installed, as package databases and the files of packages say. Bytes in, packages out: nothing here
//! reads a file or runs a program.

pub mod cargo;
pub mod dotnet;
pub mod golang;
pub mod java;
pub mod npm;
mod package;
pub mod purl;
pub mod python;
pub mod ruby;
mod wanted;
mod word;

pub use package::{Found, Kind, Package, Source};
pub use wanted::{Wanted, wanted};
