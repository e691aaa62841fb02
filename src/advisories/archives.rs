//! How zip files are opened. The room that reads archives stands apart from this one, so it is passed in.

use std::fs::File;

/// Takes the members of an archive one after another: the name and the bytes of each, or why it cannot be read.
pub type Visit<'a> = dyn FnMut(&str, Result<&[u8], String>) + 'a;

/// Something that reads zip files.
pub trait Archives {
    /// Reads every file of an archive, in any order, one at a time.
    ///
    /// # Errors
    /// Why the archive as a whole cannot be read.
    fn each_member(&self, file: &File, visit: &mut Visit<'_>) -> Result<(), String>;
}
