//! Java archives: which Maven artifacts are in them, and in the archives in them.
//!
//! Maven writes `META-INF/maven/GROUP/ARTIFACT/pom.properties`. Without it the manifest and the name of the file tell what
//! they can; the group may stay unknown then.

mod archive;
mod budget;
mod manifest;
mod properties;

pub use archive::archive;
