//! Which of several pieces a process works on, and writing its results.

use std::fs;

use carnet::arrival::{SHARES_MAX, Share};
use carnet::medium::ChunkPlace;
use carnet::verify::PieceResult;
use clap::Args;

use super::command_error::CommandError;
use super::stores::Stores;

/// The options of the commands that work on a piece.
#[derive(Args)]
pub(crate) struct PieceArgs {
    /// The number of pieces, the same for all processes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(SHARES_MAX)))]
    pub(crate) pieces: u32,
    /// The number of the piece, from 0
    #[arg(long, value_name = "K")]
    pub(crate) piece: u32,
}

impl PieceArgs {
    /// The piece.
    pub(crate) fn share(&self) -> Result<Share, CommandError> {
        Ok(Share::new(self.piece, self.pieces)?)
    }
}

/// Writes the results of a piece, each at once or not at all.
pub(crate) fn write_results<'r>(
    place: &ChunkPlace,
    results: impl Iterator<Item = &'r PieceResult>,
    stores: &Stores<'_>,
) -> Result<(), CommandError> {
    if let ChunkPlace::Path(path) = place {
        fs::create_dir_all(path).map_err(|error| CommandError::file("write", path, &error))?;
    }
    let store = stores.store(place)?;
    for result in results {
        store.put_beside(&result.name(), &result.render())?;
    }
    Ok(())
}
