//! Writes the documents that describe the bundle: the annex, if there is one, and then the control chunk.

use super::PackError;
use super::sealer::Sealer;
use crate::format::Sum;
use crate::format::annex::{Annex, AnnexChunk, AnnexDocument};
use crate::format::chunk_table::{ChunkLine, ChunkTable};
use crate::format::entry::{Document, EntryName};
use crate::format::recover::RECOVER;
use crate::oci::write::OCI_LAYOUT;

/// Writes the annex and the control chunk. All data chunks must be finished.
pub(super) fn write_control(sealer: &Sealer<'_>) -> Result<(), PackError> {
    let blueprint = sealer.blueprint;
    let lines = blueprint.data_chunks().map(|(number, chunk)| ChunkLine {
        number,
        class: chunk.class,
        bytes: chunk.shape.sealed_bytes(),
        sums: sealer.sums_of(number).expect("every data chunk is finished"),
    });
    let plan = blueprint.plan();
    let documents = [plan.render(), ChunkTable::new(lines.collect()).render(), plan.index_json()];
    debug_assert!(
        documents
            .iter()
            .zip(blueprint.document_bytes())
            .all(|(bytes, planned)| bytes.len() as u64 == planned)
    );
    let mut entries: Vec<(EntryName, Vec<u8>)> =
        vec![(EntryName::OciLayout, OCI_LAYOUT.to_vec()), (EntryName::Recover, RECOVER.as_bytes().to_vec())];
    if blueprint.annex_chunks().next().is_none() {
        let documents = Document::ALL.into_iter().zip(documents);
        entries.extend(documents.map(|(document, bytes)| (EntryName::Document(document), bytes)));
    } else {
        entries.push((EntryName::Annex, write_annex(sealer, &documents)?));
    }
    if sealer.environment.workers.interrupted() {
        return Err(PackError::Interrupted);
    }
    sealer.seal(0, &entries).map(drop)
}

/// Writes the annex chunks; returns `annex.txt`.
fn write_annex(sealer: &Sealer<'_>, documents: &[Vec<u8>; 3]) -> Result<Vec<u8>, PackError> {
    let mut chunks = Vec::new();
    for (number, chunk) in sealer.blueprint.annex_chunks() {
        let parts: Vec<(EntryName, Vec<u8>)> = chunk
            .shape
            .items()
            .iter()
            .filter(|item| item.name != EntryName::Sums384)
            .map(|item| {
                let EntryName::AnnexPart(document, offset) = item.name else {
                    unreachable!("an annex chunk holds parts of documents")
                };
                let at = Document::ALL.iter().position(|known| *known == document).expect("ALL has all");
                (item.name, documents[at][range(offset, item.bytes)].to_vec())
            })
            .collect();
        let sums = sealer.seal(number, &parts)?;
        chunks.push(AnnexChunk { number, bytes: chunk.shape.sealed_bytes(), sums });
    }
    let line = |at: usize| AnnexDocument {
        document: Document::ALL[at],
        bytes: documents[at].len() as u64,
        sum: Sum::of(&documents[at]),
    };
    Ok(Annex { documents: [line(0), line(1), line(2)], chunks }.render())
}

fn range(offset: u64, bytes: u64) -> std::ops::Range<usize> {
    let start = usize::try_from(offset).expect("documents are bounded");
    start..start + usize::try_from(bytes).expect("documents are bounded")
}
