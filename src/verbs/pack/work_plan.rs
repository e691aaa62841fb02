//! A plan that several processes pack: the place of every byte, and the source of every blob (docs/scale.md).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::blueprint::Blueprint;
use super::gather::Gathered;
use super::place::place;
use super::prepared::Prepared;
use super::{Expiry, PackError, PackRequest};
use crate::artifacts::ArtifactSource;
use crate::format::plan::{Plan, PlannedBlob};
use crate::format::signature::{Signature, SignatureAlgorithm};
use crate::format::statement::Class;
use crate::format::{Sum, Timestamp};
use crate::oci::Descriptor;
use crate::oci::graph::Part;
use crate::trust::{PublicKey, Signer};

/// The first words of a work plan.
const FORMAT: &str = "carnet-work v1";

/// Largest number of pieces. Job arrays of Slurm have at most 1001 by default.
pub const PIECES_MAX: u32 = 1000;

/// Maximum size of `work.json`, in bytes: a line for each blob, and the URLs of non-distributable layers.
pub const WORK_BYTES_MAX: u64 = 512 << 20;

/// A key that signs the chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkKey {
    /// The id of the key, in hexadecimal digits.
    id: String,
    algorithm: SignatureAlgorithm,
    /// The size of its signatures in bytes.
    bytes: u64,
}

/// A plan that several processes pack. None of them needs to ask the others, or to resolve a name.
#[derive(Clone, Debug)]
pub struct WorkPlan {
    plan: Plan,
    created: Timestamp,
    expires: Option<Timestamp>,
    keys: Vec<WorkKey>,
    /// The names of the sources.
    sources: Vec<String>,
    /// The source of each blob of the plan, and the URLs of its layer.
    origins: Vec<(usize, Vec<String>)>,
    /// The number of pieces that were asked for.
    most: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    format: String,
    /// The SHA-256 of `plan.txt`, which is the id of the bundle.
    bundle: String,
    created: String,
    expires: Option<String>,
    pieces: u32,
    keys: Vec<KeyLine>,
    sources: Vec<String>,
    blobs: Vec<BlobLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyLine {
    id: String,
    algorithm: String,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlobLine {
    digest: String,
    source: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    urls: Vec<String>,
}

impl WorkKey {
    fn of(key: &PublicKey) -> WorkKey {
        WorkKey { id: key.id().to_string(), algorithm: key.algorithm(), bytes: key.signature_bytes() }
    }

    /// Returns the sizes of the signatures of these keys, in bytes.
    fn sizes(keys: &[WorkKey]) -> Vec<u64> {
        keys.iter().map(|key| key.bytes).collect()
    }

    /// Returns zeros in place of the signatures of these keys.
    pub(super) fn placeholders(keys: &[WorkKey]) -> Vec<Signature> {
        let mut signatures: Vec<Signature> = keys.iter().map(WorkKey::placeholder).collect();
        signatures.sort_by_key(|signature| (signature.key, signature.algorithm));
        signatures
    }

    fn placeholder(&self) -> Signature {
        let mut key = [0; 8];
        hex::decode_to_slice(&self.id[..16], &mut key).expect("hexadecimal digits");
        let bytes = vec![0; usize::try_from(self.bytes).expect("a signature")];
        Signature { key, algorithm: self.algorithm, bytes }
    }
}

/// Returns a part of an image whose blobs have this class.
fn part_of(class: Class) -> Part {
    match class {
        Class::Nondistributable => Part::NondistributableLayer,
        Class::Distributable => Part::Layer,
        Class::Metadata => Part::Document,
    }
}

impl WorkPlan {
    /// Makes a plan of what is prepared. `keys` sign the chunks, and `most` is the largest number of pieces.
    pub(super) fn of(
        request: &PackRequest<'_>,
        prepared: &Prepared,
        keys: &[PublicKey],
        most: u32,
    ) -> WorkPlan {
        let plan = prepared.blueprint.plan().clone();
        let origin = |blob: &PlannedBlob| {
            let (node, source) = &prepared.gathered.nodes[&blob.digest];
            (*source, node.descriptor.urls.clone())
        };
        WorkPlan {
            origins: plan.blobs.iter().map(origin).collect(),
            sources: request.sources.iter().map(|wanted| wanted.source.name().to_owned()).collect(),
            created: request.created,
            expires: request.expires.and_then(|expiry: Expiry| expiry.from(request.created)),
            keys: keys.iter().map(WorkKey::of).collect(),
            plan,
            most,
        }
    }

    /// Returns the id of the bundle.
    pub fn bundle(&self) -> Sum {
        self.plan.bundle_id()
    }

    /// Returns what the bundle will contain.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the time of sealing in the statements of all chunks.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Returns when the chunks expire, if they do.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Returns the keys that sign the chunks.
    pub fn keys(&self) -> &[WorkKey] {
        &self.keys
    }

    /// Returns the names of the sources. Each is the beginning of a source on the command line.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Checks that a signer has the keys of the plan, no others.
    ///
    /// # Errors
    /// [`PackError::OtherKeys`].
    pub(super) fn check_signer(&self, signer: &dyn Signer) -> Result<(), PackError> {
        let mut found: Vec<WorkKey> = signer.public_keys().map(WorkKey::of).collect();
        let mut expected = self.keys.clone();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        expected.sort_by(|a, b| a.id.cmp(&b.id));
        if found == expected {
            return Ok(());
        }
        let ids = |keys: &[WorkKey]| keys.iter().map(|key| key.id[..16].to_owned()).collect();
        Err(PackError::OtherKeys { expected: ids(&expected), found: ids(&found) })
    }

    /// Returns the layout, and each blob with its source.
    ///
    /// # Errors
    /// [`PackError::WorkPlan`] if the plan is not what this version would make of the same blobs.
    pub(super) fn prepare(&self, sources: &[Arc<dyn ArtifactSource>]) -> Result<Prepared, PackError> {
        let blueprint = self.blueprint()?;
        let blobs = self.plan.blobs.iter().zip(&self.origins);
        let blobs = blobs.map(|(blob, (source, urls))| {
            let mut descriptor = Descriptor::new(blob.media_type.clone(), blob.digest, blob.size);
            descriptor.urls.clone_from(urls);
            (descriptor, part_of(blob.class), *source)
        });
        let gathered = Gathered::of_blobs(blobs, sources);
        Ok(Prepared { gathered, blueprint, assigned: None, volumes: Vec::new() })
    }

    fn blueprint(&self) -> Result<Blueprint, PackError> {
        let placement = place(self.plan.clone())?;
        if placement.plan != self.plan {
            let problem = "another version of carnet would place its blobs elsewhere".to_owned();
            return Err(PackError::WorkPlan { problem });
        }
        Ok(Blueprint::new(placement, &WorkKey::sizes(&self.keys), self.created, self.expires))
    }

    /// Returns the data chunks of each piece, and the size of their files in bytes. There may be fewer pieces than were asked
    /// for, and none if the bundle has no data chunks.
    ///
    /// # Errors
    /// [`PackError::WorkPlan`] if the plan is not what this version would make of the same blobs.
    pub fn pieces(&self) -> Result<Vec<(BTreeSet<u32>, u64)>, PackError> {
        let blueprint = self.blueprint()?;
        let bytes = |chunks: &BTreeSet<u32>| chunks.iter().map(|&number| blueprint.file_bytes(number)).sum();
        let pieces = self.plan.deal(self.most as usize, &|number| blueprint.file_bytes(number));
        Ok(pieces
            .into_iter()
            .map(|chunks| (bytes(&chunks), chunks))
            .map(|(bytes, chunks)| (chunks, bytes))
            .collect())
    }

    /// Returns `plan.txt` and `work.json`.
    pub fn render(&self) -> (Vec<u8>, Vec<u8>) {
        let blobs = self.plan.blobs.iter().zip(&self.origins);
        let document = Document {
            format: FORMAT.to_owned(),
            bundle: self.bundle().to_string(),
            created: self.created.to_string(),
            expires: self.expires.map(|time| time.to_string()),
            pieces: self.most,
            keys: self
                .keys
                .iter()
                .map(|key| KeyLine {
                    id: key.id.clone(),
                    algorithm: key.algorithm.to_string(),
                    bytes: key.bytes,
                })
                .collect(),
            sources: self.sources.clone(),
            blobs: blobs
                .map(|(blob, (source, urls))| BlobLine {
                    digest: blob.digest.to_string(),
                    source: *source,
                    urls: urls.clone(),
                })
                .collect(),
        };
        let mut text = serde_json::to_vec_pretty(&document).expect("plain data");
        text.push(b'\n');
        (self.plan.render(), text)
    }

    /// Reads what [`WorkPlan::render`] made.
    ///
    /// # Errors
    /// [`PackError::WorkPlan`] if something is malformed, or if the two files do not belong together.
    pub fn parse(plan: &[u8], work: &[u8]) -> Result<WorkPlan, PackError> {
        let wrong = |problem: String| PackError::WorkPlan { problem };
        let plan = Plan::parse(plan).map_err(|error| wrong(error.to_string()))?;
        let document: Document =
            serde_json::from_slice(work).map_err(|error| wrong(format!("work.json: {error}")))?;
        let expect = |what: &str, expected: &str, found: &str| {
            wrong(format!("work.json: {what}: expected {expected}, found {found:?}"))
        };
        if document.format != FORMAT {
            return Err(expect("format", &format!("{FORMAT:?}"), &document.format));
        }
        let bundle = plan.bundle_id().to_string();
        if document.bundle != bundle {
            return Err(expect("bundle", &format!("the SHA-256 of plan.txt, {bundle}"), &document.bundle));
        }
        if !(1..=PIECES_MAX).contains(&document.pieces) {
            return Err(expect("pieces", &format!("1 to {PIECES_MAX}"), &document.pieces.to_string()));
        }
        let time = |what: &str, text: &str| text.parse().map_err(|_| expect(what, "a time", text));
        let expires = document.expires.as_deref().map(|text| time("expires", text)).transpose()?;
        let keys = document.keys.iter().map(|line| {
            let is_id =
                line.id.len() == 64 && line.id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            let algorithm: SignatureAlgorithm = line
                .algorithm
                .parse()
                .map_err(|expected: String| expect("algorithm", &expected, &line.algorithm))?;
            let allowed = usize::try_from(line.bytes).is_ok_and(|bytes| algorithm.allows(bytes));
            if is_id && allowed {
                Ok(WorkKey { id: line.id.clone(), algorithm, bytes: line.bytes })
            } else {
                Err(expect("keys", "ids of keys, and sizes of signatures", &line.id))
            }
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if !(1..=2).contains(&keys.len()) {
            return Err(expect("keys", "1 or 2", &keys.len().to_string()));
        }
        if document.blobs.len() != plan.blobs.len() {
            let expected = format!("the {} of plan.txt", plan.blobs.len());
            return Err(expect("blobs", &expected, &document.blobs.len().to_string()));
        }
        for (line, blob) in document.blobs.iter().zip(&plan.blobs) {
            if line.digest != blob.digest.to_string() {
                return Err(expect("blobs", &blob.digest.to_string(), &line.digest));
            }
            if line.source >= document.sources.len() {
                let expected = format!("the number of one of {} sources", document.sources.len());
                return Err(expect("blobs", &expected, &line.source.to_string()));
            }
        }
        Ok(WorkPlan {
            created: time("created", &document.created)?,
            expires,
            keys,
            sources: document.sources,
            origins: document.blobs.into_iter().map(|line| (line.source, line.urls)).collect(),
            most: document.pieces,
            plan,
        })
    }
}
