//! Looking into bundles and sources.

mod bounds;
pub(crate) mod contents;
mod differences;
mod finds;
mod gates;
mod guard;
mod language_packages;
mod layers;
mod media_types;
mod nested;
mod page;
mod rego;
mod rootfs;
mod sboms;
mod sboms_of_others;
mod signatures;
mod system_packages;
mod tree;
mod version_orders;
