//! What is inside blobs: compression, archives, executables. Only here are bytes decompressed, within limits, and only
//! audits do that: the verbs that move bytes never use this module.

pub mod ar;
pub mod archive;
pub mod deflate;
pub mod executable;
pub mod inflate;
mod layer;
pub mod name;
pub mod secrets;
pub mod sniff;
pub mod tar;
mod turn;
pub mod zip;

pub use layer::{
    EntryCounts, Interest, LayerLimits, LayerProblem, LayerRead, LayerVisitor, Problems, read_layer,
    read_layer_in_turn,
};
pub use turn::{Taken, Turn, Turns};
