//! What was read of a layer, for the steps that follow.

use std::collections::HashMap;
use std::sync::Arc;

use super::captured::Captured;
use super::finding::Finding;
use super::report::AuditedArchives;
use crate::content::LayerRead;
use crate::content::executable::Format;
use crate::format::Sum;
use crate::rootfs::Members;

/// What was read of a layer.
#[derive(Default)]
pub(super) struct ReadLayer {
    /// Its entries.
    pub members: Arc<Members>,
    /// How it was read; `None` if it is not there, or cannot be opened.
    pub read: Option<LayerRead>,
    /// Why it was not read in full, in a sentence.
    pub unseen: Option<String>,
    /// What its files say, by the number of the entry.
    pub captured: HashMap<u32, Captured>,
    /// The sums of its files with the numbers of the entries, in their order, if they were asked for.
    pub sums: Vec<(u32, Sum)>,
    /// The executables that say for which machine they are, by the number of the entry, in order.
    pub programs: Vec<(u32, Program)>,
    /// The first secret of each file that has any, by the number of the entry, in order.
    pub secrets: Vec<(u32, String)>,
    /// The archives among its files, by form.
    pub archives: Vec<AuditedArchives>,
    /// What was found in it.
    pub findings: Vec<Finding>,
}

/// What an executable is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program {
    /// Its form, which tells the system.
    pub format: Format,
    /// The machine, in OCI's words.
    pub architecture: &'static str,
}

impl ReadLayer {
    /// Forgets its entries and what its files say. The images are merged, and other steps need the memory.
    pub(super) fn forget_entries(&mut self) {
        self.members = Arc::default();
        self.captured = HashMap::new();
        (self.sums, self.programs, self.secrets) = (Vec::new(), Vec::new(), Vec::new());
    }

    /// Returns the sum of the file with this number, if it was computed.
    pub(super) fn sum(&self, number: u32) -> Option<Sum> {
        let at = self.sums.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.sums.get(at).map(|(_, sum)| *sum)
    }

    /// Returns for which machine the file with this number is, if it says.
    pub(super) fn program(&self, number: u32) -> Option<Program> {
        let at = self.programs.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.programs.get(at).map(|(_, program)| *program)
    }

    /// Returns what the first secret in the file with this number looks like, if it has any.
    pub(super) fn secret(&self, number: u32) -> Option<&str> {
        let at = self.secrets.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.secrets.get(at).map(|(_, secret)| secret.as_str())
    }
}
