//! What earlier bundles carried, so that a delta leaves it out (docs/format.md, "Deltas").

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::base_error::BaseError;
use super::confirmation::Confirmation;
use crate::arrival::{Bundle, Contents, Documents, Refusal, Standing};
use crate::format::plan::{BundleMark, Plan};
use crate::format::statement::Crossing;
use crate::format::{StreamName, Sum};
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, RefName};

/// Which bundles may be bases of a delta, besides what always holds: a base is accepted and is not forked.
#[derive(Clone, Copy, Debug)]
pub struct BaseRules {
    /// Whether a base may be of another stream.
    pub other_streams: bool,
    /// Whether a base may lack release signatures.
    pub unreleased: bool,
}

/// What earlier bundles carried.
#[derive(Clone, Debug, Default)]
pub struct Bases {
    bundles: BTreeMap<Sum, BundleMark>,
    blobs: HashMap<Digest, Held>,
    /// The id of the bundle with each number in its stream.
    numbers: HashMap<(StreamName, u64), Sum>,
}

/// A blob that an earlier bundle carried.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub size: u64,
    /// The bundle that really carried it.
    pub base: Sum,
    /// The name of an artifact in that bundle that needs it, if one is known.
    pub name: Option<RefName>,
}

/// Returns how a bundle is named in the plan of another.
pub(crate) fn mark(bundle: Sum, crossing: &Crossing) -> BundleMark {
    let Crossing { name, stream, sequence, .. } = crossing.clone();
    BundleMark { bundle, name, stream, sequence }
}

/// A base comes before the bundle that leaves out what it carried.
fn check_earlier(base: &BundleMark, new: &Crossing) -> Result<(), BaseError> {
    match (base.sequence, new.sequence) {
        (Some(first), Some(number)) if base.stream == new.stream && first >= number => {
            Err(BaseError::NotEarlier { base: base.clone(), number })
        }
        _ => Ok(()),
    }
}

impl Bases {
    /// Adds what a bundle carried, and what it left out itself, from the bundle that really carried it. Only its control
    /// chunk is needed, and its annex if it has one.
    ///
    /// # Errors
    /// [`BaseError`] if it may not be a base of a bundle with this stream and number.
    pub fn add(&mut self, bundle: &Bundle, new: &Crossing, rules: BaseRules) -> Result<(), BaseError> {
        let contents = usable(bundle, rules)?;
        check_control(bundle, contents)?;
        let plan = &contents.plan;
        let own = mark(bundle.id, &plan.crossing);
        if own.stream != new.stream && !rules.other_streams {
            return Err(BaseError::OtherStream { base: own, stream: new.stream.clone() });
        }
        check_earlier(&own, new)?;
        self.check_number(&own)?;
        plan.bases.iter().try_for_each(|inherited| self.check_number(inherited))?;
        let names = names(plan, &Documents::new(plan, &bundle.copies()));
        for blob in &plan.blobs {
            let name = names.get(&blob.digest).cloned();
            self.hold(blob.digest, &own, Held { size: blob.size, base: own.bundle, name });
        }
        self.inherit(plan);
        Ok(())
    }

    /// Checks that all bases come before a bundle with this number, which is known only now.
    ///
    /// # Errors
    /// [`BaseError::NotEarlier`].
    pub(super) fn check_earlier(&self, new: &Crossing) -> Result<(), BaseError> {
        self.bundles.values().try_for_each(|base| check_earlier(base, new))
    }

    /// Adds what a delta leaves out, from the bundle that carried it.
    pub(crate) fn inherit(&mut self, plan: &Plan) {
        let marks: HashMap<Sum, &BundleMark> = plan.bases.iter().map(|base| (base.bundle, base)).collect();
        for left_out in &plan.elsewhere {
            let mark = marks[&left_out.base];
            let held = Held { size: left_out.size, base: left_out.base, name: left_out.name.clone() };
            self.hold(left_out.digest, mark, held);
        }
    }

    /// Forgets the blobs that are there anyway.
    pub(crate) fn forget(&mut self, is_there: &dyn Fn(&Digest) -> bool) {
        self.blobs.retain(|digest, _| !is_there(digest));
    }

    /// Returns who carried a blob of this size.
    pub(super) fn holder(&self, digest: &Digest, size: u64) -> Option<&Held> {
        self.blobs.get(digest).filter(|held| held.size == size)
    }

    /// Returns how the plan names a bundle.
    pub(super) fn mark(&self, bundle: &Sum) -> &BundleMark {
        &self.bundles[bundle]
    }

    /// Returns whether there is no base.
    pub fn is_empty(&self) -> bool {
        self.bundles.is_empty()
    }

    /// Two bundles with one number in one stream are a fork: nobody knows which of them the far side has.
    fn check_number(&mut self, base: &BundleMark) -> Result<(), BaseError> {
        let (Some(stream), Some(number)) = (&base.stream, base.sequence) else { return Ok(()) };
        let first = *self.numbers.entry((stream.clone(), number)).or_insert(base.bundle);
        if first == base.bundle {
            return Ok(());
        }
        Err(BaseError::Forked { stream: stream.clone(), number, bundles: [first, base.bundle] })
    }

    /// Of several bundles that carried a blob, the one with the highest number counts, whatever their order.
    fn hold(&mut self, digest: Digest, base: &BundleMark, held: Held) {
        self.bundles.entry(base.bundle).or_insert_with(|| base.clone());
        let order = |mark: &BundleMark| (mark.sequence, Reverse(mark.bundle));
        match self.blobs.get(&digest) {
            Some(known) if order(&self.bundles[&known.base]) >= order(base) => {}
            _ => {
                self.blobs.insert(digest, held);
            }
        }
    }
}

/// Returns the contents of a bundle that may be a base.
fn usable(bundle: &Bundle, rules: BaseRules) -> Result<&Contents, BaseError> {
    let refusal = match bundle.released() {
        Ok(released) => return Ok(released.contents()),
        Err(refusal) => refusal,
    };
    match (bundle.contents(), &bundle.release) {
        (Some(contents), Some(Err(_))) if rules.unreleased && !bundle.is_forked() => Ok(contents),
        _ => Err(refusal.into()),
    }
}

/// Checks that the control chunk is not damaged, not even in a part that is not needed here.
fn check_control(bundle: &Bundle, contents: &Contents) -> Result<(), Refusal> {
    if bundle.good().contains_key(&0) {
        return Ok(());
    }
    let damage = bundle.files.iter().find_map(|opened| match &opened.standing {
        Standing::Damaged(finding) if opened.statement.is_control() => {
            Some(format!("{}: {finding}", opened.file.name()))
        }
        _ => None,
    });
    let (name, last) = (contents.plan.crossing.name.clone(), contents.plan.last);
    Err(Refusal::Incomplete { name, bundle: bundle.id, missing: vec![0], last, damage })
}

/// Returns for each blob the name of an artifact that needs it, as far as the manifests are there. A referrer without
/// a name is in the repository of its subject.
fn names(plan: &Plan, documents: &Documents<'_>) -> HashMap<Digest, RefName> {
    let mut names: HashMap<Digest, RefName> = HashMap::new();
    let mut referrers: HashMap<Digest, Vec<Descriptor>> = HashMap::new();
    for referrer in &plan.referrers {
        let descriptor = Descriptor::new(referrer.media_type.clone(), referrer.digest, referrer.size);
        referrers.entry(referrer.subject).or_default().push(descriptor);
    }
    let mut waiting: Vec<(Descriptor, RefName)> = Vec::new();
    for artifact in plan.artifacts.iter().rev() {
        let Some(name) = &artifact.name else { continue };
        let descriptor = Descriptor::new(artifact.media_type.clone(), artifact.digest, artifact.size);
        waiting.push((descriptor, name.clone()));
    }
    let mut seen: HashSet<Digest> = HashSet::new();
    while let Some((descriptor, name)) = waiting.pop() {
        if !seen.insert(descriptor.digest) {
            continue;
        }
        waiting.extend(
            referrers.remove(&descriptor.digest).into_iter().flatten().map(|child| (child, name.clone())),
        );
        let Ok(Some(document)) = documents.read(&descriptor) else { continue };
        for child in document.successors() {
            names.entry(child.digest).or_insert_with(|| name.clone());
            if child.media_type.role() != Role::Blob {
                waiting.push((child.clone(), name.clone()));
            }
        }
    }
    names
}

/// Keeps the bundles that the far side has confirmed, as their receipts say.
///
/// # Errors
/// [`BaseError::NotConfirmed`] if it has confirmed none of them.
pub fn confirmed<'a>(
    bundles: &'a [Bundle],
    confirmations: &[Confirmation],
) -> Result<Vec<&'a Bundle>, BaseError> {
    let is_confirmed = |bundle: &&Bundle| {
        bundle.contents().is_some_and(|contents| {
            confirmations.iter().any(|receipt| receipt.covers(bundle.id, &contents.plan))
        })
    };
    let kept: Vec<&Bundle> = bundles.iter().filter(is_confirmed).collect();
    if kept.is_empty() { Err(BaseError::NotConfirmed { bases: bundles.len() }) } else { Ok(kept) }
}
