//! Archives in files, one in another: what opens them, one level at a time, and shows each file in them as a stream.
//!
//! Guards count with it, and audits look into the archives that lie in layers.

mod contents;
mod form;
mod opener;
#[cfg(test)]
mod tests;

pub use contents::Contents;
pub use form::Form;
pub use opener::{Element, Expansion, Opener, Visit};
