//! VEX: statements on whether a known flaw can be exploited in a product. OpenVEX, and the VEX profiles of CycloneDX and
//! CSAF.
//!
//! A statement is a claim of its author. It explains a flaw, and does not make it go away: the report shows both.

mod csaf;
mod cyclonedx;
mod document;
mod instant;
mod openvex;
mod product;
mod purl;
mod statement;
#[cfg(test)]
mod tests;

pub use document::{Vex, VexError};
pub use statement::{VexStatement, VexStatus};
