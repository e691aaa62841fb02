//! What is asked for, and the steps: open, design, make each group, publish.

use std::sync::Arc;

use super::computing::Source;
use super::design::{Room, design};
use super::making::Maker;
use super::{Amount, ParityError, ParityReport};
use crate::arrival::{Bundle, Contents, OpenRequest, Opened, Refusal, open};
use crate::environment::Environment;
use crate::format::parity::ProtectedChunk;
use crate::format::plan::Plan;
use crate::format::shape::HeadRoom;
use crate::format::statement::Crossing;
use crate::format::volume::{Volume, VolumeKind, VolumeLabel, VolumeLimits, parity_volumes};
use crate::format::{Sum, Timestamp};
use crate::medium::{ChunkFile, ChunkStore, FileNames, Replace};
use crate::trust::{Signer, TrustPolicy};

/// A request to make parity for a bundle.
pub struct ParityRequest<'a> {
    /// The files of the bundle, in any order and under any names.
    pub files: &'a [Arc<dyn ChunkFile>],
    /// Who may have packed the bundle. It need not be released.
    pub policy: &'a TrustPolicy,
    /// The bundle, by name or by the beginning of its id, if there are several.
    pub bundle: Option<&'a str>,
    /// How many files may be lost.
    pub amount: Amount,
    /// Where the parity files go.
    pub store: &'a dyn ChunkStore,
    /// What a volume of parity files holds; `None` if they go into one folder.
    pub volumes: Option<VolumeLimits>,
    /// Whether earlier parity files of the bundle are replaced.
    pub replace: Replace,
    /// The time in the statements.
    pub created: Timestamp,
}

/// Makes the parity files of a bundle. Every byte of the bundle is compared with what was signed meanwhile.
///
/// Each file becomes visible whole, and after its group is proven. A file that is there already, with the same content, is
/// kept.
///
/// # Errors
/// [`ParityError`]. Files of groups that were finished stay.
pub fn add_parity(
    request: &ParityRequest<'_>,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<ParityReport, ParityError> {
    let open_request = OpenRequest { files: request.files, policy: Some(request.policy) };
    let bundle = open(&open_request, environment)?.select(request.bundle)?;
    let contents = accepted(&bundle)?;
    let plan = &contents.plan;
    let sources = sources(&bundle, contents)?;
    let chunks: Vec<ProtectedChunk> = sources.iter().map(|source| protected(source.opened)).collect();
    let signatures = chunks.first().map_or(0, |control| control.signatures.len());
    let control = &sources[0].opened.statement;
    let heads = HeadRoom::of(&signer.signature_sizes(), plan.chunk_bytes);
    let room = Room { chunk_bytes: plan.chunk_bytes, head_bytes: heads.data };
    let groups = design(&chunks, request.amount, room)?;
    let names = FileNames::parity(&plan.crossing.name);
    let sink = request.store.hold(&names, &bundle.id, request.replace)?;
    sink.clear()?;
    let maker = Maker { sink: sink.as_ref(), control, created: request.created, signer, environment };
    let sizes: Vec<u64> = groups.iter().flat_map(|group| maker.sizes_of(group)).collect();
    let control_bytes = control.bytes + plan.heads.control;
    let volumes = request.volumes.map(|limits| parity_volumes(limits, control_bytes, &sizes)).transpose()?;
    if let Some(volumes) = &volumes {
        sink.arrange(volumes)?;
    }
    sink.reserve(sizes.iter().sum())?;
    let mut files = Vec::new();
    let bytes = chunks.iter().map(|chunk| chunk.bytes).sum();
    environment.monitor.phase(crate::observe::Phase::Parity, bytes, || {
        for group in &groups {
            let sources: Vec<&Source<'_>> =
                group.chunks.iter().map(|chunk| &sources[chunk.number as usize]).collect();
            files.extend(maker.make(group, &sources)?);
        }
        Ok::<(), ParityError>(())
    })?;
    let (first, last) = (&groups[0], files.iter().map(|file| file.number).max().unwrap_or(0));
    sink.publish(last)?;
    if let Some(volumes) = &volumes {
        let label = |volume| parity_label(&bundle.id, plan, volumes, volume, request.created).render();
        sink.label(sources[0].opened.file.as_ref(), &label)?;
    }
    Ok(ParityReport {
        bundle: bundle.id,
        crossing: plan.crossing.clone(),
        chunks: plan.last + 1,
        groups: first.last_group + 1,
        losses: first.losses,
        volumes: volumes.map_or(0, |volumes| volumes.len()),
        signatures,
        files,
    })
}

/// The label of a volume of parity files, by its number from 1.
fn parity_label(
    bundle: &Sum,
    plan: &Plan,
    volumes: &[Volume],
    volume: usize,
    packed: Timestamp,
) -> VolumeLabel {
    let Crossing { name, label, .. } = plan.crossing.clone();
    let lasts = volumes.iter().map(|volume| volume.last).collect();
    VolumeLabel { kind: VolumeKind::Parity, bundle: *bundle, name, label, packed, volume, lasts }
}

/// Returns the contents of a bundle that an accepted packer signed.
fn accepted(bundle: &Bundle) -> Result<&Contents, ParityError> {
    match bundle.contents() {
        Some(contents) if !bundle.is_forked() => Ok(contents),
        _ => Err(bundle.refusal().into()),
    }
}

/// Returns a good file of every chunk: of the control chunk, the one with the most signatures.
fn sources<'a>(bundle: &'a Bundle, contents: &Contents) -> Result<Vec<Source<'a>>, ParityError> {
    let copies = bundle.copies();
    let mut missing = Vec::new();
    let mut sources = Vec::new();
    for number in 0..=contents.plan.last {
        let accepted = copies.get(&number).into_iter().flatten().filter(|opened| opened.accepted.is_some());
        let best = accepted
            .max_by_key(|opened| opened.accepted.as_ref().map_or(0, |chunk| chunk.head().signatures.len()));
        match best.and_then(|opened| Some(Source { opened, body: opened.body()? })) {
            Some(source) => sources.push(source),
            None => missing.push(number),
        }
    }
    if missing.is_empty() {
        return Ok(sources);
    }
    let (name, bundle) = (contents.plan.crossing.name.clone(), bundle.id);
    Err(Refusal::Incomplete { name, bundle, missing, last: contents.plan.last, damage: None }.into())
}

fn protected(opened: &Opened) -> ProtectedChunk {
    let head = opened.accepted.as_ref().expect("sources are accepted").head();
    let statement = &head.statement;
    ProtectedChunk {
        number: statement.number,
        kind: statement.kind,
        class: statement.class.expect("only parity chunks have none"),
        bytes: statement.bytes,
        created: statement.created,
        expires: statement.expires,
        sums: statement.sums,
        signatures: head.signatures.clone(),
    }
}
