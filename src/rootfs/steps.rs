//! How much work merging may be.

/// A limit was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exceeded {
    /// That of paths.
    Entries,
    /// That of steps.
    Steps,
    /// That of layers.
    Layers,
}

/// The steps that are left.
pub(super) struct Steps(u64);

impl Steps {
    pub(super) fn new(limit: u64) -> Steps {
        Steps(limit)
    }

    /// Takes one step.
    pub(super) fn take(&mut self) -> Result<(), Exceeded> {
        self.0 = self.0.checked_sub(1).ok_or(Exceeded::Steps)?;
        Ok(())
    }
}
