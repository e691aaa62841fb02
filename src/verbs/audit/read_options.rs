//! What layers are read with.

use std::sync::Arc;

use super::budget::Budget;
use crate::content::secrets::SecretRules;
use crate::content::{LayerLimits, Turns};

/// What layers are read with.
pub(super) struct ReadOptions<'a> {
    /// How much of a layer is read.
    pub limits: LayerLimits,
    /// The rules for secrets; `None` to look for none.
    pub secrets: Option<&'a SecretRules>,
    /// Whether the content of each file is hashed.
    pub hash_files: bool,
    /// Whether archives in layers are looked into.
    pub archives: bool,
    /// How deep archives in archives are read.
    pub depth_max: usize,
    /// What may be kept.
    pub budget: &'a Arc<Budget>,
    /// The turns of the layers that are read at the same time: one at a time has large files and archives in memory.
    pub turns: &'a Arc<Turns>,
}
