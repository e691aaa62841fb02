//! One statement.

use super::product::Product;

/// The most characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 500;

/// What an author says of a flaw in a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VexStatus {
    /// Nothing needs to be done.
    NotAffected,
    /// These versions have the fix.
    Fixed,
    /// It is not known yet.
    UnderInvestigation,
    /// Something should be done.
    Affected,
}

impl VexStatus {
    /// The label, as OpenVEX writes it.
    pub const fn label(self) -> &'static str {
        match self {
            VexStatus::NotAffected => "not_affected",
            VexStatus::Fixed => "fixed",
            VexStatus::UnderInvestigation => "under_investigation",
            VexStatus::Affected => "affected",
        }
    }
}

/// A statement on a flaw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexStatement {
    /// The ids of the flaw.
    pub ids: Vec<String>,
    /// What the author says.
    pub status: VexStatus,
    /// Why, in the words of the author.
    pub reason: Option<String>,
    pub(super) products: Vec<Product>,
    /// The second when it was made, from 1970 on.
    pub(super) made: Option<i64>,
}

/// Joins what an author says as a reason, e.g. a label and a text.
pub(super) fn reason<'a>(parts: impl IntoIterator<Item = Option<&'a String>>) -> Option<String> {
    let parts = parts.into_iter().flatten().map(|part| part.trim()).filter(|part| !part.is_empty());
    let reason: String = parts.collect::<Vec<_>>().join(": ").chars().take(REASON_CHARS_MAX).collect();
    (!reason.is_empty()).then_some(reason)
}
