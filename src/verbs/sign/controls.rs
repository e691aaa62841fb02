//! The control chunks among files, checked before anything is signed.

use std::sync::Arc;

use super::error::SignError;
use super::report::BundleToSign;
use crate::arrival::{
    Arrivals, Bundle, Contents, Control, Finding, OpenError, OpenRequest, Opened, Standing, UnreadableFile,
    damaged_entries, open,
};
use crate::environment::Environment;
use crate::format::body::{Body, BodyEntry};
use crate::medium::{ChunkFile, ChunkStore};
use crate::trust::{AcceptedChunk, TrustPolicy};
use crate::verbs::report::{ArtifactReport, LeftOutReport, OmissionReport, OriginReport, SignerReport};

/// What to sign.
pub struct SignRequest<'a> {
    /// Files, with the control chunks among them.
    pub files: &'a [Arc<dyn ChunkFile>],
    /// Whose bundles are signed, and whose signatures count. Without, neither is checked.
    pub policy: Option<&'a TrustPolicy>,
}

/// The control chunks that can be signed. There may be several copies of one.
pub struct Controls<'a> {
    pub(super) policy: Option<&'a TrustPolicy>,
    /// Where release files go; `None` if the control chunks are signed.
    pub(super) release_files: Option<&'a dyn ChunkStore>,
    arrivals: Arrivals,
    /// The places of intact control chunks: a bundle, and a file of it.
    intact: Vec<(usize, usize)>,
}

impl<'a> Controls<'a> {
    /// Opens the files, and hashes every byte of the control chunks that a signature covers. With a policy, every control
    /// chunk must be accepted by it. A damaged copy does not prevent signing an intact one.
    ///
    /// # Errors
    /// [`SignError`]. A control chunk whose documents contradict each other cannot be signed either.
    pub fn open(request: &SignRequest<'a>, environment: &Environment<'_>) -> Result<Self, SignError> {
        let SignRequest { files, policy } = *request;
        let arrivals = open(&OpenRequest { files, policy }, environment)?;
        let mut intact = Vec::new();
        let mut damage = None;
        for (at, bundle) in arrivals.bundles.iter().enumerate() {
            if matches!(bundle.control, Control::Forked) {
                return Err(forked(bundle));
            }
            if let Some(error) = untrusted(bundle) {
                return Err(error);
            }
            if bundle.contents().is_none() {
                continue;
            }
            damage = damage.or_else(|| damaged(bundle));
            for (place, opened) in bundle.files.iter().enumerate() {
                let Some(body) = opened.body().filter(|_| opened.statement.is_control()) else { continue };
                match check_entries(&opened.file, body, environment) {
                    Ok(()) => intact.push((at, place)),
                    Err(error @ SignError::Damaged { .. }) => {
                        damage.get_or_insert(error);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        if intact.is_empty() {
            let unreadable = arrivals.bundles.iter().find_map(unreadable);
            let broken = arrivals.bundles.into_iter().find_map(|bundle| match bundle.control {
                Control::Broken(error) => Some(SignError::from(error)),
                _ => None,
            });
            let none = SignError::NoControl { files: files.len() };
            return Err(unreadable.or(broken).or(damage).unwrap_or(none));
        }
        Ok(Controls { policy, release_files: None, arrivals, intact })
    }

    /// Lets each signature go into a release file in this store. No control chunk changes then. A release file is written
    /// atomically, and replaces an earlier one of the same key.
    #[must_use]
    pub fn into_release_files(self, store: &'a dyn ChunkStore) -> Controls<'a> {
        Controls { release_files: Some(store), ..self }
    }

    /// What a signature on each of them covers, sorted by the bundle's id.
    pub fn to_sign(&self) -> Vec<BundleToSign> {
        self.each().map(|(control, contents)| to_sign(control, contents)).collect()
    }

    /// The exact bytes that a release signs, if all control chunks have the same: on another machine, a signature can be
    /// made over them.
    pub fn statement(&self) -> Option<Vec<u8>> {
        let mut statements = self.each().map(|(control, _)| &control.statement);
        let first = statements.next()?;
        statements.all(|other| other == first).then(|| first.render())
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (&Opened, &Contents)> {
        self.intact.iter().filter_map(|(bundle, file)| {
            let bundle = &self.arrivals.bundles[*bundle];
            Some((&bundle.files[*file], bundle.contents()?))
        })
    }
}

pub(super) fn to_sign(control: &Opened, contents: &Contents) -> BundleToSign {
    let plan = &contents.plan;
    let packers = control.accepted.as_ref().map(AcceptedChunk::packers).unwrap_or_default();
    BundleToSign {
        bundle: control.statement.bundle,
        crossing: plan.crossing.clone(),
        file: control.file.name().to_owned(),
        created: control.statement.created,
        expires: control.statement.expires,
        chunks: control.statement.last + 1,
        packed_by: SignerReport::all(packers),
        artifacts: ArtifactReport::all(plan),
        omitted: OmissionReport::all(plan),
        left_out: LeftOutReport::all(plan),
        origins: OriginReport::all(plan),
    }
}

/// Hashes every byte that the statement covers, because the release signature covers them too.
pub(super) fn check_entries(
    file: &Arc<dyn ChunkFile>,
    body: &Body,
    environment: &Environment<'_>,
) -> Result<(), SignError> {
    let entries: Vec<&BodyEntry> = body.entries.iter().collect();
    match damaged_entries(file, body, &entries, environment.workers).map_err(OpenError::from)? {
        None => Ok(()),
        Some(finding) => Err(SignError::Damaged { file: file.name().to_owned(), finding }),
    }
}

/// The first control chunk that the policy refuses.
fn untrusted(bundle: &Bundle) -> Option<SignError> {
    bundle.files.iter().find_map(|opened| match &opened.standing {
        Standing::Untrusted(reason) if opened.statement.is_control() => {
            Some(SignError::Untrusted { file: opened.file.name().to_owned(), reason: reason.clone() })
        }
        _ => None,
    })
}

fn unreadable(bundle: &Bundle) -> Option<SignError> {
    let UnreadableFile { file, reason } = bundle.unreadable_file(0)?;
    Some(SignError::Damaged { file, finding: Finding::Unreadable { reason } })
}

fn damaged(bundle: &Bundle) -> Option<SignError> {
    bundle.files.iter().find_map(|opened| match &opened.standing {
        Standing::Damaged(finding) if opened.statement.is_control() => {
            Some(SignError::Damaged { file: opened.file.name().to_owned(), finding: finding.clone() })
        }
        _ => None,
    })
}

fn forked(bundle: &Bundle) -> SignError {
    let controls = || bundle.files.iter().filter(|opened| opened.statement.is_control());
    let is_forked = |opened: &&Opened| matches!(opened.standing, Standing::Forked);
    let first = controls().find(is_forked).or(controls().next()).expect("a forked bundle has control chunks");
    let second = controls().find(|other| other.statement.sums != first.statement.sums).unwrap_or(first);
    let (first, second) = (first.file.name().to_owned(), second.file.name().to_owned());
    SignError::Forked { bundle: bundle.id, first, second }
}
