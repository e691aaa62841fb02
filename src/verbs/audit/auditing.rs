//! The audit: survey, read, merge, compare, report.

use std::collections::{BTreeMap, BTreeSet};

use super::attached;
use super::budget::Budget;
use super::carried::Carried;
use super::finding::{Finding, Place, Rule};
use super::image::{MergedImage, merge};
use super::judging::judgement;
use super::reading::{ReadLayer, ReadOptions, read_all};
use super::report::{
    AuditReport, AuditedImage, AuditedLayer, AuditedPackage, Basis, Coverage, ForeignLayer, ImageConfig,
    ImageLayer, LimitHit, SCHEMA, Totals, Unseen,
};
use super::request::AuditRequest;
use super::subjects::Subjects;
use super::survey::{Image, Scope, Survey, survey};
use super::{AuditError, known_flaws};
use crate::artifacts::Root;
use crate::content::inflate::StreamKind;
use crate::environment::Environment;
use crate::oci::{Descriptor, Digest, MediaType, RefName};
use crate::packages::purl::{Release, purl};
use crate::verbs::report::UnknownBundle;

/// What an audit reached.
pub struct Audited {
    /// The report.
    pub report: AuditReport,
    /// The bundles whose contents cannot be shown.
    pub unknown: Vec<UnknownBundle>,
}

/// Audits bundles or sources.
///
/// # Errors
/// [`AuditError`] if nothing can be opened, if an advisory database cannot be read, or if the audit is interrupted. What is
/// wrong with the content is in the report.
pub fn audit(request: &AuditRequest<'_>, environment: &Environment<'_>) -> Result<Audited, AuditError> {
    let subjects = Subjects::open(&request.subject, environment)?;
    let carried = subjects.carried()?;
    let all: Vec<&dyn Carried> = carried.iter().map(AsRef::as_ref).collect();
    let is_wanted = |root: &Root| {
        let names = |wanted: &String| {
            root.name.as_ref().map(RefName::as_str) == Some(wanted)
                || root.descriptor.digest.to_string() == **wanted
        };
        request.artifacts.is_empty() || request.artifacts.iter().any(names)
    };
    let (platforms, referrers) = (request.platforms.as_slice(), request.referrers);
    let mut survey = survey(&all, Scope { wanted: &is_wanted, platforms, referrers });
    let budget = Budget::new(request.limits.entries_max);
    let options = ReadOptions { limits: request.limits, secrets: request.secrets, budget: &budget };
    let layers = read_all(&survey, &all, &options, environment.workers, environment.monitor);
    if environment.workers.interrupted() {
        return Err(AuditError::interrupted());
    }
    let mut auditing = Auditing { findings: std::mem::take(&mut survey.findings), ..Auditing::default() };
    for (digest, image) in &survey.images {
        let merged = merge(*digest, image, &layers, request.files);
        auditing.image(*digest, image, merged, &layers);
    }
    auditing.layers(&survey, &layers);
    let packages = auditing.packages();
    let attached = attached::read(&survey, &all, &packages, &mut auditing.findings);
    let (flaws, databases) =
        known_flaws::find(request, &packages, &auditing.images, &auditing.releases, &mut auditing.findings)?;
    let mut coverage = auditing.coverage(&survey, &layers, databases.is_some());
    if let Some(databases) = &databases {
        coverage.kinds_without_advisories.clone_from(&databases.not_covered);
        coverage.complete &= databases.not_covered.is_empty();
    }
    let totals = auditing.totals(&survey, &packages, &layers);
    auditing.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    auditing.findings.dedup();
    let mut report = AuditReport {
        schema: SCHEMA.to_owned(),
        basis: Basis {
            build: request.build.clone(),
            at: request.at,
            limits: request.limits_by_option(),
            policies: request.policies.iter().map(|policy| policy.file.clone()).collect(),
            ignores: request.ignores.iter().map(|ignores| ignores.file.clone()).collect(),
            advisories: databases.map(|databases| databases.bases).unwrap_or_default(),
            vex: Vec::new(),
            keys: Vec::new(),
            guard: None,
        },
        bundles: subjects.bundles(),
        sources: subjects.sources(),
        coverage,
        totals,
        artifacts: survey.artifacts.clone(),
        images: auditing.images,
        layers: auditing.layers,
        packages,
        boms: attached.boms,
        statements: attached.statements,
        signatures: attached.signatures,
        findings: auditing.findings,
        advisories: flaws,
        policy: None,
        guard: None,
        nondistributable: nondistributable(&survey, &layers),
        omitted: subjects.omitted(),
    };
    if !request.policies.is_empty() {
        report.policy = Some(judgement(&report, request.policies, request.ignores));
    }
    Ok(Audited { report, unknown: subjects.unknown.clone() })
}

/// What was gathered from the images so far.
#[derive(Default)]
struct Auditing {
    findings: Vec<Finding>,
    images: Vec<AuditedImage>,
    layers: Vec<AuditedLayer>,
    releases: BTreeMap<Digest, (String, String)>,
    /// The packages by package URL, layer and path, with the images that have them.
    located: BTreeMap<(String, Digest, String), (crate::packages::Package, BTreeSet<Digest>)>,
}

impl Auditing {
    fn image(
        &mut self,
        digest: Digest,
        image: &Image,
        merged: MergedImage,
        layers: &BTreeMap<Digest, ReadLayer>,
    ) {
        let config = image.config.clone().unwrap_or_default();
        let steps: Vec<_> = config.layer_steps().map(|step| step.created_by.clone()).collect();
        let diff_ids = &config.rootfs.diff_ids;
        let mut find = |rule, detail: &str, text: String| {
            self.findings.push(Finding::new(rule, Place::artifact(digest), detail, text));
        };
        if image.config.is_some() {
            let count = image.layers.len();
            if diff_ids.len() != count {
                let text = format!("the configuration lists {} layers, the manifest {count}", diff_ids.len());
                find(Rule::HistoryMismatch, "layers", text);
            }
            if !config.history.is_empty() && steps.len() != count {
                let text =
                    format!("the history has {} steps that made a layer; there are {count}", steps.len());
                find(Rule::HistoryMismatch, "history", text);
            }
            let user = config.config.user.split(':').next().unwrap_or_default();
            if matches!(user, "" | "0" | "root") {
                find(Rule::RunsAsRoot, "", "the image runs as root unless it is told otherwise".to_owned());
            }
        }
        let layer = |(at, descriptor): (usize, &Descriptor)| {
            let read = layers.get(&descriptor.digest).and_then(|layer| layer.read.as_ref());
            let found = read.and_then(|read| read.diff_id);
            let holds = diff_ids.get(at).zip(found).map(|(stated, found)| *stated == found.to_string());
            (
                ImageLayer {
                    digest: descriptor.digest,
                    created_by: steps.get(at).cloned().filter(|step| !step.is_empty()),
                    diff_id_holds: holds,
                },
                found,
                diff_ids.get(at),
            )
        };
        let mut used = Vec::new();
        for (layer, found, stated) in image.layers.iter().enumerate().map(layer) {
            if let (Some(false), Some(found), Some(stated)) = (layer.diff_id_holds, found, stated) {
                let place = Place { layer: Some(layer.digest), ..Place::artifact(digest) };
                let stated: String = stated.chars().take(100).collect();
                let text = format!("the layer expands to {found}, the configuration states {stated}");
                self.findings.push(Finding::new(Rule::DiffIdMismatch, place, "", text));
            }
            used.push(layer);
        }
        let release = merged.release.as_ref();
        if let Some(release) = release {
            self.releases.insert(digest, (release.id.clone(), release.version_id.clone()));
        }
        let of = release.map(|release| Release {
            id: &release.id,
            version_id: Some(release.version_id.as_str()).filter(|version| !version.is_empty()),
        });
        let count = merged.packages.len() as u64;
        for located in merged.packages {
            let url = purl(&located.package, of.as_ref());
            let entry = self.located.entry((url, located.layer, located.path));
            entry.or_insert_with(|| (located.package, BTreeSet::new())).1.insert(digest);
        }
        self.findings.extend(merged.findings);
        self.images.push(AuditedImage {
            digest,
            names: image.names.iter().cloned().collect(),
            platform: config.platform(),
            system: release.map(|release| match release.pretty_name.as_str() {
                "" => format!("{} {}", release.id, release.version_id),
                name => name.to_owned(),
            }),
            config: shown_config(config),
            layers: used,
            entries: merged.entries,
            bytes: merged.bytes,
            packages: count,
            unowned: merged.unowned,
        });
    }

    fn layers(&mut self, survey: &Survey, layers: &BTreeMap<Digest, ReadLayer>) {
        for (digest, layer) in &survey.layers {
            let Some(done) = layers.get(digest) else { continue };
            self.findings.extend(done.findings.iter().cloned());
            let read = done.read.as_ref();
            let kind = read.map(|read| read.encoding.kind);
            let media_type = &layer.descriptor.media_type;
            if let (Some(kind), Some(stated)) = (kind, stated_kind(media_type))
                && kind != stated
                && kind != StreamKind::Opaque
            {
                let text = format!("the media type {media_type} says {stated}, the bytes are {kind}");
                self.findings.push(Finding::new(Rule::MediaTypeLies, Place::layer(*digest), "", text));
            }
            let entries = read.map_or_else(BTreeMap::new, |read| {
                let counts = [
                    ("file", read.entries.files),
                    ("hard-link", read.entries.hard_links),
                    ("symlink", read.entries.symlinks),
                    ("folder", read.entries.folders),
                    ("device", read.entries.devices),
                    ("fifo", read.entries.fifos),
                    ("other", read.entries.others),
                ];
                counts.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)).collect()
            });
            self.layers.push(AuditedLayer {
                digest: *digest,
                media_type: media_type.clone(),
                encoding: kind.map_or("unread", StreamKind::name).to_owned(),
                parts: read.map_or(0, |read| read.encoding.parts),
                diff_id: read.and_then(|read| read.diff_id),
                bytes: layer.descriptor.size,
                expanded: read.map_or(0, |read| read.expanded),
                entries,
                read: done.unseen.is_none(),
                urls: layer.descriptor.urls.clone(),
                carried: read.is_some(),
                images: layer.images.iter().copied().collect(),
            });
        }
    }

    fn packages(&mut self) -> Vec<AuditedPackage> {
        let package =
            |((purl, layer, path), (package, images)): ((String, Digest, String), (_, BTreeSet<Digest>))| {
                AuditedPackage { purl, package, layer, path, images: images.into_iter().collect() }
            };
        std::mem::take(&mut self.located).into_iter().map(package).collect()
    }

    fn coverage(
        &self,
        survey: &Survey,
        layers: &BTreeMap<Digest, ReadLayer>,
        has_advisories: bool,
    ) -> Coverage {
        let mut coverage = Coverage { has_advisories, layers: layers.len() as u64, ..Coverage::default() };
        for (digest, media_type) in &survey.opaque {
            let why = format!("content of the type {media_type} is not looked into");
            coverage.opaque.push(Unseen { digest: *digest, why });
        }
        for (digest, layer) in layers {
            let is_opaque = layer
                .read
                .as_ref()
                .is_some_and(|read| read.problems.counts().contains_key(Rule::OpaqueLayer.code()));
            match &layer.unseen {
                _ if is_opaque => {
                    let why = "the layer is no archive that can be read".to_owned();
                    coverage.opaque.push(Unseen { digest: *digest, why });
                }
                Some(why) => coverage.unread.push(Unseen { digest: *digest, why: why.clone() }),
                None => coverage.layers_read += 1,
            }
        }
        let limits = [
            Rule::LayerRatio,
            Rule::LayerBytes,
            Rule::EntriesLimit,
            Rule::WindowTooLarge,
            Rule::TooLargeToRead,
            Rule::SparseTooLarge,
            Rule::LayersLimit,
            Rule::MergeSteps,
            Rule::DepthLimit,
        ];
        for finding in self.findings.iter().filter(|finding| limits.contains(&finding.rule)) {
            let digest = finding.layer.or(finding.artifact).map(|digest| digest.to_string());
            let place = [digest, finding.path.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
            coverage.limits_hit.push(LimitHit { limit: finding.rule.code().to_owned(), place });
        }
        coverage.opaque.sort();
        coverage.limits_hit.sort();
        coverage.complete = coverage.opaque.is_empty()
            && coverage.unread.is_empty()
            && coverage.limits_hit.is_empty()
            && !survey.is_cut;
        coverage
    }

    fn totals(
        &self,
        survey: &Survey,
        packages: &[AuditedPackage],
        layers: &BTreeMap<Digest, ReadLayer>,
    ) -> Totals {
        let reads = || layers.values().filter_map(|layer| layer.read.as_ref());
        let urls: BTreeSet<&str> = packages.iter().map(|package| package.purl.as_str()).collect();
        Totals {
            artifacts: survey.artifacts.len() as u64,
            referrers: survey.artifacts.iter().map(|artifact| artifact.referrers.len() as u64).sum(),
            images: self.images.len() as u64,
            layers: layers.len() as u64,
            entries: reads().map(|read| read.entries.total()).sum(),
            packages: urls.len() as u64,
            bytes: reads().map(|read| read.bytes_in).sum(),
            expanded: reads().map(|read| read.expanded).sum(),
        }
    }
}

/// What the media type of a layer says of its form; `None` if it says nothing.
fn stated_kind(media_type: &MediaType) -> Option<StreamKind> {
    match media_type.as_str().rsplit(['.', '+', '/']).next() {
        Some("gzip") => Some(StreamKind::Gzip),
        Some("zstd") => Some(StreamKind::Zstd),
        Some("tar") => Some(StreamKind::Tar),
        _ => None,
    }
}

/// The values of environment variables whose names say that they are secret are replaced.
fn shown_config(config: crate::oci::config::ImageConfig) -> ImageConfig {
    const SECRET: [&str; 6] = ["password", "passwd", "secret", "token", "api_key", "apikey"];
    let run = config.config;
    let shown = |variable: String| match variable.split_once('=') {
        Some((name, value)) if !value.is_empty() => {
            let lower = name.to_ascii_lowercase();
            if SECRET.iter().any(|word| lower.contains(word)) {
                format!("{name}=(hidden, {} bytes)", value.len())
            } else {
                variable
            }
        }
        _ => variable,
    };
    ImageConfig {
        created: config.created,
        user: run.user,
        entrypoint: run.entrypoint,
        cmd: run.cmd,
        env: run.env.into_iter().map(shown).collect(),
        working_dir: run.working_dir,
        exposed_ports: run.exposed_ports.into_keys().collect(),
        volumes: run.volumes.into_keys().collect(),
        labels: run.labels,
    }
}

fn nondistributable(survey: &Survey, layers: &BTreeMap<Digest, ReadLayer>) -> Vec<ForeignLayer> {
    let foreign = survey.layers.iter().filter(|(_, layer)| layer.descriptor.media_type.is_nondistributable());
    foreign
        .map(|(digest, layer)| ForeignLayer {
            digest: *digest,
            bytes: layer.descriptor.size,
            urls: layer.descriptor.urls.clone(),
            carried: layers.get(digest).is_some_and(|read| read.read.is_some()),
        })
        .collect()
}
