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
pub use read::{EntryCounts, LayerLimits, LayerRead, LayerReader, read_layer};
pub use visitor::{Interest, LayerVisitor};
