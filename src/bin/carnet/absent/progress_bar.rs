//! What stands for progress bars in the program that only verifies: it prints lines on a terminal, too.

/// The bars of all runs: none.
pub(crate) struct Bars;

/// A bar, which this program never has.
pub(crate) enum Bar {}

#[expect(clippy::unused_self, reason = "as in the full program")]
impl Bars {
    /// No bars.
    pub(crate) fn new() -> Bars {
        Bars
    }

    /// Adds no bar.
    pub(crate) fn add(&self, _: &'static str, _: u64) -> Option<Bar> {
        None
    }

    /// Removes a bar.
    pub(crate) fn remove(&self, bar: &Bar) {
        match *bar {}
    }

    /// Writes.
    pub(crate) fn above(&self, write: impl FnOnce()) {
        write();
    }
}

impl Bar {
    /// Shows how many bytes were moved.
    pub(crate) fn set(&self, _: u64) {
        match *self {}
    }
}
