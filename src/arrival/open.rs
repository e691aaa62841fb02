//! The entry point for every verb: opens the bundles among files and selects one.

use std::sync::Arc;

use super::budget::Budget;
use super::open_error::{OpenError, UNVERIFIED_BUNDLES_MAX};
use super::{Bundle, Gate, NotAChunk, Share, group_by_bundle};
use crate::environment::Environment;
use crate::medium::ChunkFile;
use crate::trust::TrustPolicy;

/// The minimum number of characters of an id that select a bundle.
const ID_CHARS_MIN: usize = 8;

/// The files to open, and the policy for their signatures.
#[derive(Clone, Copy)]
pub struct OpenRequest<'a> {
    /// The files, in any order and under any names.
    pub files: &'a [Arc<dyn ChunkFile>],
    /// The trust policy; `None` checks only integrity, and nothing counts as verified.
    pub policy: Option<&'a TrustPolicy>,
}

/// The opened bundles, and the files that are not chunks.
pub struct Arrivals {
    /// The bundles, sorted by id.
    pub bundles: Vec<Bundle>,
    /// The files that are not chunks, or that cannot be read.
    pub others: Vec<NotAChunk>,
}

/// Opens every bundle among the files. Control chunks are hashed completely, except for layers, which are hashed
/// when they are read.
///
/// # Errors
/// [`OpenError`] if none of the files is a chunk, or if there are too many bundles without a policy.
pub fn open(request: &OpenRequest<'_>, environment: &Environment<'_>) -> Result<Arrivals, OpenError> {
    open_any(request, None, environment)
}

/// Opens one of several pieces of every bundle among the files: its control chunk, the chunks with manifests, and the chunks and
/// parity files of the piece. Of all others only the heads are read. What is accepted of a bundle is judged as [`open`] does.
///
/// # Errors
/// As [`open`].
pub fn open_share(
    request: &OpenRequest<'_>,
    share: Share,
    environment: &Environment<'_>,
) -> Result<Arrivals, OpenError> {
    open_any(request, Some(share), environment)
}

fn open_any(
    request: &OpenRequest<'_>,
    share: Option<Share>,
    environment: &Environment<'_>,
) -> Result<Arrivals, OpenError> {
    let OpenRequest { files, policy } = *request;
    let gate = policy.map_or(Gate::Unverified, |policy| Gate::Policy(policy, environment.clock.now()));
    let mut budget = Budget::new();
    let (groups, others) = group_by_bundle(files, gate, &mut budget, environment.workers)?;
    if groups.is_empty() {
        let mut unreadable = others.iter().filter_map(|other| Some((other, other.unreadable()?)));
        if let Some((file, error)) = unreadable.next() {
            let first = format!("{}: {error}", file.file.name());
            return Err(OpenError::Unreadable { unreadable: 1 + unreadable.count(), first });
        }
        let first = others.first().map(|other| format!("{}: {}", other.file.name(), other.error));
        return Err(OpenError::NoChunk { files: files.len(), first });
    }
    if policy.is_none() && groups.len() > UNVERIFIED_BUNDLES_MAX {
        return Err(OpenError::TooManyBundles { found: groups.len() });
    }
    let bundles = groups
        .into_iter()
        .map(|(id, group)| Bundle::open(id, group, gate, share, &mut budget, environment.workers));
    let mut bundles = bundles.collect::<Result<Vec<Bundle>, OpenError>>()?;
    for bundle in &mut bundles {
        bundle.note_unreadable(&others);
    }
    Ok(Arrivals { bundles, others })
}

impl Arrivals {
    /// Selects the bundle with this name or this beginning of its id, or the only bundle.
    ///
    /// # Errors
    /// [`OpenError::SeveralBundles`] and [`OpenError::NoSuchBundle`].
    pub fn select(self, wanted: Option<&str>) -> Result<Bundle, OpenError> {
        self.select_beside(wanted).map(|(bundle, _)| bundle)
    }

    /// Selects a bundle as [`Arrivals::select`] does. Also returns the others, which may carry what it leaves out.
    ///
    /// # Errors
    /// As [`Arrivals::select`].
    pub fn select_beside(mut self, wanted: Option<&str>) -> Result<(Bundle, Vec<Bundle>), OpenError> {
        let mut others = Vec::new();
        if let Some(wanted) = wanted {
            let is_wanted = |bundle: &Bundle| {
                let id_matches = || wanted.len() >= ID_CHARS_MIN && bundle.id.to_string().starts_with(wanted);
                bundle.name().as_str() == wanted || id_matches()
            };
            (self.bundles, others) = self.bundles.into_iter().partition(is_wanted);
        }
        // Untrusted files must not block the trusted bundle.
        let trusted = |bundle: &Bundle| bundle.all_files().any(|opened| opened.accepted.is_some());
        if self.bundles.iter().any(trusted) {
            self.bundles.retain(trusted);
        }
        if self.bundles.len() > 1 {
            let bundles = self.bundles.iter().map(|bundle| bundle.id.to_string()).collect();
            return Err(OpenError::SeveralBundles { bundles });
        }
        let selected = self.bundles.pop().map(|bundle| (bundle, others));
        selected.ok_or_else(|| OpenError::NoSuchBundle { wanted: wanted.unwrap_or_default().to_owned() })
    }
}
