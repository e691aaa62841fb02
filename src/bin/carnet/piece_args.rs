//! Which of several pieces a process works on, and the results that it leaves for the last one.

use std::fs;
use std::path::Path;

use carnet::arrival::{SHARES_MAX, Share};
use carnet::diagnosis::Code;
use carnet::medium::ChunkPlace;
use carnet::verify::{PieceResult, RESULT_BYTES_MAX};
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

/// Reads the results of verified pieces: of the one with this number, or of all, of bundles that were dealt to so many pieces.
pub(crate) fn read_results(
    place: &ChunkPlace,
    pieces: u32,
    piece: Option<u32>,
    stores: &Stores<'_>,
) -> Result<Vec<PieceResult>, CommandError> {
    if matches!(place, ChunkPlace::Path(path) if !Path::new(path).exists()) {
        return Ok(Vec::new());
    }
    let end = match piece {
        Some(piece) => format!("-piece-{piece}-of-{pieces}.json"),
        None => format!("-of-{pieces}.json"),
    };
    let mut results = Vec::new();
    for file in stores.store(place)?.files()? {
        if !file.file_name().is_some_and(|name| name.ends_with(&end)) {
            continue;
        }
        let refused = |problem: String| {
            CommandError::new(Code::PieceResultMalformed, format!("{}: {problem}", file.name()))
        };
        if file.bytes() > RESULT_BYTES_MAX {
            return Err(refused(format!(
                "it has {} bytes, at most {RESULT_BYTES_MAX} are allowed",
                file.bytes()
            )));
        }
        let mut text = vec![0; usize::try_from(file.bytes()).map_err(CommandError::system)?];
        let read = file.open().and_then(|open| open.read_exact_at(&mut text, 0));
        read.map_err(|error| CommandError::file("read", Path::new(file.name()), &error))?;
        results.push(PieceResult::parse(&text).map_err(|error| refused(error.to_string()))?);
    }
    Ok(results)
}
