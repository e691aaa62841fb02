//! What was seen, what was not, and how much it is.

use std::collections::{BTreeMap, BTreeSet};

use super::attached;
use super::finding::Rule;
use super::gathered::Gathered;
use super::read_layer::ReadLayer;
use super::report::{AuditedPackage, Coverage, LimitHit, Totals, Unseen};
use super::survey::Survey;
use crate::diagnosis::count;
use crate::oci::Digest;

impl Gathered {
    /// Returns what was seen of the layers, and what was not.
    pub(super) fn coverage(
        &self,
        survey: &Survey,
        attached: &attached::Read,
        layers: &BTreeMap<Digest, ReadLayer>,
        has_advisories: bool,
    ) -> Coverage {
        let mut coverage = Coverage { has_advisories, layers: layers.len() as u64, ..Coverage::default() };
        for (digest, media_type) in &survey.opaque {
            let why = format!("content of the type {media_type} is not looked into");
            coverage.opaque.push(Unseen { digest: *digest, why });
        }
        let passed_over = attached.passed_over;
        let attached = attached.opaque.iter().filter(|blob| !survey.opaque.contains_key(&blob.digest));
        coverage.opaque.extend(attached.cloned());
        if passed_over > 0 {
            let place = count(passed_over, "blob that is attached", "blobs that are attached");
            coverage.limits_hit.push(LimitHit { limit: Rule::BomUnreadable.code().to_owned(), place });
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
            let unopened: u64 = layer.archives.iter().map(|archives| archives.unopened).sum();
            coverage.unopened_archives = coverage.unopened_archives.saturating_add(unopened);
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
            Rule::NestedLimit,
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

    /// Returns how much comes in.
    pub(super) fn totals(
        &self,
        survey: &Survey,
        packages: &[AuditedPackage],
        layers: &BTreeMap<Digest, ReadLayer>,
    ) -> Totals {
        let reads = || layers.values().filter_map(|layer| layer.read.as_ref());
        let urls: BTreeSet<&str> = packages
            .iter()
            .filter(|package| !package.images.is_empty())
            .map(|package| package.purl.as_str())
            .collect();
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
