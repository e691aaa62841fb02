//! Checksums of whole chunk files, for guards that require manifest lists and for transfer forms. They are a
//! convenience: the signed statements already cover the content, and nothing relies on these checksums.

use std::sync::{Arc, OnceLock};

use serde::Serialize;

use crate::arrival::{OpenError, read_head};
use crate::diagnosis::{Diagnose, Diagnosis};
use crate::environment::Environment;
use crate::format::BundleName;
use crate::format::body::BodyError;
use crate::medium::{ChunkFile, ChunkStore, MediumError};
use crate::observe::Phase;
use crate::stream::digesting::{DigestJob, Unreadable, digest_all};
use crate::stream::hash::{Function, Output};
use crate::stream::pump::Halted;
use crate::stream::segments::Segment;

/// The algorithm of a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SumFunction {
    /// SHA-256, as written by `sha256sum`.
    Sha256,
    /// MD5, as written by `md5sum`.
    Md5,
}

impl SumFunction {
    /// Returns the name of the algorithm in file names and reports.
    pub const fn word(self) -> &'static str {
        match self {
            SumFunction::Sha256 => "sha256",
            SumFunction::Md5 => "md5",
        }
    }
}

impl From<SumFunction> for Function {
    fn from(function: SumFunction) -> Self {
        match function {
            SumFunction::Sha256 => Function::Sha256,
            SumFunction::Md5 => Function::Md5,
        }
    }
}

/// The checksums of a file.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FileSums {
    /// The name of the file, without folders.
    pub file: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The checksums, in the order of the request.
    pub sums: Vec<FileSum>,
}

impl FileSums {
    pub(crate) fn new(file: String, bytes: u64, functions: &[SumFunction], outputs: &[Output]) -> FileSums {
        let sum = |(&function, output): (&SumFunction, &Output)| FileSum { function, hex: output.hex() };
        FileSums { file, bytes, sums: functions.iter().zip(outputs).map(sum).collect() }
    }
}

/// A checksum of a file.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FileSum {
    /// The algorithm of the checksum.
    pub function: SumFunction,
    /// The checksum in lower-case hex.
    pub hex: String,
}

/// The report of `sums`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SumsReport {
    /// The chunk files with their checksums, by name.
    pub files: Vec<FileSums>,
}

impl SumsReport {
    /// Returns the lines that the coreutils check with `-c`.
    pub fn lines(&self, function: SumFunction) -> String {
        let line = |file: &FileSums| {
            let sum = file.sums.iter().find(|sum| sum.function == function)?;
            // The coreutils mark lines with an escaped name by a leading backslash.
            let escaped = file.file.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
            let mark = if escaped == file.file { "" } else { "\\" };
            Some(format!("{mark}{}  {escaped}\n", sum.hex))
        };
        self.files.iter().filter_map(line).collect()
    }
}

/// Computes the checksums of every chunk file among `files`; other files are ignored.
///
/// # Errors
/// [`SumsError`] if a file cannot be read, or none is a chunk.
pub fn sums(
    files: &[Arc<dyn ChunkFile>],
    functions: &[SumFunction],
    environment: &Environment<'_>,
) -> Result<SumsReport, SumsError> {
    let mut chunks: Vec<(&str, &Arc<dyn ChunkFile>)> = Vec::new();
    for file in files {
        match read_head(file.as_ref()) {
            Ok(_) => chunks.push((plain_name(file.as_ref())?, file)),
            Err(BodyError::Format(_)) => {}
            Err(BodyError::Io(source)) => {
                let path = file.name().to_owned();
                return Err(MediumError::Io { what: "read", path, source }.into());
            }
        }
    }
    if chunks.is_empty() {
        return Err(OpenError::NoChunk { files: files.len(), first: None }.into());
    }
    let outputs = hash(&chunks, functions, environment)?;
    let report = chunks
        .iter()
        .zip(outputs)
        .map(|((name, file), outputs)| FileSums::new((*name).to_owned(), file.bytes(), functions, &outputs));
    Ok(SumsReport { files: report.collect() })
}

/// Returns the name of a file if it has no control characters, which would need escaping in the lists.
fn plain_name(file: &dyn ChunkFile) -> Result<&str, MediumError> {
    let plain = file.file_name().filter(|name| !name.chars().any(char::is_control));
    plain.ok_or_else(|| MediumError::OddName { path: file.name().to_owned() })
}

/// Writes `NAME_sha256.txt` and `NAME_md5.txt` beside the chunk files. Each is written completely or not at all.
///
/// # Errors
/// If the store cannot be written.
pub fn write(
    report: &SumsReport,
    functions: &[SumFunction],
    store: &dyn ChunkStore,
    name: &BundleName,
) -> Result<(), MediumError> {
    functions.iter().try_for_each(|&function| {
        store.put_beside(&format!("{name}_{}.txt", function.word()), report.lines(function).as_bytes())
    })
}

fn hash(
    chunks: &[(&str, &Arc<dyn ChunkFile>)],
    functions: &[SumFunction],
    environment: &Environment<'_>,
) -> Result<Vec<Vec<Output>>, SumsError> {
    let lengths: Vec<u64> = chunks.iter().map(|(_, file)| file.bytes()).collect();
    let job = |at: usize| {
        let file = Arc::clone(chunks[at].1);
        let bytes = file.bytes();
        let functions = functions.iter().map(|&function| function.into()).collect();
        DigestJob::new(vec![Segment { file, offset: 0, bytes }], functions)
    };
    let outputs: Vec<OnceLock<Vec<Output>>> = chunks.iter().map(|_| OnceLock::new()).collect();
    let monitor = environment.monitor;
    monitor.phase(Phase::Sums, lengths.iter().sum(), || {
        digest_all(environment.workers, monitor, &lengths, &job, &|at, outcome| match outcome {
            Ok(found) => {
                let _ = outputs[at].set(found);
                Ok(())
            }
            Err(Unreadable { file, source }) => {
                Err(SumsError::from(MediumError::Io { what: "read", path: file, source }))
            }
        })
    })?;
    Ok(outputs.into_iter().map(|outputs| outputs.into_inner().expect("all were hashed")).collect())
}

/// An error that stops `sums`.
#[derive(Debug, thiserror::Error)]
pub enum SumsError {
    /// No file is a chunk, or the operation was interrupted.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file cannot be read, or its name cannot be listed.
    #[error(transparent)]
    Medium(#[from] MediumError),
}

impl From<Halted> for SumsError {
    fn from(halted: Halted) -> SumsError {
        SumsError::Open(halted.into())
    }
}

impl Diagnose for SumsError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            SumsError::Open(error) => error.diagnosis(),
            SumsError::Medium(error) => error.diagnosis(),
        }
    }
}
