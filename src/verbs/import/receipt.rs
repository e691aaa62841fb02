//! The receipt of an import: what was done, by whom it was vouched for, and with which program. JSON for
//! machines, text of the caller for the transfer log, and a signature over the JSON file's bytes.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::ImportError;
use super::report::{ImportReport, Outcome, Problem};
use crate::arrival::ReleasedBundle;
use crate::format::{Sum, Timestamp};
use crate::medium::Temporary;
use crate::oci::{Digest, RefName};
use crate::registry::Host;
use crate::trust::{AcceptedChunk, KeyId, Signer};

/// The version of the form below.
const FORM: u32 = 1;

/// What was imported, and how that is known.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Receipt {
    /// The version of this form.
    pub receipt: u32,
    /// The program.
    pub build: Build,
    /// When the import began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// The only registry that was written to.
    pub host: String,
    /// Whether everything that was asked for is there.
    pub complete: bool,
    /// The key that signs this receipt.
    pub signed_by: Option<String>,
    /// The keys whose signatures were accepted.
    pub verified_with: Vec<VerifiedWith>,
    /// How many releasers the trust policy asks for.
    pub release_threshold: u8,
    /// The chunk files that were accepted.
    pub chunks: Vec<ChunkReceipt>,
    /// What became of each tag.
    pub tags: Tags,
    /// What was imported.
    #[serde(flatten)]
    pub import: ImportReport,
}

/// A build of the program.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Build {
    /// Its name.
    pub program: String,
    /// Its version.
    pub version: String,
    /// Processor and operating system that it was made for.
    pub target: String,
}

/// A key whose signatures were accepted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VerifiedWith {
    /// Whose.
    pub holder: String,
    /// Its id.
    pub key: String,
    /// As what: `packer`, `releaser`.
    pub roles: Vec<String>,
}

/// A chunk file that was accepted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChunkReceipt {
    /// Its number.
    pub number: u32,
    /// The file, escaped.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its `02_sums.txt`, which its signatures cover.
    pub sums: Sum,
}

/// What became of each tag.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Tags {
    /// New ones.
    pub created: Vec<TagReceipt>,
    /// Those that pointed at something else.
    pub replaced: Vec<TagReceipt>,
    /// Those that were as they should be, and were left alone.
    pub skipped: Vec<TagReceipt>,
    /// Those that could not be set.
    pub failed: Vec<TagReceipt>,
    /// Those whose turn did not come.
    pub pending: Vec<TagReceipt>,
}

/// What became of a tag.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TagReceipt {
    /// Repository and tag.
    pub tag: String,
    /// The artifact's name in the bundle.
    pub name: Option<RefName>,
    /// What it was to point at.
    pub digest: Digest,
    /// What it pointed at before.
    pub previous: Option<Digest>,
    /// The tag that keeps that.
    pub backup: Option<String>,
    /// Why it failed.
    pub error: Option<Problem>,
}

impl Build {
    fn this() -> Build {
        Build {
            program: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        }
    }
}

impl Tags {
    fn of(report: &ImportReport) -> Tags {
        let mut tags = Tags::default();
        for delivery in report.artifacts.iter().chain(&report.referrers) {
            let Some(tag) = &delivery.tag else { continue };
            let list = match delivery.outcome {
                Outcome::Created => &mut tags.created,
                Outcome::Replaced => &mut tags.replaced,
                Outcome::Unchanged => &mut tags.skipped,
                Outcome::Failed => &mut tags.failed,
                Outcome::Pending | Outcome::PushedByDigest | Outcome::Listed => &mut tags.pending,
            };
            list.push(TagReceipt {
                tag: format!("{}:{tag}", delivery.repository),
                name: delivery.name.clone(),
                digest: delivery.digest,
                previous: delivery.previous,
                backup: delivery.backup.clone(),
                error: delivery.error.clone(),
            });
        }
        tags
    }
}

/// The keys whose signatures on the chunks were accepted, and on the release.
fn verified_with(bundle: &ReleasedBundle<'_>) -> Vec<VerifiedWith> {
    let mut keys: BTreeMap<KeyId, VerifiedWith> = BTreeMap::new();
    let accepted = bundle.files().filter_map(|opened| opened.accepted.as_ref());
    let packers = accepted.flat_map(AcceptedChunk::packers).map(|by| (by, "packer"));
    let releasers = bundle.release().releasers().iter().map(|by| (by, "releaser"));
    for (by, role) in packers.chain(releasers) {
        let key = keys.entry(by.key_id).or_insert_with(|| VerifiedWith {
            holder: by.holder.clone(),
            key: by.key_id.to_string(),
            roles: Vec::new(),
        });
        if !key.roles.iter().any(|known| known == role) {
            key.roles.push(role.to_owned());
        }
    }
    keys.into_values().collect()
}

fn chunks(bundle: &ReleasedBundle<'_>) -> Vec<ChunkReceipt> {
    let all = bundle.files();
    all.map(|opened| ChunkReceipt {
        number: opened.statement.number,
        file: opened.file.name().to_owned(),
        bytes: opened.file.bytes(),
        sums: opened.statement.sums,
    })
    .collect()
}

impl Receipt {
    /// The receipt of an import that ran from `started` to `finished`.
    pub fn new(
        bundle: &ReleasedBundle<'_>,
        host: &Host,
        report: &ImportReport,
        [started, finished]: [Timestamp; 2],
        signer: Option<&dyn Signer>,
    ) -> Receipt {
        Receipt {
            receipt: FORM,
            build: Build::this(),
            started,
            finished,
            host: host.to_string(),
            complete: report.ended_by.is_none() && report.failed() == 0,
            signed_by: signer.map(|signer| signer.public_key().id().to_string()),
            verified_with: verified_with(bundle),
            release_threshold: bundle.release().threshold(),
            chunks: chunks(bundle),
            tags: Tags::of(report),
            import: report.clone(),
        }
    }
}

/// The files of a receipt, on their way: their names are free and their folder can be written to.
pub struct ReceiptFiles {
    json: Pending,
    text: Pending,
    signature: Option<Pending>,
}

struct Pending {
    target: PathBuf,
    temporary: Temporary,
}

fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

impl Pending {
    fn new(target: PathBuf) -> Result<Pending, ImportError> {
        let file = || shown(&target);
        // A link that leads nowhere is in the way, too.
        if std::fs::symlink_metadata(&target).is_ok() {
            return Err(ImportError::ReceiptExists { file: file() });
        }
        match Temporary::beside(&target) {
            Ok(temporary) => Ok(Pending { target, temporary }),
            Err(source) => Err(ImportError::Receipt { file: file(), source }),
        }
    }

    fn write(mut self, bytes: &[u8]) -> Result<(), ImportError> {
        let written = self.temporary.file().write_all(bytes);
        let placed = written.and_then(|()| self.temporary.place_new(&self.target));
        let file = shown(&self.target);
        placed.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ImportError::ReceiptExists { file },
            _ => ImportError::Receipt { file, source },
        })
    }
}

impl ReceiptFiles {
    /// Takes hold of the files before the work begins: the JSON file of this name, the same name with `.txt`
    /// behind it, and with `.sig` where it will be signed.
    ///
    /// # Errors
    /// When one of them exists, or the folder cannot be written to.
    pub fn reserve(path: &Path, signed: bool) -> Result<ReceiptFiles, ImportError> {
        let Some(name) = path.file_name() else { return Err(ImportError::ReceiptName { file: shown(path) }) };
        let beside = |extension: &str| {
            let mut name = name.to_owned();
            name.push(extension);
            Pending::new(path.with_file_name(name))
        };
        Ok(ReceiptFiles {
            json: Pending::new(path.to_owned())?,
            text: beside(".txt")?,
            signature: signed.then(|| beside(".sig")).transpose()?,
        })
    }

    /// Writes the receipt, and `text` for the transfer log; the JSON file comes last.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(
        self,
        receipt: &Receipt,
        text: &str,
        signer: Option<&dyn Signer>,
    ) -> Result<(), ImportError> {
        let mut json = serde_json::to_vec_pretty(receipt).expect("a receipt serialises");
        json.push(b'\n');
        self.text.write(text.as_bytes())?;
        if let (Some(signature), Some(signer)) = (self.signature, signer) {
            signature.write(&signer.signature(&json)?.bytes)?;
        }
        self.json.write(&json)
    }
}
