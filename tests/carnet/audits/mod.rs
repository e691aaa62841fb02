//! Looking into bundles and sources.

mod tree;
