//! The comparison: pair, audit both sides, compare each pair.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::attached::compare_attached;
use super::changes::{Changes, Detail};
use super::files::{Known, compare_files};
use super::findings::{Digests, clean, compare_findings};
use super::packages::compare_packages;
use super::packed::{BYTES_MAX, Packed};
use super::pairing::{Paired, Property, needed, pair, pair_artifacts};
use super::report::{DifferenceReport, How, Matter, SCHEMA, Side};
use super::settings::compare_settings;
use crate::environment::Environment;
use crate::oci::Digest;
use crate::verbs::audit::{
    AuditError, AuditReport, AuditRequest, Audited, AuditedArtifact, AuditedImage, AuditedManifest,
    AuditedPackage, FileLine, Finding, Rule, audit, tree,
};

/// What a comparison reached.
pub struct Differed {
    /// The audit of the old side.
    pub old: Audited,
    /// The audit of the new side.
    pub new: Audited,
    /// What differs.
    pub report: DifferenceReport,
}

/// Compares two sets of artifacts. Each request is that of an audit of its side.
///
/// # Errors
/// [`AuditError`] if one of the audits reaches no result.
pub fn difference(
    old: &AuditRequest<'_>,
    new: &AuditRequest<'_>,
    environment: &Environment<'_>,
) -> Result<Differed, AuditError> {
    let (before, after) = (tree(&old.subject, environment)?, tree(&new.subject, environment)?);
    let (old_needed, new_needed) = needed(&pair_artifacts(&before.artifacts, &after.artifacts));
    drop((before, after));
    let (old, old_files) = audited(old, old_needed, environment)?;
    let (new, new_files) = audited(new, new_needed, environment)?;
    let sides = Sides {
        old: Facts::of(&old.report, old_files),
        new: Facts::of(&new.report, new_files),
        changes: Changes::default(),
        not_compared: not_seen(&old, &new),
        images: BTreeSet::new(),
        done: BTreeMap::new(),
    };
    let report = sides.compare();
    Ok(Differed { old, new, report })
}

/// Audits one side, and keeps the file lists of these images.
fn audited(
    request: &AuditRequest<'_>,
    needed: BTreeSet<Digest>,
    environment: &Environment<'_>,
) -> Result<(Audited, Packed), AuditError> {
    let packed = RefCell::new(Packed::new(needed, BYTES_MAX));
    let take = |line: FileLine| {
        packed.borrow_mut().push(&line);
        if let Some(take) = request.files {
            take(line);
        }
    };
    let audited = audit(&AuditRequest { files: Some(&take), ..request.clone() }, environment)?;
    Ok((audited, packed.into_inner()))
}

/// What was not seen on one side. What both sides have need not be.
fn not_seen(old: &Audited, new: &Audited) -> Vec<String> {
    let said = |audited: &Audited| -> BTreeSet<String> {
        let coverage = &audited.report.coverage;
        let unseen = coverage.opaque.iter().chain(&coverage.unread);
        let unseen = unseen.map(|unseen| format!("{}: {}", unseen.digest, unseen.why));
        let limits = coverage.limits_hit.iter().map(|hit| format!("{}: {}", hit.place, hit.limit));
        let unknown = audited.unknown.iter().map(|one| format!("bundle {}: {}", one.bundle, one.problem));
        unseen.chain(limits).chain(unknown).collect()
    };
    let (old, new) = (said(old), said(new));
    let old_only = old.difference(&new).map(|text| format!("old: {text}"));
    old_only.chain(new.difference(&old).map(|text| format!("new: {text}"))).collect()
}

/// What is known of one side, by digest.
struct Facts<'a> {
    report: &'a AuditReport,
    files: Packed,
    images: BTreeMap<Digest, &'a AuditedImage>,
    packages: HashMap<Digest, Vec<&'a AuditedPackage>>,
    /// The findings about a manifest, and those about a layer only.
    findings: HashMap<Option<Digest>, Vec<&'a Finding>>,
    digests: Digests,
}

impl<'a> Facts<'a> {
    fn of(report: &'a AuditReport, files: Packed) -> Facts<'a> {
        let mut packages: HashMap<Digest, Vec<&AuditedPackage>> = HashMap::new();
        for package in &report.packages {
            for image in package.images.iter() {
                packages.entry(*image).or_default().push(package);
            }
        }
        let mut findings: HashMap<Option<Digest>, Vec<&Finding>> = HashMap::new();
        for finding in &report.findings {
            findings.entry(finding.artifact.or(finding.layer)).or_default().push(finding);
        }
        let images = report.images.iter().map(|image| (image.digest, image)).collect();
        Facts { report, files, images, packages, findings, digests: Digests::of(report) }
    }

    /// The platform of a manifest, as its index states it; else as its configuration does.
    fn platform(&self, manifest: &AuditedManifest) -> Option<String> {
        let image = || self.images.get(&manifest.digest).map(|image| image.platform.clone());
        manifest.platform.clone().or_else(image)
    }

    fn packages(&self, image: &Digest) -> &[&'a AuditedPackage] {
        self.packages.get(image).map_or(&[], Vec::as_slice)
    }

    /// The findings about any of these manifests and blobs.
    fn findings<'d>(&self, about: impl Iterator<Item = &'d Digest>) -> Vec<&'a Finding> {
        let about: BTreeSet<&Digest> = about.collect();
        about.into_iter().filter_map(|digest| self.findings.get(&Some(*digest))).flatten().copied().collect()
    }
}

/// Both sides, and what was found to differ.
struct Sides<'a> {
    old: Facts<'a>,
    new: Facts<'a>,
    changes: Changes,
    not_compared: Vec<String>,
    images: BTreeSet<String>,
    /// The pairs of manifests, with the names under which they were found.
    done: BTreeMap<(Digest, Digest), BTreeSet<String>>,
}

impl<'a> Sides<'a> {
    fn compare(mut self) -> DifferenceReport {
        let (old, new) = (self.old.report, self.new.report);
        let Paired { pairs, gone, new: fresh } = pair_artifacts(&old.artifacts, &new.artifacts);
        for (how, artifacts) in [(How::Gone, gone), (How::New, fresh)] {
            for artifact in artifacts {
                let digest = Some(artifact.digest.to_string());
                let (before, after) = if how == How::Gone { (digest, None) } else { (None, digest) };
                self.changes.add(Matter::Artifact, how, shown(artifact), Detail::sides(before, after), &[]);
            }
        }
        let mut manifests = Vec::new();
        for (one, other) in pairs {
            self.artifact(one, other);
            manifests.extend(self.manifests(one, other));
        }
        manifests.sort_by_key(|(one, other)| (one.digest, other.digest));
        manifests.dedup_by_key(|(one, other)| (one.digest, other.digest));
        for (one, other) in manifests {
            self.manifest(one, other);
        }
        // What is about nothing in particular, such as a database that cannot be read.
        let placeless = |facts: &Facts<'a>| facts.findings.get(&None).cloned().unwrap_or_default();
        let (gone, fresh) = compare_findings(
            (&placeless(&self.old), &self.old.digests),
            (&placeless(&self.new), &self.new.digests),
        );
        self.add_findings(&gone, &fresh, &BTreeSet::new(), &[]);
        let (changes, more) = self.changes.finish();
        DifferenceReport {
            schema: SCHEMA.to_owned(),
            build: new.basis.build.clone(),
            old: side(old),
            new: side(new),
            images: self.images.into_iter().collect(),
            not_compared: self.not_compared,
            changes,
            more,
        }
    }

    /// Compares what is said of two artifacts, and what is attached to them.
    fn artifact(&mut self, one: &'a AuditedArtifact, other: &'a AuditedArtifact) {
        let is_same = one.digest == other.digest;
        let both = |artifact: &AuditedArtifact| format!("{} {}", shown(artifact), artifact.digest);
        let change = match (one.name == other.name, is_same) {
            (true, true) => None,
            (true, false) => Some((How::Moved, one.digest.to_string(), other.digest.to_string())),
            (false, true) => Some((How::Renamed, shown(one), shown(other))),
            (false, false) => Some((How::Moved, both(one), both(other))),
        };
        if let Some((how, before, after)) = change {
            let detail = Detail::sides(Some(before), Some(after));
            self.changes.add(Matter::Artifact, how, shown(other), detail, &[]);
        }
        let image = [shown(other)];
        for change in compare_attached((self.old.report, one), (self.new.report, other)) {
            // It is about an image, so it is another one for another image.
            let follows = change.how == How::Changed && !is_same;
            let detail = Detail { follows, ..Detail::default() };
            self.changes.add(change.matter, change.how, change.what, detail, &image);
        }
        let about = |artifact: &'a AuditedArtifact| {
            // What is about a manifest of an index is compared with that manifest.
            let is_own = artifact.manifests.iter().all(|manifest| manifest.digest != artifact.digest);
            is_own.then_some(&artifact.digest).into_iter()
        };
        let (old, new) = (self.old.findings(about(one)), self.new.findings(about(other)));
        let (gone, fresh) = compare_findings((&old, &self.old.digests), (&new, &self.new.digests));
        self.add_findings(&gone, &fresh, &BTreeSet::new(), &image);
    }

    /// Pairs the manifests of two artifacts by platform.
    fn manifests(
        &mut self,
        one: &'a AuditedArtifact,
        other: &'a AuditedArtifact,
    ) -> Vec<(&'a AuditedManifest, &'a AuditedManifest)> {
        let carried = |artifact: &'a AuditedArtifact| -> Vec<&'a AuditedManifest> {
            artifact.manifests.iter().filter(|manifest| manifest.carried).collect()
        };
        let (old, new) = (&self.old, &self.new);
        // Only one of the two sides knows a manifest, unless both say the same of it.
        let platform = |manifest: &AuditedManifest| old.platform(manifest).or_else(|| new.platform(manifest));
        let digest = |manifest: &AuditedManifest| Some(manifest.digest.to_string());
        // Some state the variant that an architecture has anyway.
        let machine = |manifest: &AuditedManifest| {
            platform(manifest).map(|platform| platform.splitn(3, '/').take(2).collect::<Vec<_>>().join("/"))
        };
        let alone = one.manifests.len() == 1 && other.manifests.len() == 1;
        let any = |_: &AuditedManifest| alone.then(String::new);
        let properties: [Property<'_, AuditedManifest>; 4] = [&digest, &platform, &machine, &any];
        let Paired { pairs, gone, new: fresh } = pair(&carried(one), &carried(other), &properties);
        for (how, manifests) in [(How::Gone, gone), (How::New, fresh)] {
            for manifest in manifests {
                let what = platform(manifest).unwrap_or_else(|| manifest.digest.to_string());
                let digest = Some(manifest.digest.to_string());
                let (before, after) = if how == How::Gone { (digest, None) } else { (None, digest) };
                let detail = Detail::sides(before, after);
                self.changes.add(Matter::Platform, how, what, detail, &[shown(other)]);
            }
        }
        for (from, to) in &pairs {
            let label = match platform(to).filter(|_| other.manifests.len() > 1) {
                Some(platform) => format!("{} ({platform})", shown(other)),
                None => shown(other),
            };
            self.done.entry((from.digest, to.digest)).or_default().insert(label);
        }
        pairs
    }

    /// Compares two manifests: images, or other artifacts.
    fn manifest(&mut self, one: &'a AuditedManifest, other: &'a AuditedManifest) {
        let pair = (one.digest, other.digest);
        let names: Vec<String> = self.done.get(&pair).into_iter().flatten().cloned().collect();
        let about = |manifest: &'a AuditedManifest| std::iter::once(&manifest.digest).chain(&manifest.blobs);
        let (old, new) = (self.old.findings(about(one)), self.new.findings(about(other)));
        let (gone, fresh) = compare_findings((&old, &self.old.digests), (&new, &self.new.digests));
        let mut explained = BTreeSet::new();
        if one.digest != other.digest {
            let before = self.changes.leading();
            let images = (self.old.images.get(&one.digest), self.new.images.get(&other.digest));
            if let (Some(from), Some(to)) = images {
                self.images.extend(names.iter().cloned());
                let mut known = self.image(from, to, &names);
                known.found = gone.iter().chain(&fresh).filter_map(|one| path(one)).collect();
                for finding in &fresh {
                    if let Some(path) = path(finding) {
                        known.rules.entry(path).or_default().insert(finding.rule);
                    }
                }
                explained = self.files(&pair, &known, &names);
            }
            // What is in a layer says more than the layer.
            self.layers(&one.blobs, &other.blobs, self.changes.leading() > before, &names);
        }
        self.add_findings(&gone, &fresh, &explained, &names);
    }

    /// Compares settings and packages of two images.
    fn image(&mut self, one: &AuditedImage, other: &AuditedImage, names: &[String]) -> Known {
        for (how, what, before, after) in compare_settings(one, other) {
            self.changes.add(Matter::Setting, how, what, Detail::sides(before, after), names);
        }
        let (old, new) = (self.old.packages(&one.digest), self.new.packages(&other.digest));
        let changed = compare_packages(old, new);
        let mut known = Known::default();
        if !changed.is_empty() {
            let names: BTreeSet<&str> = changed.iter().map(|change| change.name.as_str()).collect();
            let concerned = old.iter().chain(new).filter(|located| names.contains(&*located.package.name));
            known.databases = concerned.map(|located| clean(&located.path).to_owned()).collect();
        }
        for change in changed {
            let detail = Detail::sides(change.before, change.after);
            self.changes.add(Matter::Package, change.how, change.what, detail, names);
        }
        known
    }

    fn files(&mut self, pair: &(Digest, Digest), known: &Known, names: &[String]) -> BTreeSet<String> {
        let (Some(old), Some(new)) = (self.old.files.list(&pair.0), self.new.files.list(&pair.1)) else {
            let what = names.join(", ");
            self.not_compared.push(format!("the files of {what}: there are too many to be kept in memory"));
            return BTreeSet::new();
        };
        compare_files(old, new, known, &mut self.changes, names)
    }

    fn layers(&mut self, old: &[Digest], new: &[Digest], follows: bool, names: &[String]) {
        let (old, new): (BTreeSet<&Digest>, BTreeSet<&Digest>) = (old.iter().collect(), new.iter().collect());
        for (how, digests) in [(How::Gone, old.difference(&new)), (How::New, new.difference(&old))] {
            for digest in digests {
                let detail = Detail { follows, ..Detail::default() };
                self.changes.add(Matter::Layer, how, digest.to_string(), detail, names);
            }
        }
    }

    /// Adds findings. One about a file that differs follows from it.
    fn add_findings(
        &mut self,
        gone: &[&Finding],
        fresh: &[&Finding],
        explained: &BTreeSet<String>,
        names: &[String],
    ) {
        for (how, findings) in [(How::Gone, gone), (How::New, fresh)] {
            for finding in findings {
                let place = finding.path.as_ref().map_or_else(String::new, |path| format!(" {path}"));
                let text = Some(finding.text.clone());
                let (before, after) = if how == How::Gone { (text, None) } else { (None, text) };
                let is_explained = path(finding).is_some_and(|path| explained.contains(&path));
                // The signature or SBOM that is new is listed.
                let is_attached = finding.rule == Rule::SignatureUnverifiable;
                let detail = Detail { follows: is_explained || is_attached, ..Detail::sides(before, after) };
                let what = format!("{}{place}", finding.rule);
                self.changes.add(Matter::Finding, how, what, detail, names);
            }
        }
    }
}

fn path(finding: &Finding) -> Option<String> {
    finding.path.as_deref().map(|path| clean(path).to_owned())
}

/// The name of an artifact, or its digest if it has none.
fn shown(artifact: &AuditedArtifact) -> String {
    artifact.name.as_ref().map_or_else(|| artifact.digest.to_string(), ToString::to_string)
}

fn side(report: &AuditReport) -> Side {
    Side {
        bundles: report.bundles.clone(),
        sources: report.sources.clone(),
        coverage: report.coverage.clone(),
    }
}
