//! Reaches the verdict on bundles whose pieces were verified by several processes.

use std::collections::BTreeSet;

use super::damage::Damage;
use super::piece_result::PieceResult;
use super::report::VerifyReport;
use super::verifying::{Remembered, hash_files, judge};
use crate::arrival::{Bundle, OpenError, OpenRequest, Shares, open};
use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::statement::{Kind, Statement};

/// No verdict can be reached from the results.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The files cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Some pieces have no result, or files of them were replaced since.
    #[error(
        "missing pieces: {}; they have no result for the files of bundle {bundle} that are here",
        pieces.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    )]
    PiecesMissing {
        /// The id of the bundle.
        bundle: Sum,
        /// The numbers of the pieces.
        pieces: BTreeSet<u32>,
    },
}

/// Verifies every bundle among the files as [`super::verify_remembering`] does, but takes what the `results` of this number of
/// pieces say of the content of data chunks and parity files. Signatures, the release, and the control chunk are judged here.
///
/// # Errors
/// [`JoinError`] if no verdict can be reached.
pub fn verify_joined(
    request: &OpenRequest<'_>,
    remembered: Option<Remembered>,
    pieces: u32,
    results: &[PieceResult],
    environment: &Environment<'_>,
) -> Result<VerifyReport, JoinError> {
    let arrivals = open(request, environment)?;
    let bundles = &arrivals.bundles;
    let found =
        bundles.iter().map(|bundle| found_in(bundle, pieces, results)).collect::<Result<Vec<_>, _>>()?;
    // Files of a bundle without a control chunk belong to no piece, and cannot make it complete.
    let is_mine = |at: usize, statement: &Statement| {
        let is_of_piece = |(shares, _): &(Shares, Damage)| {
            statement.kind == Kind::Parity || shares.piece_of_chunk(statement.number).is_some()
        };
        !found[at].as_ref().is_some_and(is_of_piece)
    };
    let mut damage = hash_files(bundles, &is_mine, environment).map_err(OpenError::from)?;
    for (damage, found) in damage.iter_mut().zip(found) {
        damage.extend(found.into_iter().flat_map(|(_, damage)| damage));
    }
    Ok(judge(&arrivals, damage, request.policy, remembered, environment)?)
}

/// Returns what the pieces of a bundle found; `None` if its pieces are not known.
fn found_in(
    bundle: &Bundle,
    pieces: u32,
    results: &[PieceResult],
) -> Result<Option<(Shares, Damage)>, JoinError> {
    let Some(contents) = bundle.contents() else { return Ok(None) };
    let shares = Shares::of(contents, pieces);
    let (mut damage, mut missing) = (Damage::new(), BTreeSet::new());
    for (index, opened) in bundle.all_files().enumerate().filter(|(_, opened)| opened.body().is_some()) {
        let number = opened.statement.number;
        let piece = match opened.statement.kind {
            Kind::Parity => Some(shares.piece_of_parity(number)),
            _ => shares.piece_of_chunk(number),
        };
        let Some(piece) = piece else { continue };
        let result = results.iter().find(|result| result.is_of(bundle.id, piece, pieces));
        match result.and_then(|result| result.findings(opened)) {
            Some(findings) if findings.is_empty() => {}
            Some(findings) => {
                damage.insert(index, findings);
            }
            None => {
                missing.insert(piece);
            }
        }
    }
    if missing.is_empty() {
        Ok(Some((shares, damage)))
    } else {
        Err(JoinError::PiecesMissing { bundle: bundle.id, pieces: missing })
    }
}

impl Diagnose for JoinError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            JoinError::Open(error) => error.diagnosis(),
            JoinError::PiecesMissing { .. } => Code::PiecesMissing.with(Advice::VerifyPieces),
        }
    }
}
