//! `carnet` carries container-registry artifacts across a boundary that has no network path.
pub mod oci;
