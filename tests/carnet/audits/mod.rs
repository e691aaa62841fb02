//! Looking into bundles and sources.

mod bounds;
pub(crate) mod contents;
mod differences;
mod each_rule;
mod finds;
mod gates;
mod go_programs;
mod guard;
mod hostile_images;
mod language_packages;
mod layers;
mod media_types;
mod nested;
mod page;
mod policies;
mod readings;
mod rego;
mod rootfs;
mod sboms;
mod sboms_of_others;
mod signatures;
mod stacks;
mod system_images;
mod system_packages;
mod tree;
mod version_orders;
