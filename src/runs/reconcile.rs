//! Compares what one side sent with what the other side received.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::{PipelineType, RunFile, RunRecord, RunStatus};

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
    /// A chunk has another signed statement, so its content or its description differs.
    ChunkOtherStatement {
        /// The id of the bundle.
        catalog_digest: String,
        /// The number of the chunk.
        chunk: u32,
        /// The name of the file that arrived.
        file: String,
        /// The SHA-256 of the statements that were sent.
        sent: Vec<String>,
        /// The SHA-256 of the statement that arrived.
        arrived: String,
    },
    /// A chunk file has another sum.
    FileOtherDigest {
        /// The id of the bundle.
        catalog_digest: String,
        /// The name of the file that arrived.
        file: String,
        /// The SHA-256 of what was sent.
        sent: Vec<String>,
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

/// What identifies a chunk file on both sides: the number of the chunk, or the name of the file in records of earlier
/// versions. Files are renamed on their way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FileKey<'a> {
    Number(u32),
    Name(&'a str),
}

/// The sums of the files of some runs. A file may have been sent several times.
type Sums<'a> = BTreeMap<FileKey<'a>, BTreeSet<&'a str>>;

fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Returns the sums of all files of some runs, each by its number and by its name.
fn sums<'a>(runs: &[&'a RunRecord], sum: impl Fn(&'a RunFile) -> Option<&'a String>) -> Sums<'a> {
    let mut found = Sums::new();
    for file in runs.iter().flat_map(|run| &run.files) {
        let Some(sum) = sum(file) else { continue };
        found.entry(FileKey::Name(base_name(&file.name))).or_default().insert(sum);
        if let Some(number) = file.chunk {
            found.entry(FileKey::Number(number)).or_default().insert(sum);
        }
    }
    found
}

/// Compares the statements and the sums of chunk files, where both sides know them. A release signature that was added on
/// the way changes the file of the control chunk, but not its statement.
fn files(id: &str, exports: &[&RunRecord], imports: &[&RunRecord], differences: &mut Vec<Difference>) {
    let statements = sums(exports, |file| file.statement_sha256.as_ref());
    let whole = sums(exports, |file| file.sha256.as_ref());
    let other = |sent: &Sums<'_>, key: FileKey<'_>, arrived: Option<&String>| {
        let (sent, arrived) = (sent.get(&key)?, arrived?);
        let all = || sent.iter().map(|sum| (*sum).to_owned()).collect::<Vec<_>>();
        (!sent.contains(arrived.as_str())).then(|| (all(), arrived.clone()))
    };
    let mut told = BTreeSet::new();
    for arrived in imports.iter().flat_map(|run| &run.files) {
        let (catalog_digest, file) = (id.to_owned(), base_name(&arrived.name).to_owned());
        let number = arrived.chunk.map(FileKey::Number);
        let statement = number.and_then(|key| other(&statements, key, arrived.statement_sha256.as_ref()));
        let knows_statement = number.is_some_and(|key| statements.contains_key(&key));
        let key = number.filter(|key| whole.contains_key(key)).unwrap_or(FileKey::Name(&file));
        if let (Some((sent, sum)), Some(chunk)) = (statement, arrived.chunk) {
            if told.insert((file.clone(), sum.clone())) {
                let (catalog_digest, arrived) = (catalog_digest, sum);
                differences.push(Difference::ChunkOtherStatement {
                    catalog_digest,
                    chunk,
                    file,
                    sent,
                    arrived,
                });
            }
        } else if arrived.chunk == Some(0) && knows_statement && arrived.statement_sha256.is_some() {
            // Its statement is the one that was sent.
        } else if let Some((sent, sum)) = other(&whole, key, arrived.sha256.as_ref())
            && told.insert((file.clone(), sum.clone()))
        {
            differences.push(Difference::FileOtherDigest { catalog_digest, file, sent, arrived: sum });
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
