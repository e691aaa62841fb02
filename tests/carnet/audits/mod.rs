//! Looking into bundles and sources.

mod system_packages;
mod tree;
mod version_orders;
