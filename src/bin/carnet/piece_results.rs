//! The results that the processes of several pieces leave for the last one.

use std::path::Path;

use carnet::arrival::{OpenRequest, SHARES_MAX};
use carnet::diagnosis::Code;
use carnet::medium::ChunkPlace;
use carnet::verify::{
    PieceResult, RESULT_BYTES_MAX, Remembered, VerifyReport, verify_joined, verify_remembering,
};
use clap::Args;

use super::chunk_place::chunk_place;
use super::command_error::CommandError;
use super::stores::Stores;

/// The options of `verify` for results.
#[derive(Args)]
pub(crate) struct ResultArgs {
    /// Take what `carnet verify-piece` found in N pieces, and read no layer again
    #[arg(long, value_name = "N", requires = "results", value_parser = clap::value_parser!(u32).range(1..=i64::from(SHARES_MAX)))]
    pieces: Option<u32>,
    /// The folder or place in an object store that `carnet verify-piece` wrote its results to
    #[arg(long, value_name = "DIR", requires = "pieces", value_parser = chunk_place())]
    results: Option<ChunkPlace>,
}

impl ResultArgs {
    /// Verifies, with the results if there are some.
    pub(crate) fn verify(
        &self,
        request: &OpenRequest<'_>,
        remembered: Option<Remembered>,
        stores: &Stores<'_>,
    ) -> Result<VerifyReport, CommandError> {
        let environment = stores.environment;
        Ok(match (self.pieces, &self.results) {
            (Some(pieces), Some(place)) => {
                let results = read_results(place, pieces, None, stores)?;
                verify_joined(request, remembered, pieces, &results, environment)?
            }
            _ => verify_remembering(request, remembered, environment)?,
        })
    }
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
