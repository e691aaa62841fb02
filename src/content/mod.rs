//! What is inside blobs: compression, archives, executables. Only here are bytes decompressed, within limits, and only
//! audits do that: the verbs that move bytes never use this module.

pub mod deflate;
pub mod executable;
pub mod zip;
