//! Verifies one of several pieces of each bundle.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::damage::{Damage, is_intact};
use super::piece_result::PieceResult;
use super::report::{ChunkVerdict, FileReport, file_report};
use super::verifying::hash_files;
use crate::arrival::{Arrivals, Bundle, OpenError, OpenRequest, Opened, Refusal, Share, open_share};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::environment::Environment;
use crate::format::Sum;
use crate::format::statement::{Crossing, Kind, Statement};

/// The piece of a bundle, after it was verified.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BundlePiece {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// Whether an earlier run found that all of it is good, so that nothing was read again.
    pub unchanged: bool,
    /// The numbers of the chunks of the piece; none if the bundle has fewer pieces than were asked for.
    pub chunks: BTreeSet<u32>,
    /// Those of them that are missing, damaged or not accepted.
    pub missing: Vec<u32>,
    /// The files of the piece: chunks, then parity files.
    pub files: Vec<FileReport>,
    #[serde(skip)]
    result: PieceResult,
    #[serde(skip)]
    is_forked: bool,
}

/// The report of a piece.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PieceReport {
    /// The number of the piece, from 0.
    pub piece: u32,
    /// The number of pieces.
    pub pieces: u32,
    /// This piece of each bundle that was found.
    pub bundles: Vec<BundlePiece>,
}

/// A piece cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum PieceError {
    /// The files cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Which chunks the piece has is not known: the control chunk is not there, or not accepted.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl BundlePiece {
    /// Returns the result, for the process that joins the results of all pieces.
    pub fn result(&self) -> &PieceResult {
        &self.result
    }

    /// Returns the error code of a failure; `None` if every chunk of the piece is there and good.
    pub fn code(&self) -> Option<Code> {
        let untrusted = |file: &FileReport| {
            file.verdict == ChunkVerdict::Untrusted
                && file.kind != Some(Kind::Parity)
                && file.number.is_some_and(|number| self.missing.contains(&number))
        };
        if self.is_forked {
            Some(Code::BundleForked)
        } else if self.files.iter().any(untrusted) {
            Some(Code::BundleUntrusted)
        } else {
            (!self.missing.is_empty()).then_some(Code::BundleIncomplete)
        }
    }
}

/// Verifies a piece of every bundle among the files. What `earlier` results say is all good is not read again.
///
/// # Errors
/// [`PieceError`] only if no verdict can be reached. A forged or damaged chunk is not an error but a verdict.
pub fn verify_piece(
    request: &OpenRequest<'_>,
    share: Share,
    earlier: &[PieceResult],
    environment: &Environment<'_>,
) -> Result<PieceReport, PieceError> {
    let Arrivals { mut bundles, .. } = open_share(request, share, environment)?;
    // Untrusted files must not block the bundles that can be verified.
    if let Some(first) = bundles.iter().find(|bundle| bundle.contents().is_none()) {
        let refusal = first.refusal();
        bundles.retain(|bundle| bundle.contents().is_some());
        if bundles.is_empty() {
            return Err(refusal.into());
        }
    }
    let chunks: Vec<BTreeSet<u32>> = bundles
        .iter()
        .map(|bundle| bundle.contents().map(|contents| share.chunks(contents)).unwrap_or_default())
        .collect();
    let is_of_piece = |at: usize, statement: &Statement| {
        statement.kind == Kind::Parity || chunks[at].contains(&statement.number)
    };
    let files = |at: usize| {
        let all = bundles[at].all_files().enumerate();
        all.filter(move |(_, opened)| is_of_piece(at, &opened.statement))
    };
    let known = |at: usize| {
        let of_bundle = |result: &&PieceResult| result.is_of(bundles[at].id, share.piece(), share.pieces());
        let result = earlier.iter().find(of_bundle)?;
        let is_good = |opened: &Opened| result.findings(opened).is_some_and(|findings| findings.is_empty());
        let mut hashed = files(at).filter(|(_, opened)| opened.body().is_some()).peekable();
        hashed.peek()?;
        hashed.all(|(_, opened)| is_good(opened)).then(|| result.clone())
    };
    let known: Vec<Option<PieceResult>> = (0..bundles.len()).map(known).collect();
    let is_mine = |at: usize, statement: &Statement| known[at].is_none() && is_of_piece(at, statement);
    let damage = hash_files(&bundles, &is_mine, environment).map_err(OpenError::from)?;
    let report = |at: usize| {
        let (bundle, damage) = (&bundles[at], &damage[at]);
        let files: Vec<(usize, &Opened)> = files(at).collect();
        bundle_piece(bundle, share, &chunks[at], &files, damage, known[at].clone())
    };
    let bundles = (0..bundles.len()).map(report).collect();
    Ok(PieceReport { piece: share.piece(), pieces: share.pieces(), bundles })
}

fn bundle_piece(
    bundle: &Bundle,
    share: Share,
    chunks: &BTreeSet<u32>,
    files: &[(usize, &Opened)],
    damage: &Damage,
    known: Option<PieceResult>,
) -> BundlePiece {
    let intact: BTreeSet<u32> = files
        .iter()
        .filter(|(index, opened)| {
            opened.statement.kind != Kind::Parity && is_intact(opened, damage.get(index))
        })
        .map(|(_, opened)| opened.statement.number)
        .collect();
    let hashed = files.iter().filter(|(_, opened)| opened.body().is_some());
    let hashed = hashed.map(|(index, opened)| (*opened, damage.get(index).cloned().unwrap_or_default()));
    BundlePiece {
        bundle: bundle.id,
        crossing: bundle.contents().expect("it was read").plan.crossing.clone(),
        unchanged: known.is_some(),
        chunks: chunks.clone(),
        missing: chunks.difference(&intact).copied().collect(),
        files: files.iter().map(|(index, opened)| file_report(opened, damage.get(index))).collect(),
        result: known.unwrap_or_else(|| PieceResult::new(bundle.id, share, hashed)),
        is_forked: bundle.is_forked(),
    }
}

impl Diagnose for PieceError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            PieceError::Open(error) => error.diagnosis(),
            PieceError::Refused(error) => error.diagnosis(),
        }
    }
}
