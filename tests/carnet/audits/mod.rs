//! Looking into bundles and sources.

mod tree;
mod version_orders;
