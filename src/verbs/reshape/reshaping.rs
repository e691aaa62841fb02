//! Packs what verified bundles carry anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ReshapeError;
use super::bundle_source::BundleSource;
use crate::arrival::WholeBundle;
use crate::artifacts::{ArtifactSource, OnFailure, Selection};
use crate::environment::Environment;
use crate::format::Timestamp;
use crate::format::chunk_size::ChunkSize;
use crate::format::plan::{Carriage, Origin, Plan};
use crate::format::signature::{Signature, SignatureAlgorithm};
use crate::format::statement::{Class, Crossing};
use crate::medium::{ChunkStore, Replace};
use crate::oci::Platform;
use crate::oci::graph::Reason;
use crate::stream::hash::Function;
use crate::trust::Signer;
use crate::verbs::pack::{Bases, Expiry, PackReport, PackRequest, Part, Splitting, Wanted, mark, pack, plan};

/// What a new bundle is made of, and how.
pub struct ReshapeRequest<'a> {
    /// The verified bundles, at least one.
    pub origins: &'a [WholeBundle<'a>],
    /// The artifacts that the new bundle carries; empty for all.
    pub artifacts: Vec<Selection>,
    /// The name, stream, sequence and label of the new bundle.
    pub crossing: Crossing,
    /// The store that the chunk files are written to.
    pub store: &'a dyn ChunkStore,
    /// The maximum size of a chunk file.
    pub chunk_size: ChunkSize,
    /// The time of sealing that is written into the statements.
    pub created: Timestamp,
    /// When the chunks expire, if they do.
    pub expires: Option<Expiry>,
    /// Whether existing chunk files are replaced.
    pub replace: Replace,
    /// The checksums of whole chunk files to include in the report.
    pub file_sums: Vec<Function>,
    /// Whether to write nothing and only report what would be written.
    pub dry_run: bool,
}

/// Makes a new bundle of verified ones. Every blob is hashed on the way.
///
/// # Errors
/// [`ReshapeError`]. As for [`pack`], finished chunks are kept, and running it again is safe.
pub fn reshape(
    request: &ReshapeRequest<'_>,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<PackReport, ReshapeError> {
    let plans: Vec<&Plan> = request.origins.iter().map(|origin| &origin.contents().plan).collect();
    let platforms = platforms(&plans)?;
    let nondistributable = agreed(&plans, "whether they carry non-distributable layers", &carried_foreign)?;
    let referrers = agreed(&plans, "whether they carry referrers", &|plan| Some(plan.referrers_carriage))?;
    let source = Arc::new(BundleSource::new(request.origins));
    let mut bases = Bases::default();
    for plan in &plans {
        bases.inherit(plan);
    }
    // What one bundle leaves out, another one may carry.
    bases.forget(&|digest| source.has(digest));
    let every = [Selection::Every];
    let selections = if request.artifacts.is_empty() { &every[..] } else { &request.artifacts };
    let wanted = |selection: &Selection| Wanted {
        source: Arc::clone(&source) as Arc<dyn ArtifactSource>,
        selection: selection.clone(),
        rename: None,
    };
    // A bundle keeps a profile only if all that it is made of does.
    let profile = plans[0].profile.filter(|_| plans.iter().all(|plan| plan.profile == plans[0].profile));
    let packing = PackRequest {
        volumes: None,
        sources: selections.iter().map(wanted).collect(),
        crossing: request.crossing.clone(),
        store: request.store,
        chunk_size: request.chunk_size,
        splitting: Splitting::Allowed,
        nondistributable: nondistributable.unwrap_or(Carriage::Carry),
        referrers: referrers.unwrap_or(Carriage::Carry),
        platforms,
        created: request.created,
        expires: request.expires,
        replace: request.replace,
        on_failure: OnFailure::Stop,
        bases,
        origins: origins(request.origins),
        profile,
        part: Part::Whole,
        numbers: None,
        file_sums: request.file_sums.clone(),
    };
    let run = if request.dry_run { plan } else { pack };
    Ok(run(&packing, signer, environment)?)
}

/// What a bundle says about non-distributable layers, if it matters: some were carried, or left out.
fn carried_foreign(plan: &Plan) -> Option<Carriage> {
    let mut classes = plan.blobs.iter().map(|blob| blob.class);
    let mut left_out = plan.elsewhere.iter().map(|blob| blob.class);
    if plan.omitted.iter().any(|omitted| omitted.reason == Reason::Nondistributable) {
        Some(Carriage::Omit)
    } else if classes.any(|class| class == Class::Nondistributable)
        || left_out.any(|class| class == Class::Nondistributable)
    {
        Some(Carriage::Carry)
    } else {
        None
    }
}

fn shown(plan: &Plan) -> String {
    format!("{} ({})", plan.crossing.name, plan.bundle_id())
}

/// Returns what all bundles agree on that say anything.
fn agreed(
    plans: &[&Plan],
    what: &'static str,
    said: &dyn Fn(&Plan) -> Option<Carriage>,
) -> Result<Option<Carriage>, ReshapeError> {
    let mut saying = plans.iter().filter_map(|plan| Some((*plan, said(plan)?)));
    let Some((first, carriage)) = saying.next() else { return Ok(None) };
    match saying.find(|(_, other)| *other != carriage) {
        None => Ok(Some(carriage)),
        Some((other, _)) => Err(ReshapeError::Differ { first: shown(first), second: shown(other), what }),
    }
}

/// Returns the platforms that any of the bundles was narrowed to. Narrowed ones do not go with others: the new plan would
/// say of all its indexes that they are narrowed.
fn platforms(plans: &[&Plan]) -> Result<Vec<Platform>, ReshapeError> {
    let is_narrowed = |plan: &&&Plan| !plan.platforms.is_empty();
    if let (Some(narrowed), Some(other)) =
        (plans.iter().find(is_narrowed), plans.iter().find(|plan| plan.platforms.is_empty()))
    {
        let what = "the platforms that they carry";
        return Err(ReshapeError::Differ { first: shown(narrowed), second: shown(other), what });
    }
    Ok(plans.iter().flat_map(|plan| plan.platforms.iter().cloned()).collect())
}

/// Returns the bundles with what was signed, by id. Copies of one control chunk, and release files, may have signatures of
/// several people.
fn origins(bundles: &[WholeBundle<'_>]) -> Vec<Origin> {
    let mut origins: BTreeMap<_, Origin> = BTreeMap::new();
    for bundle in bundles {
        let heads: Vec<_> = bundle.control_heads().collect();
        let Some(first) = heads.first() else { continue };
        let mut signatures: BTreeMap<([u8; 8], SignatureAlgorithm), Signature> = BTreeMap::new();
        for head in heads.iter().filter(|head| head.statement == first.statement) {
            for signature in &head.signatures {
                signatures.entry((signature.key, signature.algorithm)).or_insert_with(|| signature.clone());
            }
        }
        let mark = mark(first.statement.bundle, &first.statement.crossing);
        let signatures: Vec<Signature> =
            signatures.into_values().take(crate::format::limits::SIGNATURES_MAX).collect();
        origins.insert(mark.bundle, Origin { mark, statement: first.statement.clone(), signatures });
    }
    origins.into_values().collect()
}
