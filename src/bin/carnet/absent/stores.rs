//! What stands for object stores in the program that only verifies: places are folders and files.

use carnet::environment::Environment;
use carnet::medium::{ChunkPlace, ChunkStore, Folder};
use clap::Args;

use super::command_error::CommandError;

/// What the commands say of the places that they read.
pub(crate) const PLACES: &str = "Chunk files, or folders that hold them; file names do not matter";

/// What `sums` says of them.
pub(crate) const SUMMED: &str = "Chunk files, or folders that hold them; other files are ignored";

/// The options for object stores: none.
#[derive(Args)]
pub(crate) struct StoreArgs {}

impl StoreArgs {
    /// The stores for a command that only reads.
    #[expect(clippy::unused_self, reason = "as in the full program")]
    pub(crate) fn open<'a>(&'a self, environment: &'a Environment<'a>) -> Stores<'a> {
        Stores { environment }
    }
}

/// Opens the places of a command.
pub(crate) struct Stores<'a> {
    pub(crate) environment: &'a Environment<'a>,
}

impl Stores<'_> {
    /// Opens a place.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as in the full program")]
    pub(crate) fn store(&self, place: &ChunkPlace) -> Result<Box<dyn ChunkStore>, CommandError> {
        match place {
            ChunkPlace::Path(path) => Ok(Box::new(Folder::new(path))),
            ChunkPlace::Store(location) => match *location {},
        }
    }
}
