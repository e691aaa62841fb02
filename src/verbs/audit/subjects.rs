//! Opens what is audited.

use std::sync::Arc;

use super::AuditError;
use super::carried::{Carried, InBundle, InSource};
use super::report::AuditedBundle;
use crate::arrival::{Arrivals, Bundle, OpenRequest, open};
use crate::artifacts::{ArtifactSource, Selection};
use crate::environment::Environment;
use crate::format::plan::Carriage;
use crate::medium::ChunkFile;
use crate::oci::RefName;
use crate::trust::TrustPolicy;
use crate::verbs::report::{BundleReport, OmissionReport, UnknownBundle};

/// What is audited: chunk files, or sources that are not packed yet.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// Chunk files of any number of bundles.
    Chunks {
        /// The files.
        files: &'a [Arc<dyn ChunkFile>],
        /// Who is trusted; without a policy, nothing is verified.
        policy: Option<&'a TrustPolicy>,
    },
    /// A bundle that was opened already.
    Bundle(&'a Bundle),
    /// Sources, with what is selected from each.
    Sources(&'a [Offered]),
}

/// A source, and what would be packed from it.
#[derive(Clone)]
pub struct Offered {
    /// The source.
    pub source: Arc<dyn ArtifactSource>,
    /// Which artifacts of it.
    pub selection: Selection,
    /// A new name, if they are a single artifact.
    pub rename: Option<RefName>,
    /// Whether non-distributable layers are looked for.
    pub nondistributable: Carriage,
}

/// What was opened.
pub(super) struct Subjects<'a> {
    kind: Kind<'a>,
    /// Bundles whose contents cannot be shown.
    pub unknown: Vec<UnknownBundle>,
}

enum Kind<'a> {
    Bundles(Vec<Bundle>),
    Bundle(&'a Bundle),
    Sources(&'a [Offered]),
}

impl<'a> Subjects<'a> {
    /// Opens the chunk files; sources are open.
    pub(super) fn open(
        subject: &Subject<'a>,
        environment: &Environment<'_>,
    ) -> Result<Subjects<'a>, AuditError> {
        match *subject {
            Subject::Bundle(bundle) => Ok(Subjects { kind: Kind::Bundle(bundle), unknown: Vec::new() }),
            Subject::Sources(sources) => Ok(Subjects { kind: Kind::Sources(sources), unknown: Vec::new() }),
            Subject::Chunks { files, policy } => {
                let Arrivals { bundles, .. } = open(&OpenRequest { files, policy }, environment)?;
                let (mut known, lost): (Vec<Bundle>, Vec<Bundle>) =
                    bundles.into_iter().partition(|bundle| bundle.contents().is_some());
                known.sort_by_key(|bundle| (bundle.name().to_string(), bundle.id));
                let unknown = lost.iter().map(UnknownBundle::of).collect();
                Ok(Subjects { kind: Kind::Bundles(known), unknown })
            }
        }
    }

    /// Returns the artifacts of each bundle or source.
    ///
    /// # Errors
    /// If what is selected is not in a source.
    pub(super) fn carried(&self) -> Result<Vec<Box<dyn Carried + '_>>, AuditError> {
        if let Kind::Sources(sources) = self.kind {
            let carried = |offered: &'a Offered| {
                let mut roots = offered.source.roots(&offered.selection)?;
                for root in &mut roots {
                    root.name = offered.rename.clone().or(root.name.take());
                }
                Ok(Box::new(InSource::new(offered.source.as_ref(), roots, offered.nondistributable))
                    as Box<dyn Carried>)
            };
            return sources.iter().map(carried).collect();
        }
        let bundles = self.opened().iter().filter_map(InBundle::of);
        Ok(bundles.map(|bundle| Box::new(bundle) as Box<dyn Carried>).collect())
    }

    fn opened(&self) -> &[Bundle] {
        match &self.kind {
            Kind::Bundles(bundles) => bundles,
            Kind::Bundle(bundle) => std::slice::from_ref(bundle),
            Kind::Sources(_) => &[],
        }
    }

    /// Returns what a report says of each bundle.
    pub(super) fn bundles(&self) -> Vec<AuditedBundle> {
        self.opened().iter().filter_map(audited).collect()
    }

    /// Returns what the bundles leave out.
    pub(super) fn omitted(&self) -> Vec<OmissionReport> {
        let contents = self.opened().iter().filter_map(Bundle::contents);
        contents.flat_map(|contents| OmissionReport::all(&contents.plan)).collect()
    }

    /// Returns the names of the sources.
    pub(super) fn sources(&self) -> Vec<String> {
        let Kind::Sources(sources) = self.kind else { return Vec::new() };
        sources.iter().map(|offered| offered.source.name().to_owned()).collect()
    }
}

fn audited(bundle: &Bundle) -> Option<AuditedBundle> {
    let contents = bundle.contents()?;
    let plan = &contents.plan;
    let good = bundle.good();
    // Annex chunks are not needed once the contents are known.
    let needed = plan.blobs.iter().flat_map(|blob| &blob.pieces).map(|piece| piece.chunk);
    let needed: std::collections::BTreeSet<u32> = needed.collect();
    Some(AuditedBundle {
        summary: BundleReport::of(bundle)?,
        chunks: plan.last + 1,
        missing: needed.into_iter().filter(|number| !good.contains_key(number)).collect(),
        payload_bytes: plan.payload_bytes(),
    })
}
