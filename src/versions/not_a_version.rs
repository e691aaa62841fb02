//! A text that has no place in an order.

/// A text is not a version of its package system, so it cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a version of {scheme}: {why}")]
pub struct NotAVersion {
    /// The package system, as people write its name.
    pub scheme: &'static str,
    /// The text, shortened.
    pub text: String,
    /// What the text lacks.
    pub why: &'static str,
}
