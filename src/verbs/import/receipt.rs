//! The receipt of an import: what was imported, who signed it, and which program did it. It consists of a JSON file
//! for machines, a text file for the transfer log, and optionally a signature over the bytes of the JSON file.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::ImportError;
use super::report::{ImportReport, Outcome, Problem};
use crate::arrival::ReleasedBundle;
use crate::format::{SumPair, Timestamp};
use crate::medium::{Temporary, reserve};
use crate::oci::{Digest, RefName};
use crate::registry::Host;
use crate::trust::{AcceptedChunk, KeyId, Signer};

/// The version of the receipt format.
const VERSION: u32 = 1;

/// The receipt of an import.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Receipt {
    /// The version of the receipt format.
    pub receipt: u32,
    /// The program that did the import.
    pub build: Build,
    /// When the import started.
    pub started: Timestamp,
    /// When the import finished.
    pub finished: Timestamp,
    /// The host of the registry; no other registry was written to.
    pub host: String,
    /// Whether everything that was requested was imported.
    pub complete: bool,
    /// The id of the key that signs this receipt, if it is signed.
    pub signed_by: Option<String>,
    /// The keys whose signatures on the chunks or the release were accepted.
    pub verified_with: Vec<VerifiedWith>,
    /// How many releasers the trust policy requires.
    pub release_threshold: u8,
    /// The chunk files that were accepted.
    pub chunks: Vec<ChunkReceipt>,
    /// The result for each tag.
    pub tags: Tags,
    /// The report of the import.
    #[serde(flatten)]
    pub import: ImportReport,
}

/// A build of the program.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Build {
    /// The name of the program.
    pub program: String,
    /// The version of the program.
    pub version: String,
    /// The processor architecture and operating system it was built for.
    pub target: String,
}

/// A key whose signatures were accepted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VerifiedWith {
    /// The holder of the key, as named in the trust policy.
    pub holder: String,
    /// The id of the key.
    pub key: String,
    /// The roles in which it signed: `packer`, `releaser`.
    pub roles: Vec<String>,
}

/// A chunk file that was accepted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChunkReceipt {
    /// The number of the chunk; 0 for the control chunk.
    pub number: u32,
    /// The path of the chunk file.
    pub file: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The SHA-256 of the chunk's `02_sums.txt`, and with a profile, after a comma, the SHA-384 of its `03_sums384.txt`. Its
    /// signatures cover them.
    pub sums: SumPair,
}

/// The tags of an import, by result.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Tags {
    /// Tags that were created.
    pub created: Vec<TagReceipt>,
    /// Tags that pointed at another digest and were moved.
    pub replaced: Vec<TagReceipt>,
    /// Tags that already pointed at the right digest.
    pub skipped: Vec<TagReceipt>,
    /// Tags that could not be set.
    pub failed: Vec<TagReceipt>,
    /// Tags that were not processed because the import stopped early.
    pub pending: Vec<TagReceipt>,
}

/// The result for one tag.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TagReceipt {
    /// The repository and tag, without the host.
    pub tag: String,
    /// The name of the artifact in the bundle; absent if it has none.
    pub name: Option<RefName>,
    /// The digest that the tag should point at.
    pub digest: Digest,
    /// The digest that the tag pointed at before, if it differs.
    pub previous: Option<Digest>,
    /// The backup tag that keeps the previous digest, if any.
    pub backup: Option<String>,
    /// The error, if the tag could not be set.
    pub error: Option<Problem>,
}

impl Build {
    fn current() -> Build {
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

/// Returns the keys whose signatures on the chunks and on the release were accepted.
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
    /// Creates the receipt of an import that ran from `started` to `finished`.
    pub fn new(
        bundle: &ReleasedBundle<'_>,
        host: &Host,
        report: &ImportReport,
        [started, finished]: [Timestamp; 2],
        signer: Option<&dyn Signer>,
    ) -> Receipt {
        Receipt {
            receipt: VERSION,
            build: Build::current(),
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

/// The reserved files of a receipt: no file has their names yet, and their folder is writable.
pub struct ReceiptFiles {
    json: Pending,
    text: Pending,
    signature: Option<Pending>,
}

struct Pending {
    target: PathBuf,
    temporary: Temporary,
}

impl Pending {
    fn new(target: PathBuf) -> Result<Pending, ImportError> {
        let file = || target.display().to_string();
        // A dangling symbolic link also blocks the name.
        if std::fs::symlink_metadata(&target).is_ok() {
            return Err(ImportError::ReceiptExists { file: file() });
        }
        match Temporary::beside(&target) {
            Ok(temporary) => Ok(Pending { target, temporary }),
            Err(source) => Err(ImportError::Receipt { file: file(), source }),
        }
    }

    fn failed(&self, source: io::Error) -> ImportError {
        let file = self.target.display().to_string();
        match source.kind() {
            io::ErrorKind::AlreadyExists => ImportError::ReceiptExists { file },
            _ => ImportError::Receipt { file, source },
        }
    }

    /// Takes up this much space on the disk.
    fn make_room(&mut self, bytes: u64) -> Result<(), ImportError> {
        let reserved = reserve(self.temporary.file(), bytes);
        reserved.map_err(|source| self.failed(source))
    }

    /// Writes the content to disk, but not under the final name.
    fn fill(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        let file = self.temporary.file();
        let written = file.write_all(bytes);
        // The file was made larger when its space was reserved.
        let written = written.and_then(|()| file.set_len(bytes.len() as u64)).and_then(|()| file.sync_all());
        written.map_err(|source| self.failed(source))
    }

    /// Gives the file its name.
    fn place(self) -> Result<PathBuf, ImportError> {
        let Pending { target, temporary } = self;
        match temporary.place_new(&target) {
            Ok(()) => Ok(target),
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                Err(ImportError::ReceiptExists { file: target.display().to_string() })
            }
            Err(source) => Err(ImportError::Receipt { file: target.display().to_string(), source }),
        }
    }
}

/// Space in bytes that each file of a receipt takes up before the import, and more for each thing that it names. A
/// longer receipt grows when it is written.
const ROOM: u64 = 64 << 10;
const ROOM_PER_ARTIFACT: u64 = 4 << 10;
const ROOM_PER_LINE: u64 = 512;

impl ReceiptFiles {
    /// Reserves the files before the import starts: the JSON file at `path`, the same path with `.txt` appended, and
    /// with `.sig` appended if the receipt will be signed. Removes the temporary files that a killed run left.
    ///
    /// # Errors
    /// If one of them exists, the folder is not writable, or the disk is full.
    pub fn reserve(path: &Path, signed: bool) -> Result<ReceiptFiles, ImportError> {
        let Some(name) = path.file_name() else {
            return Err(ImportError::ReceiptName { file: path.display().to_string() });
        };
        let beside = |extension: &str| {
            let mut name = name.to_owned();
            name.push(extension);
            Pending::new(path.with_file_name(name))
        };
        let mut files = ReceiptFiles {
            json: Pending::new(path.to_owned())?,
            text: beside(".txt")?,
            signature: signed.then(|| beside(".sig")).transpose()?,
        };
        files.take_up(ROOM)?;
        Ok(files)
    }

    /// Takes up the space on the disk that the receipt of this bundle will need, so that a full disk ends the import
    /// before it begins.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn make_room(&mut self, bundle: &ReleasedBundle<'_>) -> Result<(), ImportError> {
        let plan = &bundle.contents().plan;
        let artifacts = (plan.artifacts.len() + plan.referrers.len()) as u64;
        let lines = (plan.omitted.len() + bundle.files().count()) as u64;
        self.take_up(ROOM + artifacts * ROOM_PER_ARTIFACT + lines * ROOM_PER_LINE)
    }

    fn take_up(&mut self, bytes: u64) -> Result<(), ImportError> {
        self.json.make_room(bytes)?;
        self.text.make_room(bytes)
    }

    /// Writes the receipt, and `text` for the transfer log. All files are written before the first gets its name, and
    /// the JSON file gets its name last.
    ///
    /// # Errors
    /// If a file cannot be written, or the signer fails. Then no file is left.
    pub fn write(
        self,
        receipt: &Receipt,
        text: &str,
        signer: Option<&dyn Signer>,
    ) -> Result<(), ImportError> {
        let mut json = serde_json::to_vec_pretty(receipt).expect("a receipt serialises");
        json.push(b'\n');
        let ReceiptFiles { json: mut json_file, text: mut text_file, signature: mut signature_file } = self;
        if let (Some(file), Some(signer)) = (&mut signature_file, signer) {
            file.fill(&signer.signature(&json)?.bytes)?;
        }
        text_file.fill(text.as_bytes())?;
        json_file.fill(&json)?;
        let mut placed = Vec::new();
        for file in [Some(text_file), signature_file, Some(json_file)].into_iter().flatten() {
            match file.place() {
                Ok(path) => placed.push(path),
                Err(error) => {
                    // Without the JSON file the others are worth nothing, and they would block its name.
                    for path in placed {
                        let _ = std::fs::remove_file(path);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
