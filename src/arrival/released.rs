//! The types that allow using a bundle: released, then whole. Verbs require the type that they need.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use super::{BlobError, Bundle, Contents, Control, Documents, Opened, Refusal, Share, Standing, segments};
use crate::diagnosis::{Code, count};
use crate::format::SumPair;
use crate::format::head::Head;
use crate::format::plan::PlannedBlob;
use crate::stream::segments::Segment;
use crate::trust::{AcceptedChunk, Release};

/// A bundle from an accepted packer with enough release signatures. Chunks may still be missing or damaged.
/// Only [`Bundle::released`] creates it.
pub struct ReleasedBundle<'a> {
    contents: &'a Contents,
    release: &'a Release,
    bundle: &'a Bundle,
    /// All good files of each chunk: a chunk may arrive several times.
    files: BTreeMap<u32, Vec<&'a Opened>>,
}

/// A released bundle with every required chunk, whose plan matches its manifests. Blobs are not hashed yet. Only
/// [`ReleasedBundle::whole`] creates it; and [`ReleasedBundle::whole_in`], with what one of several processes requires.
pub struct WholeBundle<'a>(ReleasedBundle<'a>);

impl Bundle {
    /// Returns the bundle for use if it is accepted, released and not forked.
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    pub fn released(&self) -> Result<ReleasedBundle<'_>, Refusal> {
        match (self.contents(), &self.release) {
            (Some(contents), Some(Ok(release))) if !self.is_forked() => {
                let accepted = self.files.iter().filter(|opened| opened.accepted.is_some());
                let mut files: BTreeMap<u32, Vec<&Opened>> = BTreeMap::new();
                for opened in accepted.filter(|opened| opened.body().is_some()) {
                    files.entry(opened.statement.number).or_default().push(opened);
                }
                Ok(ReleasedBundle { contents, release, bundle: self, files })
            }
            _ => Err(self.refusal()),
        }
    }

    /// Returns the reason why this bundle may not be used.
    pub(crate) fn refusal(&self) -> Refusal {
        let (name, bundle) = (self.name().clone(), self.id);
        let untrusted = |problem, code| Refusal::Untrusted { name: name.clone(), bundle, problem, code };
        if self.is_forked() {
            let problem = "FORKED: two different chunks with valid signatures have the same number";
            return untrusted(problem.to_owned(), Code::BundleUntrusted);
        }
        if let Some(Err(unreleased)) = &self.release {
            let (found, threshold) = (unreleased.releasers.len(), unreleased.threshold);
            let refused = unreleased.refused.iter().map(|why| format!("; {}: {}", why.short, why.reason));
            let files = self.releases.iter().filter_map(|release| {
                let problem = release.problem.as_ref()?;
                Some(format!("; release file {} is not counted: {problem}", release.file.name()))
            });
            let refused: String = refused.chain(files).collect();
            let needed = count(threshold.into(), "required release signature", "required release signatures");
            return untrusted(format!("it has {found} of {needed}{refused}"), unreleased.code());
        }
        if let Some(expires) = self.expired() {
            return Refusal::Expired { name, bundle, expires };
        }
        let refused = self.files.iter().find_map(|opened| match &opened.standing {
            Standing::Untrusted(reason) => Some((format!("{}: {reason}", opened.file.name()), reason.code())),
            _ => None,
        });
        if let Some((problem, code)) = refused {
            return untrusted(problem, code);
        }
        if self.contents().is_none()
            && let Some(first) = self.unreadable_file(0)
        {
            return Refusal::Unreadable { name, bundle, chunks: vec![0], first };
        }
        let problem = match &self.control {
            Control::Absent => "there is no accepted control chunk".to_owned(),
            Control::Broken(error) => error.to_string(),
            Control::Forked | Control::Read(_) => "its control chunk is damaged".to_owned(),
        };
        Refusal::NoControl { name, bundle, problem }
    }
}

impl<'a> ReleasedBundle<'a> {
    /// Returns the contents of the bundle.
    pub fn contents(&self) -> &'a Contents {
        self.contents
    }

    /// Returns the release, with the keys that signed it.
    #[doc(hidden)]
    pub fn release(&self) -> &'a Release {
        self.release
    }

    /// Returns the first accepted file of a chunk.
    #[doc(hidden)]
    pub fn file(&self, number: u32) -> Option<&'a Opened> {
        self.files.get(&number)?.first().copied()
    }

    /// Returns all accepted files of a chunk.
    #[doc(hidden)]
    pub fn copies(&self, number: u32) -> &[&'a Opened] {
        self.files.get(&number).map_or(&[], Vec::as_slice)
    }

    /// Returns the heads that were accepted for the control chunk: of its copies, and of release files that count.
    #[doc(hidden)]
    pub fn control_heads(&self) -> impl Iterator<Item = &'a Head> {
        let copies = self.files.get(&0).into_iter().flatten().filter_map(|copy| copy.accepted.as_ref());
        let counting = self.bundle.releases.iter().filter(|release| release.problem.is_none());
        copies.chain(counting.filter_map(|release| release.accepted.as_ref())).map(AcceptedChunk::head)
    }

    /// Returns a reader for the manifests and indexes.
    #[doc(hidden)]
    pub fn documents(&self) -> Documents<'_> {
        Documents::new(&self.contents.plan, &self.files)
    }

    /// Returns the ranges that hold a blob, in order, with the sums of each entry.
    ///
    /// # Errors
    /// [`BlobError::Missing`] if one of its chunks is missing.
    #[doc(hidden)]
    pub fn segments(&self, blob: &PlannedBlob) -> Result<Vec<(Segment, SumPair)>, BlobError> {
        segments(blob, &|number| self.file(number)).ok_or_else(|| {
            let missing = blob.pieces.iter().map(|piece| piece.chunk);
            self.incomplete(missing.filter(|&number| self.file(number).is_none()).collect()).into()
        })
    }

    fn incomplete(&self, missing: Vec<u32>) -> Refusal {
        let plan = &self.contents.plan;
        let (name, bundle) = (plan.crossing.name.clone(), plan.bundle_id());
        let (unreadable, missing): (Vec<u32>, Vec<u32>) =
            missing.into_iter().partition(|&number| self.bundle.unreadable_file(number).is_some());
        if missing.is_empty()
            && let Some(first) = unreadable.iter().find_map(|&number| self.bundle.unreadable_file(number))
        {
            return Refusal::Unreadable { name, bundle, chunks: unreadable, first };
        }
        // What was taken away is not sent again by itself.
        let downgraded = self.bundle.files.iter().find_map(|opened| match &opened.standing {
            Standing::Untrusted(reason)
                if reason.is_downgrade() && missing.contains(&opened.statement.number) =>
            {
                Some(format!("{}: {reason}", opened.file.name()))
            }
            _ => None,
        });
        if let Some(problem) = downgraded {
            return Refusal::Untrusted { name, bundle, problem, code: Code::SignatureDowngrade };
        }
        let damage = self.bundle.files.iter().find_map(|opened| match &opened.standing {
            Standing::Damaged(finding) if missing.contains(&opened.statement.number) => {
                Some(format!("{}: {finding}", opened.file.name()))
            }
            _ => None,
        });
        Refusal::Incomplete { name, bundle, missing, last: plan.last, damage }
    }

    /// Returns all accepted files.
    #[doc(hidden)]
    pub fn files(&self) -> impl Iterator<Item = &'a Opened> {
        self.files.values().flatten().copied()
    }

    /// Returns the bundle as whole if no chunk is missing and its plan matches its manifests.
    ///
    /// # Errors
    /// [`Refusal::Incomplete`] with the missing or damaged chunks; [`Refusal::Unsound`] with the contradictions
    /// between manifests and plan.
    pub fn whole(self) -> Result<WholeBundle<'a>, Refusal> {
        self.whole_as_far_as(|_| true)
    }

    /// Returns the bundle as whole as far as one of several pieces needs it: its own chunks, and those with manifests.
    ///
    /// # Errors
    /// As [`ReleasedBundle::whole`].
    #[doc(hidden)]
    pub fn whole_in(self, share: Share) -> Result<WholeBundle<'a>, Refusal> {
        let needed = share.needed(self.contents);
        self.whole_as_far_as(|number| number == 0 || needed.contains(&number))
    }

    fn whole_as_far_as(self, is_needed: impl Fn(u32) -> bool) -> Result<WholeBundle<'a>, Refusal> {
        let plan = &self.contents.plan;
        let mut missing = self.missing();
        missing.retain(|&number| is_needed(number));
        if !missing.is_empty() {
            return Err(self.incomplete(missing));
        }
        let problems = self.documents().unsound();
        if !problems.is_empty() {
            let (name, bundle) = (plan.crossing.name.clone(), plan.bundle_id());
            return Err(Refusal::Unsound { name, bundle, problems });
        }
        Ok(WholeBundle(self))
    }

    /// Returns the required chunks without a good file: the control chunk and the chunks with blobs. Annex chunks
    /// are not needed once the contents are known.
    fn missing(&self) -> Vec<u32> {
        let pieces = self.contents.plan.blobs.iter().flat_map(|blob| &blob.pieces);
        let needed: BTreeSet<u32> = pieces.map(|piece| piece.chunk).chain([0]).collect();
        needed.into_iter().filter(|&number| self.file(number).is_none()).collect()
    }
}

impl<'a> Deref for WholeBundle<'a> {
    type Target = ReleasedBundle<'a>;

    fn deref(&self) -> &ReleasedBundle<'a> {
        &self.0
    }
}
