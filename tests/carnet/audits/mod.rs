//! Looking into bundles and sources.

mod bounds;
pub(crate) mod contents;
mod differences;
mod finds;
mod gates;
mod guard;
mod layers;
mod media_types;
mod page;
mod rootfs;
mod sboms;
mod signatures;
mod system_packages;
mod tree;
mod version_orders;
