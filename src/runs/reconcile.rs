//! Compares what one side sent with what the other side received.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::{PipelineType, RunRecord, RunStatus};

/// The result of comparing the runs of both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconciliation {
    /// How many bundles were sent.
    pub sent: u64,
    /// How many bundles arrived.
    pub arrived: u64,
    /// How many bundles were sent and arrived as they were sent.
    pub agreed: u64,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// Something that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "difference", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Difference {
    /// A bundle was sent, and no run imported it.
    NotArrived {
        /// The id of the bundle.
        catalog_digest: String,
        /// The run that exported it.
        run: String,
        /// The last run that tried to import it, if there is one.
        failed_run: Option<String>,
    },
    /// A bundle was imported, and no run exported it.
    NotSent {
        /// The id of the bundle.
        catalog_digest: String,
        /// The run that imported it.
        run: String,
    },
    /// One number of a stream has two bundles.
    OtherDigest {
        /// The stream.
        stream: String,
        /// The number of the bundles in the stream.
        sequence: u64,
        /// The ids of the bundles that were sent.
        sent: Vec<String>,
        /// The ids of the bundles that arrived.
        arrived: Vec<String>,
    },
    /// An artifact of a bundle was sent, and was not imported.
    ArtifactNotArrived {
        /// The id of the bundle.
        catalog_digest: String,
        /// The name of the artifact where it was exported.
        artifact: String,
        /// The digest of the artifact.
        digest: String,
    },
    /// A tag was set to something that was not exported in the bundle.
    ArtifactOtherDigest {
        /// The id of the bundle.
        catalog_digest: String,
        /// The name of the artifact where it was imported.
        artifact: String,
        /// Its digest there.
        digest: String,
    },
    /// A chunk file has another sum.
    FileOtherDigest {
        /// The id of the bundle.
        catalog_digest: String,
        /// The name of the file.
        file: String,
        /// The SHA-256 of what was sent.
        sent: String,
        /// The SHA-256 of what arrived.
        arrived: String,
    },
    /// A bundle was imported more than once.
    Replayed {
        /// The id of the bundle.
        catalog_digest: String,
        /// The runs that imported it.
        runs: Vec<String>,
    },
}

/// The runs about each bundle, by its id, the oldest first.
type ByBundle<'a> = BTreeMap<&'a str, Vec<&'a RunRecord>>;

/// Compares the exports of one side with the imports of the other. Runs under way, and runs that skipped what an earlier
/// one did, count for nothing.
pub fn reconcile(low: &[RunRecord], high: &[RunRecord]) -> Reconciliation {
    let sent = by_bundle(low, PipelineType::Export, |run| {
        run.status == RunStatus::Succeeded || run.exported_artifacts.iter().any(|one| one.error.is_none())
    });
    let arrived = by_bundle(high, PipelineType::Import, |run| {
        run.status == RunStatus::Succeeded || run.imported_artifacts.iter().any(|one| one.error.is_none())
    });
    let tried = by_bundle(high, PipelineType::Import, |_| true);
    let mut differences = Vec::new();
    let mut agreed = 0;
    for (id, exports) in &sent {
        let Some(imports) = arrived.get(id) else {
            let failed_run = tried.get(id).and_then(|runs| runs.last()).map(|run| run.name.clone());
            let run = exports[0].name.clone();
            differences.push(Difference::NotArrived { catalog_digest: (*id).to_owned(), run, failed_run });
            continue;
        };
        let before = differences.len();
        artifacts(id, exports, imports, &mut differences);
        files(id, exports, imports, &mut differences);
        agreed += u64::from(differences.len() == before);
    }
    for (id, imports) in &arrived {
        if !sent.contains_key(id) {
            let run = imports[0].name.clone();
            differences.push(Difference::NotSent { catalog_digest: (*id).to_owned(), run });
        }
        let whole = imports.iter().filter(|run| run.status == RunStatus::Succeeded);
        let runs: Vec<String> = whole.map(|run| run.name.clone()).collect();
        if runs.len() > 1 {
            differences.push(Difference::Replayed { catalog_digest: (*id).to_owned(), runs });
        }
    }
    streams(&sent, &arrived, &mut differences);
    Reconciliation { sent: sent.len() as u64, arrived: arrived.len() as u64, agreed, differences }
}

fn by_bundle(
    records: &[RunRecord],
    pipeline_type: PipelineType,
    counts: impl Fn(&RunRecord) -> bool,
) -> ByBundle<'_> {
    let mut found = ByBundle::new();
    for run in records {
        let is_over = !matches!(run.status, RunStatus::Running | RunStatus::Skipped);
        if let Some(id) = run.catalog_digest.as_deref()
            && run.pipeline_type == pipeline_type
            && is_over
            && counts(run)
        {
            found.entry(id).or_default().push(run);
        }
    }
    for runs in found.values_mut() {
        runs.sort_by(|a, b| a.name.cmp(&b.name));
    }
    found
}

/// Compares the artifacts of one bundle. They are known by their digests, because imports may rename them. Referrers are
/// not listed by exports.
fn artifacts(id: &str, exports: &[&RunRecord], imports: &[&RunRecord], differences: &mut Vec<Difference>) {
    let exported =
        || exports.iter().flat_map(|run| &run.exported_artifacts).filter(|one| one.error.is_none());
    let imported =
        || imports.iter().flat_map(|run| &run.imported_artifacts).filter(|one| one.error.is_none());
    let sent: BTreeMap<&str, &str> =
        exported().filter_map(|one| Some((one.digest.as_deref()?, one.name.as_str()))).collect();
    let arrived: BTreeSet<&str> = imported().filter_map(|one| one.digest.as_deref()).collect();
    for (digest, name) in sent.iter().filter(|(digest, _)| !arrived.contains(*digest)) {
        differences.push(Difference::ArtifactNotArrived {
            catalog_digest: id.to_owned(),
            artifact: (*name).to_owned(),
            digest: (*digest).to_owned(),
        });
    }
    let mut told = BTreeSet::new();
    for one in imported().filter(|one| one.subject.is_none() && !one.name.contains('@')) {
        let Some(digest) = one.digest.as_deref().filter(|digest| !sent.contains_key(digest)) else {
            continue;
        };
        if told.insert((&one.name, digest)) {
            differences.push(Difference::ArtifactOtherDigest {
                catalog_digest: id.to_owned(),
                artifact: one.name.clone(),
                digest: digest.to_owned(),
            });
        }
    }
}

/// Compares the sums of files that have the same name on both sides, where both are known.
fn files(id: &str, exports: &[&RunRecord], imports: &[&RunRecord], differences: &mut Vec<Difference>) {
    let last = |runs: &[&RunRecord]| -> BTreeMap<String, String> {
        let files = runs.iter().flat_map(|run| &run.files);
        let base = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
        files.filter_map(|file| Some((base(&file.name), file.sha256.clone()?))).collect()
    };
    let (sent, arrived) = (last(exports), last(imports));
    for (file, sent) in sent {
        if let Some(arrived) = arrived.get(&file).filter(|arrived| **arrived != sent) {
            let (catalog_digest, arrived) = (id.to_owned(), arrived.clone());
            differences.push(Difference::FileOtherDigest { catalog_digest, file, sent, arrived });
        }
    }
}

/// Finds numbers of streams that name other bundles on the two sides.
fn streams(sent: &ByBundle<'_>, arrived: &ByBundle<'_>, differences: &mut Vec<Difference>) {
    let numbers = |bundles: &ByBundle<'_>| {
        let mut found: BTreeMap<(String, u64), BTreeSet<String>> = BTreeMap::new();
        for (id, runs) in bundles {
            for run in runs {
                if let (Some(stream), Some(sequence)) = (&run.stream, run.sequence) {
                    found.entry((stream.clone(), sequence)).or_default().insert((*id).to_owned());
                }
            }
        }
        found
    };
    let (sent, arrived) = (numbers(sent), numbers(arrived));
    for ((stream, sequence), arrived) in arrived {
        let Some(sent) = sent.get(&(stream.clone(), sequence)) else { continue };
        if !arrived.is_subset(sent) {
            let (sent, arrived) = (sent.iter().cloned().collect(), arrived.into_iter().collect());
            differences.push(Difference::OtherDigest { stream, sequence, sent, arrived });
        }
    }
}
