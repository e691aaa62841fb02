//! Lists that are made while they are written.

use serde::{Serialize, Serializer};

/// A list in a document, which is never in memory as a whole: a bundle may have hundreds of thousands of packages.
pub(super) struct Each<F>(pub F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}
