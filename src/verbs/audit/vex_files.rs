//! What VEX documents say of known flaws.

use super::report::NamedSum;
use crate::advisories::vex::Vex;

/// Files of statements on whether flaws can be exploited (VEX).
#[derive(Default)]
pub struct VexFiles {
    /// Their names and sums.
    pub files: Vec<NamedSum>,
    /// What they say, in the same order.
    pub statements: Vec<Vex>,
}
