//! Layers, read once from their first to their last byte: expanded, hashed and walked over in one pass, on two threads.

mod passing;
mod pipe;
mod problem;
mod read;
#[cfg(test)]
mod tests;
mod toc;
mod visitor;

pub use problem::{LayerProblem, Problems};
pub use read::{EntryCounts, LayerLimits, LayerRead, read_layer, read_layer_in_turn};
pub use visitor::{Interest, LayerVisitor};
